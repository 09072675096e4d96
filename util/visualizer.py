"""Import path of the original implementation, for files that were written for it."""

from compat.results import save_images
from compat.visualizer import ScriptVisualizer as Visualizer

__all__ = ["Visualizer", "save_images"]
