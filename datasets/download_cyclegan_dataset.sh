#!/usr/bin/env bash
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

choose_name "usage: bash datasets/download_cyclegan_dataset.sh NAME
Fetches an unpaired data set into ./datasets/NAME (trainA, trainB, testA, testB)." \
    "ae_photos apple2orange summer2winter_yosemite horse2zebra monet2photo cezanne2photo
     ukiyoe2photo vangogh2photo maps cityscapes facades iphone2dslr_flower
     mini mini_pix2pix mini_colorization" "$@"
refuse_cityscapes
fetch_dataset cyclegan/datasets zip trainA
