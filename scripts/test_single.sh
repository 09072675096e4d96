#!/usr/bin/env bash
# Test the run of train_pix2pix.sh on label maps without photos: bash scripts/test_single.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/facades/testB/ --name facades_pix2pix --model test \
    --netG unet_256 --direction BtoA --dataset_mode single --norm batch "$@"
