"""What people see of a picture: upright 8-bit RGB. One rule for local models, servers, metrics and reports.

- The orientation that EXIF or XMP states is applied.
- Transparency lies over white, as vLLM, transformers and Qwen's own code show it; Pillow's ``convert("RGB")``
  would uncover the colours beneath, which are often black.
- Greys of more than 8 bits go linearly from 0 and the type's white to 0 and 255, rounded: 65535 for 16 bits,
  4095 for 12, 1 for floating point; or to the white point that the file states. No picture's own least and
  greatest value is used, since equal values would then look different in two pictures. Whole numbers of 32
  bits and signed ones have no white: without a stated one the picture does not open. Deeper colours are read
  by Pillow, which takes their upper 8 bits.
- Any other mode (CMYK, Lab, YCbCr) is converted by Pillow's formula, without the file's profile. A profile
  stays only where it is one of RGB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hemm.core import BadData, Media

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
_PHOTOMETRIC, _BITS = 262, 258
_LEAST, _GREATEST, _BLACK_WHITE, _BLACK_LEVEL, _WHITE_LEVEL = 340, 341, 532, 50714, 50717
"""Tags of TIFF 6.0 and DNG. MinSampleValue and MaxSampleValue (280, 281) are no white point: TIFF 6.0 has
them for statistics alone."""
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def rgb(media: Media, most: int = 0) -> Image:
    """The picture as upright 8-bit RGB, by the rule above. Raises BadData where there is no such picture.

    most  as for ``Media.pixels``

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGBA", (8, 6), (255, 0, 0, 0)).save(file, "PNG")
    >>> rgb(Media(file.getvalue())).getpixel((0, 0))
    (255, 255, 255)
    """
    import PIL.Image
    from PIL import ImageOps

    decoded = media.pixels(most)
    picture = ImageOps.exif_transpose(decoded)
    profile = picture.info.get("icc_profile", b"")
    if _is_deep(picture):
        picture = _eight_bits(picture, _range(decoded, media))
    elif picture.mode in _ALPHA or "transparency" in picture.info:
        layer = _with_alpha(picture)
        white = PIL.Image.new("RGBA", layer.size, (255, 255, 255, 255))
        picture = PIL.Image.alpha_composite(white, layer).convert("RGB")
    elif picture.mode != "RGB":
        picture = picture.convert("RGB")
    picture.info = {"icc_profile": profile} if profile[16:20] == b"RGB " else {}
    return picture


def is_plain(media: Media, picture: Image, most: int = 0) -> bool:
    """Whether a picture is 8-bit RGB or grey (also by a palette), upright and opaque.

    Then every program shows it as ``rgb`` does.

    picture  the opened one; it is decoded (``most`` as for ``Media.pixels``) where that alone tells
    """
    if _is_deep(picture) or (picture.format == "PNG" and media.data[24] > 8):
        return False
    if picture.mode not in ("1", "L", "P", "RGB", "RGBA", "LA") or _orientation(media, picture) != 1:
        return False
    if picture.mode in _ALPHA or "transparency" in picture.info:  # often one that no pixel uses
        alpha = _with_alpha(media.pixels(most)).getchannel("A")
        return bool(alpha.getextrema() == (255, 255))
    return True


def upright_size(media: Media) -> tuple[int, int]:
    """Width and height as people see them, from the header alone. Raises BadData where it cannot be read."""
    picture = media.opened()
    tags = getattr(picture, "tag_v2", {})  # of a TIFF, which Pillow turns itself: the size may be turned
    width, height = int(tags.get(256, picture.width)), int(tags.get(257, picture.height))
    return (height, width) if _orientation(media, picture) in (5, 6, 7, 8) else (width, height)


_PNG_EXIF = (b"Raw profile type exif", b"XML:com.adobe.xmp")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def _may_turn(png: bytes) -> bool:
    """Whether a PNG has a chunk that may state an orientation, or is not made of whole chunks."""
    at, end = 8, len(png)
    while at + 12 <= end:
        kind, start = png[at + 4 : at + 8], at + 8
        if kind == b"IEND":
            return False
        if kind == b"eXIf" or (kind in _PNG_TEXTS and png.startswith(_PNG_EXIF, start)):
            return True
        at = start + int.from_bytes(png[at : at + 4], "big") + 4
    return True


def _orientation(media: Media, picture: Image) -> int:
    if picture.format == "PNG" and not _may_turn(media.data):
        return 1  # Pillow would decode it all in search of one behind the pixels
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block turns nothing
        return 1


def _with_alpha(picture: Image) -> Image:
    clear = picture.info.get("transparency")
    if isinstance(clear, tuple) and max(clear) > 255:  # of a PNG with 16 bits, which Pillow reads as 8
        picture.info["transparency"] = tuple(value >> 8 for value in clear)
    return picture.convert("RGBA")


# more than 8 bits


def _is_deep(picture: Image) -> bool:
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _eight_bits(picture: Image, shown: tuple[float, float]) -> Image:
    """``shown``: the values that are shown as black and white."""
    import numpy as np
    import PIL.Image

    black, white = shown
    values = np.asarray(picture, dtype=np.float64)
    scaled = (np.nan_to_num(values) - black) / (white - black)
    tones = (np.clip(scaled, 0.0, 1.0) * 255).round().astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        tones[values == clear] = 255
    return PIL.Image.fromarray(tones).convert("RGB")


def _range(picture: Image, media: Media) -> tuple[float, float]:
    """The values that are shown as black and white. Raises BadData where nothing tells them."""
    tags = getattr(picture, "tag_v2", {})
    black, white = _stated(picture.mode, tags)
    if white is None:
        if picture.mode.startswith("I;16"):
            white = 2.0 ** _first(tags.get(_BITS), 16) - 1
        elif picture.format == "PPM" and picture.mode == "I":
            white = 65535.0  # Pillow scales PGM's own white to it
        elif picture.mode == "F":
            white = 1.0
            _check_floats(picture, media)
        else:
            raise _no_white(media, "its whole numbers have a sign or 32 bits")
    if white == black:
        raise _no_white(media, f"it states {white:g} as black and as white")
    return (white, black) if tags.get(_PHOTOMETRIC) == 0 else (black, white)


def _stated(mode: str, tags: Any) -> tuple[float, float | None]:
    """Black, and white where a TIFF states it."""
    pairs = [(_BLACK_LEVEL, _WHITE_LEVEL)]
    if not mode.startswith("I;16"):  # the range of 16 bits is that of the type
        pairs.append((_LEAST, _GREATEST))
    for low, high in pairs:
        if (white := _first(tags.get(high), None)) is not None:
            return _first(tags.get(low), 0.0) if low in tags else 0.0, white
    both = tags.get(_BLACK_WHITE)
    if isinstance(both, tuple) and len(both) >= 2:
        return float(both[0]), float(both[1])
    return 0.0, None


def _first(value: Any, default: Any) -> Any:
    value = value[0] if isinstance(value, tuple) and value else value
    return default if value is None or isinstance(value, tuple) else float(value)


def _check_floats(picture: Image, media: Media) -> None:
    """Refuse values above white by more than rounding: they would all be shown as white."""
    import numpy as np

    greatest = float(np.nanmax(np.asarray(picture)))
    if greatest > 1.0 + 0.5 / 255:
        raise _no_white(media, f"it has floating-point values up to {greatest:g}, of which 1 is white")


def _no_white(media: Media, why: str) -> BadData:
    return BadData(
        f"picture {media.name or media.digest[:12]} has no white point: {why}; store it with 8 bits, or "
        "state SMaxSampleValue (TIFF tag 341)"
    )
