"""One display per file: ``<name>_sink.py`` is found by its name and brings its own flags."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from display.sinks.base_sink import Sink
from util.registry import Plugins

PLUGINS = Plugins("display.sinks", "_sink", Sink)


def find_sinks(is_train: bool) -> list[type[Sink]]:
    """Return the displays of train.py or of test.py, in the order in which they are opened."""
    classes = sorted(PLUGINS.find_usable().values(), key=lambda cls: cls.order)
    return [cls for cls in classes if (cls.in_training if is_train else cls.in_tests)]


def add_flags(parser: ArgumentParser, is_train: bool) -> None:
    """Let every display add its own flags."""
    for sink_class in find_sinks(is_train):
        sink_class.modify_commandline_options(parser, is_train)


def open_sinks(folder: Path, opt: Namespace) -> list[Sink]:
    """Open the displays that the options ask for. ``folder`` is the run's or the results'."""
    return [sink for cls in find_sinks(opt.isTrain) if (sink := cls.open(folder, opt))]
