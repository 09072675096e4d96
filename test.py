"""Translate images with a trained model.

    python test.py --dataroot datasets/demo --name demo                    write a results page
    python test.py --dataroot photos --name demo --output_dir translated   write only the images

The model, the networks and the sizes of the training are read from the folder of the run.
"""

import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from util import interrupts

if __name__ == "__main__":
    interrupts.quit_at_signals()  # before imports that take seconds

from data import create_dataset
from data.base_dataset import examples_of, sides_of
from data.discovery.inputs import Input, find_inputs, title_of
from data.record import load_record
from display.sinks import open_sinks
from display.visualizer import Visualizer
from inference.fast_forward import speed_up
from inference.processes import shared_test
from inference.results.data_set import DataSetTest
from inference.results.deep_results import DeepResults
from inference.results.names import OutputFolder, ResultNames
from inference.results.results_page import ResultsPage, exchanged
from inference.results.to_folder import translate_to_folder
from inference.results.to_page import name_of_weights, translate_to_page
from inference.translator import Translator
from models import create_model
from options.test_options import TestOptions
from util import runtime
from util.disk.file_names import shorten
from util.distributed import current_process, from_main, own_share, require_equal
from util.random_states import seed_everything

log = logging.getLogger(__name__)


def test(argv: Sequence[str] | None = None) -> Path:
    """Return the path of the results page, or the folder of --output_dir."""
    options = TestOptions()
    opt = options.parse(sys.argv[1:] if argv is None else argv)
    log.info("device: %s", runtime.describe_device(opt.device))
    runtime.keep_freed_memory()
    with shared_test(opt.device):
        seed_everything(opt.seed)
        return translate_inputs(opt, options) if opt.inputs else test_data_set(opt, options)


def test_data_set(opt: Namespace, options: TestOptions) -> Path:
    """Show inputs, outputs and targets of a data set side by side, scaled as in the training."""
    dataset = create_dataset(opt)
    model = create_model(opt)
    model.setup(opt)
    require_equal(len(dataset), "the number of images")
    if current_process().is_main:
        options.save(opt)
    arithmetic = speed_up(model.parts.networks.values(), opt.device, running_statistics=opt.eval,
                          precision=opt.precision, exact=opt.exact)
    # The input of the model is its A: with BtoA, the B of the data set.
    sides = sides_of(dataset.dataset)
    A, B = sides if opt.direction == "AtoB" else sides[::-1]
    deep = DeepResults(load_record(options.run_path(opt)), {"fake_A": A, "fake_B": B})
    count = min(len(dataset), opt.num_test or len(dataset))
    legend = f"{opt.model}, {opt.direction}." + exchanged(opt.direction, model.comparisons(opt))
    with open_page(opt, name=opt.name, title=opt.phase, legend=legend, run=options.run_path(opt),
                   comparisons=model.comparisons(opt)) as page:
        page.check_values(sides, examples_of(dataset.dataset))
        names = ResultNames(opt.dataroot, opt.phase)
        tested = DataSetTest(model, page, names, deep, arithmetic=arithmetic, count=count,
                             batch_size=opt.batch_size, seed=opt.seed)
        tested.translate(dataset.first(len(list(own_share(range(0, count, opt.batch_size))))))
    log.info("%d images translated; results page: %s", len(page.rows), page.path)
    return page.path


def translate_inputs(opt: Namespace, options: TestOptions) -> Path:
    """Translate every image of --dataroot in its own size and bit depth."""
    translator = create_translator(opt, options)
    inputs = from_main(partial(find_test_inputs, opt, translator))
    skip_bad = opt.on_bad_image == "skip"
    if opt.output_dir:
        return translate_to_folder(
            translator, inputs, OutputFolder(opt.output_dir, opt.samples),
            batch_size=opt.batch_size, skip_existing=opt.skip_existing, skip_bad=skip_bad)
    name = name_of_weights(opt.weights) if opt.weights else opt.name
    legend = f"{translator.file.path}, {translator.file.direction}. Every image in its own size."
    page = open_page(opt, name=name, title=title_of(opt.dataroot), legend=legend,
                     run=options.run_path(opt))
    return translate_to_page(translator, inputs, page, batch_size=opt.batch_size,
                             samples=opt.samples, skip_bad=skip_bad)


def create_translator(opt: Namespace, options: TestOptions) -> Translator:
    """Load the generator that the command line names."""
    return Translator.load(
        options.run_path(opt), direction=options.given.get("direction"),
        epoch=f"iter_{opt.load_iter}" if opt.load_iter else opt.epoch, ema=opt.ema,
        device=opt.device, seed=opt.seed, running_statistics=opt.eval, tile=opt.tile,
        weights_key=opt.weights_key, precision=opt.precision, exact=opt.exact,
        **options.network_flags(),
    )


def find_test_inputs(opt: Namespace, translator: Translator) -> list[Input]:
    """Find the input images, and log how many of them are one half of a file."""
    file = translator.file
    inputs = find_inputs(
        opt.dataroot, phase=opt.phase, letter=file.input_letter, record=file.record,
        cut_pairs=opt.cut_pairs, suffixes=file.input_suffixes or opt.input_suffixes,
    )[: opt.num_test]
    halves = [item.source for item in inputs if item.source.half]
    if halves:
        log.info("%d of %d images are pairs side by side, like the training images (first: %s); "
                 "their %s halves are translated (--cut_pairs never: translate whole images)",
                 len(halves), len(inputs), halves[0].path, halves[0].half)
    return inputs


def open_page(opt: Namespace, *, name: str, title: str, run: Path, **page: Any) -> ResultsPage:
    """Create ``results/<name>/<title>_<epoch>/index.html``; ``run``: the training, or its file."""
    epoch = opt.epoch + (f"_iter{opt.load_iter}" if opt.load_iter else "") + "_ema" * opt.ema
    is_main = current_process().is_main
    folder = opt.results_dir / name / f"{shorten(title, room=len(epoch) + 1)}_{epoch}"
    return ResultsPage(
        folder, Visualizer(open_sinks(folder, opt) if is_main else []), width=opt.display_winsize,
        training_web=(run if run.is_dir() else run.parent) / "web", aspect_ratio=opt.aspect_ratio,
        title=f"Experiment = {name}, Phase = {title}, Epoch = {opt.epoch}", **page)


if __name__ == "__main__":
    runtime.run_program(test, interrupted="Interrupted; images that are complete stay")
