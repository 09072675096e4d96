"""Translate a data set with the model that was trained on it, into a results page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from data.base_dataset import Batch
from display.images import to_pictures
from inference.results.deep_results import DeepResults
from inference.results.names import ResultNames
from inference.results.results_page import ResultsPage
from models.base_model import BaseModel
from util.distributed import all_gather, current_process
from util.random_states import seed_torch


class DataSetTest:
    """Adds a row to ``page`` for each of the first ``count`` samples of a data set.

    Each of several processes gets its share of the batches of a single process, in turn. Names
    depend on the names of all earlier samples; so the processes exchange the paths of each turn.
    """

    def __init__(
        self, model: BaseModel, page: ResultsPage, names: ResultNames, deep: DeepResults, *,
        count: int, batch_size: int, seed: int,
    ) -> None:
        self.model, self.page, self.names, self.deep = model, page, names, deep
        self.count, self.batch_size, self.seed = count, batch_size, seed
        page.order = names.position

    def translate(self, batches: Iterable[Batch]) -> None:
        """Add the rows of ``batches``, which are those of this process."""
        here, own = current_process(), iter(batches)
        for start in range(0, self.count, self.batch_size * here.world_size):
            wanted = self.count - start - here.rank * self.batch_size
            batch = next(own) if wanted > 0 else None
            if batch is not None:
                # Every batch gets the same dropout masks: no result depends on earlier images.
                seed_torch(self.seed, self.model.device)
                self.model.set_input(batch)
                self.model.test()
            paths = self.model.get_image_paths()[:wanted] if batch is not None else []
            turns = [[self.names.of(Path(path)) for path in turn] for turn in all_gather(paths)]
            if batch is not None:
                self._add_rows(turns[here.rank])

    def _add_rows(self, names: Sequence[str]) -> None:
        """Add the images of the last batch. It may hold more images than ``names``."""
        visuals = self.model.get_current_visuals()
        visuals = {label: images.cpu() for label, images in visuals.items()}
        shown = {label: to_pictures(images) for label, images in visuals.items()}
        for index, name in enumerate(names):
            images = {label: batch_of[index] for label, batch_of in visuals.items()}
            files = self.model.sources(index)
            deeper = self.deep.write(self.page.writers, images, self.page.images / name,
                                     self.model.missing_inputs(index), files)
            self.page.add(name, {label: pictures[index] for label, pictures in shown.items()},
                          deeper, files, self.model.missing_targets(index, self.page.comparisons))
