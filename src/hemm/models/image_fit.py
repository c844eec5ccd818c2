"""The one place that makes a picture ready for a model: it is converted, made smaller, or left as it is."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.core import Media
from hemm.data.picture_header import plain_header
from hemm.data.pixels import is_plain, rgb

if TYPE_CHECKING:
    from PIL.Image import Image


def fit(
    media: Media, types: frozenset[str] = frozenset(), max_pixels: int = 0, *, only_rgb: bool = False
) -> Media:
    """The same object where every program shows it alike and it suits the model, else a lossless PNG.

    types       MIME types that the model takes; empty: all
    max_pixels  most width x height; a larger picture keeps its proportions; 0: no limit
    only_rgb    greys and palettes become RGB too

    Shown alike is 8-bit RGB or grey, upright and opaque; anything else becomes that (``hemm.data.pixels`` has
    the rule). A PNG names the picture that it was made of (``original``). Equal bytes give equal bytes, and
    fitting twice changes nothing. Sound and video are not changed. Raises BadData where a picture does not
    open, or what would be shown has more pixels than the limit.
    """
    if media.kind in ("audio", "video"):
        return media
    facts = _facts(media, max_pixels)
    small = not max_pixels or facts.size[0] * facts.size[1] <= max_pixels
    if small:
        media.check_size(facts.size)
    suits = media.kind == "image" and (not types or media.mime in types)
    if facts.plain and small and suits and (facts.rgb or not only_rgb):
        return media
    as_rgb, most = only_rgb or not facts.plain, 0 if small else max_pixels
    key = (media.digest, as_rgb, most)
    data = _MADE.get(key)
    if data is None:
        data = _png(media, as_rgb, most)
        while len(_MADE) >= _KEPT:
            _MADE.pop(next(iter(_MADE), key), None)
        _MADE[key] = data
    made = Media(data, name=media.name, mime="image/png")
    made.original = media.original or media.digest
    return made


_KEPT = 4
_MADE: dict[tuple[str, bool, int], bytes] = {}
"""The last PNGs: the questions on one picture follow one another in a pack."""


def _png(media: Media, as_rgb: bool, most: int) -> bytes:
    picture = rgb(media, most) if as_rgb else media.pixels(most)
    if most:
        picture = _smaller(picture, most)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Facts:
    """Width and height as stored, whether every program shows the picture alike, whether it is RGB."""

    size: tuple[int, int]
    plain: bool
    rgb: bool


_KNOWN: dict[str, _Facts] = {}
"""Facts of pictures by digest: a picture with twenty questions is looked at once."""


def _facts(media: Media, most: int) -> _Facts:
    found = _KNOWN.get(media.digest)
    if found is None:
        header = None
        with suppress(OSError):  # opening it says what is wrong
            header = plain_header(media.data)
        if header is not None:
            found = _Facts(header.size, True, header.rgb)
        else:
            picture = media.opened()
            found = _Facts(picture.size, is_plain(media, picture, most), picture.mode == "RGB")
        if len(_KNOWN) > 10_000:
            _KNOWN.clear()
        _KNOWN[media.digest] = found
    return found


def _smaller(picture: Image, max_pixels: int) -> Image:
    import PIL.Image

    if picture.mode in ("P", "1"):
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    picture.info.pop("transparency", None)  # no pixel has it, and one that is made by resizing should not
    scale = min(1.0, math.sqrt(max_pixels / (picture.width * picture.height)))
    width = min(max(1, math.floor(picture.width * scale)), max_pixels)
    height = min(max(1, math.floor(picture.height * scale)), max_pixels // width)
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS)
