"""Copy the images of a folder with some of their channels, for networks that take fewer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.files.image_io import extension_for, read_image, write_image
from data.files.tags.read_tags import read_metadata


def keep_channels(folder: str, target: str, channels: Sequence[int]) -> None:
    """Write the images of ``folder`` into ``target``, with these channels or pages, from 0 on.

    Images in grey or in colours are copied with all of their channels.

    Raises:
        PictureError: a file is not an image, or has fewer channels.
    """
    Path(target).mkdir(parents=True, exist_ok=True)
    for path in sorted(it for it in Path(folder).iterdir() if it.is_file()):
        raster, missing = read_image(path), None
        kept = list(channels) if raster.colour == "bands" else list(range(raster.channels))
        pixels = raster.pixels[:, :, kept]
        if raster.missing is not None:
            missing = np.asarray(raster.missing[:, :, kept].any(axis=2))
        metadata = replace(read_metadata(path, raster.size), missing=missing, nodata=raster.nodata)
        name = f"{path.stem}{extension_for(pixels, path.suffix)}"
        write_image(pixels, Path(target) / name, metadata)
