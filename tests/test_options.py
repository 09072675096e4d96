import json
import logging
import re
from pathlib import Path

import pytest
from conftest import Argv

import data
import models
from options.base_options import BaseOptions
from options.foreign_flags import explain
from options.test_options import TestOptions
from options.train_options import TrainOptions

Capture = pytest.CaptureFixture[str]


def refusal(options: BaseOptions, words: list[str], capsys: Capture) -> str:
    """Return the message of a command line that must end with exit code 2."""
    with pytest.raises(SystemExit) as stop:
        options.parse(words)
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--netG unet_265", "unet_256"),
        ("--netD basik", "n_layers"),
        ("--norm sync_batch", "syncbatch"),
        ("--gan_mode wgan", "wgangp"),
        ("--lr_policy lineal", "plateau"),
        ("--init_type he", "kaiming"),
        ("--preprocess resize", "resize_and_crop"),
        ("--direction AtoC", "BtoA"),
        ("--model pixpix", "pix2pix"),
        ("--dataset_mode pairs", "aligned"),
        ("--batch_size 0", "must be >= 1, got 0"),
        ("--n_epochs_decay -1", "must be >= 0, got -1"),
        ("--batch_size two", "whole number, got 'two'"),
        ("--lr 0", "must be > 0"),
        ("--lr nan", "must be finite"),
        ("--beta1 1", "0 <= x < 1"),
        ("--lambda_A -1", "must be >= 0"),
        ("--max_dataset_size 0", "must be >= 1"),
        ("--gpu_ids 0,0", "-1 for the CPU"),
        ("--gpu_ids cpu", "comma list"),
        ("--gpu_ids 99", "--gpu_ids -1 for the CPU"),
        ("--suffix {netH}", "{model}_{netG}"),
        ("--lamda_A 1", "unrecognized arguments: --lamda_A 1; did you mean --lambda_A?"),
        ("--name=", "must be the name of a folder inside --checkpoints_dir"),
        ("--name ../x", "must be the name of a folder inside --checkpoints_dir"),
        ("--continue_train --name unknown", "does not exist; runs in"),
        ("--batch 2", "unrecognized arguments: --batch"),  # no abbreviations
        ("--lambda_L1 1", "--lambda_L1 belongs to colorization or pix2pix (add --model"),
        ("--model pix2pix --lambda_A 1", "--lambda_A belongs to cycle_gan (add --model cycle_gan"),
        ("--model pix2pix --lamda_A 1", "did you mean --lambda_A? (--lambda_A belongs to cycle"),
        ("--new_dataset_option 1", "belongs to template (add --dataset_mode template"),
        ("--num_test 1", "--num_test is a flag of test.py, not of train.py"),
        ("--netG resnet9", "did you mean resnet_9blocks?"),
        ("--gan_mode lsgam", "did you mean lsgan?"),
        ("--val_metrics psrn", "did you mean psnr?"),
        ("--input_suffixes _r,", "different, non-empty suffixes such as _r,_nir"),
        ("--input_suffixes _r,_r", "different, non-empty suffixes"),
        # contradictions
        ("--load_size 8", "use --load_size 16"),
        ("--input_nc 1", "--lambda_identity 0"),
        ("--gan_mode wgangp --norm batch", "--norm instance"),
        ("--gan_mode wgangp --norm syncbatch", "--norm instance"),
        ("--lr_policy plateau --lr_metric=", "--lr_metric"),
        ("--dataset_mode single", "--dataset_mode unaligned"),
        ("--model pix2pix --dataset_mode unaligned", "--model cycle_gan"),
        ("--model pix2pix --lambda_GAN 0 --lambda_L1 0", "make one of them positive"),
        ("--model pix2pix --netG unet_256", "multiple of 256"),
        ("--model colorization --input_nc 3", "--input_nc 1"),
        ("--model colorization --direction BtoA", "leave --direction out"),
        ("--model test", "train with --model pix2pix"),
        ("--load_iter 50", "add --continue_train"),
        ("--continue_train --suffix {model}", "name the folder itself"),
        ("--continue_train --overwrite", "leave one of them out"),
        ("--continue_train --init_from x", "leave one of them out"),
        ("--epoch 7", "add --continue_train"),
        ("--netD basic --n_layers_D 5", "use --netD n_layers"),
        ("--lr_policy plateau --lr_metric G_L1", "it has D_A, G_A, cycle_A"),
        ("--model pix2pix --lambda_L1 0 --lr_policy plateau", "such as G_GAN"),
        (f"--seed {2**63}", "must be < 2**63"),
        ("--early_stop 3", "add --val_phase val, or leave it out"),
        ("--best_metric l1", "add --val_phase val, or leave it out"),
        ("--val_phase nowhere", "folders there: test, testA, testB, train, trainA, trainB; name"),
        ("--val_phase test --best_metric mse", "--val_metrics are l1, psnr, ssim; add it there"),
        ("--val_phase test --val_metrics lpips", "give --lpips_weights FILE, or leave lpips out"),
        ("--val_phase test --val_metrics kid --inception no.pth", "no.pth does not exist"),
        ("--val_phase test --val_metrics beauty", "must be among "),
        ("--lr_policy plateau --lr_metric val_l1", "add --val_phase val"),
        ("--val_phase test --lr_policy plateau --lr_metric val_mse", "has cycle_l1, cycle_psnr"),
        ("--val_phase test --lr_policy plateau --lr_metric val_l1+val_ssim", "watch one of them"),
        ("--ema 1", "must be in 0 <= x < 1"),
    ],
)
def test_train_refuses(flags: str, message: str, argv: Argv, capsys: Capture) -> None:
    assert message in refusal(TrainOptions(), argv(*flags.split()), capsys)


