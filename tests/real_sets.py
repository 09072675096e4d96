"""Published data sets, if they were downloaded."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = (ROOT / "datasets", ROOT.parent / "shared" / "data")
GROUP = {"facades": "pix2pix", "maps": "pix2pix", "edges2shoes": "pix2pix",
         "horse2zebra": "cyclegan"}


def real_set(name: str) -> Path:
    """Return the folder of a published set, or skip the test and tell how to get the set."""
    for place in PLACES:
        if (place / name).is_dir():
            return place / name
    how = (f"get it by: bash datasets/download_{GROUP[name]}_dataset.sh {name}" if name in GROUP
           else "put its folders trainA, trainB, testA and testB there")
    pytest.skip(f"datasets/{name} does not exist; {how}")
