"""The shell scripts exist, parse, run the documented commands and report failures."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted([*ROOT.glob("scripts/*.sh"), *ROOT.glob("datasets/*.sh")])

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def test_all_scripts_of_the_reference_exist() -> None:
    assert {path.name for path in SCRIPTS} >= {
        *(f"{verb}_{model}.sh" for verb in ("train", "test")
          for model in ("pix2pix", "cyclegan", "colorization")),
        "test_single.sh", *(f"download_{kind}_{what}.sh" for kind in ("pix2pix", "cyclegan")
                            for what in ("dataset", "model")),
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_can_parse_it(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("train_pix2pix", "train.py --dataroot ./datasets/facades --name facades_pix2pix "
         "--model pix2pix --netG unet_256 --direction BtoA --lambda_L1 100 --dataset_mode aligned "
         "--norm batch --pool_size 0"),
        ("test_pix2pix", "test.py --dataroot ./datasets/facades --name facades_pix2pix "
         "--model pix2pix --netG unet_256 --direction BtoA --dataset_mode aligned --norm batch"),
        ("train_cyclegan", "train.py --dataroot ./datasets/maps --name maps_cyclegan "
         "--model cycle_gan --pool_size 50 --no_dropout"),
        ("test_cyclegan", "test.py --dataroot ./datasets/maps --name maps_cyclegan "
         "--model cycle_gan --phase test --no_dropout"),
        ("train_colorization", "train.py --dataroot ./datasets/colorization --name color_pix2pix "
         "--model colorization"),
        ("test_colorization", "test.py --dataroot ./datasets/colorization --name color_pix2pix "
         "--model colorization"),
        ("test_single", "test.py --dataroot ./datasets/facades/testB/ --name facades_pix2pix "
         "--model test --netG unet_256 --direction BtoA --dataset_mode single --norm batch"),
    ],
)
def test_examples_run_in_the_root_with_further_flags_and_report_failure(
    tmp_path: Path, script: str, expected: str
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/usr/bin/env bash\npwd\necho "$@"\nexit 7\n')
    python.chmod(0o755)
    ended = subprocess.run(
        ["bash", str(ROOT / "scripts" / f"{script}.sh"), "--name", "two words"], cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True)
    assert ended.returncode == 7
    assert ended.stdout.splitlines() == [str(ROOT), f"{expected} --name two words"]
