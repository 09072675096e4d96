#!/usr/bin/env bash
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../datasets/fetch.sh"

choose_name "usage: bash scripts/download_cyclegan_model.sh NAME
Downloads a trained generator to ./checkpoints/NAME_pretrained/latest_net_G.pth." \
    "apple2orange orange2apple summer2winter_yosemite winter2summer_yosemite
     horse2zebra zebra2horse monet2photo style_monet style_cezanne style_ukiyoe style_vangogh
     sat2map map2sat cityscapes_photo2label cityscapes_label2photo
     facades_photo2label facades_label2photo iphone2dslr_flower" "$@"
fetch_model cyclegan/pretrained_models
echo "use it: python test.py --dataroot FOLDER --name ${NAME}_pretrained --model test --no_dropout"
