"""Which category of a dimension is above another one, on tasks like these.

Two categories with the same tasks (each has a part of the samples of all) are compared task by task; others
by t of their means over tasks, once with a variance between tasks for each (Welch) and once with one for both
(few tasks may be alike by chance); the larger p counts. What two categories have in common makes their
difference vary less than that says. p is corrected by Holm's method over all pairs of categories of all
dimensions and subjects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hemm.analysis.profile.rows import CategoryRow, Profile
from hemm.analysis.study import Subject
from hemm.core import DIMENSIONS
from hemm.stats.between_tasks import LEAST, error_of_mean
from hemm.stats.corrections import holm
from hemm.stats.paired import t_p, welch_df


@dataclass(frozen=True)
class Gap:
    """Two categories of a dimension, the higher one first. ``p_holm`` is corrected over all gaps."""

    above: CategoryRow
    below: CategoryRow
    p_holm: float

    @property
    def width(self) -> float:
        return (self.above.estimate.value or 0.0) - (self.below.estimate.value or 0.0)


def gaps(profile: Profile, subjects: Sequence[Subject]) -> list[Gap]:
    """All pairs of categories of these subjects that have enough tasks to speak of tasks like these."""
    keys = {subject.key for subject in subjects}
    rows: dict[tuple[str, str], list[CategoryRow]] = {}
    for row in profile.categories:
        if row.subject.key in keys and row.dimension in DIMENSIONS and row.like.error is not None:
            rows.setdefault((row.subject.key, row.dimension), []).append(row)
    pairs = [pair for of_dimension in rows.values() for pair in combinations(of_dimension, 2)]
    corrected = holm([_p(*pair) for pair in pairs])
    found = []
    for (a, b), p in zip(pairs, corrected, strict=True):
        if p is not None:
            higher = (a.estimate.value or 0.0) >= (b.estimate.value or 0.0)
            found.append(Gap(*((a, b) if higher else (b, a)), p))
    return found


def enough(row: CategoryRow) -> bool:
    """Whether the category has enough tasks for a statement on tasks like these."""
    return len(row.tasks) >= LEAST


def _p(a: CategoryRow, b: CategoryRow) -> float | None:
    """Two-sided, of no difference on tasks like these."""
    value = (a.estimate.value or 0.0) - (b.estimate.value or 0.0)
    if a.tasks == b.tasks:
        parts = list(zip(a.parts, b.parts, strict=True))
        d = [(x.estimate.value or 0.0) - (y.estimate.value or 0.0) for x, y in parts]
        within, dfs = (
            np.diag([x.variance + y.variance for x, y in parts]),
            [min(x.df, y.df) for x, y in parts],
        )
        error, df, _ = error_of_mean(d, within, dfs)
        return t_p(value, error, df) if error > 0 else None
    rows = (a, b)
    errors, counts = [row.like.error or 0.0 for row in rows], [len(row.tasks) for row in rows]
    if not min(errors) > 0:
        return None
    # the variance of one task's value, if it is the same in both
    pooled = sum((n - 1) * n * e**2 for n, e in zip(counts, errors, strict=True)) / (sum(counts) - 2)
    equal = t_p(value, math.sqrt(pooled * sum(1 / n for n in counts)), sum(counts) - 2)
    return max(equal, t_p(value, math.hypot(*errors), welch_df(errors, [row.like.df for row in rows])))
