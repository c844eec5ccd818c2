"""Decodes pictures to upright RGB, as people see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemm.core import Media

if TYPE_CHECKING:
    from PIL.Image import Image


def upright(media: Media) -> Image:
    """The decoded picture, turned by its EXIF orientation. Raises BadData if it does not open."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(media.pixels())


def rgb(media: Media) -> Image:
    """The picture as upright 8-bit RGB; transparency over white, deeper greys over their range."""
    picture = upright(media)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = _eight_bits(picture)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        import PIL.Image

        layer = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", layer.size, (255, 255, 255, 255))
        picture = PIL.Image.alpha_composite(white, layer)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _eight_bits(picture: Image) -> Image:
    import numpy as np
    import PIL.Image

    return PIL.Image.fromarray((unit(np.asarray(picture, dtype=np.float64)) * 255).round().astype(np.uint8))


def unit(values: Any) -> Any:
    """Values scaled from their own range to 0 to 1; 0 if all are equal."""
    import numpy as np

    array = np.nan_to_num(np.asarray(values, dtype=np.float64))
    low, high = float(array.min()), float(array.max())
    return (array - low) / (high - low) if high > low else np.zeros_like(array)
