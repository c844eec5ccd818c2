"""Controls and perturbations, which change a sample's pictures before its request is built.

Their result depends on the seed and the sample's id, not on which samples are selected.
"""

from __future__ import annotations

import bisect
import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from hemm.core import HemmError, Media, Sample, UnknownName, keyed_number
from hemm.core.text import counted
from hemm.data.pixels import rgb, upright_size

Transform = Callable[[Sample], Sample]


class NoDonor(HemmError):
    """No other sample can stand for this one, which is not asked."""


def identity(sample: Sample) -> Sample:
    return sample


def remove(sample: Sample) -> Sample:
    """The sample without its pictures."""
    return sample.with_media(()) if sample.media else sample


def grey(sample: Sample) -> Sample:
    """Every picture becomes mid-grey of the same size."""
    return sample.with_media(tuple(_grey_of(m) for m in sample.media)) if sample.media else sample


def _grey_of(media: Media) -> Media:
    size = upright_size(media)
    media.check_size(size)
    return grey_picture(*size)


@lru_cache(maxsize=256)
def grey_picture(width: int, height: int) -> Media:
    """A mid-grey (128, 128, 128) RGB picture as PNG."""
    rows = zlib.compress((b"\x00" + b"\x80" * (3 * width)) * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(_chunk(k, d) for k, d in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))
    return Media(b"\x89PNG\r\n\x1a\n" + chunks, mime="image/png", name=f"grey-{width}x{height}.png")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


class Ring:
    """Consistent hashing: draws from ``items`` that change little when items are added or removed.

    Items are on a ring, sorted by keyed hash; a draw starts at the hash of its own key and goes round.
    """

    def __init__(self, salt: str, seed: int, items: Sequence[str]) -> None:
        self._salt, self._seed = salt, seed
        places = sorted((keyed_number(salt, seed, "item", item), i) for i, item in enumerate(items))
        self._hashes = [h for h, _ in places]
        self._items = [i for _, i in places]

    def walk(self, key: str) -> Iterator[int]:
        """The numbers of all items, starting at the hash of ``key``."""
        start = bisect.bisect_left(self._hashes, keyed_number(self._salt, self._seed, "draw", key))
        for step in range(len(self._items)):
            yield self._items[(start + step) % len(self._items)]


class Shuffle:
    """Replaces a sample's pictures by as many of a sample of another cluster, none of which is its own.

    clusters, media  by row of the split (media as digests, including those of references)
    load             row -> sample
    control          the control that it is a part of, for messages
    """

    def __init__(
        self,
        clusters: Sequence[str],
        media: Sequence[tuple[str, ...]],
        load: Callable[[int], Sample],
        seed: int,
        control: str = "shuffle",
    ) -> None:
        self._load, self._control = load, control
        self._rings: dict[int, tuple[Ring, list[int], list[set[str]]]] = {}
        by_count: dict[int, dict[tuple[str, ...], tuple[int, set[str]]]] = {}
        for row, (cluster, digests) in enumerate(zip(clusters, media, strict=True)):
            if digests:
                by_count.setdefault(len(digests), {}).setdefault(digests, (row, set()))[1].add(cluster)
        for count, sets in by_count.items():
            ring = Ring("shuffle", seed, [" ".join(digests) for digests in sets])
            self._rings[count] = (ring, [row for row, _ in sets.values()], [c for _, c in sets.values()])

    @property
    def _instead(self) -> str:
        return "none or grey" if self._control == "shuffle" else "prior-none"

    def __call__(self, sample: Sample) -> Sample:
        """``sample`` with another sample's pictures. Raises HemmError if no other sample has suitable
        ones."""
        if not sample.media:
            return sample
        own = {m.digest for m in sample.media}
        count = len(sample.media) + sum(isinstance(r, Media) for r in sample.references)
        ring, rows, clusters = self._rings[count]
        for item in ring.walk(sample.id):
            if sample.cluster in clusters[item]:
                continue
            donor = self._load(rows[item])
            if donor.problem or len(donor.media) != len(sample.media):
                continue
            if own.isdisjoint(m.digest for m in donor.media):
                return sample.with_media(donor.media)
        raise HemmError(
            f"--control {self._control}: no other sample has {counted(len(sample.media), 'picture')} of "
            f"another cluster than sample {sample.id!r}; use --control {self._instead}"
        )


# perturbations: (pixels as float array height x width x 3 in 0..255, level, generator) -> the same


def _noise(pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Gaussian noise, ``level`` in grey values (standard deviation)."""
    noisy: np.ndarray[Any, Any] = pixels + random.normal(0.0, level, pixels.shape)
    return noisy


def _blur(pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Gaussian blur, ``level`` in pixels (radius)."""
    return np.asarray(_picture(pixels).filter(ImageFilter.GaussianBlur(level)), dtype=np.float64)


def _brightness(
    pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator
) -> np.ndarray[Any, Any]:
    """All values times ``level``."""
    scaled: np.ndarray[Any, Any] = pixels * level
    return scaled


def _contrast(
    pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator
) -> np.ndarray[Any, Any]:
    """Distance from the mean value times ``level``."""
    mean = float(pixels.mean())
    return np.add((pixels - mean) * level, mean)


def _occlude(pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """A grey rectangle over the share ``level`` (0 to 1) of the picture, somewhere."""
    height, width = pixels.shape[:2]
    side = math.sqrt(min(max(level, 0.0), 1.0))
    h, w = round(height * side), round(width * side)
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    covered = pixels.copy()
    covered[top : top + h, left : left + w] = 128.0
    return covered


def _rotate(pixels: np.ndarray[Any, Any], level: float, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Rotation by ``level`` degrees counter-clockwise, with grey corners."""
    turned = _picture(pixels).rotate(level, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    return np.asarray(turned, dtype=np.float64)


PERTURBATIONS: Mapping[
    str, Callable[[np.ndarray[Any, Any], float, np.random.Generator], np.ndarray[Any, Any]]
] = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "occlude": _occlude,
    "rotate": _rotate,
}


@dataclass(frozen=True, slots=True)
class Perturb:
    """One perturbation of all pictures: its name, its level, and the run's seed for random ones."""

    name: str
    level: float
    seed: int

    @classmethod
    def parse(cls, text: str, seed: int) -> Perturb:
        """From ``NAME:LEVEL``. Raises UnknownName or HemmError."""
        name, _, level = text.partition(":")
        if name not in PERTURBATIONS:
            raise UnknownName("perturbation", name, PERTURBATIONS)
        try:
            value = float(level)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (value < 0 and name != "rotate"):
            raise HemmError(f"--perturb {text!r}: give a level as in {name}:0.5 (a number, 0 or more)")
        if value == (1.0 if name in ("brightness", "contrast") else 0.0):
            raise HemmError(f"--perturb {text}: this level changes nothing; leave --perturb out")
        return cls(name, value, seed)

    def __call__(self, sample: Sample) -> Sample:
        if not sample.media:
            return sample
        return sample.with_media(tuple(self._one(sample.id, i, m) for i, m in enumerate(sample.media)))

    def _one(self, sample: str, index: int, media: Media) -> Media:
        pixels = np.asarray(rgb(media), dtype=np.float64)
        random = np.random.Generator(
            np.random.PCG64(keyed_number("perturb", self.name, self.seed, sample, index))
        )
        return _png(_picture(PERTURBATIONS[self.name](pixels, self.level, random)), media.name)


def _picture(pixels: np.ndarray[Any, Any]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def _png(picture: Image.Image, name: str) -> Media:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return Media(out.getvalue(), mime="image/png", name=name)
