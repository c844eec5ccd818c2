"""Metrics on places in a picture: overlap of boxes, and whether a point lies in a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hemm.core import Group, HemmError, Judged, Sample
from hemm.metrics.base import SampleMetric, texts
from hemm.metrics.text.answers import by_answer_type
from hemm.parsing.coordinates import DIALECTS, Region, of_reference, size_of

_ENOUGH = 10
"""Answers that another dialect must mend, before it is named."""


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom); 0 where one has no area.

    >>> iou((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    areas = [max(0.0, c[2] - c[0]) * max(0.0, c[3] - c[1]) for c in (a, b)]
    both = max(0.0, width) * max(0.0, height)
    return both / (sum(areas) - both) if min(areas) > 0 else 0.0


def inside(point: Sequence[float], box: Sequence[float]) -> bool:
    """Whether a point lies in a box or on its edge."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


@dataclass(frozen=True)
class _OfRegions(SampleMetric):
    """Metrics whose answers are a ``Region`` and whose references are boxes.

    Components: one more for each ``answer_type`` in the metadata.
    """

    _counts: Counter[str] = field(default_factory=Counter, init=False, repr=False, compare=False)
    _declared: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def value_of(self, region: Region, sample: Sample) -> float:
        boxes = [box for r in texts(sample) if (box := of_reference(r)) and len(box) == 4]
        return max((self.against(region, box) for box in boxes), default=0.0)

    def against(self, region: Region, box: Sequence[float]) -> float:
        raise NotImplementedError

    def hits(self, value: float) -> bool:
        """Whether a value is that of an answer that found its object."""
        return value >= 0.5

    def value(self, answer: Any, sample: Sample) -> float:
        if not isinstance(answer, Region):
            raise HemmError(f"metric {self.name} takes the answer formats box and point")
        return self.value_of(answer, sample)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        values = super().score(groups)
        for group, found in zip(groups, values, strict=True):
            self._look(group[0], self.hits(found[""] or 0.0))
        return values

    def _look(self, judged: Judged, hit: bool) -> None:
        """Count how the answer would fare if its numbers meant something else."""
        region, size = judged.value, size_of(judged.sample)
        self._declared.add(region.dialect)
        self._counts["answers"] += 1
        for name, other in DIALECTS.items():
            at = other.fractions(region.said, size)
            if name == region.dialect or at is None:
                continue
            there = self.hits(self.value_of(Region(at, region.said, name), judged.sample))
            self._counts[f"won {name}"] += there and not hit
            self._counts[f"lost {name}"] += hit and not there

    def record(self) -> dict[str, Any]:
        """The declared dialect, and a remark where another fits the answers far better: no score is changed
        by it."""
        facts: dict[str, Any] = {"dialect": " ".join(sorted(self._declared))}
        better = {name: self._counts[f"won {name}"] - self._counts[f"lost {name}"] for name in DIALECTS}
        best = max(better, key=lambda name: better[name])
        gained, lost = self._counts[f"won {best}"], self._counts[f"lost {best}"]
        if gained < _ENOUGH or gained < 4 * lost:
            return facts
        # thousandths are hardly told from 999ths
        alike = " or ".join(name for name in DIALECTS if better[name] >= 0.95 * better[best])
        remark = (
            f"{gained} of {self._counts['answers']} answers miss their object as {facts['dialect']} "
            f"coordinates and would meet it as {alike} ({lost} the other way round): the model may write "
            f"{alike}; they are scored as declared"
        )
        return {**facts, "remarks": [remark]}

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None


@dataclass(frozen=True)
class Iou(_OfRegions):
    """Intersection over union of the answer's box with the reference's, the highest over the references; with
    ``at`` 1 where it is that or more, else 0 (``iou:at=0.5`` is RefCOCO's accuracy, Acc@0.5).

    at  a threshold from 0 to 1; empty: the overlap itself
    """

    at: str = ""

    name = "iou"
    title = "overlap of the answer's box with the reference's"

    def __post_init__(self) -> None:
        try:
            fits = not self.at or 0.0 < float(self.at) <= 1.0
        except ValueError:
            fits = False
        if not fits:
            raise HemmError(f"metric parameter at={self.at!r} is no number above 0 and up to 1")

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"at": self.at} if self.at else {}

    def against(self, region: Region, box: Sequence[float]) -> float:
        if len(region.at) != 4:
            raise HemmError("metric iou compares boxes: its answer format is box")
        found = iou(region.at, box)
        return float(found >= float(self.at)) if self.at else found


@dataclass(frozen=True)
class PointInBox(_OfRegions):
    """1 where the answer's point, or the middle of its box, lies in the reference's box or on its edge, else
    0 (ScreenSpot)."""

    name = "point_in_box"
    title = "share of points that lie in the reference's box"

    def against(self, region: Region, box: Sequence[float]) -> float:
        return float(inside(region.centre, box))
