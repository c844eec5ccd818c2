"""Failure policies: how answers without a value count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import NO_INTERVAL
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.core import UnknownName
from hemm.stats.intervals import Estimate


class FailurePolicy(StrEnum):
    """The policies, with their words for ``--failures``.

    AS_WORST  refused, truncated and unparsable answers count as the worst score; errors are left out
    EXCLUDE   every answer without a value is left out, which flatters a model that fails on hard samples
    BOUNDS    the interval between two cases: every answer without a value (errors too) counts as the worst
              score, or as its ceiling. The score with a perfect parser and no errors is between them
    """

    AS_WORST = "zero"
    EXCLUDE = "out"
    BOUNDS = "bounds"

    @staticmethod
    def check(word: str) -> None:
        """Raise UnknownName for a word that ``--failures`` does not take."""
        words = [str(policy) for policy in FailurePolicy]
        if word not in words:
            raise UnknownName("reading of failures", word, words)


DESCRIPTIONS: dict[str, str] = {
    FailurePolicy.AS_WORST: "unparsable, refused and truncated answers count as the worst score; errors are "
    "left out",
    FailurePolicy.EXCLUDE: "answers without a value (unparsable, refused, truncated, error) are left out",
    FailurePolicy.BOUNDS: "the interval runs from all answers without a value as the worst score to all as "
    "the best",
}

Case = Literal["as_worst", "exclude", "worst", "best"]
"""How every answer without a value counts; ``worst`` and ``best`` are the ends of ``BOUNDS``."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PolicyScores:
    """One value under every policy; None where the worst or best score is not finite.

    left_out  answers without a value, errors included
    """

    as_worst: float | None
    exclude: float | None
    worst: float | None
    best: float | None
    left_out: int

    @classmethod
    def of(cls, value: Callable[[Case], float | None], left_out: int) -> PolicyScores:
        return cls(value("as_worst"), value("exclude"), value("worst"), value("best"), left_out)

    def __getitem__(self, case: Case) -> float | None:
        return {"as_worst": self.as_worst, "exclude": self.exclude, "worst": self.worst, "best": self.best}[
            case
        ]

    def scaled(self, width: float) -> PolicyScores:
        """All values in units of ``width``."""
        return self.of(lambda case: None if (v := self[case]) is None else v / width, self.left_out)

    def to_json(self) -> dict[str, Any]:
        """The part ``readings`` of the JSON of ``hemm profile`` and ``hemm compare``."""
        return {
            "zero": self.as_worst,
            "out": self.exclude,
            "worst": self.worst,
            "best": self.best,
            "left_out": self.left_out,
        }


def point_case(policy: str) -> Case:
    """The case of the value itself (not of its interval) under ``policy``."""
    return "exclude" if policy == FailurePolicy.EXCLUDE else "as_worst"


def counted(scores: ScoreColumn, case: Case) -> ScoreColumn:
    """The same groups with failures counted as ``case`` says."""
    if case == "as_worst":
        return scores
    anytime = scores.anytime
    if anytime is not None and scores.missing.any():  # valid only with failures as the worst score
        anytime = NO_INTERVAL
    values = scores.answered if case == "exclude" else _filled(scores, best=case == "best")
    return replace(scores, values=values, anytime=anytime)


def without_failures(item: CellScores) -> CellScores:
    """All scores of a cell over its answers that have a value."""
    headline, *others = (counted(scores, "exclude") for scores in item.columns)
    return replace(item, headline=headline, others=tuple(others))


def _filled(scores: ScoreColumn, best: bool) -> Floats:
    """Values with missing answers at their best or worst; NaN where that is not finite."""
    low, high = scores.metric.range
    if not scores.metric.higher_is_better:
        low, high = high, low
    fill = np.where(np.isnan(scores.ceiling), high, scores.ceiling) if best else np.full(len(scores), low)
    complete = scores.missing <= 0
    answered = np.where(np.isnan(scores.answered), 0.0, scores.answered * (1 - scores.missing))
    with np.errstate(invalid="ignore"):
        filled = answered + scores.missing * fill
    return np.where(complete, scores.answered, np.where(np.isfinite(fill), filled, np.nan))


def failures_of(scores: ScoreColumn) -> int:
    """Answers without a value."""
    return round(float((scores.missing * scores.counts.sum(axis=1)).sum()))


def under_each_policy(scores: ScoreColumn, value: Callable[[ScoreColumn], float | None]) -> PolicyScores:
    """``value`` of these scores under every policy. A bound that is not finite somewhere is None."""

    if not scores.missing.any() and np.array_equal(scores.values, scores.answered):
        same = value(scores)  # nothing failed
        return PolicyScores(same, same, same, same, 0)

    def of(case: Case) -> float | None:
        column = counted(scores, case)
        lacks = case in ("worst", "best") and bool(np.isnan(column.values).any())
        return None if lacks else value(column)

    return PolicyScores.of(of, failures_of(scores))


def mean_over(parts: Sequence[PolicyScores]) -> PolicyScores:
    """The unweighted mean; None where one of ``parts`` has no value."""

    def mean(case: Case) -> float | None:
        values = [v for policies in parts if (v := policies[case]) is not None]
        return float(np.mean(values)) if values and len(values) == len(parts) else None

    return PolicyScores.of(mean, sum(policies.left_out for policies in parts))


def bounded(worst: Estimate, best: Estimate, value: float | None) -> Estimate:
    """From the lower end of the worst case to the upper end of the best one."""
    low, high = sorted((worst, best), key=lambda e: e.value if e.value is not None else np.nan)
    note = worst.note or best.note
    return Estimate(value, low.low, high.high, worst.n, worst.clusters, note, worst.anytime)
