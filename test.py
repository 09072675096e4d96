"""Translate pictures with a trained model.

    python test.py --dataroot datasets/demo --name demo                        a results page
    python test.py --dataroot photos --name demo --output_dir translated       the pictures alone

What the run was trained with (model, networks, sizes) is read from its folder.
"""

import logging
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data import create_dataset
from data.discovery.inputs import Input, find_inputs, title_of
from data.files.image_io import write_image
from data.record import load_record
from display.images import to_picture, to_pictures
from display.visualizer import Visualizer, build_result_sinks
from inference.folder_translator import translate_all, translate_huge
from inference.prepare import laid_out, prepare_in_place
from inference.results.deep_results import DeepResults, write_deep
from inference.results.names import OutputFolder, ResultNames
from inference.results.results_page import ResultsPage
from inference.translator import Translator
from models import create_model
from options.test_options import TestOptions
from util.runtime import (
    describe_device,
    keep_freed_memory,
    run_program,
    seed_everything,
    seed_torch,
)
from util.threads import FileWriters

log = logging.getLogger(__name__)


def test(argv: Sequence[str] | None = None) -> Path:
    """Returns the path of the results page, or the folder of --output_dir."""
    options = TestOptions()
    opt = options.parse(argv)
    log.info("device: %s", describe_device(opt.device))
    keep_freed_memory()
    seed_everything(opt.seed)
    if opt.inputs:
        return translate_inputs(opt, options)
    return test_data_set(opt, options)


