"""The decoded and scaled images of a data set; kept in a cache if there is one."""

from collections.abc import Callable, Sequence

from data.cache.choice import open_cache
from data.cache.picture_cache import PictureCache
from data.files.raster import Pixels
from data.files.side import Side, read_row
from data.files.source import Source
from data.resizing import image_size, resize_together
from data.transforms import Recipe


class ScaledPictures:
    """Pixels [H, W, C] in their own dtype. Do not write to them: the cache is shared."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.planned: list[tuple[Sequence[Side], tuple[Source, ...]]] = []
        self._cache: PictureCache | None = None

    def plan(self, sides: Sequence[Side], rows: Sequence[tuple[Source, ...]]) -> None:
        """Reserve space in the cache. A row has one source for each of ``sides``."""
        self.planned += [(sides, row) for row in rows]

    def open_cache(self, choice: str) -> None:
        """Open the cache that ``choice``, the value of --cache, selects."""
        self._cache = open_cache(choice, self.planned, self.recipe)

    @property
    def has_cache(self) -> bool:
        return self._cache is not None

    def one(self, side: Side, source: Source) -> Pixels:
        [pixels] = self.row([side], [source])
        return pixels

    def row(
        self, sides: Sequence[Side], sources: Sequence[Source],
        check: Callable[..., None] = lambda *pixels: None
    ) -> list[Pixels]:
        """Return one image for each side, all scaled to the size that the first one asks for.

        ``check`` is called with the images before scaling. A file that holds A and B is decoded
        once.
        """
        kept = [self.kept(side, source) for side, source in zip(sides, sources, strict=True)]
        complete = [pixels for pixels in kept if pixels is not None]
        if len(complete) == len(kept):
            return complete
        _, images = read_row(sides, sources)
        check(*images)
        size = self.recipe.new_size(image_size(images[0]))
        if size is not None:
            labels = [side.labels for side in sides]
            images = resize_together(images, size, nearest=labels, by=self.recipe.resizer)
        if self._cache:
            for side, source, pixels in zip(sides, sources, images, strict=True):
                self._cache.put(side, source, pixels)
        return images

    def kept(self, side: Side, source: Source) -> Pixels | None:
        return self._cache.get(side, source) if self._cache else None
