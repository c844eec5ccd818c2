"""JPEG files that are told to decode by their marks: Pillow decodes them all, however they are damaged."""

from __future__ import annotations

import io
import random
import warnings

import numpy as np
import pytest
from PIL import Image

from hemm.core import BadData, Media
from hemm.data.pack.jpeg_check import surely_decodes
from hemm.data.pack.media_check import check_media


def jpeg(seed: int, **options: object) -> bytes:
    draw = np.random.default_rng(seed)
    height, width = draw.integers(1, 70, 2)
    grey = seed % 4 == 1
    pixels = draw.integers(0, 256, (height, width) if grey else (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    if not grey:
        options.setdefault("subsampling", seed % 3)
    Image.fromarray(pixels).save(out, "JPEG", quality=5 + seed * 3, **options)
    return out.getvalue()


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Bytes changed, lost, put in or moved, mostly in the tables; cut short, with and without an end mark."""
    made = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 5))):
        kind, size = draw.random(), len(made)
        at = draw.randrange(2, min(size, 700)) if draw.random() < 0.7 else draw.randrange(size)
        if kind < 0.4:
            made[at] = draw.randrange(256)
        elif kind < 0.5:
            del made[at : at + draw.randrange(1, 60)]
        elif kind < 0.6:
            made[at:at] = draw.randbytes(draw.randrange(1, 8))
        elif kind < 0.7:
            made[at:at] = b"\xff" + draw.randbytes(1)
        elif kind < 0.8:
            made[at] = (made[at] + 1) % 256
        elif kind < 0.9:
            other = draw.randrange(size)
            made[at : at + 40] = made[other : other + 40]
        else:
            del made[draw.randrange(size) :]
            made += b"\xff\xd9" if kind < 0.95 else b""
        if len(made) < 20:
            break
    return bytes(made)


def test_a_damaged_file_that_is_told_to_decode_does() -> None:
    draw = random.Random(4)
    whole = [jpeg(n, restart_marker_rows=n % 3, optimize=n % 5 == 0) for n in range(30)]
    told = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3000):
            media = Media(damaged(draw.choice(whole), draw))
            try:
                opened = media.opened().format == "JPEG"
            except BadData:
                continue
            if opened and surely_decodes(media.data):
                told += 1
                media.pixels()
    assert told > 300


def test_what_cameras_and_the_web_write_need_not_be_decoded() -> None:
    assert all(surely_decodes(jpeg(n, optimize=n % 2 == 0)) for n in range(20))
    plain = jpeg(6)
    exif = b"\xff\xe1\x00\x10Exif\0\0MM\0\x2a\0\0\0\x08"
    assert surely_decodes(plain[:2] + exif + plain[2:] + b"bytes that a camera puts behind the end")


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.999])
def test_a_file_that_ends_too_early_has_a_problem(cut: float) -> None:
    data = jpeg(22)
    checked = check_media(Media(data[: int(len(data) * cut)], name="a.jpg"), {}.get)
    assert "truncated" in checked.problem.lower()
    assert not check_media(Media(data, name="a.jpg"), {}.get).problem
