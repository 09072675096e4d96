"""Verify a downloaded file and put it in its place. The download scripts call it; users need not.

    python datasets/accept_download.py data cyclegan/datasets/maps.zip PARTIAL datasets/maps
    python datasets/accept_download.py weights pix2pix/models-pytorch/sat2map.pth PARTIAL TARGET

The file is compared with its published checksum and with that of an earlier download
(datasets/checksums.py). An archive is unpacked to ``datasets/maps``, weights are moved to TARGET.
If the target exists, weights are only compared.
"""

import argparse
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datasets.checksums import ACCEPT, record, verify
from datasets.unpacking import RefusedError, unpack
from util.files import FULL_DISK
from util.interrupts import quit_at_signals

SMALLEST_WEIGHTS = 1_000_000  # bytes; the smallest published generator has about 40 MB


def accept_data(source: str, partial: Path, target: Path) -> str:
    """Unpack an archive to ``target``, without the one folder of this name around its content.

    Raises:
        ValueError: the archive is not used.
        OSError: the target could not be written.
    """
    found = verify(partial, source, target.parent, accepted=os.environ.get(ACCEPT, ""))
    unpacked = partial.with_suffix(".unpacked.partial")
    try:
        unpack(partial, unpacked, is_zip=source.endswith(".zip"))
        inner = unpacked / target.name
        is_inside = inner.is_dir() and list(unpacked.iterdir()) == [inner]
        (inner if is_inside else unpacked).rename(target)
    except RefusedError as error:
        raise ValueError(f"the archive of {target.name} {error}") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    record(target.parent, source, found)
    return f"{target}: {sum(path.is_file() for path in target.rglob('*'))} files"


def accept_weights(source: str, partial: Path, target: Path) -> str:
    """Move weights to ``target``; if it exists already, compare it with what is known.

    Raises:
        ValueError: the file is not used.
        OSError: the target could not be written.
    """
    folder = target.parents[1]
    exists = target.is_file()
    if not exists:
        _require_torch_file(partial, Path(source).name)
    try:
        found = verify(target if exists else partial, source, folder,
                       accepted=os.environ.get(ACCEPT, ""))
    except ValueError as error:
        raise ValueError(f"{error}\nThis is {target}; remove it to fetch it again" if exists
                         else str(error)) from error
    if not exists:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(target)
    record(folder, source, found)
    return (f"{target} exists already; remove it to fetch it again" if exists
            else f"{target}: {found.size} bytes")


def _require_torch_file(path: Path, name: str) -> None:
    with path.open("rb") as file:
        magic = file.read(2)
    # torch.save writes a zip archive (PK) since 1.6; before, a pickle of protocol 2.
    if magic not in (b"PK", b"\x80\x02"):
        raise ValueError(f"{name} is not a file of torch.save (it begins with {magic.hex()}); try "
                         "again")
    if (size := path.stat().st_size) <= SMALLEST_WEIGHTS:
        raise ValueError(f"{name} has only {size} bytes; try again")
    if magic == b"PK":
        try:
            with zipfile.ZipFile(path) as file:
                # torch does not compress: a larger sum is not from torch.
                intact = sum(info.file_size for info in file.infolist()) <= size
                intact = intact and file.testzip() is None
        except Exception:  # the decoder documents none of what it raises
            intact = False
        if not intact:
            raise ValueError(f"{name} is damaged or cut short; try again")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("data", "weights"))
    parser.add_argument("source", help="path of the file on the server")
    parser.add_argument("partial", type=Path, help="the downloaded file")
    parser.add_argument("target", type=Path, help="folder of the data set, or file of the weights")
    args = parser.parse_args(argv)
    accept = accept_data if args.kind == "data" else accept_weights
    try:
        sys.stdout.write(accept(args.source, args.partial, args.target) + "\n")
    except ValueError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        reason = FULL_DISK.get(error.errno or 0, str(error))
        sys.exit(f"error: {args.target} could not be written: {reason}")


if __name__ == "__main__":
    quit_at_signals()
    main()
