"""Interactions of labels: whether the effect of one label depends on another, over samples.

To the model of ``label_effects.by_samples`` come products of the labels of each pair of dimensions,

    y = task + sum of effects + sum over pairs of dimensions of interaction(label, label) + rest

by least squares, with errors robust to clusters (CR3, Satterthwaite's degrees of freedom). An interaction is
a difference of differences: what a1 is above b1 where the other label is a2, less what it is where that is
b2. All others are held equal. p is corrected by Holm's method over the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.core.text import counted
from hemm.stats.cluster_robust import Leverage
from hemm.stats.corrections import holm
from hemm.stats.intervals import t_quantile
from hemm.stats.label_effects import ALL_EQUAL, LabelledSamples, all_equal, varying
from hemm.stats.paired import t_p
from hemm.stats.regression import estimable

Floats = NDArray[np.float64]
Column = tuple[tuple[str, str], ...]
"""One label, or two: what a sample has where its row of the design is 1."""


@dataclass(frozen=True, slots=True)
class LabelInteraction:
    """(a1 less b1 at a2) less (a1 less b1 at b2), with its interval; None where it cannot be estimated.

    p_holm  p corrected over the table
    """

    dimension: str
    a1: str
    b1: str
    other: str
    a2: str
    b2: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    df: float
    p_holm: float | None = None


@dataclass(frozen=True)
class LabelInteractions:
    """The interactions of all pairs of dimensions; ``why`` there are none, else empty."""

    rows: tuple[LabelInteraction, ...]
    units: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"units": self.units, "why": self.why, "rows": [asdict(row) for row in self.rows]}


def interactions(data: LabelledSamples, order: Mapping[str, Sequence[str]]) -> LabelInteractions:
    """All interactions of two dimensions whose labels vary within tasks.

    >>> import numpy as np
    >>> a, b = np.tile(["x", "y"], 40), np.repeat(["u", "v"], 40)
    >>> y = 1.0 * (a == "y") + 0.5 * (b == "v") + 2.0 * ((a == "y") & (b == "v"))
    >>> one = np.full(80, "t", dtype=object)
    >>> labels = {"first": a.astype(object), "second": b.astype(object)}
    >>> samples = LabelledSamples(y, one, np.arange(80).astype(str), labels, 1)
    >>> row, = interactions(samples, {"first": ("x", "y"), "second": ("u", "v")}).rows
    >>> round(row.value, 6), row.a1, row.b1, row.a2, row.b2
    (2.0, 'x', 'y', 'u', 'v')
    """
    used = varying(data, order)
    if len(used) < 2:
        return LabelInteractions((), len(data.y), "fewer than two dimensions vary within a task")
    complete = np.array(
        [all(data.labels[d][i] is not None for d in used) for i in range(len(data.y))], dtype=bool
    )
    data = data.take(complete & ~np.isnan(data.y))
    columns, design = _design(data, used)
    pairs = [f"{t}\0{c}" for t, c in zip(data.tasks.tolist(), data.clusters.tolist(), strict=True)]
    codes = np.unique(np.array(pairs, dtype=object), return_inverse=True)[1].reshape(-1)
    groups = int(codes.max()) + 1 if len(codes) else 0
    if groups <= design.shape[1]:
        why = f"too few clusters ({groups}) for {counted(design.shape[1], 'parameter')}"
        return LabelInteractions((), len(data.y), why)
    if all_equal(data):
        return LabelInteractions((), len(data.y), ALL_EQUAL)
    inverse: Floats = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
    beta = inverse @ (design.T @ data.y)
    rest, leverage = data.y - design @ beta, Leverage.of(design, codes, inverse)
    rows = []
    for first, second in combinations(used, 2):
        for one in combinations(used[first], 2):
            for two in combinations(used[second], 2):
                contrast = _contrast(columns, design.shape[1], (first, one), (second, two))
                key = (first, *one, second, *two)
                if not estimable(design, inverse, contrast):
                    rows.append(LabelInteraction(*key, None, None, None, None, groups - 1))
                    continue
                variance, df = leverage.variance(rest, contrast)
                rows.append(_row(key, float(contrast @ beta), variance, df))
    corrected = holm([row.p for row in rows])
    fitted = tuple(replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True))
    return LabelInteractions(fitted, len(data.y))


def _design(data: LabelledSamples, used: Mapping[str, Sequence[str]]) -> tuple[dict[Column, int], Floats]:
    """The column of each label and each pair of labels (but the first of each dimension), and the matrix."""
    tasks = list(dict.fromkeys(data.tasks.tolist()))
    has = {(d, c): np.asarray(data.labels[d] == c) for d in used for c in used[d][1:]}
    keys: list[Column] = [(label,) for label in has]
    keys += [(one, two) for one, two in combinations(has, 2) if one[0] != two[0]]
    design = np.zeros((len(data.y), len(tasks) + len(keys)))
    for i, task in enumerate(tasks):
        design[data.tasks == task, i] = 1
    columns = {key: len(tasks) + i for i, key in enumerate(keys)}
    for key, column in columns.items():
        design[np.logical_and.reduce([has[label] for label in key]), column] = 1
    return columns, design


def _contrast(
    columns: Mapping[Column, int],
    size: int,
    first: tuple[str, tuple[str, str]],
    second: tuple[str, tuple[str, str]],
) -> Floats:
    contrast = np.zeros(size)
    for one, sign in zip(first[1], (1.0, -1.0), strict=True):
        for two, other in zip(second[1], (1.0, -1.0), strict=True):
            column = columns.get(((first[0], one), (second[0], two)))
            if column is not None:
                contrast[column] += sign * other
    return contrast


def _row(key: tuple[str, ...], value: float, variance: float, df: float) -> LabelInteraction:
    error = math.sqrt(max(0.0, variance))
    first, a1, b1, second, a2, b2 = key
    if error < 1e-12:
        return LabelInteraction(first, a1, b1, second, a2, b2, value, None, None, None, df)
    reach = t_quantile(df) * error
    low, high, p = value - reach, value + reach, t_p(value, error, df)
    return LabelInteraction(first, a1, b1, second, a2, b2, value, low, high, p, df)
