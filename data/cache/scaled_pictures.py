"""The images of a data set, decoded and scaled; kept in a cache, if there is one."""

from collections.abc import Callable, Sequence

from data.cache.choice import open_cache
from data.cache.picture_cache import PictureCache
from data.files.raster import Pixels
from data.files.side import Side
from data.files.source import Source, read_together
from data.resizing import image_size, resize, resize_both
from data.transforms import Recipe


class ScaledPictures:
    """Pixels [H, W, C] in their own dtype, to be read only: a cache's are shared."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.planned: list[tuple[Sequence[Side], tuple[Source, ...]]] = []
        self._cache: PictureCache | None = None

    def plan(self, sides: Sequence[Side], rows: Sequence[tuple[Source, ...]]) -> None:
        """Row by row there is one source for each of ``sides``: what a cache makes room for."""
        self.planned += [(sides, row) for row in rows]

    def open_cache(self, choice: str) -> None:
        """``choice``: what --cache says."""
        self._cache = open_cache(choice, self.planned, self.recipe)

    @property
    def has_cache(self) -> bool:
        return self._cache is not None

    def one(self, side: Side, source: Source) -> Pixels:
        pixels = self.kept(side, source)
        if pixels is None:
            pixels = side.read(source)
            size = self.recipe.new_size(image_size(pixels))
            if size is not None:
                pixels = resize(pixels, size, nearest=side.labels, by=self.recipe.resizer)
            self._keep(side, source, pixels)
        return pixels

    def pair(
        self,
        sides: tuple[Side, Side],
        sources: tuple[Source, Source],
        check: Callable[[Pixels, Pixels], None],
    ) -> tuple[Pixels, Pixels]:
        """A and B, scaled to what A's size asks for; ``check`` sees both as they are in the files.

        One file that holds both is decoded once.
        """
        kept_A, kept_B = map(self.kept, sides, sources)
        if kept_A is not None and kept_B is not None:
            return kept_A, kept_B
        raster_A, raster_B = read_together(sources)
        A = sides[0].convert(raster_A, source=sources[0])
        B = sides[1].convert(raster_B, source=sources[1])
        check(A, B)
        size = self.recipe.new_size(image_size(A))
        if size is not None:
            labels = "".join(side.letter for side in sides if side.labels)
            A, B = resize_both(A, B, size, labels=labels, by=self.recipe.resizer)
        self._keep(sides[0], sources[0], A)
        self._keep(sides[1], sources[1], B)
        return A, B

    def kept(self, side: Side, source: Source) -> Pixels | None:
        return self._cache.get(side, source) if self._cache else None

    def _keep(self, side: Side, source: Source, pixels: Pixels) -> None:
        if self._cache:
            self._cache.put(side, source, pixels)
