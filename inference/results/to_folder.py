"""Write translated images, and nothing else, into a folder that the user chose."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data.discovery.inputs import Input
from data.files.image_io import extension_for, write_image
from inference.folder_translator import translate_all
from inference.huge_files import translate_huge
from inference.processes import count_all
from inference.results.names import OutputFolder
from inference.translator import Translator
from util.distributed import from_main
from util.threads import FileWriters

log = logging.getLogger(__name__)


def translate_to_folder(
    translator: Translator, inputs: Sequence[Input], folder: OutputFolder, *,
    batch_size: int | None, skip_existing: bool, skip_bad: bool,
) -> Path:
    """Translate ``inputs`` into ``folder``; return its path.

    ``skip_existing``: leave out inputs whose results exist. ``skip_bad``: see ``translate_all``.
    """
    folder.refuse_to_overwrite(inputs)
    # Only one process looks: others may write already while it does.
    wanted = from_main(lambda: folder.without_result(inputs) if skip_existing else list(inputs))
    if len(wanted) < len(inputs):
        log.info("%d of %d results exist already", len(inputs) - len(wanted), len(inputs))
    remaining, done = wanted, 0
    written: list[Path] = []
    if folder.samples == 1:
        remaining, done = translate_huge(translator, wanted, folder.stem, skip_bad=skip_bad)
    with FileWriters() as writers:
        for translated in translate_all(
            translator, remaining, batch_size=batch_size, samples=folder.samples, skip_bad=skip_bad,
        ):
            source = translated.input.source
            for sample, result in enumerate(translated.results):
                stem = folder.stem(translated.input, sample)
                suffix = extension_for(result.pixels, result.format.extension)
                path = stem.with_name(stem.name + suffix)
                metadata = result.metadata(source.path, whole=not source.half)
                writers.write(partial(write_image, metadata=metadata), result.pixels, path)
                written = written or [path]
            done += 1
            if done % 50 == 0:
                log.info("%d of %d images", done, len(wanted))
    log.info("%d of %d images translated into %s", count_all(done, written), len(wanted),
             folder.folder)
    return folder.folder
