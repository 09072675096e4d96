"""Flags of old scripts, which still run: some are renamed, some have no effect."""

import logging
from collections.abc import Sequence
from itertools import islice

log = logging.getLogger(__name__)

# Names from before 2018, and of CUT.
RENAMED = {
    "--niter": "--n_epochs",
    "--niter_decay": "--n_epochs_decay",
    "--which_epoch": "--epoch",
    "--which_direction": "--direction",
    "--which_model_netG": "--netG",
    "--which_model_netD": "--netD",
    "--loadSize": "--load_size",
    "--fineSize": "--crop_size",
    "--batchSize": "--batch_size",
    "--nThreads": "--num_threads",
    "--resize_or_crop": "--preprocess",
    "--how_many": "--num_test",
    "--ntest": "--num_test",
    "--normG": "--norm",
    "--pretrained_name": "--init_from",
}
REPLACED = {"--no_lsgan": ["--gan_mode", "vanilla"]}
# Values of these may begin with a minus sign, which argparse takes for a flag: -1000,2000.
SIGNED = ("--value_range_A", "--value_range_B", "--nan_value")
# Given to test.py too, where they never had an effect.
_LIVE_DISPLAY = (
    "--display_id", "--display_server", "--display_env", "--display_port", "--display_ncols",
)
WITHOUT_EFFECT_IN_TESTS = {
    **dict.fromkeys(_LIVE_DISPLAY, "live displays belong to train.py"),
    "--CUT_mode": "it sets defaults of train.py",
}


def modernise(argv: Sequence[str]) -> list[str]:
    """Replace old flags by the current ones, and log each replacement."""
    modern: list[str] = []
    words = iter(argv)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in RENAMED:
            log.info("%s is now called %s", flag, RENAMED[flag])
            modern.append(RENAMED[flag] + equals + value)
        elif word in REPLACED:
            log.info("%s is now called %s", word, " ".join(REPLACED[word]))
            modern += REPLACED[word]
        elif word in SIGNED:
            modern.append("=".join([word, *islice(words, 1)]))
        else:
            modern.append(word)
    return modern
