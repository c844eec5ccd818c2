"""Converts and shrinks pictures for a model."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from hemm.core import Media
from hemm.data.pixels import unit, upright

if TYPE_CHECKING:
    from PIL.Image import Image


def fit(media: Media, types: frozenset[str] = frozenset(), max_pixels: int = 0) -> Media:
    """The same object if its type and size suit the model, else a lossless PNG.

    types       MIME types that the model takes; empty: all
    max_pixels  most width x height; a larger picture keeps its proportions; 0: no limit

    Equal bytes give equal bytes, and fitting twice changes nothing. Sound and video are not changed. Raises
    BadData where a picture that has to be converted does not open.
    """
    if media.kind != "image" and not media.mime.endswith("octet-stream"):
        return media
    supported = not types or media.mime in types
    if supported and not max_pixels:
        return media
    size = dimensions(media) if supported else (0, 0)
    if supported and size[0] * size[1] <= max_pixels:
        return media
    picture = upright(media)
    if max_pixels and picture.width * picture.height > max_pixels:
        picture = _smaller(picture, max_pixels)
    buffer = io.BytesIO()
    _for_png(picture).save(buffer, "PNG", compress_level=6)
    return Media(buffer.getvalue(), name=media.name, mime="image/png")


def dimensions(media: Media) -> tuple[int, int]:
    """Width and height from the header alone. Raises BadData where it cannot be read."""
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
    """The picture in a mode that PNG stores without loss; floating point becomes 16 bits over its range."""
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
    return PIL.Image.fromarray((unit(values) * 65535).round().astype(np.uint16))
