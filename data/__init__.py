"""Datasets: ``--dataset_mode <name>`` selects data/<name>_dataset.py."""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from compat.loader import ScriptLoader
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
find_dataset_using_name = find_dataset


def get_option_setter(name: str) -> Callable[[ArgumentParser, bool], ArgumentParser]:
    """Return the function that adds the flags of a dataset to a parser and returns it."""
    cls = find_dataset(name)

    def add_flags(parser: ArgumentParser, is_train: bool = True) -> ArgumentParser:
        cls.modify_commandline_options(parser, is_train)
        return parser

    return add_flags


class CustomDatasetDataLoader(ScriptLoader):
    """The dataset that the flags ask for, for a loop of the user."""

    def __init__(self, opt: Namespace) -> None:
        opt = opt if isinstance(opt, SeenOptions) else SeenOptions.of(opt)
        super().__init__(opt, _create_loader(plain(opt)))
        if opt.is_script:
            opt._dataset = self.dataset


CreateDataLoader = CustomDatasetDataLoader  # its name in 2018


def create_dataset(opt: Namespace, *, shared: bool = True) -> Loader:
    """Build the dataset that the flags ask for, with its cache, and a loader for it.

    ``shared``: several processes share the images of every step, or the batches of a test; else
    each process gets all. A script of the user, with options of ``parse()``, gets a
    ``CustomDatasetDataLoader``.
    """
    if getattr(opt, "is_script", False):
        return CustomDatasetDataLoader(opt)  # type: ignore[return-value]
    return _create_loader(opt, shared=shared)


def _create_loader(opt: Namespace, *, shared: bool = True) -> Loader:
    cls = find_dataset(opt.dataset_mode)
    with naming_skip_flag(opt.on_bad_image), naming_line(cls):
        dataset = cls(SeenOptions.of(opt))
        if not hasattr(dataset, "_pictures"):  # its constructor does not call that of BaseDataset
            own = dict(vars(dataset))
            BaseDataset.__init__(dataset, SeenOptions.of(opt))
            vars(dataset).update(own)
    dataset._pictures.open_cache(opt.cache)
    workers = opt.num_threads
    if workers == AUTO:
        workers = choose_workers(device=opt.device.type, cached=dataset._pictures.has_cache)
    here = current_process() if shared else Process()
    loader = Loader(dataset, batch_size=opt.batch_size * (opt.grad_accum if opt.isTrain else 1),
                    num_workers=workers, shuffle=not opt.serial_batches, seed=opt.seed,
                    device=opt.device, rank=here.rank, world_size=here.world_size,
                    replace_bad=opt.isTrain and opt.on_bad_image == "skip",
                    whole_batches=not opt.isTrain)
    log.info("dataset [%s] was created: %d images, %d workers", type(dataset).__name__, len(loader),
             loader.workers)
    return loader
