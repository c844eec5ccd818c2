"""What several corruptions are made of: kernels, blurs, zooms, and textures that are drawn.

Arrays are float, height x width or height x width x channels, of any size from 1 x 1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.tasks.perturbations.draws import Draws, Floats


def gaussian(pixels: Floats, sigma: float) -> Floats:
    """Gaussian blur of each channel, cut off at 4 sigma, the border's value beyond it."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(pixels, (sigma, sigma, 0)[: pixels.ndim], mode="nearest", truncate=4.0)
    return np.asarray(blurred, dtype=np.float64)


def disk(radius: int, alias: float) -> Floats:
    """The kernel of defocus: a disk, smoothed by a Gaussian over 3 pixels (5 beyond radius 8)."""
    from scipy.ndimage import correlate1d

    half, reach = (8, 1) if radius <= 8 else (radius, 2)
    line = np.arange(-half, half + 1)
    inside = (line[:, None] ** 2 + line[None, :] ** 2 <= radius**2).astype(np.float64)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * alias**2))
    taps /= taps.sum()
    kernel = inside / inside.sum()
    for axis in (0, 1):
        kernel = correlate1d(kernel, taps, axis=axis, mode="mirror")
    return np.asarray(kernel, dtype=np.float64)


def convolved(pixels: Floats, kernel: Floats) -> Floats:
    """Each channel with a symmetric kernel; beyond the border the picture is mirrored."""
    from scipy.signal import oaconvolve

    half = kernel.shape[0] // 2
    wide = np.pad(pixels, ((half, half), (half, half), (0, 0)), mode="reflect")
    return np.asarray(oaconvolve(wide, kernel[:, :, None], mode="valid", axes=(0, 1)), dtype=np.float64)


def motion(pixels: Floats, radius: int, sigma: float, angle: float) -> Floats:
    """Blur along a line at ``angle`` degrees, by the formula of ImageMagick's ``-motion-blur``.

    One-sided: a pixel is the mean over ``2 radius + 1`` pixels from itself on, which weigh as a Gaussian of
    ``sigma``. Beyond the border is the border's value.
    """
    width = 2 * radius + 1
    weights = np.exp(-(np.arange(width) ** 2) / (2.0 * sigma**2))
    weights /= weights.sum()
    along = math.radians(angle)
    height, length = pixels.shape[:2]
    out = np.zeros_like(pixels)
    for step, weight in enumerate(weights.tolist()):
        down, right = math.ceil(step * math.sin(along) - 0.5), math.ceil(step * math.cos(along) - 0.5)
        rows = np.clip(np.arange(height) + down, 0, height - 1)
        columns = np.clip(np.arange(length) + right, 0, length - 1)
        out += weight * pixels[rows[:, None], columns[None, :]]
    return out


