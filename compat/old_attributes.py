"""Attributes of the original's own datasets, for subclasses of ours that read them."""

from typing import Any

from compat.transforms import get_transform


class Assignable(property):
    """A property that files of users may replace by an attribute."""

    def __set__(self, dataset: Any, value: Any) -> None:
        vars(dataset)[self.fget.__name__] = value  # type: ignore[union-attr]

    def __get__(self, dataset: Any, owner: Any = None) -> Any:
        name = self.fget.__name__  # type: ignore[union-attr]
        return vars(dataset)[name] if name in vars(dataset) else super().__get__(dataset, owner)


def attribute_of(dataset: Any, name: str) -> Any:
    """Return ``A_paths``, ``AB_paths``, ``A_size``, ``dir_A``, ``transform_A`` and the like.

    Raises:
        AttributeError: the original has no such attribute either.
    """
    kind, _, letter = name.rpartition("_") if name[:2] not in ("A_", "B_", "AB") else (
        name.partition("_")[2], "", name.partition("_")[0])
    if letter not in ("A", "B", "AB") or kind not in ("paths", "size", "dir", "transform"):
        raise AttributeError(f"{type(dataset).__name__!r} object has no attribute {name!r}")
    opt = dataset.opt
    if kind == "dir":
        return f"{dataset.root}/{opt.phase}{'' if letter == 'AB' else letter}"
    if kind == "transform":
        is_input = (letter == "A") == (opt.direction == "AtoB")
        return get_transform(opt, grayscale=(opt.input_nc if is_input else opt.output_nc) == 1)
    sources = dataset.examples.get(letter[0]) or dataset.sources
    paths = [str(source.path) for source in sources]
    return paths if kind == "paths" else len(paths)
