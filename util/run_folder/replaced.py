"""The run that --overwrite replaces stays on disk until the new one has made its first step."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from util.run_folder.layout import delete_run, paths_of_run

log = logging.getLogger(__name__)


class ReplacedRun:
    """The earlier run of a folder, in its subfolder ``.replaced`` while a new run starts."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir, self._folder = run_dir, run_dir / ".replaced"
        self.is_kept = self._folder.is_dir()  # by a run that was killed before its first step

    def set_aside(self) -> None:
        """Move the files of the run to the subfolder, unless it holds an earlier run already."""
        if self.is_kept:
            delete_run(self.run_dir)
            return
        paths = [*paths_of_run(self.run_dir)]
        if paths:
            self._folder.mkdir()
            self.is_kept = True
        for path in paths:
            path.rename(self._folder / path.name)

    def delete(self) -> None:
        """Delete the earlier run; files that cannot be deleted stay."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.is_kept = False

    def restore(self) -> None:
        """Delete what the new run wrote, and move the files of the earlier one back."""
        if not self.is_kept:
            return
        delete_run(self.run_dir)
        for path in self._folder.iterdir():
            path.rename(self.run_dir / path.name)
        self._folder.rmdir()
        self.is_kept = False
        log.info("the new run ended before its first step was complete: %s holds the earlier run, "
                 "as before; --overwrite replaces it", self.run_dir)


@contextmanager
def replaced_run(run_dir: Path, *, is_main: bool) -> Iterator[ReplacedRun]:
    """Yield the earlier run; restore it if the block raises before it was deleted.

    ``is_main``: only the main one of several processes moves files.
    """
    replaced = ReplacedRun(run_dir)
    replaced.is_kept &= is_main
    try:
        yield replaced
    except BaseException:
        replaced.restore()
        raise
