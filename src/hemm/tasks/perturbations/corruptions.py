"""The fifteen common corruptions of ImageNet-C at five levels (Hendrycks and Dietterich 2019).

Parameters and formulas are those of the published code for 224 x 224 pictures. What differs, as
``docs/robustness.md`` tells: nothing is stored as JPEG afterwards, values are rounded instead of cut off,
frost is a drawn texture instead of a photograph, and lengths in pixels stay what they are for pictures of
other sizes, but for the elastic transform.

A corruption is (pixels as float array height x width x 3 in 0..255, level 1 to 5, draws) -> the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from hemm.core import BadData
from hemm.tasks.perturbations.draws import Draws, Floats
from hemm.tasks.perturbations.filters import (
    FROSTS,
    convolved,
    disk,
    frost_tile,
    gaussian,
    motion,
    plasma,
    smooth_field,
    zoomed,
)

LEVELS = (1, 2, 3, 4, 5)
PUBLISHED_SIDE = 224
"""Width and height of the pictures that the published parameters are for."""

Corruption = Callable[[Floats, int, Draws], Floats]

_GREY = np.array([0.299, 0.587, 0.114])


def as_picture(pixels: Floats) -> Image.Image:
    """Pixels in 0..255, rounded, as an RGB picture."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def recoded(picture: Image.Image, quality: int) -> Image.Image:
    """The picture after JPEG compression of this quality (1 to 100), with Pillow's usual subsampling. Raises
    BadData for one that libjpeg does not take."""
    if max(picture.size) > 65_500:
        raise BadData(f"a JPEG holds at most 65,500 pixels a side, and the picture has {max(picture.size):,}")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _gaussian_noise(pixels: Floats, level: int, draws: Draws) -> Floats:
    deviation = (0.08, 0.12, 0.18, 0.26, 0.38)[level - 1]
    return pixels + 255.0 * draws.normal(0.0, deviation, pixels.shape)


def _shot_noise(pixels: Floats, level: int, draws: Draws) -> Floats:
    photons = (60, 25, 12, 5, 3)[level - 1]
    return draws.poisson(pixels / 255.0 * photons) / photons * 255.0


def _impulse_noise(pixels: Floats, level: int, draws: Draws) -> Floats:
    share = (0.03, 0.06, 0.09, 0.17, 0.27)[level - 1]
    hit = draws.uniform(0.0, 1.0, pixels.shape) <= share
    salt = draws.uniform(0.0, 1.0, pixels.shape) <= 0.5
    return np.where(hit, np.where(salt, 255.0, 0.0), pixels)


def _defocus_blur(pixels: Floats, level: int, draws: Draws) -> Floats:
    radius, alias = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))[level - 1]
    return convolved(pixels, disk(radius, alias))


def _glass_blur(pixels: Floats, level: int, draws: Draws) -> Floats:
    sigma, reach, rounds = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))[level - 1]
    soft = np.floor(gaussian(pixels, sigma))
    height, width = pixels.shape[:2]
    source = list(range(height * width))
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    for _ in range(rounds):
        # one after the other: a pixel takes what its neighbour shows by then. (The published code means to
        # swap the two, but copies; its pictures are made so.)
        moves = draws.whole(-reach, reach, (len(rows), len(columns), 2))
        steps = iter((moves[..., 1] * width + moves[..., 0]).ravel().tolist())
        for row in rows:
            for at in range(row * width + width - reach, row * width + reach, -1):
                source[at] = source[at + next(steps)]
    moved = soft.reshape(-1, 3)[source].reshape(soft.shape)
    return gaussian(moved, sigma)


def _motion_blur(pixels: Floats, level: int, draws: Draws) -> Floats:
    radius, sigma = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))[level - 1]
    return motion(pixels, radius, sigma, draws.number(-45.0, 45.0))


_ZOOMS = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))


def _zoom_blur(pixels: Floats, level: int, draws: Draws) -> Floats:
    end, step = _ZOOMS[level - 1]
    factors = np.arange(1.0, end, step).tolist()
    total = pixels.copy()
    for factor in factors:
        total += zoomed(pixels, factor)
    return total / (len(factors) + 1)


def _snow(pixels: Floats, level: int, draws: Draws) -> Floats:
    mean, deviation, zoom, least, radius, sigma, keep = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )[level - 1]
    flakes = zoomed(draws.normal(mean, deviation, pixels.shape[:2]), zoom)
    flakes = np.floor(np.clip(np.where(flakes < least, 0.0, flakes), 0.0, 1.0) * 255.0)
    flakes = motion(flakes, int(radius), sigma, draws.number(-135.0, -45.0))[:, :, None]
    pale = np.maximum(pixels, (pixels @ _GREY)[:, :, None] * 1.5 + 127.5)
    snowy: Floats = keep * pixels + (1.0 - keep) * pale + flakes + flakes[::-1, ::-1]
    return snowy


