"""``make_dataset`` and what else the original's data/image_folder.py offers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from torch.utils.data import Dataset

from data.discovery.folders import EXTENSIONS, is_picture, visible_files
from util.files import fault_of

IMG_EXTENSIONS = [*EXTENSIONS, *map(str.upper, EXTENSIONS)]


def is_image_file(filename: str) -> bool:
    return is_picture(Path(filename))


def make_dataset(dir: str | Path, max_dataset_size: float = float("inf")) -> list[str]:
    """Return the paths of the images below ``dir``, sorted by characters; [] if there are none.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    folder = Path(dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"folder {folder} {fault_of(folder)}; check --dataroot and --phase")
    paths = sorted(str(path) for path in visible_files(folder) if is_picture(path))
    return paths[: int(min(max_dataset_size, len(paths)))]


def default_loader(path: str | Path) -> Image.Image:
    return Image.open(path).convert("RGB")


class ImageFolder(Dataset[Any]):
    """The images below ``root``: transformed, and with ``return_paths`` as (image, path)."""

    def __init__(
        self, root: str, transform: Callable[[Any], Any] | None = None,
        return_paths: bool = False, loader: Callable[[str], Any] = default_loader,
    ) -> None:
        self.root, self.imgs = root, make_dataset(root)
        self.transform, self.return_paths, self.loader = transform, return_paths, loader

    def __getitem__(self, index: int) -> Any:
        path = self.imgs[index]
        image = self.loader(path)
        image = image if self.transform is None else self.transform(image)
        return (image, path) if self.return_paths else image

    def __len__(self) -> int:
        return len(self.imgs)
