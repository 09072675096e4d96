"""Turn all exceptions of decoders into an error that names the file.

Headers of damaged files may claim any size. So ``require_plausible`` compares the size with the
length of the file, and ``room_for`` with the free memory, before a decoder allocates anything.
These are the only limits: an image may have any number of pixels that fits into memory.
"""

import logging
import re
import shlex
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL
from pathlib import Path

from PIL import UnidentifiedImageError

from util.disk.content import extension_of, foreign_content
from util.files import fault_of
from util.packages import MissingPackageError
from util.text import format_bytes

log = logging.getLogger(__name__)
LARGE = 256 * 2**20  # bytes; smaller images are decoded without a look at the free memory
_taking_turns = threading.Lock()  # for large images: each one then sees the memory of the others
_logged: set[object] = set()  # keys of ``log_once``
_inside = threading.local()  # ``logged``: errors that decoders log in this thread in ``reading``
# Decoders say this of formats that they do not know; most other errors are those of damaged files.
_NOT_KNOWN = re.compile("(unsupported|unknown|not (yet )?(supported|implemented)|requires the"
                        "|not a known) ?(?!operand|filter)", re.IGNORECASE)
# tifffile logs these and returns the pages before the fault; the last one is of OME-TIFF.
_CUT_OFF = re.compile("corrupted tag list of page|invalid offset to page|invalid page offset|"
                      "circular reference to IFD|data are zeroed")
# Pillow and pydicom warn of EXIF data, tags and padding; pixels that are missing are errors.
warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\b")


class PictureError(ValueError):
    """An image file that cannot be used; the message names it."""


class UndeclaredError(PictureError):
    """An image whose numbers need a flag or a conversion. Most others of its set need it, too."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn all exceptions of a decoder into a ``PictureError`` that names the file.

    This includes MemoryError: here the cause is the size of one image, not that of a network.
    """
    if not path.is_file() and (path.exists() or path.is_symlink()):
        raise PictureError(f"{path} {fault_of(path)}; replace or remove it")
    outer, _inside.logged = getattr(_inside, "logged", None), []
    try:
        yield
        if any(map(_CUT_OFF.search, _inside.logged)):
            raise ValueError("it is damaged or cut off")
    except (PictureError, MissingPackageError):
        raise
    except Exception as error:
        raise PictureError(f"{path} cannot be read as an image ({_reason(error, path)}); replace "
                           "or remove it") from error
    finally:
        _inside.logged = outer


class _Collector(logging.Filter):
    """Keeps what decoders log inside ``reading`` away from the console."""

    def filter(self, record: logging.LogRecord) -> bool:
        logged: list[str] | None = getattr(_inside, "logged", None)
        if logged is not None:
            logged.append(record.getMessage())
        return logged is None


for _name in ("tifffile", "pydicom"):
    logging.getLogger(_name).addFilter(_Collector())


def log_once(
    text: str, *args: object, key: object = None, level: int = logging.WARNING
) -> None:
    """Log the first message with this ``key`` (default: ``text``).

    A training reads every file once an epoch, and most remarks are true of all files of a set.
    """
    if (key or text) not in _logged:
        _logged.add(key or text)
        log.log(level, text, *args)


@contextmanager
def naming_skip_flag(on_bad_image: str) -> Iterator[None]:
    """Add the flag that leaves bad images out to a ``PictureError``, unless it is set.

    An ``UndeclaredError`` is raised unchanged: leaving out images would leave none.
    """
    try:
        yield
    except PictureError as error:
        if on_bad_image == "skip" or isinstance(error, UndeclaredError):
            raise
        raise PictureError(f"{error} (--on_bad_image skip leaves out all images that cannot be "
                           "used)") from error


def require_plausible(
    path: Path, count: int, *, per_byte: float, length: int | None = None
) -> None:
    """Refuse a header that claims more pixels, or values, than its file can hold.

    ``per_byte``: the most of them that one byte can hold. ``length``: default: the whole file.

    Raises:
        PictureError: the file is damaged or cut off.
    """
    length = path.stat().st_size if length is None else length
    if count > per_byte * length:
        raise PictureError(f"{path} is damaged or cut off: its header says {count:,} pixels, more "
                           f"than {length:,} bytes of this format can hold; replace or remove it")


@contextmanager
def room_for(path: Path, needed: int) -> Iterator[None]:
    """Refuse to decode an image that exceeds the free memory.

    ``needed``: bytes of the decoded image and its copies. Large images are decoded one by one, so
    that the threads of a program do not count the same memory twice.

    Raises:
        PictureError: the message names a way to translate the image in tiles.
    """
    if needed < LARGE:
        yield
        return
    from util.free_memory import free_memory  # imports torch, which small tools do not need

    with _taking_turns:
        free = free_memory()
        if needed > free:
            raise PictureError(
                f"{path} is too large: decoding takes {format_bytes(needed)} of memory, and "
                f"{format_bytes(free)} are free. Cut it into smaller images, or make a TIFF of "
                f"it, which test.py --output_dir reads piece by piece: {_to_tiff(path)}")
        yield


def _to_tiff(path: Path) -> str:
    """Return a command that needs little memory. Uncompressed TIFF is read in place."""
    code = ("import pyvips, sys; pyvips.Image.new_from_file(sys.argv[1], access='sequential')"
            ".tiffsave(sys.argv[2], tile=True)")
    if path.suffix.lower() in (".npy", ".npz"):
        code = ("import numpy, sys, tifffile; a = numpy.load(sys.argv[1], mmap_mode='r'); "
                "tifffile.imwrite(sys.argv[2], a, photometric='minisblack', "
                "planarconfig='contig' if a.ndim == 3 else None)")
    array = path.with_name("arr_0.npy") if path.suffix.lower() == ".npz" else path
    command = ["python", "-c", code, str(array), str(array.with_name(f"{path.stem}_tiled.tif"))]
    first = {".npy": "", ".npz": f"unzip {shlex.quote(path.name)}; "}
    install = "pip install 'pyvips[binary]'; "
    return first.get(path.suffix.lower(), install) + shlex.join(command)


def _reason(error: Exception, path: Path) -> str:
    """Describe the error in plain words; --verbose shows the text of the decoder.

    Errors of this project begin with "it" or "its".
    """
    text = str(error)
    with suppress(OSError):
        content = foreign_content(path)
        own = {".dcm": "is a DICOM", ".npz": "is a ZIP"}.get(extension_of(path), "?")
        if content and not content.startswith(own):
            return f"it {content}"
    if text.startswith(("it ", "its ")):
        return text
    if isinstance(error, MemoryError):
        return "it needs more memory than is free, or its header is damaged"
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image"
    if isinstance(error, OSError) and error.strerror and error.errno != EINVAL:
        return f"the system reports: {error.strerror}"
    if "pickle" in text or "Python objects" in text:
        return "it holds Python objects, such as a dict, not one array of numbers"
    if _NOT_KNOWN.search(text) and text.isprintable() and not isinstance(error, TypeError):
        return f"it is of a kind that is not read, or damaged: {text}"
    return "it is damaged or cut off"
