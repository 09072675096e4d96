"""--pairs, --allow_unpaired and --input_suffixes in a test and in a resumed run."""

from pathlib import Path

import pytest
from conftest import Argv

from options.test_options import TestOptions
from options.train_options import TrainOptions

STACKED = ("--model", "pix2pix", "--input_suffixes", "_r,_nir,_g")


def trained(argv: Argv, *flags: str) -> None:
    options = TrainOptions()
    options.save(options.parse(argv(*flags)))


@pytest.mark.parametrize("text_alone", [False, True])
@pytest.mark.parametrize("flags", [STACKED, STACKED[:2]])
def test_a_test_stacks_the_files_that_the_run_stacked(
    flags: tuple[str, ...], text_alone: bool, argv: Argv, test_argv: Argv, tmp_path: Path
) -> None:
    trained(argv, *flags)
    if text_alone:
        (tmp_path / "runs" / "t" / "train_opt.json").unlink()
    wanted = ("_r", "_nir", "_g") if flags == STACKED else ()
    assert TestOptions().parse(test_argv()).input_suffixes == wanted
    assert TestOptions().parse(test_argv("--model", "test")).input_suffixes == wanted
    same = TestOptions().parse(test_argv("--input_suffixes", ",".join(wanted)))
    assert same.input_suffixes == wanted
    assert TrainOptions().parse(argv("--continue_train")).input_suffixes == wanted


def test_suffixes_that_differ_from_the_run_are_refused_with_both(
    argv: Argv, test_argv: Argv, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(argv, *STACKED)
    for options, words in (
        (TestOptions(), test_argv("--input_suffixes", "_nir,_r")),
        (TrainOptions(), argv("--continue_train", "--input_suffixes", "_nir,_r")),
        (TestOptions(), test_argv("--input_suffixes", "")),
    ):
        with pytest.raises(SystemExit):
            options.parse(words)
        message = capsys.readouterr().err
        assert "or give _r,_nir,_g" in message
        assert ('""' if words[-1] == "" else "_nir,_r") in message


def test_the_reverse_generator_of_a_two_way_run_has_no_stacks(argv: Argv, test_argv: Argv) -> None:
    trained(argv, "--model", "cycle_gan", "--lambda_identity", "0",
            "--input_nc", "2", "--input_suffixes", "_r,_nir")
    opt = TestOptions().parse(test_argv("--model", "test", "--model_suffix", "_B"))
    assert opt.input_suffixes == ()
    opt = TestOptions().parse(test_argv("--model", "test", "--model_suffix", "_A"))
    assert opt.input_suffixes == ("_r", "_nir")


def test_the_list_of_pairs_is_restored_for_the_same_dataroot(
    argv: Argv, test_argv: Argv
) -> None:
    trained(argv, "--model", "pix2pix", "--pairs", "my pairs.csv", "--allow_unpaired")
    opt = TrainOptions().parse(argv("--continue_train"))
    assert (opt.pairs, opt.allow_unpaired) == (Path("my pairs.csv"), True)
    opt = TestOptions().parse(test_argv())
    assert (opt.pairs, opt.allow_unpaired) == (Path("my pairs.csv"), True)
    opt = TestOptions().parse(test_argv("--dataroot", "elsewhere"))
    assert (opt.pairs, opt.allow_unpaired) == (None, False)