def _frost(pixels: Floats, level: int, draws: Draws) -> Floats:
    keep, ice = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))[level - 1]
    tile = frost_tile(draws.one(0, len(FROSTS)))
    height, width = pixels.shape[:2]
    rows = (np.arange(height) + draws.one(0, tile.shape[0])) % tile.shape[0]
    columns = (np.arange(width) + draws.one(0, tile.shape[1])) % tile.shape[1]
    frosted: Floats = keep * pixels + ice * tile[rows[:, None], columns[None, :]]
    return frosted


def _fog(pixels: Floats, level: int, draws: Draws) -> Floats:
    density, decay = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))[level - 1]
    brightest = float(pixels.max()) / 255.0
    fog = density * 255.0 * plasma(pixels.shape[0], pixels.shape[1], decay, draws)[:, :, None]
    foggy: Floats = (pixels + fog) * brightest / (brightest + density)
    return foggy


def _brightness(pixels: Floats, level: int, draws: Draws) -> Floats:
    more = 255.0 * (0.1, 0.2, 0.3, 0.4, 0.5)[level - 1]
    value = pixels.max(axis=2, keepdims=True)  # V of HSV: hue and saturation stay
    brighter = np.minimum(value + more, 255.0)
    lit: Floats = np.where(value > 0, pixels / np.where(value > 0, value, 1.0) * brighter, brighter)
    return lit


def _contrast(pixels: Floats, level: int, draws: Draws) -> Floats:
    factor = (0.4, 0.3, 0.2, 0.1, 0.05)[level - 1]
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    flat: Floats = (pixels - mean) * factor + mean
    return flat


def _elastic_transform(pixels: Floats, level: int, draws: Draws) -> Floats:
    from scipy.ndimage import map_coordinates

    strength, sigma, jitter = (
        (2.0, 0.7, 0.1),
        (2.0, 0.08, 0.2),
        (0.05, 0.01, 0.02),
        (0.07, 0.01, 0.02),
        (0.12, 0.01, 0.02),
    )[level - 1]
    height, width = pixels.shape[:2]
    side = min(height, width)
    scale = 244.0 * side / PUBLISHED_SIDE  # 244 as in the published code, which means 224
    middle, reach = np.array([height // 2, width // 2], dtype=np.float64), float(side // 3 or side / 3)
    before = middle + reach * np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]])
    after = before + draws.uniform(-jitter * scale, jitter * scale, before.shape)
    back = np.linalg.solve(np.column_stack([after, np.ones(3)]), before)  # a pixel's place -> where it was
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    places = np.stack([rows, columns, np.ones_like(rows)], axis=-1) @ back
    moved = _sampled(map_coordinates, pixels, places[..., 0], places[..., 1], "mirror")
    # sideways first, as published
    aside, down = (
        smooth_field(draws.uniform(-1.0, 1.0, (height, width)), sigma * scale) * strength * scale
        for _ in range(2)
    )
    return _sampled(map_coordinates, moved, rows + down, columns + aside, "reflect")


def _sampled(read: Callable[..., Floats], pixels: Floats, rows: Floats, columns: Floats, mode: str) -> Floats:
    """The picture at these places, linear between pixels, mirrored beyond its border."""
    return np.stack([read(pixels[..., c], [rows, columns], order=1, mode=mode) for c in range(3)], axis=-1)


def _pixelate(pixels: Floats, level: int, draws: Draws) -> Floats:
    share = (0.6, 0.5, 0.4, 0.3, 0.25)[level - 1]
    picture = as_picture(pixels)
    width, height = picture.size
    small = picture.resize((int(width * share) or 1, int(height * share) or 1), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX), dtype=np.float64)


def _jpeg_compression(pixels: Floats, level: int, draws: Draws) -> Floats:
    quality = (25, 18, 15, 10, 7)[level - 1]
    return np.asarray(recoded(as_picture(pixels), quality), dtype=np.float64)


CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "defocus_blur": _defocus_blur,
    "glass_blur": _glass_blur,
    "motion_blur": _motion_blur,
    "zoom_blur": _zoom_blur,
    "snow": _snow,
    "frost": _frost,
    "fog": _fog,
    "brightness": _brightness,
    "contrast": _contrast,
    "elastic_transform": _elastic_transform,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}
"""In the order of the paper: noise, blur, weather, digital."""
