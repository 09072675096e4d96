#!/usr/bin/env bash
# Facades, labels (B) to photos (A): bash scripts/train_pix2pix.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python train.py --dataroot ./datasets/facades --name facades_pix2pix --model pix2pix \
    --netG unet_256 --direction BtoA --lambda_L1 100 --dataset_mode aligned --norm batch \
    --pool_size 0 "$@"
