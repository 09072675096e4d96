"""Flags of old scripts, which still run: some are renamed, some have no effect."""

import logging
from collections.abc import Sequence
from itertools import islice

from util.flags import switch

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
# Flags of CUT that have no effect there either; each has a value.
DROPPED = ("--easy_label", "--evaluation_freq")
_WORDS = ("true", "t", "yes", "y", "1", "false", "f", "no", "n", "0")  # after --no_dropout of CUT
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
        elif flag in DROPPED:
            log.info("%s has no effect", flag)
            next(words if not equals else iter(()), None)
        elif modern[-1:] == ["--no_dropout"] and word.lower() in _WORDS:
            modern[-1:] = ["--no_dropout" if switch(word) else "--dropout"]
        elif word in SIGNED:
            modern.append("=".join([word, *islice(words, 1)]))
        else:
            modern.append(word)
    return modern
