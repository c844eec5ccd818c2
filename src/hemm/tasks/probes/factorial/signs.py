"""Ten sets of six signs: what each is called, how it looks in words, and its picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemm.tasks.probes.draw import Canvas
from hemm.tasks.probes.factorial import sign_drawings as drawn

TILE = 28
"""Side in pixels of a sign."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Signs:
    """A set of signs.

    name   as in metadata: ``flags``
    noun   what one of them stands for: ``country``
    looks  what it stands for -> how the sign looks, in words that do not name it
    draw   (Canvas, number of the sign) draws it
    """

    name: str
    noun: str
    looks: dict[str, str]
    draw: Callable[[Canvas, int], None]

    @property
    def names(self) -> tuple[str, ...]:
        """What the signs stand for, in a fixed order."""
        return tuple(self.looks)


FLAGS = Signs(
    "flags",
    "country",
    {
        "France": "upright stripes of blue, white and red",
        "Germany": "level stripes of black, red and gold",
        "Japan": "a red disc on white",
        "Sweden": "a yellow cross on blue",
        "Switzerland": "a white cross on red",
        "Ukraine": "blue above yellow",
    },
    drawn.flag,
)
CHESS = Signs(
    "chess pieces",
    "chess piece",
    {
        "king": "a figure with a cross on top",
        "queen": "a figure with a crown of points",
        "rook": "a figure like a tower",
        "bishop": "a figure with a slit in its hat",
        "knight": "a figure like a horse",
        "pawn": "a small figure with a round head",
    },
    drawn.chess,
)
FACES = Signs(
    "faces",
    "feeling",
    {
        "happy": "a face whose mouth bends up",
        "sad": "a face whose mouth bends down",
        "surprised": "a face with a round open mouth",
        "angry": "a face whose brows meet low in the middle",
        "calm": "a face with open eyes and a straight mouth",
        "tired": "a face with closed eyes",
    },
    drawn.face,
)
NOTES = Signs(
    "notes",
    "note value",
    {
        "whole": "an open head without a stem",
        "half": "an open head with a stem",
        "quarter": "a filled head with a plain stem",
        "eighth": "a filled head whose stem has one hook",
        "sixteenth": "a filled head whose stem has two hooks",
        "thirty-second": "a filled head whose stem has three hooks",
    },
    drawn.note,
)
ELEMENTS = Signs(
    "elements",
    "element",
    {
        "hydrogen": "an atom with 1 electron",
        "helium": "an atom with 2 electrons",
        "lithium": "an atom with 3 electrons",
        "beryllium": "an atom with 4 electrons",
        "boron": "an atom with 5 electrons",
        "carbon": "an atom with 6 electrons",
    },
    drawn.atom,
)
METALS = Signs(
    "chemical symbols",
    "metal",
    {
        "sodium": "the letters Na",
        "potassium": "the letter K",
        "iron": "the letters Fe",
        "gold": "the letters Au",
        "silver": "the letters Ag",
        "lead": "the letters Pb",
    },
    drawn.symbol,
)
ROMAN = Signs(
    "roman numerals",
    "number",
    {
        "four": "the letters IV",
        "five": "the letter V",
        "six": "the letters VI",
        "nine": "the letters IX",
        "ten": "the letter X",
        "eleven": "the letters XI",
    },
    drawn.roman,
)
CLOCKS = Signs(
    "clock faces",
    "time",
    {
        "two o'clock": "a dial with the long hand up and the short hand right and a little up",
        "four o'clock": "a dial with the long hand up and the short hand right and a little down",
        "six o'clock": "a dial with the long hand up and the short hand straight down",
        "eight o'clock": "a dial with the long hand up and the short hand left and a little down",
        "ten o'clock": "a dial with the long hand up and the short hand left and a little up",
        "twelve o'clock": "a dial with both hands straight up",
    },
    drawn.clock,
)
ROAD = Signs(
    "road signs",
    "road sign",
    {
        "stop": "a red octagon",
        "give way": "a triangle that stands on its tip",
        "no entry": "a red disc with a white bar",
        "parking": "a blue square with a P",
        "priority road": "a yellow diamond",
        "ahead only": "a blue disc with an arrow",
    },
    drawn.road,
)
MAP = Signs(
    "map symbols",
    "map symbol",
    {
        "church": "a black box with a cross on top",
        "campsite": "a triangle with an opening",
        "railway": "a line with short bars across it",
        "airport": "a cross with long arms and a short bar at its foot",
        "forest": "a green cone on a stem",
        "bridge": "two lines whose ends bend apart",
    },
    drawn.place,
)

USE_CASES: dict[str, tuple[Signs, Signs]] = {
    "multimedia": (FLAGS, CHESS),
    "affective_computing": (FACES, NOTES),
    "science": (ELEMENTS, METALS),
    "healthcare": (ROMAN, CLOCKS),
    "hci": (ROAD, MAP),
}
"""Use case -> its two sets of signs."""


@lru_cache(maxsize=256)
def tile(signs: str, number: int) -> Pixels:
    """The picture of a sign, by the name of its set and its number from 0: uint8, (TILE, TILE, 3)."""
    canvas = Canvas((255, 255, 255), TILE)
    next(s for pair in USE_CASES.values() for s in pair if s.name == signs).draw(canvas, number)
    canvas.pixels.setflags(write=False)
    return canvas.pixels


@lru_cache(maxsize=1)
def empty() -> Pixels:
    """What stands where nothing is shown: an empty frame."""
    canvas = Canvas((255, 255, 255), TILE)
    canvas.frame(2, 2, TILE - 4, TILE - 4, (170, 170, 170), 2)
    canvas.pixels.setflags(write=False)
    return canvas.pixels