def zoomed(pixels: Floats, factor: float) -> Floats:
    """The middle of the picture, ``factor`` times as large, in the picture's size; linear between pixels."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        part = math.ceil(size / factor)
        first = (size - part) // 2
        large = round(part * factor)
        cut = (large - size) // 2
        places = np.arange(cut, cut + size) * ((part - 1) / max(large - 1, 1))
        low = np.minimum(places.astype(np.int64), part - 1)
        high = np.minimum(low + 1, part - 1)
        share = (places - low).reshape((-1,) + (1,) * (pixels.ndim - axis - 1))
        below, above = (pixels.take(first + at, axis=axis) for at in (low, high))
        pixels = below * (1.0 - share) + above * share
    return pixels


def smooth_field(field: Floats, sigma: float, truncate: float = 3.0) -> Floats:
    """Gaussian blur with the field mirrored at its borders, for a sigma of any size.

    Mirrored so, a symmetric kernel only scales the field's cosine transform, which takes no longer for a
    kernel that is wider than the picture.
    """
    from scipy.fft import dctn, idctn

    reach = int(truncate * sigma + 0.5)
    taps = np.exp(-(np.arange(reach + 1) ** 2) / (2.0 * max(sigma, 1e-9) ** 2))
    taps /= taps[0] + 2.0 * taps[1:].sum()
    spectrum = dctn(field)
    for axis, size in enumerate(field.shape):
        turns = np.pi * np.outer(np.arange(size), np.arange(reach + 1)) / size
        gains = taps[0] + 2.0 * np.cos(turns[:, 1:]) @ taps[1:]
        spectrum *= gains.reshape((-1, 1) if axis == 0 else (1, -1))
    return np.asarray(idctn(spectrum), dtype=np.float64)


def plasma(height: int, width: int, decay: float, draws: Draws) -> Floats:
    """A cloud from 0 to 1 by the diamond-square algorithm, whose wobble falls by ``decay`` at each step.

    Cut out of a square of 256, or of the next power of two for larger pictures.
    """
    size = max(256, 1 << (max(height, width) - 1).bit_length())
    cloud = np.zeros((size, size))
    step, wobble = size, 100.0

    def settled(total: Floats) -> Floats:
        return total / 4 + wobble * draws.uniform(-wobble, wobble, total.shape)

    while step >= 2:
        half = step // 2
        corners = cloud[::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=0)
        cloud[half::step, half::step] = settled(pairs + np.roll(pairs, -1, axis=1))
        middles, corners = cloud[half::step, half::step], cloud[::step, ::step]
        above = middles + np.roll(middles, 1, axis=0)
        cloud[::step, half::step] = settled(above + corners + np.roll(corners, -1, axis=1))
        beside = middles + np.roll(middles, 1, axis=1)
        cloud[half::step, ::step] = settled(beside + corners + np.roll(corners, -1, axis=0))
        step, wobble = half, wobble / decay
    cloud -= cloud.min()
    part: Floats = cloud[:height, :width] / cloud.max()
    return part


FROSTS = (
    ((78.0, 149.0, 166.0), (27.0, 16.0, 15.0)),
    ((201.0, 205.0, 214.0), (21.0, 22.0, 23.0)),
    ((201.0, 205.0, 214.0), (21.0, 22.0, 23.0)),
    ((138.0, 153.0, 165.0), (28.0, 28.0, 30.0)),
    ((112.0, 123.0, 135.0), (44.0, 43.0, 42.0)),
)
"""Mean and standard deviation of red, green, blue in each of the five photographs that ImageNet-C draws from
(its sixth is never drawn, and two of the five are the same one)."""
_TILE = 512


@lru_cache(maxsize=len(FROSTS))
def frost_tile(number: int) -> NDArray[np.float64]:
    """A texture of ice needles, 512 x 512 x 3 in grey values, with mean and deviation of ``FROSTS[number]``.

    Its left and right, and its top and bottom, fit together.
    """
    draws = Draws("frost", number)
    field = np.zeros((_TILE, _TILE))
    for _ in range(10):  # sheaves of needles, each in a direction and in places of its own
        seeds = draws.uniform(0.0, 1.0, field.shape) ** 160
        places = np.maximum(_cloud(draws, 14.0), 0.0)
        field += _streaked(seeds, draws.number(0.0, 180.0), draws.one(8, 24)) * places
    field = np.sqrt(field / field.max())
    field = field / field.std() + 0.6 * _cloud(draws, 30.0)
    field = (field - field.mean()) / field.std()
    mean, deviation = (np.array(values) for values in FROSTS[number])
    tile: Floats = np.clip(mean + deviation * field[:, :, None], 0.0, 255.0)
    tile.setflags(write=False)
    return tile


def _cloud(draws: Draws, sigma: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    cloud: Any = gaussian_filter(draws.normal(0.0, 1.0, (_TILE, _TILE)), sigma, mode="wrap")
    return np.asarray(cloud / cloud.std(), dtype=np.float64)


def _streaked(seeds: Floats, angle: float, length: int) -> Floats:
    """Each seed drawn out to a needle of ``2 length + 1`` pixels thin at its ends; borders wrap."""
    needle, along = np.zeros_like(seeds), math.radians(angle)
    for step in range(-length, length + 1):
        needle[round(step * math.sin(along)), round(step * math.cos(along))] = 1.0 - abs(step) / (length + 1)
    drawn = np.fft.irfft2(np.fft.rfft2(seeds) * np.fft.rfft2(needle), seeds.shape)
    return np.maximum(drawn, 0.0)
