"""The metric of drawn answers: are the right signs in the right places, and is the rest as it was?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hemm.core import BadData, Media, Sample
from hemm.metrics.base import SampleMetric
from hemm.metrics.images.pixels import framed
from hemm.tasks.probes.factorial.scene import HALF
from hemm.tasks.probes.factorial.signs import USE_CASES, Pixels, empty, tile

KEPT = 0.05
"""The largest mean absolute difference (0 to 1) of the rest of a picture that counts as kept."""


@dataclass(frozen=True)
class SignCheck(SampleMetric):
    """1 where every box that was to change holds the right sign and the rest is kept, else 0.

    A box holds the sign of the sample's set that it is nearest to (mean absolute difference of pixels), or
    none where an empty frame is nearer. The rest is kept where it differs by at most 0.05 of the range of
    values. Component ``signs``: the share of boxes that are right; ``kept``: whether the rest is. A drawn
    picture of another size is resized to the reference's.
    """

    name: ClassVar[str] = "sign_check"
    title: ClassVar[str] = "the right signs in their places, the rest kept"
    needs: ClassVar[frozenset[str]] = frozenset({"media"})

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("", "signs", "kept")

    def value(self, answer: Any, sample: Sample) -> float:
        return self._parts(answer, sample)[""]

    def score(self, groups: Any) -> list[dict[str, float | None]]:
        return [dict(self._parts(group[0].value, group[0].sample)) for group in groups]

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    def _parts(self, answer: Any, sample: Sample) -> dict[str, float]:
        wanted = next((r for r in sample.references if isinstance(r, Media)), None)
        if wanted is None or not isinstance(answer, Media):
            return {"": 0.0, "signs": 0.0, "kept": 0.0}
        try:
            ours, theirs = framed(answer, wanted)
        except BadData:
            return {"": 0.0, "signs": 0.0, "kept": 0.0}
        found = read_signs(ours, sample)
        share = sum(f == w for f, w in found) / len(found)
        rest = np.ones(ours.shape[:2], dtype=bool)
        for x, y, width, height in sample.metadata["changed"]:
            rest[y : y + height, x : x + width] = False
        apart = np.abs(ours[rest].astype(np.int16) - theirs[rest]).mean() / 255
        kept = float(apart <= KEPT)
        return {"": float(share == 1 and kept == 1), "signs": share, "kept": kept}


def read_signs(pixels: Pixels, sample: Sample) -> list[tuple[str, str]]:
    """The sign found in each box that was to change (empty: none), and the one that belongs there."""
    name, ends = str(sample.metadata["signs"]), sample.metadata["ends"]
    signs = next(s for pair in USE_CASES.values() for s in pair if s.name == name)
    known = {"": empty(), **{n: tile(name, i) for i, n in enumerate(signs.names)}}
    found = []
    for x, y, width, height in sample.metadata["changed"]:
        box = pixels[y : y + height, x : x + width].astype(np.int16)
        nearest = min(known, key=lambda n: (float(np.abs(box - known[n]).mean()), n))
        found.append((nearest, str(ends[x >= HALF])))
    return found
