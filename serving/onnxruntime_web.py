"""onnxruntime-web, which runs exported networks in browsers: from npm, checked, kept in a cache."""

import tarfile
from pathlib import Path

from display.npm_packages import (
    Files,
    Wanted,
    cache_folder,
    digest,
    fetch,
    from_archive,
    read_folder,
    require_known,
    write,
)

LICENCE = Path(__file__).with_name("onnxruntime_licence.txt")  # the package has none
PACKAGE = "onnxruntime-web@1.30.0"
DIGEST = "e00d2f346de94840938ff93e520457bd088f261d8b5a055ce59d00c492e27bd3"
# Called .js, since some web hosts do not know .mjs as JavaScript.
_FILES = {
    "dist/ort.wasm.bundle.min.mjs": "ort.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}
_ADVICE = f"run `npm pack {PACKAGE}` where both are, and give the .tgz file by --onnxruntime_web"
_WANTED = Wanted({PACKAGE: _FILES}, f"the files of {PACKAGE}", _ADVICE)


def runtime_files(archive: Path | None = None) -> Files:
    """The files by their names: out of ``archive``, which npm packed, the cache, or npm.

    Raises:
        FileNotFoundError: npm is not installed, and the cache is empty.
        ConnectionError: npm cannot fetch the package.
        ValueError: other files than the known ones.
    """
    if archive is not None:
        return require_known(_read(archive), DIGEST, source=str(archive), wanted=_WANTED)
    cache = cache_folder(PACKAGE.replace("@", "-"))
    if cache.is_dir() and digest(kept := read_folder(cache)) == DIGEST:
        return kept
    files = require_known(fetch(_WANTED), DIGEST, source="npm", wanted=_WANTED)
    write(files, cache)
    return files


def _read(archive: Path) -> Files:
    try:
        return from_archive(archive, _FILES)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{archive} is no archive of npm ({error}); {_ADVICE}") from error
