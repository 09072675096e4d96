#!/usr/bin/env bash
# The run of train_colorization.sh on test photos: bash scripts/test_colorization.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/colorization --name color_pix2pix --model colorization "$@"
