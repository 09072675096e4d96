"""Types of names, paths, addresses and switches for argparse.

They refuse what no file system or network takes.
"""

import re
from argparse import ArgumentTypeError
from ipaddress import ip_address
from os import fsencode
from pathlib import Path

from util.disk.file_names import LONGEST

_LONGEST_HOST = 253  # characters (RFC 1035, 2.3.4, without the length and the root)
_HOST = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?", re.ASCII)


def word(text: str) -> str:
    """Accept a text of one line, also an empty one."""
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ArgumentTypeError(f"must not contain control characters, got {text!r}")
    longest = max(len(fsencode(part)) for part in text.split("/"))
    if longest > LONGEST:
        raise ArgumentTypeError(f"has a name of {longest} bytes, file systems allow {LONGEST}: "
                                f"{text[:40]}...")
    return text


def any_path(text: str) -> Path:
    """Accept a path; an empty one, as of a shell variable that is not set, is not the folder."""
    if not text:
        raise ArgumentTypeError("must be a path, got ''; the current folder is .")
    return Path(word(text))


def run_name(text: str) -> str:
    """Accept the name of a folder inside --checkpoints_dir, also of one in a subfolder of it."""
    if not text or ".." in Path(text).parts or Path(text).is_absolute():
        raise ArgumentTypeError("must be the name of a folder inside --checkpoints_dir, got "
                                f"{text!r}")
    return word(text)


def epoch(text: str) -> str:
    """Accept the label of a checkpoint: latest, best, 20, iter_5000."""
    if not re.fullmatch(r"[\w.+-]+", text) or text.startswith("."):
        raise ArgumentTypeError(f"must be latest, best, 20 or iter_5000, for example, got {text!r}")
    return word(text)


def host(text: str) -> str:
    """Accept an IP address or the name of a machine."""
    if ":" in text or re.fullmatch(r"[\d.]*", text):
        try:
            ip_address(text)
        except ValueError:
            raise ArgumentTypeError("must be an IP address such as 127.0.0.1, or the name of a "
                                    f"machine, got {text!r}") from None
        return text
    if len(text) > _LONGEST_HOST or not _HOST.fullmatch(text):
        raise ArgumentTypeError(f"must be the name of a machine or an IP address, got {text!r}")
    return text


def switch(text: str) -> bool:
    """Accept the words for yes and no that CUT's flags take: true, t, yes, y, 1, false, ..."""
    if text.lower() in ("true", "t", "yes", "y", "1"):
        return True
    if text.lower() in ("false", "f", "no", "n", "0"):
        return False
    raise ArgumentTypeError(f"must be true or false, got {text!r}")
