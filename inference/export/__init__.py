"""One file format per file: inference/export/<name>_file.py is selected by ``--to <name>``."""

from inference.export.base_file import ExportFile
from util.registry import Plugins

PLUGINS = Plugins("inference.export", "_file", ExportFile)
available, find_format = PLUGINS.available, PLUGINS.find
