"""The files that visdom's page needs and its package lacks: from npm, or from a bundle.

The visdom server would fetch them from several web sites when it starts, and not come up without.
The table is that of visdom 0.2.4 (visdom/server/build.py), without what only its login page or
nobody uses, and with the rest of MathJax's SVG fonts: titles with TeX stay blank without them.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from util.files import replacing

VISDOM_VERSION = "0.2.4"
DIGEST = "7121b109df39a045ee914160637ebb89afbb8d7e5c42cfabc89ac0ee518a75c9"
_LIMIT_BYTES = 50_000_000  # the files are 6 million

Files = dict[str, bytes]  # path below /static/ -> content

# package@version -> {path in the package: path below /static/}; a path with / at its end is a
# folder with all that is in it.
_MATHJAX = "js/mathjax/2.7.5/"
_GLYPHS = "fonts/glyphicons-halflings-regular"
_PACKAGES: dict[str, dict[str, str]] = {
    "jquery@3.1.1": {"dist/jquery.min.js": "js/jquery.min.js"},
    "bootstrap@3.3.7": {
        "dist/js/bootstrap.min.js": "js/bootstrap.min.js",
        "dist/css/bootstrap.min.css": "css/bootstrap.min.css",
        **{f"dist/{_GLYPHS}.{end}": f"{_GLYPHS}.{end}"
           for end in ("eot", "svg", "ttf", "woff", "woff2")},
    },
    "react@16.2.0": {"umd/react.production.min.js": "js/react-react.min.js"},
    "react-dom@16.2.0": {"umd/react-dom.production.min.js": "js/react-dom.min.js"},
    "plotly.js-dist-min@2.11.1": {"plotly.min.js": "js/plotly-plotly.min.js"},
    "layout-bin-packer@1.4.0": {"dist/layout-bin-packer.js": "js/layout_bin_packer.js"},
    "d3@3.5.17": {"d3.min.js": "js/d3.v3.min.js"},
    "d3-selection-multi@1.0.1": {"build/d3-selection-multi.js": "js/d3-selection-multi.v1.js"},
    "save-svg-as-png@1.4.17": {"lib/saveSvgAsPng.js": "js/saveSvgAsPng.js"},
    "react-resizable@1.4.6": {"css/styles.css": "css/react-resizable-styles.css"},
    "react-grid-layout@0.16.3": {"css/styles.css": "css/react-grid-layout-styles.css"},
    "mathjax@2.7.5": {
        path: _MATHJAX + path
        for path in (
            "MathJax.js", "config/Safe.js", "config/TeX-AMS-MML_HTMLorMML.js",
            "extensions/Safe.js", "extensions/TeX/", "jax/element/mml/", "jax/output/SVG/config.js",
            "jax/output/SVG/jax.js", "jax/output/SVG/autoload/", "jax/output/SVG/fonts/TeX/",
        )
    },
}


def default_folder() -> Path:
    """Where the files are kept: in the user's cache, so that visdom's own folder may be read-only
    or shared, and a new environment need not fetch them again."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "image-to-image-gan" / f"visdom-{VISDOM_VERSION}"


def are_whole(folder: Path) -> bool:
    """Whether the folder holds the very files that this module knows, and no others."""
    return folder.is_dir() and digest(_read(folder)) == DIGEST


def from_npm(*, seconds: float = 300) -> Files:
    """Fetch the packages by the npm client, which verifies what it downloads; take what is needed.

    Raises:
        FileNotFoundError: npm is not installed.
        ConnectionError: npm fails, or takes longer than ``seconds``.
        ValueError: npm delivers other files than the known ones.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            "the files of visdom's page are not here, and npm, which would fetch them, is not "
            f"installed; install Node.js, or {_BUNDLE_ADVICE}"
        )
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]
    command = [npm, "pack", "--ignore-scripts", "--loglevel=error", *patience, *_PACKAGES]
    files: Files = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            ended = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConnectionError(
                f"npm did not fetch the files of visdom's page within {seconds:.0f} seconds; "
                f"is there a network? Without one, {_BUNDLE_ADVICE}"
            ) from None
        if ended.returncode:
            raise ConnectionError(
                f"npm cannot fetch the files of visdom's page ({_npm_reason(ended.stderr)}); is "
                f"there a network? Without one, {_BUNDLE_ADVICE}"
            )
        for package, wanted in _PACKAGES.items():
            archive = Path(folder) / f"{package.replace('@', '-')}.tgz"
            files |= _choose(archive, wanted)
    return _require_known(files, "npm")


def from_bundle(path: Path) -> Files:
    """Read a file of ``write_bundle``.

    Raises:
        ValueError: no such archive, a member that would leave the folder, or other content.
    """
    try:
        with tarfile.open(path) as archive:
            files = dict(_members(archive, path))
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(
            f"{path} cannot be read as a bundle ({error}); {_BUNDLE_ADVICE}"
        ) from error
    return _require_known(files, str(path))


def write_bundle(folder: Path, path: Path) -> None:
    """Pack the files of a folder into a .tar.gz for ``from_bundle``."""
    with replacing(path) as aside, tarfile.open(aside, "w:gz") as archive:
        for name, content in sorted(_read(folder).items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write(files: Files, folder: Path) -> None:
    """Write the files below a folder. ``are_whole`` tells whether all of it came to an end."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def digest(files: Files) -> str:
    """SHA-256 over names and contents."""
    total = hashlib.sha256()
    for name, content in sorted(files.items()):
        total.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def _read(folder: Path) -> Files:
    paths = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _choose(archive: Path, wanted: Mapping[str, str]) -> Files:
    chosen: Files = {}
    with tarfile.open(archive) as opened:
        for name, content in _members(opened, archive):
            inner = name.partition("/")[2]  # npm puts everything into one folder
            for source, target in wanted.items():
                if inner == source:
                    chosen[target] = content
                elif source.endswith("/") and inner.startswith(source):
                    chosen[target + inner.removeprefix(source)] = content
    return chosen


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files. Nothing is unpacked to disk."""
    for member in archive:
        parts = PurePosixPath(member.name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
            raise ValueError(f"{path} holds {member.name!r}, which leads out of it: not used")
        if member.size > _LIMIT_BYTES:
            raise ValueError(f"{path} holds {member.name!r} of {member.size:,} bytes: not used")
        if member.isfile() and (file := archive.extractfile(member)):
            yield member.name, file.read()


def _require_known(files: Files, source: str) -> Files:
    if digest(files) != DIGEST:
        raise ValueError(
            f"{source} holds other files ({len(files)}, digest {digest(files)[:12]}) than the page "
            f"of visdom {VISDOM_VERSION} needs (digest {DIGEST[:12]}): not used; {_BUNDLE_ADVICE}"
        )
    return files


def _npm_reason(stderr: str) -> str:
    code = re.search(r"npm error code (\S+)", stderr)
    return code[1] if code else "it gives no reason"


_BUNDLE_ADVICE = (
    "run scripts/live_plots.py --write_bundle FILE on a machine that has both, and "
    "scripts/live_plots.py --bundle FILE here"
)
