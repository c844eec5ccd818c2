"""The one place where pictures are converted or made smaller on their way to a model."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from hemm.core import Media

if TYPE_CHECKING:
    from PIL.Image import Image


def fit(media: Media, types: frozenset[str] = frozenset(), max_pixels: int = 0) -> Media:
    """``media`` as a model takes it: the same object where it does already, else a lossless PNG.

    types       MIME types taken as they are; empty: all
    max_pixels  most width x height; a larger picture keeps its proportions; 0: no limit

    Deterministic: equal bytes give equal bytes, so the digest of the result says what was shown. Fitting
    twice changes nothing. Sound and video pass as they are. Raises BadData where a picture to convert does
    not open.
    """
    if media.kind != "image" and not media.mime.endswith("octet-stream"):
        return media
    taken = not types or media.mime in types
    if taken and not max_pixels:
        return media
    size = dimensions(media) if taken else (0, 0)
    if taken and size[0] * size[1] <= max_pixels:
        return media
    picture = upright(media)
    if max_pixels and picture.width * picture.height > max_pixels:
        picture = _smaller(picture, max_pixels)
    buffer = io.BytesIO()
    _for_png(picture).save(buffer, "PNG", compress_level=6)
    return Media(buffer.getvalue(), name=media.name, mime="image/png")


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


def upright(media: Media) -> Image:
    """The decoded picture, turned as its EXIF orientation says. Raises BadData where it does not open."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(media.pixels())


def dimensions(media: Media) -> tuple[int, int]:
    """Width and height from the header alone; a picture that does not open raises BadData."""
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(media.data)) as picture:
            return picture.size
    except FileNotFoundError:
        raise
    except Exception:
        return media.pixels().size


def _smaller(picture: Image, max_pixels: int) -> Image:
    import PIL.Image

    if picture.mode == "P" or picture.mode == "1":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    scale = math.sqrt(max_pixels / (picture.width * picture.height))
    width = min(max(1, math.floor(picture.width * scale)), max_pixels)
    height = min(max(1, math.floor(picture.height * scale)), max_pixels // width)
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS)


def _for_png(picture: Image) -> Image:
    """The picture in a mode that PNG holds without loss; floating point becomes 16 bits over its range."""
    if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        return picture
    if picture.mode in ("F", "I") or picture.mode.startswith("I;16"):
        return _sixteen_bits(picture)
    return picture.convert("RGBA" if picture.mode in ("PA", "RGBa", "La") else "RGB")


def _sixteen_bits(picture: Image) -> Image:
    import numpy as np
    import PIL.Image

    values = np.asarray(picture, dtype=np.float64)
    if picture.mode != "F" and values.min() >= 0 and values.max() <= 65535:
        return PIL.Image.fromarray(values.astype(np.uint16))
    return PIL.Image.fromarray((_unit(values) * 65535).round().astype(np.uint16))


def _eight_bits(picture: Image) -> Image:
    import numpy as np
    import PIL.Image

    return PIL.Image.fromarray((_unit(np.asarray(picture, dtype=np.float64)) * 255).round().astype(np.uint8))


def _unit(values: Any) -> Any:
    """Values over their own range as 0 to 1; a flat picture is 0."""
    import numpy as np

    array = np.nan_to_num(np.asarray(values, dtype=np.float64))
    low, high = float(array.min()), float(array.max())
    return (array - low) / (high - low) if high > low else np.zeros_like(array)
