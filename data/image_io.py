"""Former location of the readers of images: programs of users import them from here."""

from data.files.image_io import (
    can_hold,
    extension_for,
    raster_of_pil,
    read_image,
    read_size,
    write_image,
)

__all__ = ["can_hold", "extension_for", "raster_of_pil", "read_image", "read_size", "write_image"]
