#!/usr/bin/env bash
# Aerial photos to maps and back, unpaired: bash scripts/train_cyclegan.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python train.py --dataroot ./datasets/maps --name maps_cyclegan --model cycle_gan \
    --pool_size 50 --no_dropout "$@"
