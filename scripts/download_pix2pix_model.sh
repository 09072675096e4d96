#!/usr/bin/env bash
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../datasets/fetch.sh"

choose_name "usage: bash scripts/download_pix2pix_model.sh NAME
Downloads a trained generator to ./checkpoints/NAME_pretrained/latest_net_G.pth." \
    "edges2shoes sat2map map2sat facades_label2photo day2night" "$@"
fetch_model pix2pix/models-pytorch
echo "use it: python test.py --dataroot FOLDER --name ${NAME}_pretrained --model test" \
    "--netG unet_256 --norm batch"
