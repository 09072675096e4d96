"""Options of test.py. The options of the training are read from the folder of the run."""

import logging
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.discovery.inputs import is_data_set, is_pattern
from data.record import load_record
from data.transforms import PREPROCESS
from data.workers import own_cores
from inference.generator_file import NETWORK_FLAGS
from inference.inferred_generator import inferred_options
from inference.memory_budget import usual_batch
from models.networks import available, own_flags, require_known
from options import test_flags
from options.aliases import WITHOUT_EFFECT_IN_TESTS
from options.base_options import BaseOptions, without_crop
from options.parser import read_flags
from options.run_file import NETWORK_OPTIONS, VALUE_OPTIONS, contradiction
from util.distributed import current_process
from util.files import NotWritableError
from util.flags import AUTO
from util.run_folder.weights import generator_suffix

log = logging.getLogger(__name__)

# Defaults from the run that the command line may change: the network works at other sizes too.
IMAGE_OPTIONS = ("dataset_mode", "preprocess", "crop_size", "nearest")
# How --dataroot is read; restored only if it is the folder of the training.
DATA_OPTIONS = ("pairs", "allow_unpaired", "on_bad_image")
_READERS = 4  # processes; each reads some hundred images of 256 pixels in a second


class TestOptions(BaseOptions):
    """Options of test.py. Network flags that contradict the run are refused."""

    isTrain = False
    default_model = "test"
    other_models = ("test",)
    __test__ = False  # not a pytest class

    def add_flags(self, parser: ArgumentParser) -> None:
        super().add_flags(parser)
        # Images are read in order and not mirrored. batch_size None: see ``validate``.
        parser.set_defaults(batch_size=None, num_threads=AUTO, serial_batches=True, no_flip=True)
        # Each image is read once; outputs are compared with those of other implementations.
        parser.set_defaults(cache="none", resize="pillow")
        test_flags.add_flags(parser)
        for flag in WITHOUT_EFFECT_IN_TESTS:
            parser.add_argument(flag, default=SUPPRESS, help=SUPPRESS)

    def find_run(self, argv: Sequence[str]) -> tuple[Path, dict[str, Any]]:
        """Infer the network flags from the weights, if the folder has no options."""
        run_dir, saved = super().find_run(argv)
        flags = read_flags(argv, weights=Path, model=str, direction=str, epoch=str, load_iter=str,
                           model_suffix=str, netG=str)
        self.is_inferred = not (saved or flags.weights)
        if flags.netG and (self.is_inferred or flags.weights):  # the file tells the name: be strict
            require_known("generator", flags.netG, available("generator"))
        if self.is_inferred:
            epoch = f"iter_{flags.load_iter}" if flags.load_iter else flags.epoch or "latest"
            one_way = flags.model in (None, "test")  # other models build both directions by A to B
            direction = (one_way and flags.direction) or "AtoB"
            suffix = flags.model_suffix or generator_suffix(run_dir, epoch, direction)
            path = run_dir / f"{epoch}_net_G{suffix}.pth"
            saved = inferred_options(path) if path.is_file() else {}
        return run_dir, saved

    def read_choice(self, argv: Sequence[str]) -> Namespace:
        choice = super().read_choice(argv)
        self.inputs = self._has_inputs_only(argv, choice)
        if self.inputs:
            choice.model, choice.dataset_mode = "test", "single"
        return choice

    def _has_inputs_only(self, argv: Sequence[str], choice: Namespace) -> bool:
        """Return whether --dataroot holds inputs without targets, or --inputs is on."""
        flags = read_flags(argv, dataroot=Path, output_dir=Path, weights=Path, pairs=Path,
                           phase=str)
        if "--inputs" in argv or flags.output_dir or flags.weights:
            return True
        has_list = flags.pairs or (self._same_data(flags.dataroot) and self.saved.get("pairs"))
        if flags.dataroot is None or has_list or choice.model == "test":
            return False
        if flags.dataroot.is_file() or is_pattern(flags.dataroot):
            return True
        mode = choice.dataset_mode or "unaligned"
        return flags.dataroot.is_dir() and not is_data_set(
            flags.dataroot, flags.phase or "test", dataset_mode=mode,
            record=load_record(self.run_dir),
        )

    def _same_data(self, dataroot: Path | None) -> bool:
        """Return whether this is the --dataroot of the training."""
        return dataroot is not None and str(dataroot) == str(self.saved.get("dataroot"))

    def run_path(self, opt: Namespace) -> Path:
        """Return the path of the generator: the folder of a run, or a file."""
        return Path(opt.weights or opt.checkpoints_dir / opt.name)

    def network_flags(self) -> dict[str, Any]:
        """Return the flags of the command line that describe the network and its value ranges."""
        own = own_flags("generator", self.given.get("netG", self.parser.get_default("netG")))
        known = (*NETWORK_FLAGS, *VALUE_OPTIONS, *own)
        return {key: value for key, value in self.given.items() if key in known}

    def adjust_defaults(self, parser: ArgumentParser, choice: Namespace) -> None:
        """Take the options of the training as defaults, and refuse flags that contradict them."""
        parser.set_defaults(inputs=self.inputs)
        # The model "test" reads single images, whatever the dataset mode of the training was.
        images = IMAGE_OPTIONS[1:] if choice.model == "test" else IMAGE_OPTIONS
        known = {*NETWORK_OPTIONS, *VALUE_OPTIONS, *images, "load_size", *self.plugin_flags}
        if choice.model != "test" and self._same_data(self.given.get("dataroot")):
            known.update(DATA_OPTIONS)
        saved = self.read_saved(parser, known)
        if choice.model == "test" and not self.is_inferred:
            self._adjust_sides(saved)
        for key in (key for key in NETWORK_OPTIONS if key in self.given and key in saved):
            found, wanted = self.given[key], saved[key]
            have_equal_weights = self.is_inferred and (found, wanted) == ("syncbatch", "batch")
            if found != wanted and not have_equal_weights:
                raise contradiction(key, found=found, wanted=wanted, run_dir=self.run_dir)
        parser.set_defaults(**saved)
        self._show_whole_images(parser, saved)

    def _adjust_sides(self, saved: dict[str, Any]) -> None:
        """Describe the input of a one-way test as side A, whichever side the generator takes."""
        # Here --direction chooses the generator of a two-way run, so it is not restored.
        trained = saved.pop("direction", "AtoB")
        reverse = self._is_reverse()
        source = "A" if (trained == "AtoB") != reverse else "B"
        if source != self.given.get("direction", "AtoB")[0]:
            _exchange(saved, "value_range_A", "value_range_B")
            if saved.get("nan_value"):
                saved["nan_value"] = saved["nan_value"][::-1]
            if saved.get("nearest") in ("A", "B"):
                saved["nearest"] = "B" if saved["nearest"] == "A" else "A"
        if reverse:
            _exchange(saved, "input_nc", "output_nc")
            saved["input_suffixes"] = ()  # only the other side has stacks

    def _show_whole_images(self, parser: ArgumentParser, saved: dict[str, Any]) -> None:
        """Set defaults that cut nothing off: no crop, or scaling to the crop size (U-Nets)."""
        if "preprocess" in saved:
            netG = self.given.get("netG", parser.get_default("netG"))
            parser.set_defaults(preprocess=without_crop(saved["preprocess"], netG))
        preprocess = self.given.get("preprocess", parser.get_default("preprocess"))
        size = self.given.get("crop_size", parser.get_default("crop_size"))
        if preprocess == "scale_width":
            size = saved.get("load_size", size)
        parser.set_defaults(load_size=size)

    def _is_reverse(self) -> bool:
        """Return whether the chosen generator is the second one of a two-way run: B to A."""
        if not {"input_nc", "output_nc"} <= self.saved.keys():
            return False
        given, iteration = self.given, self.given.get("load_iter")
        epoch = f"iter_{iteration}" if iteration else given.get("epoch", "latest")
        direction = given.get("direction", "AtoB")
        return "_B" in (given.get("model_suffix"), generator_suffix(self.run_dir, epoch, direction))

    def choose_for_device(self, opt: Namespace) -> None:
        """Read in processes if a GPU translates; on a CPU a thread is enough."""
        if opt.num_threads == AUTO:
            opt.num_threads = min(_READERS * (opt.device.type == "cuda"), own_cores())

    def save(self, opt: Namespace) -> None:
        """Save the options, or warn if the folder of the run is read-only."""
        try:
            super().save(opt)
        except NotWritableError as error:
            log.warning("the options of this test are not saved: %s", error)

    def validate(self, opt: Namespace) -> None:
        super().validate(opt)
        for flag, reason in WITHOUT_EFFECT_IN_TESTS.items():
            if hasattr(opt, flag[2:]):
                log.info("%s has no effect here: %s", flag, reason)
                delattr(opt, flag[2:])
        if len(opt.gpu_ids or ()) > 1 and not current_process().is_distributed:
            log.warning("--gpu_ids: one process uses one GPU, %d; for all: torchrun "
                        "--nproc_per_node=%d test.py ...", opt.gpu_ids[0], len(opt.gpu_ids))
        if opt.weights is None:
            self.require_run_folder(opt)
        elif not opt.weights.exists():
            raise ValueError(f"--weights {opt.weights} does not exist; give a .pth file or folder "
                             "(scripts/download_*_model.sh fetch published weights)")
        test_flags.check(opt)
        if opt.epoch == "best" and not opt.ema and any(self.run_dir.glob("best_net_*_ema.pth")):
            log.info("best was chosen by the averaged generators: give --ema to test them")
        if opt.batch_size is None and not opt.inputs:
            equal_sizes = PREPROCESS[opt.preprocess].crops
            opt.batch_size = usual_batch(opt.crop_size, opt.crop_size) if equal_sizes else 1


def _exchange(saved: dict[str, Any], first: str, second: str) -> None:
    if {first, second} <= saved.keys():
        saved[first], saved[second] = saved[second], saved[first]
