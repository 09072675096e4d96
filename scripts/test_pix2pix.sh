#!/usr/bin/env bash
# Test the run of train_pix2pix.sh on the test pairs: bash scripts/test_pix2pix.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/facades --name facades_pix2pix --model pix2pix \
    --netG unet_256 --direction BtoA --dataset_mode aligned --norm batch "$@"
