"""Similarity of a drawn picture and its reference, pixel by pixel: l1, mse, psnr, ssim.

Both are decoded to upright RGB in [0, 1], with transparency over white. A drawn picture of another size is
resized to that of the reference (bicubic, without keeping proportions), so that values are always over the
reference's pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from hemm.core import BadData, Group, Judged, Media, Sample
from hemm.data.pixels import rgb
from hemm.metrics.base import SampleMetric, folded

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_ROWS = 256
"""Rows of a picture that are compared at once, to bound memory."""

MOST_DB = 100.0
"""The largest PSNR, that of equal pictures, which would be infinite."""


def pixels(media: Media) -> Array:
    """The picture as height x width x 3, uint8. Raises BadData where it does not open."""
    import numpy as np

    data = media.data  # outside of try: missing bytes are not a damaged picture
    return np.asarray(rgb(Media(data, name=media.name, digest=media.digest)))


def framed(drawn: Media, wanted: Media) -> tuple[Array, Array]:
    """The pixels of both, the drawn ones in the size of the wanted. Raises BadData."""
    import numpy as np
    from PIL import Image

    theirs, ours = pixels(wanted), pixels(drawn)
    if ours.shape != theirs.shape:
        size = (theirs.shape[1], theirs.shape[0])
        ours = np.asarray(Image.fromarray(ours).resize(size, Image.Resampling.BICUBIC))
    return ours, theirs


_KEPT = 20_000
_known: dict[tuple[str, str], tuple[float, float]] = {}


def difference(drawn: Media, wanted: Media) -> tuple[float, float]:
    """Mean absolute and mean squared difference, each in [0, 1]. Raises BadData.

    Cached by the two digests, since several metrics need it.
    """
    key = (drawn.digest, wanted.digest)
    if key not in _known:
        if len(_known) >= _KEPT:
            _known.clear()
        _known[key] = _difference(*framed(drawn, wanted))
    return _known[key]


def _difference(ours: Array, theirs: Array) -> tuple[float, float]:
    import numpy as np

    absolute = squared = 0
    for top in range(0, len(ours), _ROWS):
        apart = ours[top : top + _ROWS].astype(np.int32) - theirs[top : top + _ROWS]
        absolute += int(np.abs(apart).sum(dtype=np.int64))
        squared += int((apart * apart).sum(dtype=np.int64))
    return absolute / (255 * ours.size), squared / (255 * 255 * ours.size)


_TAPS, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def similarity(drawn: Media, wanted: Media) -> float:
    """SSIM of two pictures, in [-1, 1]. Raises BadData."""
    ours, theirs = framed(drawn, wanted)
    height, width = ours.shape[0], ours.shape[1]
    down, across = max(_TAPS - height, 0), max(_TAPS - width, 0)
    if down or across:
        import numpy as np

        room = ((down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0))
        ours, theirs = (np.pad(a, room, mode="symmetric") for a in (ours, theirs))
    total, count = 0.0, 0
    for one, other in _stripes(ours, theirs):
        similarities = _ssim_map(_luminance(one), _luminance(other))
        total += float(similarities.sum())
        count += similarities.size
    return total / count


def _stripes(ours: Array, theirs: Array) -> Iterator[tuple[Array, Array]]:
    """Stripes of rows that overlap so that every window is in exactly one of them."""
    for top in range(0, len(ours) - _TAPS + 1, _ROWS):
        rows = slice(top, top + _ROWS + _TAPS - 1)
        yield ours[rows], theirs[rows]


def _luminance(values: Array) -> Array:
    import numpy as np

    return np.asarray(values @ np.array([0.299, 0.587, 0.114]) / 255)


def _ssim_map(x: Array, y: Array) -> Array:
    mean_x, mean_y = _weighted(x), _weighted(y)
    var_x = _weighted(x * x) - mean_x**2
    var_y = _weighted(y * y) - mean_y**2
    covariance = _weighted(x * y) - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    above: Array = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below: Array = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return above / below


def _weighted(values: Array) -> Array:
    """The Gaussian mean of every window inside the picture: (height - 10) x (width - 10)."""
    import numpy as np

    weights = [math.exp(-((i - _TAPS // 2) ** 2) / (2 * _SIGMA**2)) for i in range(_TAPS)]
    weights = [w / math.fsum(weights) for w in weights]
    rows, columns = values.shape[0] - _TAPS + 1, values.shape[1] - _TAPS + 1
    down, both = np.zeros((rows, values.shape[1])), np.zeros((rows, columns))
    for i, weight in enumerate(weights):
        down += weight * values[i : i + rows]
    for i, weight in enumerate(weights):
        both += weight * down[:, i : i + columns]
    return both


@dataclass(frozen=True)
class PictureMetric(SampleMetric):
    """A metric on a drawn picture and a reference that is one: the best value over the references.

    A sample without a picture among its references, or with none that opens, has no value. Guessing is not
    defined. Components: one more for each ``answer_type`` in the metadata.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"media"})
    best: ClassVar[float] = 1.0
    unanchored: ClassVar[str] = "has no meaningful zero: any two photographs are far from its worst value"
    """Why a profile does not average it: the worst value is no meaningful 0."""

    def compare(self, drawn: Media, wanted: Media) -> float:
        """The value for one reference. Raises BadData where a picture does not open."""
        raise NotImplementedError

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        kind = group[0].metadata.get("answer_type")
        return ("", folded(str(kind))) if kind else ("",)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [dict.fromkeys(self.components((g[0].sample,)), self._best(g[0])) for g in groups]

    def _best(self, judged: Judged) -> float | None:
        values = []
        for reference in judged.sample.references:
            if isinstance(reference, Media) and isinstance(judged.value, Media):
                try:
                    values.append(self.compare(judged.value, reference))
                except BadData:  # of the reference, since the drawn picture opened when it was judged
                    continue
        if not values:
            return None
        return max(values) if self.higher_is_better else min(values)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return self.best

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None