def test_dataroot_is_required(capsys: Capture) -> None:
    assert "--dataroot" in refusal(TrainOptions(), ["--name", "x"], capsys)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("pix2pix", {"norm": "batch", "netG": "unet_256", "dataset_mode": "aligned",
                     "pool_size": 0, "gan_mode": "vanilla", "lambda_L1": 100.0, "lambda_GAN": 1.0,
                     "unconditional_D": False, "no_dropout": False}),
        ("cycle_gan", {"norm": "instance", "netG": "resnet_9blocks", "no_dropout": True,
                       "dataset_mode": "unaligned", "gan_mode": "lsgan", "pool_size": 50,
                       "lambda_A": 10.0, "lambda_B": 10.0, "lambda_identity": 0.5}),
        ("colorization", {"norm": "batch", "netG": "unet_256", "dataset_mode": "colorization",
                          "input_nc": 1, "output_nc": 2, "direction": "AtoB"}),
        ("template", {"dataset_mode": "aligned", "lambda_regression": 1.0}),
    ],
)
def test_published_defaults(model: str, wanted: dict[str, object]) -> None:
    opt = TrainOptions().parse(["--dataroot", "x", "--model", model])
    shared = {
        "name": "experiment_name", "ngf": 64, "ndf": 64, "netD": "basic", "n_layers_D": 3,
        "init_type": "normal", "init_gain": 0.02, "batch_size": 1, "load_size": 286,
        "crop_size": 256, "preprocess": "resize_and_crop", "no_flip": False, "epoch": "latest",
        "display_freq": 400, "update_html_freq": 1000, "print_freq": 100, "n_epochs": 100,
        "save_latest_freq": 5000, "save_epoch_freq": 5, "n_epochs_decay": 100, "beta1": 0.5,
        "lr": 2e-4, "lr_policy": "linear", "lr_decay_iters": 50, "phase": "train", "seed": 0,
        "display_id": 1, "display_ncols": 4, "display_port": 8097, "display_env": "main",
        "display_server": "http://localhost", "lambda_gp": 10.0,
    }
    values = vars(opt)
    assert {key: values[key] for key in shared | wanted} == shared | wanted


def test_every_flag_of_both_eras_is_accepted(argv: Argv, tmp_path: Path) -> None:
    words = (
        "--use_wandb --wandb_project_name p --display_winsize 128 --save_by_iter --no_html "
        "--serial_batches --no_flip --no_dropout --verbose --max_dataset_size inf "
        "--epoch_count 1 --display_id 0 --display_ncols 0 --display_server http://h "
        "--display_port 80 --display_env e --gpu_ids -1 --suffix {model}_{netG}_size{load_size} "
        "--netG unet128 --model cyclegan --load_size 128 --crop_size 128"
    )
    opt = TrainOptions().parse(argv(*words.split()))
    assert (opt.model, opt.netG) == ("cycle_gan", "unet_128")
    assert opt.name == "t_cycle_gan_unet_128_size128"
    assert opt.max_dataset_size is None
    (tmp_path / "runs" / "t").mkdir(parents=True)
    going_on = TrainOptions().parse(argv("--continue_train", "--load_iter", "3", "--epoch", "2"))
    assert (going_on.load_iter, going_on.epoch) == (3, "2")


def test_flags_from_before_2018_are_replaced_with_a_log_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = (
        f"--dataroot x --checkpoints_dir {tmp_path.parent} --name {tmp_path.name} --niter 3 "
        "--niter_decay=4 --which_epoch 5 --which_direction BtoA --which_model_netG resnet_6blocks "
        "--which_model_netD pixel --loadSize 40 --fineSize 32 --batchSize 2 --nThreads 0 "
        "--no_lsgan --resize_or_crop crop --continue_train"
    )
    with caplog.at_level("INFO"):
        opt = TrainOptions().parse(old.split())
    assert (opt.n_epochs, opt.n_epochs_decay, opt.epoch) == (3, 4, "5")
    assert (opt.direction, opt.netG, opt.netD) == ("BtoA", "resnet_6blocks", "pixel")
    assert (opt.load_size, opt.crop_size, opt.preprocess) == (40, 32, "crop")
    assert (opt.batch_size, opt.num_threads, opt.gan_mode) == (2, 0, "vanilla")
    assert sum("is now called" in text for text in caplog.messages) == 12
    assert "--niter is now called --n_epochs" in caplog.messages


