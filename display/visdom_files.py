"""The files that visdom's page needs and its package does not contain: from npm, or a bundle.

The visdom server would fetch them from several web sites when it starts, and fail if it cannot. The
table is that of visdom 0.2.4 (visdom/server/build.py) without files that are unused or belong to
the login page, and with the rest of MathJax's SVG fonts: titles with TeX stay blank without them.
"""

import io
import tarfile
from pathlib import Path

from display.npm_packages import FileContents, NpmFiles, cache_folder, members, read_folder
from util.files import replacing

VISDOM_VERSION = "0.2.4"
FOLDER = cache_folder(f"visdom-{VISDOM_VERSION}")  # visdom's own may be read-only or shared

# Paths below /static/.
_PACKAGES: dict[str, dict[str, str]] = {
    "jquery@3.1.1": {"dist/jquery.min.js": "js/jquery.min.js"},
    "bootstrap@3.3.7": {f"dist/{path}": path for path in (
        "js/bootstrap.min.js", "css/bootstrap.min.css",
        *(f"fonts/glyphicons-halflings-regular.{end}"
          for end in ("eot", "svg", "ttf", "woff", "woff2")))},
    "react@16.2.0": {"umd/react.production.min.js": "js/react-react.min.js"},
    "react-dom@16.2.0": {"umd/react-dom.production.min.js": "js/react-dom.min.js"},
    "plotly.js-dist-min@2.11.1": {"plotly.min.js": "js/plotly-plotly.min.js"},
    "layout-bin-packer@1.4.0": {"dist/layout-bin-packer.js": "js/layout_bin_packer.js"},
    "d3@3.5.17": {"d3.min.js": "js/d3.v3.min.js"},
    "d3-selection-multi@1.0.1": {"build/d3-selection-multi.js": "js/d3-selection-multi.v1.js"},
    "save-svg-as-png@1.4.17": {"lib/saveSvgAsPng.js": "js/saveSvgAsPng.js"},
    "react-resizable@1.4.6": {"css/styles.css": "css/react-resizable-styles.css"},
    "react-grid-layout@0.16.3": {"css/styles.css": "css/react-grid-layout-styles.css"},
    "mathjax@2.7.5": {path: f"js/mathjax/2.7.5/{path}" for path in (
        "MathJax.js", "config/Safe.js", "config/TeX-AMS-MML_HTMLorMML.js", "extensions/Safe.js",
        "extensions/TeX/", "jax/element/mml/", "jax/output/SVG/config.js", "jax/output/SVG/jax.js",
        "jax/output/SVG/autoload/", "jax/output/SVG/fonts/TeX/")},
}

_BUNDLE_ADVICE = ("run scripts/live_plots.py --write_bundle FILE on a machine that has both, and "
                  "scripts/live_plots.py --bundle FILE here")
PAGE = NpmFiles(
    _PACKAGES, digest="7121b109df39a045ee914160637ebb89afbb8d7e5c42cfabc89ac0ee518a75c9",
    purpose="the files of visdom's page", advice=_BUNDLE_ADVICE)


def from_bundle(path: Path) -> FileContents:
    """Read a file of ``write_bundle``.

    Raises:
        ValueError: not such an archive, a member outside the folder, or unknown content.
    """
    try:
        files = dict(members(path))
    except FileNotFoundError:
        raise
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not a readable bundle ({error}); {_BUNDLE_ADVICE}") from error
    return PAGE.require_known(files, str(path))


def write_bundle(folder: Path, path: Path) -> None:
    """Pack the files of a folder into a .tar.gz for ``from_bundle``."""
    with replacing(path) as aside, tarfile.open(aside, "w:gz") as archive:
        for name, content in sorted(read_folder(folder).items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
