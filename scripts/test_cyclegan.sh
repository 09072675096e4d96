#!/usr/bin/env bash
# The run of train_cyclegan.sh on the test pictures: bash scripts/test_cyclegan.sh [more flags]
set -e
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python test.py --dataroot ./datasets/maps --name maps_cyclegan --model cycle_gan \
    --phase test --no_dropout "$@"