@pytest.mark.parametrize("model", ["pix2pix", "colorization"])
def test_help_shows_the_models_own_flags_and_no_old_ones(model: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        TrainOptions().parse(["--model", model, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert "--lambda_L1" in text
    assert "--lambda_identity" not in text
    assert "--niter" not in text
    for name in models.available():
        assert name in text


def test_dropout_can_be_switched_on_for_cycle_gan() -> None:
    words = ["--dataroot", "x", "--model", "cycle_gan"]
    assert TrainOptions().parse(words).no_dropout
    assert not TrainOptions().parse([*words, "--dropout"]).no_dropout


def test_parsing_twice_gives_the_same(argv: Argv) -> None:
    options = TrainOptions()
    assert options.parse(argv()) == options.parse(argv())


# ---- test.py reads the run ---------------------------------------------------------------------


def trained(argv: Argv, *flags: str) -> None:
    options = TrainOptions()
    options.save(options.parse(argv(*flags)))


def test_a_run_is_tested_without_repeating_its_flags(argv: Argv, test_argv: Argv) -> None:
    trained(argv, "--model", "pix2pix", "--direction", "BtoA", "--ngf", "3", "--norm", "instance",
            "--load_size", "20")
    opt = TestOptions().parse(test_argv())
    found = (opt.model, opt.dataset_mode, opt.direction, opt.ngf, opt.norm, opt.netG)
    assert found == ("pix2pix", "aligned", "BtoA", 3, "instance", "resnet_6blocks")
    assert (opt.load_size, opt.crop_size) == (16, 16)  # whole images: nothing is cut off
    assert (opt.batch_size, opt.no_flip, opt.serial_batches) == (8, True, True)


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [("--crop_size 256 --load_size 256", 8), ("--crop_size 512 --load_size 512", 2),
     ("--crop_size 2048 --load_size 2048", 1), ("--preprocess none", 1), ("--batch_size 3", 3)],
)
def test_equal_small_pictures_are_tested_together(
    flags: str, wanted: int, argv: Argv, test_argv: Argv
) -> None:
    trained(argv, "--model", "pix2pix")
    assert TestOptions().parse(test_argv(*flags.split())).batch_size == wanted


@pytest.mark.parametrize(
    ("flags", "both"),
    [
        ("--netG unet_256", ("unet_256", "resnet_6blocks")),
        ("--ngf 64", ("64", "2")),
        ("--norm batch", ("batch", "instance")),
        ("--dropout", ("--no_dropout / --dropout", "True")),
        ("--direction BtoA", ("BtoA", "AtoB")),
        ("--model pix2pix", ("pix2pix", "cycle_gan")),
    ],
)
def test_a_flag_that_contradicts_the_run_is_refused_with_both_values(
    flags: str, both: tuple[str, str], argv: Argv, test_argv: Argv, capsys: Capture
) -> None:
    trained(argv)
    message = refusal(TestOptions(), test_argv(*flags.split()), capsys)
    assert all(value in message for value in both)
    assert "leave the flag out" in message


def test_a_flag_that_the_run_did_not_have_is_refused_without_a_value(
    argv: Argv, capsys: Capture
) -> None:
    trained(argv)
    message = refusal(TrainOptions(), argv("--continue_train", "--nan_value", "0"), capsys)
    assert "was trained without it; leave the flag out\n" in message


def test_a_flag_that_agrees_with_the_run_is_accepted(argv: Argv, test_argv: Argv) -> None:
    trained(argv)
    assert TestOptions().parse(test_argv("--ngf", "2", "--model", "cycle_gan")).ngf == 2


def test_an_unknown_run_is_refused_with_the_existing_ones(
    argv: Argv, test_argv: Argv, capsys: Capture
) -> None:
    trained(argv)
    message = refusal(TestOptions(), test_argv("--name", "other"), capsys)
    assert "runs in" in message
    assert ": t;" in message


def test_a_folder_without_options_is_tested_by_flags(test_argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "runs" / "t").mkdir(parents=True)
    opt = TestOptions().parse(test_argv("--no_dropout", "--netG", "unet_256"))
    assert (opt.model, opt.netG, opt.no_dropout, opt.dataset_mode) == (
        "test", "unet_256", True, "single",
    )


def test_flags_of_live_displays_are_ignored_with_a_log_line(
    test_argv: Argv, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs" / "t").mkdir(parents=True)
    with caplog.at_level("INFO"):
        opt = TestOptions().parse(test_argv("--display_id", "-1", "--display_port=80", "--eval"))
    assert opt.eval
    assert "display_id" not in vars(opt)
    assert [message.split()[0] for message in caplog.messages] == ["--display_id", "--display_port"]


def test_a_larger_crop_alone_works(test_argv: Argv, tmp_path: Path) -> None:
    (tmp_path / "runs" / "t").mkdir(parents=True)
    opt = TestOptions().parse(test_argv("--crop_size", "512"))
    assert (opt.load_size, opt.crop_size) == (512, 512)


def flags_of(options: BaseOptions, *words: str) -> set[str]:
    return set(options._build_parser(list(words))._option_string_actions)


@pytest.mark.parametrize("options", [TrainOptions, TestOptions])
def test_flags_of_others_are_named(options: type[BaseOptions]) -> None:
    """Every flag of every model, dataset mode, display and metric, in both programs."""
    chosen = flags_of(options(), "--model", "test" if options is TestOptions else "pix2pix")
    foreign: dict[str, set[str]] = {}
    for option, choices in (("--model", models.available()), ("--dataset_mode", data.available())):
        for name in choices:
            flags = flags_of(TrainOptions(), option, name) | flags_of(TestOptions(), option, name)
            for flag in flags - chosen:
                foreign.setdefault(flag, set()).add(name)
    assert len(foreign) > 5
    program = {TrainOptions: "test.py", TestOptions: "train.py"}[options]
    texts = re.split("; (?=--)", explain(foreign, chosen, is_train=options.isTrain))
    for (flag, names), text in zip(foreign.items(), texts, strict=True):
        assert text.startswith(f"{flag} "), flag
        owners = (*names, f"is a flag of {program}", "add --netG resnet")
        assert any(owner in text for owner in owners), text


def test_a_misspelt_required_flag_is_named(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        TrainOptions().parse(["--datarot", "x"])
    assert "--datarot x; did you mean --dataroot?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        TrainOptions().parse([])
    assert "the following arguments are required: --dataroot" in capsys.readouterr().err


def test_the_console_shows_what_differs_from_the_defaults(
    argv: Argv, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.INFO):
        trained(argv, "--ngf", "3")
    shown = next(text for text in caplog.messages if "- Options -" in text).splitlines()
    assert f"{'ngf':>25}: {'3':<30}\t[default: 64]" in shown
    assert all("[default: " in line for line in shown[1:-2])
    assert "val_" not in "".join(shown), "the program itself sets these values"
    saved = (tmp_path / "runs" / "t" / "train_opt.txt").read_text().splitlines()
    assert int(shown[-1].split()[0]) == len(saved) - len(shown) + 1
    assert "All are in train_opt.txt" in shown[-1]


def test_option_files(argv: Argv, tmp_path: Path, test_argv: Argv) -> None:
    trained(argv, "--ngf", "3", "--dropout")
    run_dir = tmp_path / "runs" / "t"
    saved = json.loads((run_dir / "train_opt.json").read_text())
    assert (saved["ngf"], saved["no_dropout"], saved["dataroot"]) == (
        3, False, str(tmp_path / "pictures"),
    )
    text = (run_dir / "train_opt.txt").read_text()
    lines = text.splitlines()
    assert lines[0] == "----------------- Options ---------------"
    assert lines[-1] == "----------------- End -------------------"
    assert f"{'ngf':>25}: {'3':<30}\t[default: 64]" in lines
    assert f"{'beta1':>25}: {'0.5':<30}" in lines

    # A run of the reference implementation has the text alone.
    (run_dir / "train_opt.json").unlink()
    opt = TestOptions().parse(test_argv())
    assert (opt.ngf, opt.no_dropout, opt.model, opt.crop_size) == (3, False, "cycle_gan", 16)


def test_only_a_training_writes_train_opt(argv: Argv, test_argv: Argv, tmp_path: Path) -> None:
    trained(argv, "--phase", "trainA", "--ngf", "3")
    options = TestOptions()
    options.save(options.parse(test_argv("--phase", "train")))
    assert {path.name for path in (tmp_path / "runs" / "t").iterdir()} == {
        "train_opt.txt", "train_opt.json", "test_opt.txt", "test_opt.json",
    }
    assert options.parse(test_argv()).ngf == 3


def test_a_damaged_option_file_is_named(argv: Argv, test_argv: Argv, tmp_path: Path,
                                        capsys: Capture) -> None:
    trained(argv)
    (tmp_path / "runs" / "t" / "train_opt.json").write_text("{")
    assert "train_opt.json is damaged" in refusal(TestOptions(), test_argv(), capsys)
