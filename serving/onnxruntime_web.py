"""onnxruntime-web, which runs exported networks in browsers: fetched by npm, verified, cached."""

import tarfile
from pathlib import Path

from display.npm_packages import FileContents, NpmFiles, cache_folder, from_archive, write

LICENCE = Path(__file__).with_name("onnxruntime_licence.txt")  # the package has none
PACKAGE = "onnxruntime-web@1.30.0"
# Saved as .js, because some web hosts do not serve .mjs as JavaScript.
_FILES = {"dist/ort.wasm.bundle.min.mjs": "ort.js",
          "dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm"}
_ADVICE = (f"run `npm pack {PACKAGE}` on a machine with npm and a network, and pass the .tgz file "
           "by --onnxruntime_web")
RUNTIME = NpmFiles({PACKAGE: _FILES},
                   digest="e00d2f346de94840938ff93e520457bd088f261d8b5a055ce59d00c492e27bd3",
                   purpose=f"the files of {PACKAGE}", advice=_ADVICE)


def runtime_files(archive: Path | None = None) -> FileContents:
    """Return the files by name, from ``archive`` (a file of `npm pack`), the cache, or npm.

    Raises:
        FileNotFoundError: npm is not installed, and the cache is empty.
        ConnectionError: npm cannot fetch the package.
        ValueError: the content differs from the known files.
    """
    if archive is not None:
        try:
            return RUNTIME.require_known(from_archive(archive, _FILES), str(archive))
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{archive} is not an archive of npm ({error}); {_ADVICE}") from error
    cache = cache_folder(PACKAGE.replace("@", "-"))
    if cached := RUNTIME.read(cache):
        return cached
    files = RUNTIME.fetch()
    write(files, cache)
    return files
