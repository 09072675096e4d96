"""onnxruntime-web, which runs exported networks in browsers: from npm, checked, kept in a cache."""

import tarfile
from pathlib import Path

from display.npm_packages import FileContents, NpmFiles, cache_folder, from_archive, write

LICENCE = Path(__file__).with_name("onnxruntime_licence.txt")  # the package has none
PACKAGE = "onnxruntime-web@1.30.0"
# Called .js, since some web hosts do not know .mjs as JavaScript.
_FILES = {
    "dist/ort.wasm.bundle.min.mjs": "ort.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm",
}
_ADVICE = f"run `npm pack {PACKAGE}` where both are, and give the .tgz file by --onnxruntime_web"
RUNTIME = NpmFiles(
    {PACKAGE: _FILES}, digest="e00d2f346de94840938ff93e520457bd088f261d8b5a055ce59d00c492e27bd3",
    purpose=f"the files of {PACKAGE}", advice=_ADVICE,
)


def runtime_files(archive: Path | None = None) -> FileContents:
    """The files by their names: out of ``archive``, which npm packed, the cache, or npm.

    Raises:
        FileNotFoundError: npm is not installed, and the cache is empty.
        ConnectionError: npm cannot fetch the package.
        ValueError: other files than the known ones.
    """
    if archive is not None:
        return RUNTIME.require_known(_read(archive), str(archive))
    cache = cache_folder(PACKAGE.replace("@", "-"))
    if kept := RUNTIME.read(cache):
        return kept
    files = RUNTIME.fetch()
    write(files, cache)
    return files


def _read(archive: Path) -> FileContents:
    try:
        return from_archive(archive, _FILES)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{archive} is no archive of npm ({error}); {_ADVICE}") from error
