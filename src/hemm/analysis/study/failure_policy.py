"""Three readings of failures: what a score says depends on what an answer without a value counts.

zero    refused, truncated and unparsable answers count as the worst score, errors are left out (the default)
out     every answer without a value is left out: the mean of what was answered, which flatters a model that
        fails where it is hard
bounds  the worst and the best case: every answer without a value (errors too) counts as the worst score, and
        as its ceiling. The truth of what a working parser or a second try would give lies between
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import NO_ENDS
from hemm.analysis.study.cell_scores import ScoreColumn
from hemm.stats.intervals import Estimate

READINGS = ("zero", "out", "bounds")
WORDS = {
    "zero": "unparsable, refused and truncated answers count as the worst score; errors are left out",
    "out": "answers without a value (unparsable, refused, truncated, error) are left out",
    "bounds": "the interval runs from all answers without a value as the worst score to all as the best",
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readings:
    """One value in three readings; None where there is none (no finite worst or best score).

    left_out  answers without a value, errors included
    """

    zero: float | None
    out: float | None
    worst: float | None
    best: float | None
    left_out: int

    def plain(self) -> dict[str, Any]:
        return {"zero": self.zero, "out": self.out, "worst": self.worst, "best": self.best,
                "left_out": self.left_out}  # fmt: skip


def read_as(scores: ScoreColumn, reading: str) -> ScoreColumn:
    """The same groups read as ``zero``, ``out``, ``worst`` or ``best``."""
    if reading == "zero":
        return scores
    stop = scores.stop
    if stop is not None and scores.missing.any():  # what was watched is the score in its default reading
        stop = NO_ENDS
    if reading == "out":
        return replace(scores, read=scores.valued, stop=stop)
    return replace(scores, read=_filled(scores, best=reading == "best"), stop=stop)


def _filled(scores: ScoreColumn, best: bool) -> Floats:
    """Values with what is missing at its best or its worst; NaN where that end is not finite."""
    low, high = scores.metric.range
    if not scores.metric.higher_is_better:
        low, high = high, low
    fill = np.where(np.isnan(scores.ceiling), high, scores.ceiling) if best else np.full(len(scores), low)
    whole = scores.missing <= 0
    part = np.where(np.isnan(scores.valued), 0.0, scores.valued * (1 - scores.missing))
    with np.errstate(invalid="ignore"):
        mixed = part + scores.missing * fill
    return np.where(whole, scores.valued, np.where(np.isfinite(fill), mixed, np.nan))


def unvalued(scores: ScoreColumn) -> int:
    """Answers without a value."""
    return round(float((scores.missing * scores.counts.sum(axis=1)).sum()))


def three(scores: ScoreColumn, value: Callable[[ScoreColumn], float | None]) -> Readings:
    """``value`` of these scores in every reading. A bound that is not finite somewhere is None."""
    found: dict[str, float | None] = {}
    for name in ("zero", "out", "worst", "best"):
        read = read_as(scores, name)
        lacks = name in ("worst", "best") and bool(np.isnan(read.read).any())
        found[name] = None if lacks else value(read)
    return Readings(**found, left_out=unvalued(scores))


def mean_of(parts: Mapping[Any, Readings] | list[Readings]) -> Readings:
    """The mean of several, each with the same weight; None where one has none."""
    rows = list(parts.values()) if isinstance(parts, Mapping) else parts

    def mean(name: str) -> float | None:
        values = [getattr(r, name) for r in rows]
        return float(np.mean(values)) if values and all(v is not None for v in values) else None

    left_out = sum(r.left_out for r in rows)
    return Readings(mean("zero"), mean("out"), mean("worst"), mean("best"), left_out)


def bounded(worst: Estimate, best: Estimate, value: float | None) -> Estimate:
    """From the lower end of the worst case to the upper end of the best one."""
    low, high = sorted((worst, best), key=lambda e: e.value if e.value is not None else np.nan)
    note = worst.note or best.note
    return Estimate(value, low.low, high.high, worst.n, worst.clusters, note, worst.anytime)


__all__ = ["READINGS", "WORDS", "Readings", "bounded", "mean_of", "read_as", "three", "unvalued"]
