"""One file format per file: inference/export/<name>_file.py is selected by ``--to <name>``."""

from inference.export.base_file import ExportFile
from util.registry import find_class, list_names


def available() -> list[str]:
    return list_names(__path__, suffix="_file")


def find_format(name: str) -> type[ExportFile]:
    return find_class("inference.export", name, suffix="_file", base=ExportFile)
