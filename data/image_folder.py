"""Import path of the original implementation, for files that were written for it."""

from compat.image_files import (
    IMG_EXTENSIONS,
    ImageFolder,
    default_loader,
    is_image_file,
    make_dataset,
)

__all__ = ["IMG_EXTENSIONS", "ImageFolder", "default_loader", "is_image_file", "make_dataset"]
