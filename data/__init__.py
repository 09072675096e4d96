"""One dataset per file: data/<name>_dataset.py is selected by ``--dataset_mode <name>``."""

import logging
from argparse import Namespace

from data.base_dataset import BaseDataset
from data.loader import Loader, choose_workers
from util.distributed import Process, current_process
from util.flags import AUTO
from util.registry import find_class, list_names

logger = logging.getLogger(__name__)


def available() -> list[str]:
    return list_names(__path__, suffix="_dataset")


def find_dataset(name: str) -> type[BaseDataset]:
    if name not in available():
        raise ValueError(
            f"there is no data/{name}_dataset.py; --dataset_mode is one of {', '.join(available())}"
        )
    return find_class("data", name, suffix="_dataset", base=BaseDataset)


def create_dataset(opt: Namespace, *, shared: bool = True) -> Loader:
    """``shared``: of several processes, each gets its part of every step; else all of it."""
    dataset = find_dataset(opt.dataset_mode)(opt)
    dataset.pictures.open_cache(opt.cache)
    workers = opt.num_threads
    if workers == AUTO:
        workers = choose_workers(device=opt.device.type, cached=dataset.pictures.has_cache)
    here = current_process() if shared else Process()
    loader = Loader(
        dataset,
        batch_size=opt.batch_size * (opt.grad_accum if opt.isTrain else 1),
        num_workers=workers,
        shuffle=not opt.serial_batches,
        seed=opt.seed,
        device=opt.device,
        rank=here.rank,
        world_size=here.world_size,
    )
    logger.info(
        "dataset [%s] was created: %d images, %d workers",
        type(dataset).__name__, len(loader), loader.workers,
    )
    return loader
