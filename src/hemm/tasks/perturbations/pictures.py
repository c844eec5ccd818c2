"""Perturbations of pictures beside the fifteen corruptions: light, geometry, JPEG, written words.

The first six have been there since version 0.1.0 and give the same pixels for ever, so that stored answers
stay those to today's requests; their draws are numpy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from hemm.tasks.perturbations.corruptions import as_picture, recoded
from hemm.tasks.perturbations.draws import Draws, Floats
from hemm.tasks.probes.font import GLYPHS, glyph

Generator = np.random.Generator


def _noise(pixels: Floats, level: float, random: Generator) -> Floats:
    """Gaussian noise, ``level`` in grey values (standard deviation)."""
    return pixels + random.normal(0.0, level, pixels.shape)


def _blur(pixels: Floats, level: float, random: Generator) -> Floats:
    """Gaussian blur, ``level`` in pixels (radius)."""
    return np.asarray(as_picture(pixels).filter(ImageFilter.GaussianBlur(level)), dtype=np.float64)


def _brightness(pixels: Floats, level: float, random: Generator) -> Floats:
    """All values times ``level``."""
    return pixels * level


def _contrast(pixels: Floats, level: float, random: Generator) -> Floats:
    """Distance from the mean value times ``level``."""
    mean = float(pixels.mean())
    return np.add((pixels - mean) * level, mean)


def _occlude(pixels: Floats, level: float, random: Generator) -> Floats:
    """A grey rectangle over the share ``level`` (0 to 1) of the picture, somewhere."""
    height, width = pixels.shape[:2]
    side = math.sqrt(min(max(level, 0.0), 1.0))
    h, w = round(height * side), round(width * side)
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    covered = pixels.copy()
    covered[top : top + h, left : left + w] = 128.0
    return covered


def _rotate(pixels: Floats, level: float, random: Generator) -> Floats:
    """Rotation by ``level`` degrees counter-clockwise, with grey corners."""
    turned = as_picture(pixels).rotate(level, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    return np.asarray(turned, dtype=np.float64)


FIRST: Mapping[str, Callable[[Floats, float, Generator], Floats]] = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "occlude": _occlude,
    "rotate": _rotate,
}
"""Those of version 0.1.0: (float array height x width x 3 in 0..255, level, generator) -> the same."""


def jpeg(pixels: Floats, level: float, draws: Draws) -> Floats:
    """JPEG compression of quality ``level`` (1 to 100)."""
    return np.asarray(recoded(as_picture(pixels), int(level)), dtype=np.float64)


def resize(pixels: Floats, level: float, draws: Draws) -> Floats:
    """Both sides times ``level``, by Lanczos; the model gets the picture of that size."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * level)), max(1, round(height * level)))
    return np.asarray(as_picture(pixels).resize(size, Image.Resampling.LANCZOS), dtype=np.float64)


def crop(pixels: Floats, level: float, draws: Draws) -> Floats:
    """A part of the picture, somewhere, with its proportions and the share ``level`` of its area."""
    height, width = pixels.shape[:2]
    side = math.sqrt(level)
    h, w = max(1, round(height * side)), max(1, round(width * side))
    top, left = draws.one(0, height - h + 1), draws.one(0, width - w + 1)
    return pixels[top : top + h, left : left + w]


CHANGES: Mapping[str, Callable[[Floats, float, Draws], Floats]] = {
    "jpeg": jpeg,
    "resize": resize,
    "crop": crop,
}


def drawable(text: str) -> bool:
    """Whether the font has every character of ``text``.

    >>> drawable("a red bus"), drawable("ein rotes Übel"), drawable(" ")
    (True, False, False)
    """
    return bool(text.strip()) and all(char in GLYPHS for char in " ".join(text.split()))


def written_over(pixels: Floats, text: str, level: float, draws: Draws) -> Floats:
    """``text`` in black on a white band, ``level`` of the picture's height high, at a place that is drawn.
    Letters that would not fit in the picture are smaller, down to the font's 5 x 7 pixels; then the
    band is cut off at the border."""
    height, width = pixels.shape[:2]
    words = " ".join(text.split())
    scale = max(1, min(round(height * level / 9), width // (6 * len(words) + 2)))
    line = _line(words, scale)
    band_height, band_width = min(line.shape[0], height), min(line.shape[1], width)
    top = draws.one(0, height - band_height + 1)
    left = (width - band_width) // 2
    out = pixels.copy()
    out[top : top + band_height, left : left + band_width] = line[:band_height, :band_width, None]
    return out


def _line(text: str, scale: int) -> np.ndarray[Any, Any]:
    """A line of text with a pixel of the font around it: 0 where there is ink, else 255."""
    line = np.full((9 * scale, (6 * len(text) + 1) * scale), 255.0)
    for number, char in enumerate(text):
        ink, left = glyph(char, scale), (6 * number + 1) * scale
        line[scale : 8 * scale, left : left + 5 * scale][ink] = 0.0
    return line