@dataclass(frozen=True)
class L1(PictureMetric):
    """The mean absolute difference over pixels and channels, values in [0, 1]; 0 is the best. A drawn picture
    of another size is resized to the reference's (bicubic); transparency is white."""

    name = "l1"
    title = "mean absolute difference of pixels"
    higher_is_better = False
    best = 0.0

    def compare(self, drawn: Media, wanted: Media) -> float:
        return difference(drawn, wanted)[0]


@dataclass(frozen=True)
class MSE(PictureMetric):
    """The mean squared difference over pixels and channels, values in [0, 1]; 0 is the best. Resized as for
    ``l1``."""

    name = "mse"
    title = "mean squared difference of pixels"
    higher_is_better = False
    best = 0.0

    def compare(self, drawn: Media, wanted: Media) -> float:
        return difference(drawn, wanted)[1]


@dataclass(frozen=True)
class PSNR(PictureMetric):
    """Peak signal-to-noise ratio in decibels: 10 log10(1 / mse), at most 100, which is what equal pictures
    get. Resized as for ``l1``. The mean is over pictures, not over their squared differences."""

    name = "psnr"
    title = "peak signal-to-noise ratio in dB"
    range = (0.0, MOST_DB)
    best = MOST_DB

    def compare(self, drawn: Media, wanted: Media) -> float:
        squared = difference(drawn, wanted)[1]
        return min(MOST_DB, -10 * math.log10(squared)) if squared else MOST_DB


@dataclass(frozen=True)
class SSIM(PictureMetric):
    """Structural similarity (Wang et al. 2004) of luminance (0.299 R + 0.587 G + 0.114 B, in [0, 1]).

    The mean over all windows that lie wholly inside: Gaussian 11 x 11 with sigma 1.5, K1 0.01, K2 0.03,
    without reducing the picture first. Resized as for ``l1``; a side under 11 pixels is mirrored at its edges
    to 11.
    """

    name = "ssim"
    title = "structural similarity of luminance"
    range = (-1.0, 1.0)

    def compare(self, drawn: Media, wanted: Media) -> float:
        return min(1.0, max(-1.0, similarity(drawn, wanted)))
