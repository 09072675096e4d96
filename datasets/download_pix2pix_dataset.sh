#!/usr/bin/env bash
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

choose_name "usage: bash datasets/download_pix2pix_dataset.sh NAME
Fetches a data set of A | B pairs into ./datasets/NAME (train, test, in some val)." \
    "cityscapes night2day edges2handbags edges2shoes facades maps" "$@"
refuse_cityscapes
fetch_dataset pix2pix/datasets tar.gz train
