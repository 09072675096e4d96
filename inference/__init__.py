"""Everything that applies a trained generator: ``from inference import Translator``."""

from inference.translator import Translator

__all__ = ["Translator"]
