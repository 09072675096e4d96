#!/usr/bin/env bash
# Test the run of train_cyclegan.sh on the test images: bash scripts/test_cyclegan.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/maps --name maps_cyclegan --model cycle_gan \
    --phase test --no_dropout "$@"
