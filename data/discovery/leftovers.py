"""Files and folders that systems and programs leave beside images: thumbnails, copies, settings."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from util.disk.file_names import without_extension
from util.text import listing, pluralise

log = logging.getLogger(__name__)
# In lower case. macOS and Windows; Synology and QNAP; NetApp; Linux.
_NAMES = frozenset((
    "__macosx", "icon\r", "network trash folder", "temporary items",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler", "dfsrprivate",
    "system volume information",
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb",
    "~snapshot", "lost+found",
))
# Hidden (also ``._x.png``, .git, .ipynb_checkpoints), owner files of Office, Synology thumbnails.
_STARTS = (".", "~$", "synophoto_", "synofile_thumb")
_ENDS = ("zone.identifier", "@synoeastream", "@synoresource")
# Backups of editors, interrupted downloads and copies.
_INCOMPLETE = ("~", ".bak", ".backup", ".orig", ".old", ".swp", ".tmp", ".temp", ".part",
               ".partial", ".crdownload", ".download", ".filepart", ".opdownload", ".aria2")
# Names that programs give to a copy of ``x``; a copy is not certain, so it is only logged.
_COPY = re.compile(
    r"(copy of )?(?P<x>.+?)(?:[ _]?\(\d+\)|( -)?[ _-](copy|kopie|copie|copia)( ?\(?\d+\)?)?"
    r"|[ _]\([^)]*(copy|kopie|konflikt)[^)]*\)|\.sync-conflict-.*|[ _-](edited|checkpoint)"
    r"|\.(bak|orig|backup|old)|)", re.IGNORECASE)
_HINT = re.compile(r"\(|cop(y|ie|ia)|kopie|conflict|edited|checkpoint|\.[bo]", re.IGNORECASE)
_DOUBTFUL_FOLDERS = re.compile(r"_?(thumb(nail)?s?|previews?|trash|papierkorb|backups?|cache"
                               r"|\[?originals\]?)|.*\.(download|photoslibrary)", re.IGNORECASE)


def is_leftover(name: str) -> bool:
    """Return True for the name of a file or folder that is hidden, or that a system makes."""
    lower = name.lower()
    return lower in _NAMES or lower.startswith(_STARTS) or lower.endswith(_ENDS)


def is_backup_or_part(name: str) -> bool:
    """Return True for the name of a backup or of an incomplete file; the content is not read."""
    return name.lower().endswith(_INCOMPLETE)


def log_doubtful(folder: Path, images: Sequence[Path]) -> None:
    """Warn about images below ``folder`` that may be copies or thumbnails; they are used."""
    counts = Counter(path.parent for path in images)
    doubtful = [f"{inner}/ ({pluralise(count, 'image')})" for inner, count in
                ((parent.relative_to(folder), count) for parent, count in counts.items())
                if any(map(_DOUBTFUL_FOLDERS.fullmatch, inner.parts))]
    suspects = [path for path in images if _HINT.search(path.name)]  # quick, unlike _COPY
    by_stem = {without_extension(path): path for path in images} if suspects else {}
    for path in suspects:
        copied = _COPY.fullmatch(without_extension(path).name)
        original = by_stem.get(path.with_name(copied["x"])) if copied else None
        if original and original != path:
            doubtful.append(f"{path.relative_to(folder)} beside {original.name}")
    if doubtful:
        log.warning("%s: these may be copies or thumbnails that a program made, and are used like "
                    "all images; move them away if so:\n%s", folder, listing(doubtful))
