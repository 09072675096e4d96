"""Former location of ``Translator``: programs of users import it from here."""

from inference.translator import Translator

__all__ = ["Translator"]
