"""The picture of a factorial probe: two sides with signs, and below them what comes after what.

0          128          256
+-----------+-----------+  0
| left side | right side|       4 x 4 places a side, some of them taken
+-----------+-----------+  128
| sign > sign   ...     |       three columns of four pairs, some of them taken
+-----------------------+  256
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemm.tasks.probes.draw import SHAPES, Canvas, Rand, shape
from hemm.tasks.probes.factorial.signs import TILE, Pixels, Signs, empty, tile
from hemm.tasks.probes.font import WIDTH

SIDE, HALF = 256, 128
PLACE = 30
"""Pitch in pixels of the 4 x 4 places of a side."""
COLUMN, ROW, TOP = 85, 30, 136
"""Pitch of the pairs, and where they begin."""
FILLERS = ((110, 110, 110), (150, 150, 150), (90, 100, 120), (140, 125, 110))
STROKES = ((90, 90, 90), (180, 60, 60), (60, 90, 180), (60, 140, 80))
INK = (20, 20, 20)
OBJECTS = 9
"""How many places of a side are taken unless a dial says otherwise."""

Pair = tuple[str, int, int]
"""A set of signs, and the numbers of a sign and of what comes after it."""


@dataclass(frozen=True)
class Dials:
    """What makes a sample harder, each at its usual level.

    objects      things on each side, 1 to 16
    clutter      strokes drawn over the picture
    contrast     percent of the full contrast
    resolution   side of the picture in pixels: 256 divided by a power of 2
    text_length  sentences in the note that tell nothing
    distractors  pairs of other signs among what comes after what, 0 to 6
    """

    objects: int = OBJECTS
    clutter: int = 0
    contrast: int = 100
    resolution: int = SIDE
    text_length: int = 3
    distractors: int = 0


@dataclass(frozen=True)
class Places:
    """Where the things of a side are: ``signs`` and ``fillers`` are places 0 to 15 of its 4 x 4."""

    signs: tuple[int, ...]
    fillers: tuple[int, ...]


def places(rand: Rand, detail: bool, objects: int) -> Places:
    """One sign among fillers where a detail decides, else signs alone."""
    taken = rand.sample(tuple(range(16)), objects)
    return Places((taken[0],), tuple(taken[1:])) if detail else Places(tuple(taken), ())


def corner(side: int, place: int) -> tuple[int, int]:
    """The top left pixel (x, y) of a place of side 0 or 1."""
    return side * HALF + 5 + place % 4 * PLACE, 5 + place // 4 * PLACE


def side_picture(pixels: Pixels, side: int, at: Places, sign: Pixels, rand: Rand) -> None:
    """Draw one side: its frame, its fillers, and ``sign`` at the places of signs."""
    x = side * HALF
    for piece in (
        pixels[0:2, x : x + HALF],
        pixels[HALF - 2 : HALF, x : x + HALF],
        pixels[0:HALF, x : x + 2],
        pixels[0:HALF, x + HALF - 2 : x + HALF],
    ):
        piece[:] = INK
    for place in at.fillers:
        left, top = corner(side, place)
        mask = shape(rand.pick(SHAPES), 20)
        pixels[top + 4 : top + 24, left + 4 : left + 24][mask] = rand.pick(FILLERS)
    for place in at.signs:
        put(pixels, side, place, sign)


def put(pixels: Pixels, side: int, place: int, sign: Pixels) -> None:
    """Put a sign on a place of a side."""
    left, top = corner(side, place)
    pixels[top : top + TILE, left : left + TILE] = sign


def pairs_picture(pixels: Pixels, pairs: Sequence[Pair], slots: Sequence[int]) -> None:
    """Draw what comes after what: a sign, an arrow and a sign in each of the slots 0 to 11."""
    for (signs, before, after), slot in zip(pairs, slots, strict=True):
        x, y = pair_corner(slot)
        pixels[y : y + TILE, x : x + TILE] = tile(signs, before)
        pixels[y + 8 : y + 20, x + TILE : x + TILE + 12][_arrow()] = INK
        pixels[y : y + TILE, x + TILE + 12 : x + 2 * TILE + 12] = tile(signs, after)


def pair_corner(slot: int) -> tuple[int, int]:
    """The top left pixel (x, y) of a pair's first sign; the second is ``TILE`` + 12 to the right."""
    return slot % 3 * COLUMN + 8, TOP + slot // 3 * ROW


@lru_cache(maxsize=1)
def _arrow() -> NDArray[np.bool_]:
    y, x = np.mgrid[0:12, 0:12]
    return np.asarray(((abs(2 * y - 11) <= 2) & (x < 7)) | ((x >= 5) & (abs(2 * y - 11) <= 2 * (11 - x))))


def written_pairs(pixels: Pixels, pairs: Sequence[tuple[str, str]], slots: Sequence[int]) -> None:
    """Write what comes after what as names, each pair in one of twelve lines."""
    canvas = Canvas((255, 255, 255), SIDE)
    for (before, after), slot in zip(pairs, slots, strict=True):
        canvas.text(f"{before} > {after}", 8, line_top(slot), INK, 1)
    pixels[TOP:] = canvas.pixels[TOP:]


def line_top(slot: int) -> int:
    """The top pixel of a written pair."""
    return TOP + slot * 10


def line_width(text: str) -> int:
    """How many pixels wide a written pair is."""
    return len(text) * (WIDTH + 1)


def sheet() -> Pixels:
    """A white picture."""
    return np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)


def sign_or_empty(signs: Signs, number: int | None) -> Pixels:
    """A sign, or an empty frame where the picture does not tell it."""
    return empty() if number is None else tile(signs.name, number)


def dialled(pixels: Pixels, dials: Dials, rand: Rand) -> Pixels:
    """The picture with strokes over it, less contrast, and fewer pixels (means of blocks)."""
    side = len(pixels)
    for _ in range(dials.clutter):
        x, y, long = rand.below(side - 12), rand.below(side - 12), 4 + rand.below(8)
        piece = pixels[y : y + 2, x : x + long] if rand.flip() else pixels[y : y + long, x : x + 2]
        piece[:] = rand.pick(STROKES)
    if dials.contrast < 100:
        wide = (pixels.astype(np.int32) - 128) * dials.contrast
        pixels = (128 + np.sign(wide) * (np.abs(wide) // 100)).astype(np.uint8)
    block = SIDE // dials.resolution
    if block > 1:
        size = side // block
        total = pixels.reshape(size, block, size, block, 3).sum(axis=(1, 3), dtype=np.int64)
        pixels = ((total + block * block // 2) // (block * block)).astype(np.uint8)
    return pixels
