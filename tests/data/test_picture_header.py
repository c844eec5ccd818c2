"""A header that is told of without opening the picture is what Pillow tells of it."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from hemm.core import BadData, Media
from hemm.data.picture_header import plain_header
from hemm.data.pixels import is_plain


def _encoded(mode: str, form: str, size: tuple[int, int] = (37, 23), **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, form, **options)
    return file.getvalue()


def _turned(form: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _encoded("RGB", form, exif=exif)


PLAIN = {
    "jpeg": _encoded("RGB", "JPEG"),
    "progressive": _encoded("RGB", "JPEG", progressive=True, comment=b"birds"),
    "grey jpeg": _encoded("L", "JPEG", dpi=(300, 300)),
    "png": _encoded("RGB", "PNG", dpi=(72, 72)),
    "grey png": _encoded("L", "PNG"),
    "black and white": _encoded("1", "PNG"),
}
_TEXT = PngImagePlugin.PngInfo()
_TEXT.add_text("XML:com.adobe.xmp", "<x/>")
LEFT = {
    "cmyk": _encoded("CMYK", "JPEG"),
    "turned jpeg": _turned("JPEG"),
    "turned png": _turned("PNG"),
    "clear": _encoded("RGBA", "PNG"),
    "one clear colour": _encoded("RGB", "PNG", transparency=(1, 0, 0)),
    "palette": _encoded("P", "PNG"),
    "16 bits": _encoded("I;16", "PNG"),
    "text": _encoded("RGB", "PNG", pnginfo=_TEXT),
    "gif": _encoded("P", "GIF"),
    "webp": _encoded("RGB", "WEBP"),
    "empty": b"",
    "no picture": b"\xff\xd8\xff",
}


@pytest.mark.parametrize("name", PLAIN)
def test_of_most_files_size_and_colours_are_told(name: str) -> None:
    picture = Media(PLAIN[name]).opened()
    assert plain_header(PLAIN[name]) == (picture.size, picture.mode == "RGB")


@pytest.mark.parametrize("name", LEFT)
def test_what_may_be_shown_in_two_ways_is_left_to_pillow(name: str) -> None:
    assert plain_header(LEFT[name]) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PLAIN)
def test_a_damaged_header_is_never_told_of_otherwise_than_pillow_does(name: str) -> None:
    chance, told = random.Random(name), 0
    for _ in range(300):
        data = bytearray(PLAIN[name])
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(min(len(data), 700))
            data[at] = chance.choice((0, 1, 8, 16, 255, chance.randrange(256), data[at] ^ 1))
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        found = plain_header(bytes(data))
        if found is None:
            continue
        told += 1
        media = Media(bytes(data))
        try:
            picture = media.opened()
        except BadData as error:
            raise AssertionError(f"{found} of what does not open: {error}") from error
        assert (picture.size, picture.mode == "RGB") == found
        assert is_plain(media, picture)
    assert told
