"""The flags --cache, --resize and --num_threads."""

import json
from pathlib import Path

import pytest
from conftest import Argv

from options.test_options import TestOptions
from options.train_options import TrainOptions


def test_the_defaults_are_fast_in_training_and_exact_in_a_test(
    test_argv: Argv, tmp_path: Path
) -> None:
    opt = TrainOptions().parse(["--dataroot", str(tmp_path)])
    assert (opt.cache, opt.resize, opt.num_threads) == ("auto", "torch", "auto")
    (tmp_path / "runs" / "t").mkdir(parents=True)
    opt = TestOptions().parse(test_argv("--model", "pix2pix"))
    assert (opt.cache, opt.resize, opt.num_threads) == ("none", "pillow", 0)


@pytest.mark.parametrize("words", ["--cache disc", "--resize bicubic", "--num_threads -1"])
def test_other_values_are_refused(words: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        TrainOptions().parse(["--dataroot", str(tmp_path), *words.split()])
    assert caught.value.code == 2


@pytest.mark.parametrize(("saved", "resize"), [({}, "pillow"), ({"resize": "torch"}, "torch")])
def test_a_run_older_than_the_flag_is_resumed_with_pillow(
    saved: dict[str, str], resize: str, argv: Argv, tmp_path: Path
) -> None:
    run_dir = tmp_path / "runs" / "t"
    run_dir.mkdir(parents=True)
    (run_dir / "train_opt.json").write_text(json.dumps({"model": "cycle_gan", **saved}))
    assert TrainOptions().parse(argv("--continue_train")).resize == resize
