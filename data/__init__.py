"""Datasets: ``--dataset_mode <name>`` selects data/<name>_dataset.py."""

import logging
from argparse import Namespace

from compat.options import SeenOptions, plain
from data.base_dataset import BaseDataset
from data.files.reading import naming_skip_flag
from data.foreign_samples import naming_line
from data.loader import Loader
from data.workers import choose_workers
from util.distributed import Process, current_process
from util.flags import AUTO
from util.registry import Plugins

log = logging.getLogger(__name__)

PLUGINS = Plugins("data", "_dataset", BaseDataset)
available, find_dataset = PLUGINS.available, PLUGINS.find


def create_dataset(opt: Namespace, *, shared: bool = True) -> Loader:
    """Build the dataset that the flags ask for, with its cache, and a loader for it.

    ``shared``: several processes share the images of every step, or the batches of a test; else
    each process gets all.
    """
    cls, opt = find_dataset(opt.dataset_mode), plain(opt)
    with naming_skip_flag(opt.on_bad_image), naming_line(cls):
        dataset = cls(SeenOptions.of(opt))
        if not hasattr(dataset, "pictures"):  # its constructor does not call that of BaseDataset
            BaseDataset.__init__(dataset, SeenOptions.of(opt))
    dataset.pictures.open_cache(opt.cache)
    workers = opt.num_threads
    if workers == AUTO:
        workers = choose_workers(device=opt.device.type, cached=dataset.pictures.has_cache)
    here = current_process() if shared else Process()
    loader = Loader(dataset, batch_size=opt.batch_size * (opt.grad_accum if opt.isTrain else 1),
                    num_workers=workers, shuffle=not opt.serial_batches, seed=opt.seed,
                    device=opt.device, rank=here.rank, world_size=here.world_size,
                    replace_bad=opt.isTrain and opt.on_bad_image == "skip",
                    whole_batches=not opt.isTrain)
    log.info("dataset [%s] was created: %d images, %d workers", type(dataset).__name__, len(loader),
             loader.workers)
    return loader
