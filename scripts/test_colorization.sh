#!/usr/bin/env bash
# Test the run of train_colorization.sh on the test photos: bash scripts/test_colorization.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/colorization --name color_pix2pix --model colorization "$@"
