"""Model files in the style of the original implementation: find them, and adapt their classes.

Such a file keeps its networks, optimizers, losses and images in attributes and lists of names,
and calls ``backward`` and ``step`` itself. The class that the programs use then is

    class MyModel(Adapter, MyModel of the file, OldStyleModel)

``OldStyleModel`` is below the class of the file, and offers it what the original's ``BaseModel``
offers. ``Adapter`` is above it, and registers what it has created.
"""

import dis
import re
import sys
from abc import ABCMeta
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from inspect import getsourcefile
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any, cast

from models.base_model import BaseModel
from util.free_memory import is_full_memory
from util.registry import place_of, raised_here

_LISTS = {"loss_names", "model_names", "visual_names", "optimizers"}
_CHANGES = {"append", "extend", "insert", "remove", "pop", "clear"}
_OLD = re.compile(r"backward(_\w+)?|criterion(GAN|L1|Cycle|Idt)")
_OLD_ATTRIBUTE = re.compile(r"net[A-Z]\w*|loss_\w+")
# Names that only files for this project use.
_NEW = {"add_network", "add_generator", "add_discriminator", "add_optimizer", "report_losses",
        "update", "generator_losses"}
_OURS = {f"models.{name}_model"
         for name in ("pix2pix", "cycle_gan", "colorization", "template", "test")}


@cache
def adapted(cls: type[BaseModel]) -> type[BaseModel]:
    """Return the class for the programs: ``cls`` itself if it is not in the original's style."""
    if not _is_old_style(cls):
        return cls
    if any("initialize" in vars(own) for own in users_classes(cls)):
        raise ValueError(f"{cls.__module__.replace('.', '/')}.py has the form of 2017, with a "
                         "method initialize; call it __init__, and BaseModel.__init__(self, opt) "
                         "inside it")
    from compat.old_models import flags
    from compat.old_models.adapter import Adapter
    from compat.old_models.attributes import OldStyleModel
    from compat.old_models.steps import steps_of

    methods: dict[str, Any] = {
        "__module__": cls.__module__, "__doc__": cls.__doc__, "LOSSES": (),
        "modify_commandline_options": staticmethod(partial(flags.add_flags, cls)),
        "check_options": staticmethod(partial(flags.check_options, cls)),
        "comparisons": staticmethod(partial(flags.comparisons, cls)),
    }
    bases: tuple[type, ...] = (Adapter, cls, *steps_of(cls), OldStyleModel)
    return cast(type[BaseModel], ABCMeta(cls.__name__, bases, methods))


def users_classes(cls: type) -> list[type]:
    """Return ``cls`` and its bases that are not of this project."""
    shared = {*BaseModel.__mro__}
    return [own for own in cls.__mro__ if own not in shared
            and not own.__module__.startswith("compat.")
            and (own.__module__ not in _OURS or _sets_lists(own))]


def codes(classes: Iterable[type]) -> Iterator[CodeType]:
    """Yield the code of all functions of the classes, also of functions inside them."""
    for own in classes:
        for member in vars(own).values():
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType):
                waiting = [function.__code__]
                while waiting:
                    yield (code := waiting.pop())
                    waiting += [part for part in code.co_consts if isinstance(part, CodeType)]


def names_in(cls: type) -> set[str]:
    """Return the names of all methods, and of all attributes and functions that they use."""
    users = users_classes(cls)
    return {name for code in codes(users) for name in code.co_names}.union(*map(vars, users))


def stored_in(classes: Iterable[type]) -> set[str]:
    """Return the names of the attributes that the classes set."""
    return {step.argval for code in codes(classes) for step in dis.get_instructions(code)
            if step.opname == "STORE_ATTR"}


@contextmanager
def naming_line(cls: type) -> Iterator[None]:
    """Turn an exception of the code of a file into a ValueError with the file and the line.

    ValueError and OSError that the project itself raises are complete, and pass unchanged.
    """
    try:
        yield
    except Exception as error:
        files = {getsourcefile(own) for own in users_classes(cls) if own.__module__ in sys.modules}
        place = place_of(error, files)
        ours = isinstance(error, ValueError | OSError) and raised_here(error, place)
        if not place or ours or is_full_memory(error):
            raise
        raise ValueError(f"{place}: {type(error).__name__}: {error}") from error


def _is_old_style(cls: type) -> bool:
    users, names = users_classes(cls), names_in(cls)
    if any(map(_sets_lists, users)):
        return True
    return not names & _NEW and any(
        _OLD.fullmatch(name) or _OLD_ATTRIBUTE.fullmatch(name) for name in names
        if _OLD.fullmatch(name) or name in stored_in(users))


def _sets_lists(own: type) -> bool:
    """Return whether a class sets one of the original's lists, or changes it."""
    if stored_in([own]) & _LISTS:
        return True
    return any(first.argval in _LISTS and second.argval in _CHANGES for code in codes([own])
               for first, second in pairwise(dis.get_instructions(code)))
