"""Options of test.py. What a run was trained with is read from its folder, not retyped."""

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.discovery.inputs import is_data_set, is_pattern
from data.record import load_record
from data.transforms import PREPROCESS
from inference.generator_file import NETWORK_FLAGS
from inference.memory_budget import usual_batch
from models.test_model import generator_suffix
from options.aliases import without_live_displays
from options.base_options import BaseOptions
from options.run_file import OF_THE_NETWORK, OF_THE_VALUES, contradiction
from options.test_flags import add_test, check_test
from options.whole_pictures import without_crop
from util.distributed import current_process
from util.files import NotWritableError

log = logging.getLogger(__name__)

# These become defaults, and may be changed: the same network works at other sizes.
OF_THE_PICTURES = ("dataset_mode", "preprocess", "crop_size", "nearest")
# How the folder of the training is read; it is the same folder.
OF_THE_DATA = ("pairs", "allow_unpaired", "on_bad_image")


class TestOptions(BaseOptions):
    isTrain = False
    default_model = "test"
    other_models = ("test",)
    __test__ = False  # not a pytest class

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        # In order and unmirrored, as many at once as are of one size and small.
        parser.set_defaults(batch_size=None, num_threads=0, serial_batches=True, no_flip=True)
        # Each picture is shown once, and compared with what others made of it.
        parser.set_defaults(cache="none", resize="pillow")
        add_test(parser)

    def read_choice(self, argv: Sequence[str]) -> Namespace:
        choice = super().read_choice(argv)
        self.inputs = self._finds_inputs(argv, choice)
        if self.inputs:
            choice.model, choice.dataset_mode = "test", "single"
        return choice

    def _finds_inputs(self, argv: Sequence[str], choice: Namespace) -> bool:
        """Whether --dataroot holds mere inputs, or is asked to be taken so."""
        parser = ArgumentParser(add_help=False, allow_abbrev=False)
        for flag in ("--dataroot", "--output_dir", "--weights", "--pairs"):
            parser.add_argument(flag, type=Path)
        parser.add_argument("--phase", default="test")
        parser.add_argument("--inputs", action="store_true")
        words, _ = parser.parse_known_args(argv)
        if words.inputs or words.output_dir or words.weights:
            return True
        listed = words.pairs or (self._same_data(words.dataroot) and self.saved.get("pairs"))
        if words.dataroot is None or listed or choice.model == "test":
            return False
        if words.dataroot.is_file() or is_pattern(words.dataroot):
            return True
        mode = choice.dataset_mode or "unaligned"
        return words.dataroot.is_dir() and not is_data_set(
            words.dataroot, words.phase, dataset_mode=mode, record=load_record(self.run_dir)
        )

    def _same_data(self, dataroot: Path | None) -> bool:
        return dataroot is not None and str(dataroot) == str(self.saved.get("dataroot"))

    def run_path(self, opt: Namespace) -> Path:
        """Where the generator is: the folder of a run, or a file."""
        return Path(opt.weights or opt.checkpoints_dir / opt.name)

    def network_flags(self) -> dict[str, Any]:
        """What the command line says of the network and of its pictures' values."""
        known = (*NETWORK_FLAGS, *OF_THE_VALUES)
        return {key: value for key, value in self.said.items() if key in known}

    def parse(self, argv: Sequence[str] | None = None) -> Namespace:
        return super().parse(without_live_displays(sys.argv[1:] if argv is None else argv))

    def adjust_defaults(
        self, parser: ArgumentParser, choice: Namespace, argv: Sequence[str]
    ) -> None:
        given = self.said = self.given(argv, parser)
        parser.set_defaults(inputs=self.inputs)
        # A one-sided test shows single pictures, whatever the pairs of the training were.
        pictures = OF_THE_PICTURES[1:] if choice.model == "test" else OF_THE_PICTURES
        known = {*OF_THE_NETWORK, *OF_THE_VALUES, *pictures, "load_size", *self.plugin_flags}
        if choice.model != "test" and self._same_data(given.get("dataroot")):
            known |= {*OF_THE_DATA}
        saved = self.typed_saved(parser, known)
        if choice.model == "test":
            # The flag chooses the generator of a two-way run instead.
            trained = saved.pop("direction", "AtoB")
            backwards = self._backwards(given)
            source = "A" if (trained == "AtoB") != backwards else "B"
            if source != given.get("direction", "AtoB")[0]:
                _exchange_sides(saved)
            if backwards:
                saved["input_nc"], saved["output_nc"] = saved["output_nc"], saved["input_nc"]
                saved["input_suffixes"] = ()  # stacks are on the other side
        for key in OF_THE_NETWORK:
            if key in given and key in saved and given[key] != saved[key]:
                raise contradiction(key, given[key], saved[key], self.run_dir)
        parser.set_defaults(**saved)
        self._whole_pictures(parser, given, saved)

    def _whole_pictures(
        self, parser: ArgumentParser, given: dict[str, Any], saved: dict[str, Any]
    ) -> None:
        """Nothing is cut off: leave the crop out, or scale to the crop itself (U-Nets)."""
        if "preprocess" in saved:
            netG = given.get("netG", parser.get_default("netG"))
            parser.set_defaults(preprocess=without_crop(saved["preprocess"], netG))
        preprocess = given.get("preprocess", parser.get_default("preprocess"))
        size = given.get("crop_size", parser.get_default("crop_size"))
        if preprocess == "scale_width":
            size = saved.get("load_size", size)
        parser.set_defaults(load_size=size)

    def _backwards(self, given: dict[str, Any]) -> bool:
        """Whether the second generator of a two-way run is meant, which maps B to A."""
        if not {"input_nc", "output_nc"} <= self.saved.keys():
            return False
        iteration = given.get("load_iter")
        epoch = f"iter_{iteration}" if iteration else given.get("epoch", "latest")
        direction = given.get("direction", "AtoB")
        return "_B" in (given.get("model_suffix"), generator_suffix(self.run_dir, epoch, direction))

    def save(self, opt: Namespace) -> None:
        """Results may be wanted of a run in a folder of somebody else's."""
        try:
            super().save(opt)
        except NotWritableError as error:
            log.warning("the options of this test are not kept: %s", error)

    def validate(self, opt: Namespace) -> None:
        super().validate(opt)
        if current_process().is_distributed:
            raise ValueError("test.py is one process: start it without torchrun")
        if len(opt.gpu_ids or ()) > 1:
            log.warning("--gpu_ids: a test uses one GPU, %d", opt.gpu_ids[0])
        if opt.weights is None:
            self.require_run_folder(opt)
        elif not opt.weights.exists():
            raise ValueError(f"--weights {opt.weights} is not there: give a .pth file or a folder")
        check_test(opt)
        if opt.epoch == "best" and not opt.ema and any(self.run_dir.glob("best_net_*_ema.pth")):
            log.info("the best was chosen by the averaged generators: --ema tests those")
        if opt.batch_size is None and not opt.inputs:
            equal_sizes = PREPROCESS[opt.preprocess].crops
            opt.batch_size = usual_batch(opt.crop_size, opt.crop_size) if equal_sizes else 1


def _exchange_sides(saved: dict[str, Any]) -> None:
    """What the training said of B holds of the pictures that a one-sided test calls A."""
    if {"value_range_A", "value_range_B"} <= saved.keys():
        saved["value_range_A"], saved["value_range_B"] = (
            saved["value_range_B"], saved["value_range_A"]
        )
    if saved.get("nearest") in ("A", "B"):
        saved["nearest"] = "B" if saved["nearest"] == "A" else "A"
