#!/usr/bin/env bash
# Grey to colour: bash scripts/train_colorization.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python train.py --dataroot ./datasets/colorization --name color_pix2pix --model colorization "$@"
