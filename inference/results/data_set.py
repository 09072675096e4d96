"""Translate a data set with the model that was trained on it, into a results page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from data.base_dataset import Batch
from data.files.raster import Mask
from display.images import to_levels
from inference.arithmetic import Arithmetic
from inference.results.deep_results import DeepResults
from inference.results.names import ResultNames
from inference.results.results_page import ResultsPage
from models.base_model import BaseModel
from util.distributed import all_gather, current_process
from util.random_states import seed_torch

Images = Mapping[str, Tensor]


@dataclass(frozen=True)
class Translated:
    """A batch whose images are being copied from the device; ``levels`` waits for the copies.

    ``files``, ``no_input``, ``no_target``: of each image, see ``BatchPixels``.
    """

    images: Images  # label -> [N, C, H, W] in -1..1, on the device
    levels: Callable[[], Images]  # label -> uint8 [N, H, W, 3]
    files: Sequence[Mapping[str, Path]]
    no_input: Sequence[Mapping[str, Mask]]
    no_target: Sequence[Mapping[str, Mask]]


class DataSetTest:
    """Adds a row to ``page`` for each of the first ``count`` samples of a data set.

    Each of several processes gets its share of the batches of a single process, in turn. Names
    depend on the names of all earlier samples; so the processes exchange the paths of each turn.
    """

    def __init__(
        self, model: BaseModel, page: ResultsPage, names: ResultNames, deep: DeepResults, *,
        arithmetic: Arithmetic, count: int, batch_size: int, seed: int,
    ) -> None:
        self.model, self.page, self.names, self.deep = model, page, names, deep
        self.arithmetic = arithmetic
        self.count, self.batch_size, self.seed = count, batch_size, seed
        page.order = names.position

    def translate(self, batches: Iterable[Batch]) -> None:
        """Add the rows of ``batches``, which are those of this process.

        The rows of a batch are added while a GPU translates the next one.
        """
        here, own = current_process(), iter(batches)
        pending: list[tuple[list[str], Translated]] = []
        try:
            for start in range(0, self.count, self.batch_size * here.world_size):
                wanted = self.count - start - here.rank * self.batch_size
                batch = next(own) if wanted > 0 else None
                translated = self._translate(batch, wanted) if batch is not None else None
                if not start and self.arithmetic.agree() and batch is not None:
                    translated = self._translate(batch, wanted)
                paths = self.model.get_image_paths()[:wanted] if translated else []
                turns = [[self.names.of(Path(p)) for p in turn] for turn in all_gather(paths)]
                if translated:
                    pending.append((turns[here.rank], translated))
                if len(pending) > 1:
                    self._add_rows(*pending.pop(0))
        finally:
            for names, translated in pending:
                self._add_rows(names, translated)

    def _translate(self, batch: Batch, wanted: int) -> Translated:
        """Translate a batch, of which ``wanted`` images are added at most."""
        model = self.model

        def compute() -> Images:
            # Every batch gets the same dropout masks: no result depends on earlier images.
            seed_torch(self.seed, model.device)
            model.set_input(batch)
            model.test()
            return model.get_current_visuals()

        images = self.arithmetic.run(compute, is_8_bit=self.deep.has_bytes_only)
        levels = start_copy({label: to_levels(image) for label, image in images.items()})
        indices = range(len(model.get_image_paths()[:wanted]))
        return Translated(
            images, levels, [model.sources(index) for index in indices],
            [model.missing_inputs(index) for index in indices],
            [model.missing_targets(index, self.page.comparisons) for index in indices])

    def _add_rows(self, names: Sequence[str], batch: Translated) -> None:
        pictures = {label: levels.numpy() for label, levels in batch.levels().items()}
        for index, name in enumerate(names):
            files = batch.files[index]
            deeper = self.deep.write(
                self.page.writers, {label: image[index] for label, image in batch.images.items()},
                self.page.images / name, batch.no_input[index], files)
            self.page.add(name, {label: picture[index] for label, picture in pictures.items()},
                          deeper, files, batch.no_target[index])


def start_copy(images: Images) -> Callable[[], Images]:
    """Start to copy tensors to the CPU; return a function that waits for the copies."""
    copies = {label: image.to("cpu", non_blocking=True) for label, image in images.items()}
    device = next((image.device for image in images.values() if image.is_cuda), None)
    if device is None:
        return lambda: copies
    with torch.cuda.device(device):
        event = torch.cuda.Event()
        event.record()

    def wait() -> Images:
        event.synchronize()
        return copies

    return wait
