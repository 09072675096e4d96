"""--on_bad_image skip, for files that become unreadable after the start of a training."""

import logging

from torch.utils.data import Dataset

from data.base_dataset import BaseDataset, Sample
from data.files.reading import PictureError
from data.foreign_samples import ForeignSamples

log = logging.getLogger(__name__)


class ReadableSamples(Dataset[Sample]):
    """The samples of a dataset; for one with an unreadable image, the next one that is readable."""

    def __init__(self, dataset: BaseDataset | ForeignSamples) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        count = len(self)
        for place in range(index, index + count - 1):
            try:
                return self.dataset[place % count]
            except PictureError as error:
                log.warning("skipped, the next image is used: %s", error)
        return self.dataset[(index + count - 1) % count]
