"""Small pictures for layouts: each number its own, cheap to write by the hundred."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

FORMS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".gif": "GIF"}


def picture(number: int, mode: str = "RGB", size: tuple[int, int] = (8, 8), form: str = "PNG") -> bytes:
    """An encoded picture of one colour; other numbers give other bytes and other pixels (below 2**15)."""
    red, green, blue = (number * 8 + 4) % 256, (number // 32 * 8 + 4) % 256, number // 1024 * 8 % 256
    image = Image.new("RGB", size, (red, green, blue))
    if mode == "P":
        image = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    elif mode == "L":
        image = Image.new("L", size, number % 256)
        image.putpixel((0, 0), number // 256 % 256)
    elif mode != "RGB":
        image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, form, **({"quality": 95} if form == "JPEG" else {}))
    return out.getvalue()


def put(path: Path, number: int, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> None:
    """Write a picture in the format of its file name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".gif": "GIF"}[
        path.suffix.lower()
    ]
    path.write_bytes(picture(number, mode, size, form))