def test_data_set(opt: Namespace, options: TestOptions) -> Path:
    """Inputs, outputs and targets of a data set side by side, scaled as in the training."""
    dataset = create_dataset(opt)
    model = create_model(opt)
    model.setup(opt)
    options.save(opt)
    for net in model.networks.values():
        laid_out(prepare_in_place(net, running_statistics=opt.eval), opt.device)

    # The model's A is what goes in: with BtoA, the B of the data.
    A, B = (dataset.dataset.A, dataset.dataset.B)[:: 1 if opt.direction == "AtoB" else -1]
    deep = DeepResults(load_record(model.save_dir), {"fake_A": A, "fake_B": B})
    names = ResultNames(opt.dataroot, opt.phase)
    count = min(len(dataset), opt.num_test or len(dataset))
    legend = (
        f"{opt.model}, {opt.direction}. real: from the data set; fake: made by the network; rec: "
        "there and back. A goes in, B should come out (of a BtoA run, A is the right half of a "
        "pair)."
    )
    with open_page(opt, opt.name, opt.phase, legend) as page:
        write = partial(page.writers.write, write_image)
        for batch in dataset.first(-(-count // opt.batch_size)):
            # The same dropout for every picture: a result does not depend on those before it.
            seed_torch(opt.seed, opt.device)
            model.set_input(batch)
            model.test()
            visuals = {label: made.cpu() for label, made in model.get_current_visuals().items()}
            shown = {label: to_pictures(made) for label, made in visuals.items()}
            for index, source in enumerate(model.get_image_paths()[: count - len(page.rows)]):
                images = {label: made[index] for label, made in visuals.items()}
                name = names.of(Path(source))
                pictures = {label: made[index] for label, made in shown.items()}
                page.add(name, pictures, deep.write(write, images, page.images / name))
    log.info("%d pictures translated; results page: %s", len(page.rows), page.path)
    return page.path


def translate_inputs(opt: Namespace, options: TestOptions) -> Path:
    """Every picture of --dataroot in its own size and depth."""
    translator = create_translator(opt, options)
    file = translator.file
    inputs = find_inputs(
        opt.dataroot,
        phase=opt.phase,
        letter=file.input_letter,
        record=file.record,
        cut_pairs=opt.cut_pairs,
        suffixes=file.input_suffixes or opt.input_suffixes,
    )[: opt.num_test]
    halves = [one.source for one in inputs if one.source.half]
    if halves:
        log.info(
            "%d of %d pictures are pairs side by side, like those of the training (first: %s); "
            "their %s halves go in (--cut_pairs never: all as they are)",
            len(halves), len(inputs), halves[0].path, halves[0].half,
        )
    if opt.output_dir:
        return translate_to_folder(opt, translator, inputs)
    return translate_to_page(opt, translator, inputs)


def create_translator(opt: Namespace, options: TestOptions) -> Translator:
    return Translator.load(
        options.run_path(opt),
        direction=options.said.get("direction"),
        epoch=f"iter_{opt.load_iter}" if opt.load_iter else opt.epoch,
        ema=opt.ema,
        device=opt.device,
        seed=opt.seed,
        running_statistics=opt.eval,
        tile=opt.tile,
        **options.network_flags(),
    )


def translate_to_folder(opt: Namespace, translator: Translator, inputs: list[Input]) -> Path:
    """The translated pictures and nothing else."""
    folder = OutputFolder(opt.output_dir, opt.samples)
    folder.refuse_to_overwrite(inputs)
    wanted = folder.without_result(inputs) if opt.skip_existing else inputs
    if len(wanted) < len(inputs):
        log.info("%d of %d are there already", len(inputs) - len(wanted), len(inputs))
    skip_bad = opt.on_bad_image == "skip"
    rest, done = wanted, 0
    if opt.samples == 1:
        rest, done = translate_huge(translator, wanted, folder.stem, skip_bad=skip_bad)
    with FileWriters() as writers:
        for translated in translate_all(
            translator, rest, batch_size=opt.batch_size, samples=opt.samples, skip_bad=skip_bad
        ):
            for sample, result in enumerate(translated.results):
                stem = folder.stem(translated.input, sample)
                path = stem.with_name(stem.name + result.extension)
                writers.write(write_image, result.pixels, path)
            done += 1
            if done % 50 == 0:
                log.info("%d of %d pictures", done, len(wanted))
    log.info("%d of %d pictures translated into %s", done, len(wanted), opt.output_dir)
    return Path(opt.output_dir)


def translate_to_page(opt: Namespace, translator: Translator, inputs: list[Input]) -> Path:
    """The results page of pictures without targets: real | fake."""
    name = name_of_weights(opt.weights) if opt.weights else opt.name
    legend = f"{translator.file.path}, {translator.file.direction}. Every picture in its own size."
    with open_page(opt, name, title_of(opt.dataroot), legend) as page:
        write = partial(page.writers.write, write_image)
        for translated in translate_all(
            translator, inputs, batch_size=opt.batch_size, samples=opt.samples,
            skip_bad=opt.on_bad_image == "skip",
        ):
            title = translated.input.name.as_posix()
            pictures = {"real": to_picture(translator.input.to_tensor(translated.pixels))}
            files: dict[str, Path] = {}
            for number, result in enumerate(translated.results, start=1):
                label = f"fake_{number}" if opt.samples > 1 else "fake"
                pictures[label] = to_picture(result.image)
                stem = page.images / f"{title}_{label}"
                file = write_deep(write, result.pixels, stem, result.extension)
                files |= {label: file} if file else {}
            page.add(title, pictures, files)
        page.rows.sort(key=lambda row: row.title)  # they came in the order of their sizes
    log.info("%d pictures translated; results page: %s", len(page.rows), page.path)
    return page.path


def name_of_weights(path: Path) -> str:
    """Of a file with its folder's: every run has a latest_net_G.pth."""
    path = path.resolve()
    return path.name if path.is_dir() else f"{path.parent.name}_{path.stem}"


def open_page(opt: Namespace, name: str, pictures: str, legend: str) -> ResultsPage:
    """``results/<name>/<pictures>_<epoch>/index.html``."""
    epoch = opt.epoch + (f"_iter{opt.load_iter}" if opt.load_iter else "") + "_ema" * opt.ema
    folder = opt.results_dir / name / f"{pictures}_{epoch}"
    sinks = build_result_sinks(
        folder,
        name=name,
        use_tensorboard=opt.use_tensorboard,
        use_wandb=opt.use_wandb,
        wandb_project_name=opt.wandb_project_name,
        options=vars(opt),
    )
    return ResultsPage(
        folder,
        Visualizer(sinks),
        title=f"Experiment = {name}, Phase = {pictures}, Epoch = {opt.epoch}",
        legend=legend,
        width=opt.display_winsize,
        aspect_ratio=opt.aspect_ratio,
    )


if __name__ == "__main__":
    run_program(test)
