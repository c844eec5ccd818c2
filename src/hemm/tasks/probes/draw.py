"""Draws with integers, so that pixels are the same on every platform and library version."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hemm.core import keyed_number
from hemm.tasks.probes.font import WIDTH, glyph

SIDE = 192
"""Width and height of a probe picture in pixels."""
CELL = 48
"""Side in pixels of a cell in the grid of 4 x 4 cells."""

Colour = tuple[int, int, int]
Mask = NDArray[np.bool_]
T = TypeVar("T")

COLOURS: dict[str, Colour] = {
    "red": (220, 30, 30),
    "green": (30, 150, 40),
    "blue": (40, 70, 230),
    "yellow": (245, 215, 20),
    "purple": (140, 40, 170),
    "orange": (250, 130, 10),
    "pink": (250, 130, 190),
}
BACKGROUNDS: dict[str, Colour] = {
    "white": (255, 255, 255),
    "grey": (160, 160, 160),
    "black": (20, 20, 20),
    "brown": (110, 75, 45),
}
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")

_GOLDEN = 0x9E3779B97F4A7C15
_MASK64 = (1 << 64) - 1


class Rand:
    """A stream of random integers that depends on its key alone (SplitMix64, in plain integers)."""

    def __init__(self, *key: str | int) -> None:
        self._state = keyed_number(*key)

    def below(self, n: int) -> int:
        """A number from 0 to n - 1, uniform but for a part in 2**32."""
        self._state = (self._state + _GOLDEN) & _MASK64
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
        return (((z ^ (z >> 31)) >> 32) * n) >> 32

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + self.below(high - low + 1)

    def flip(self) -> bool:
        return bool(self.below(2))

    def pick(self, items: list[T] | tuple[T, ...]) -> T:
        return items[self.below(len(items))]

    def sample(self, items: list[T] | tuple[T, ...], k: int) -> list[T]:
        """``k`` different ones of ``items`` in random order (Fisher-Yates)."""
        pool = list(items)
        for i in range(k):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]


@lru_cache(maxsize=512)
def shape(kind: str, side: int) -> Mask:
    """The pixels of a shape in a box of ``side`` x ``side`` (even), by tests in doubled coordinates."""
    y, x = np.mgrid[0:side, 0:side].astype(np.int64)
    u, v = 2 * x + 1 - side, 2 * y + 1 - side
    distance, radius = u * u + v * v, side
    if kind in ("circle", "disc"):
        return np.asarray(distance <= radius * radius)
    if kind == "ring":
        inner = radius * 5 // 9
        return np.asarray((distance <= radius * radius) & (distance > inner * inner))
    if kind == "square":
        return np.asarray(np.maximum(abs(u), abs(v)) <= side * 8 // 9)
    if kind == "triangle":
        return np.asarray(2 * abs(u) <= v + side)
    if kind == "diamond":
        return np.asarray(abs(u) + abs(v) <= side)
    if kind == "cross":
        arm = side // 3
        return np.asarray((abs(u) <= arm) | (abs(v) <= arm))
    raise ValueError(f"no shape is called {kind!r}")


@lru_cache(maxsize=512)
def ellipse(width: int, height: int) -> Mask:
    """A filled ellipse in a box of ``height`` rows and ``width`` columns."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    u, v = 2 * x + 1 - width, 2 * y + 1 - height
    return np.asarray(u * u * height * height + v * v * width * width <= width * width * height * height)


class Canvas:
    """A picture being drawn: ``pixels`` is uint8 of shape (side, side, 3), row 0 on top."""

    def __init__(self, background: Colour, side: int = SIDE) -> None:
        self.pixels = np.empty((side, side, 3), dtype=np.uint8)
        self.pixels[:] = background

    def box(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """A filled box with its top left corner at (x, y)."""
        self.pixels[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = colour

    def frame(self, x: int, y: int, width: int, height: int, colour: Colour, thick: int = 4) -> None:
        """The outline of a box, ``thick`` pixels inwards."""
        self.box(x, y, width, thick, colour)
        self.box(x, y + height - thick, width, thick, colour)
        self.box(x, y, thick, height, colour)
        self.box(x + width - thick, y, thick, height, colour)

    def stamp(self, mask: Mask, x: int, y: int, colour: Colour) -> None:
        """Colour the pixels of ``mask`` with its top left corner at (x, y); what lies outside is cut off."""
        left, top = max(0, x), max(0, y)
        height, width = mask.shape
        side = len(self.pixels)
        right, bottom = min(side, x + width), min(side, y + height)
        if left < right and top < bottom:
            visible = mask[top - y : bottom - y, left - x : right - x]
            self.pixels[top:bottom, left:right][visible] = colour

    def shape(self, kind: str, x: int, y: int, side: int, colour: Colour) -> None:
        """A shape of ``side`` pixels with its box's top left corner at (x, y)."""
        self.stamp(shape(kind, side), x, y, colour)

    def oval(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """A filled ellipse in the box with its top left corner at (x, y)."""
        self.stamp(ellipse(width, height), x, y, colour)

    def line(self, x0: int, y0: int, x1: int, y1: int, colour: Colour, thick: int = 4) -> None:
        """A line of square dots from (x0, y0) to (x1, y1)."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(0, steps + 1, 2):
            x, y = x0 + (x1 - x0) * i // steps, y0 + (y1 - y0) * i // steps
            self.box(x - thick // 2, y - thick // 2, thick, thick, colour)

    def text(self, text: str, x: int, y: int, colour: Colour, scale: int = 2) -> None:
        """``text`` with its first glyph's top left corner at (x, y)."""
        for i, char in enumerate(text):
            self.stamp(glyph(char, scale), x + i * (WIDTH + 1) * scale, y, colour)

    def noise(self, rand: Rand, strength: int) -> None:
        """Grey noise of at most ``strength`` levels up and down."""
        x, y = rand.below(64), rand.below(64)
        grain = _grain()[y : y + SIDE, x : x + SIDE, None] * strength // 128
        self.pixels[:] = np.clip(self.pixels.astype(np.int16) + grain, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _grain() -> NDArray[np.int16]:
    """A fixed tile of numbers from -128 to 127, from an integer hash of the coordinates."""
    y, x = np.mgrid[0 : SIDE + 64, 0 : SIDE + 64].astype(np.uint32)
    z = x * np.uint32(374761393) + y * np.uint32(668265263)
    z = (z ^ (z >> np.uint32(13))) * np.uint32(1274126177)
    low = (z ^ (z >> np.uint32(16))) & np.uint32(255)
    return np.asarray(low.astype(np.int16) - np.int16(128))
