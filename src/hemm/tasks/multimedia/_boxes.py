"""Boxes with name tags on a picture: the same pixels each time, on every platform.

Lines and letters are set in integers with a font of our own; the result is PNG, so that nothing is lost.
"""

from __future__ import annotations

import colorsys
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hemm.tasks.probes.font import HEIGHT, WIDTH, glyph

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the last pixel inside."""

_GOLDEN = 0.6180339887498949


def colour(number: int) -> Colour:
    """The colour of box ``number`` (from 0): neighbours differ by more than a third of the colour circle."""
    lightness = (0.5, 0.68, 0.36)[number // 8 % 3]
    red, green, blue = colorsys.hls_to_rgb(number * _GOLDEN % 1.0, lightness, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def tagged(picture: Image.Image, boxes: Sequence[Sequence[float]], tags: Sequence[str]) -> bytes:
    """``picture`` as PNG with ``boxes`` (x1, y1, x2, y2 in its pixels) and a readable tag at each.

    Large boxes are drawn first. A tag lies at its box where no other tag is; tags are drawn last, so that
    none is hidden by a line.
    """
    pixels = np.array(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    line = max(1, round(min(height, width) / 250))
    scale = max(1, round(height / 300))
    inside = [_inside(box, width, height) for box in boxes]
    for number in sorted(range(len(inside)), key=lambda n: -_area(inside[n])):
        _outline(pixels, inside[number], colour(number), line)
    placed: list[Box] = []
    for number, (box, tag) in enumerate(zip(inside, tags, strict=True)):
        placed.append(_place(box, _size(tag, scale), placed, width, height))
        _write(pixels, placed[-1], tag, scale, colour(number))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _inside(box: Sequence[float], width: int, height: int) -> Box:
    x1, x2 = sorted(min(max(round(x), 0), width - 1) for x in (box[0], box[2]))
    y1, y2 = sorted(min(max(round(y), 0), height - 1) for y in (box[1], box[3]))
    return x1, y1, x2, y2


def _area(box: Box) -> int:
    return (box[2] - box[0] + 1) * (box[3] - box[1] + 1)


def _outline(pixels: NDArray[np.uint8], box: Box, paint: Colour, line: int) -> None:
    x1, y1, x2, y2 = box
    pixels[y1 : y1 + line, x1 : x2 + 1] = paint
    pixels[max(y2 + 1 - line, y1) : y2 + 1, x1 : x2 + 1] = paint
    pixels[y1 : y2 + 1, x1 : x1 + line] = paint
    pixels[y1 : y2 + 1, max(x2 + 1 - line, x1) : x2 + 1] = paint


def _size(tag: str, scale: int) -> tuple[int, int]:
    """Width and height of a tag: its letters with a blank column between them, and a margin."""
    return (len(tag) * (WIDTH + 1) + 1) * scale, (HEIGHT + 2) * scale


def _place(box: Box, size: tuple[int, int], placed: Sequence[Box], width: int, height: int) -> Box:
    """Where the tag of ``box`` goes: the first free of its places, else the first of them."""
    wide, high = size

    def at(x: int, y: int) -> Box:
        left, top = max(min(x, width - wide), 0), max(min(y, height - high), 0)
        return left, top, left + wide - 1, top + high - 1

    places = [at(x, y) for x, y in _wanted(box, size)]
    return next((p for p in places if not any(_meet(p, other) for other in placed)), places[0])


def _wanted(box: Box, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Above the box at its left, then inside its corners, below it, and down its left side."""
    (x1, y1, x2, y2), (wide, high) = box, size
    right = x2 + 1 - wide
    yield from ((x1, y1 - high), (x1, y1), (right, y1), (x1, y2 + 1 - high), (right, y2 + 1 - high))
    yield from ((x1, y2 + 1), (right, y2 + 1), (right, y1 - high))
    for y in range(y1 + high, y2 - high, high):
        yield x1, y


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _write(pixels: NDArray[np.uint8], place: Box, tag: str, scale: int, paint: Colour) -> None:
    x1, y1, x2, y2 = place
    area = pixels[y1 : y2 + 1, x1 : x2 + 1]  # what the picture's edge leaves of it
    area[:] = paint
    dark = 299 * paint[0] + 587 * paint[1] + 114 * paint[2] < 140_000
    ink = (255, 255, 255) if dark else (0, 0, 0)
    for number, letter in enumerate(tag):
        mask = glyph(letter, scale)
        x = (number * (WIDTH + 1) + 1) * scale
        slot = area[scale : scale + mask.shape[0], x : x + mask.shape[1]]
        slot[mask[: slot.shape[0], : slot.shape[1]]] = ink


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    data: bytes | None = None


class Recent:
    """``make(*key)``, where the results of the last few keys are kept: questions about one picture come one
    after another, and several threads ask for it at once; it is drawn once."""

    def __init__(self, make: Callable[..., bytes], size: int = 8) -> None:
        self._make, self._size = make, size
        self._slots: OrderedDict[tuple[object, ...], _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, *key: object) -> bytes:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._size:
                self._slots.popitem(last=False)
        with slot.lock:
            if slot.data is None:
                slot.data = self._make(*key)
            return slot.data
