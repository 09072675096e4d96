"""Flags of test.py. What a run was trained with is read from its folder, not retyped."""

import logging
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.networks import side_multiple
from models.test_model import generator_suffix
from options.aliases import without_live_displays
from options.base_options import BaseOptions
from options.run_file import OF_THE_NETWORK, contradiction
from util.files import NotWritableError
from util.flags import positive_float, positive_int

log = logging.getLogger(__name__)

# These become defaults, and may be changed: the same network works at other sizes.
OF_THE_PICTURES = ("dataset_mode", "preprocess", "crop_size")
# A run that was trained on pieces of pictures is tested on whole ones.
WITHOUT_CROP = {"crop": "none", "scale_width_and_crop": "scale_width"}


class TestOptions(BaseOptions):
    isTrain = False
    default_model = "test"
    other_models = ("test",)
    __test__ = False  # not a pytest class

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        # Pictures one by one, in order, unmirrored: the statistics of batch norm depend on it.
        parser.set_defaults(batch_size=1, num_threads=0, serial_batches=True, no_flip=True)
        add = parser.add_argument_group("test")
        add.add_argument("--results_dir", type=Path, default=Path("results"),
                         help="folder of the results")
        add.add_argument("--num_test", type=positive_int,
                         help="translate only the first so many (default: all)")
        add.add_argument("--aspect_ratio", type=positive_float, default=1.0,
                         help="width of the saved pictures by their height, relative to before")
        add.add_argument("--eval", action="store_true",
                         help="no dropout, running statistics; without it both are as in training, "
                              "as in the pix2pix paper (section 3.4)")

    def parse(self, argv: Sequence[str] | None = None) -> Namespace:
        return super().parse(without_live_displays(sys.argv[1:] if argv is None else argv))

    def adjust_defaults(
        self, parser: ArgumentParser, choice: Namespace, argv: Sequence[str]
    ) -> None:
        given = self.given(argv, parser)
        # A one-sided test shows single pictures, whatever the pairs of the training were.
        pictures = OF_THE_PICTURES[1:] if choice.model == "test" else OF_THE_PICTURES
        known = {*OF_THE_NETWORK, *pictures, "load_size", *self.plugin_flags}
        saved = self.typed_saved(parser, known)
        if choice.model == "test":
            saved.pop("direction", None)  # chooses the generator of a two-way run instead
            if self._backwards(given):
                saved["input_nc"], saved["output_nc"] = saved["output_nc"], saved["input_nc"]
        for key in OF_THE_NETWORK:
            if key in given and key in saved and given[key] != saved[key]:
                raise contradiction(key, given[key], saved[key], self.run_dir)
        parser.set_defaults(**saved)
        self._whole_pictures(parser, given, saved)

    def _whole_pictures(
        self, parser: ArgumentParser, given: dict[str, Any], saved: dict[str, Any]
    ) -> None:
        """Nothing is cut off: leave the crop out, or scale to the crop itself (U-Nets)."""
        whole_works = side_multiple(given.get("netG", parser.get_default("netG"))) <= 4
        if saved.get("preprocess") in WITHOUT_CROP:
            mode = WITHOUT_CROP[saved["preprocess"]] if whole_works else "resize_and_crop"
            parser.set_defaults(preprocess=mode)
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
        self.require_run_folder(opt)
