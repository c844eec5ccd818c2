"""Effects of labels with the others held equal: over tasks and, where labels vary within tasks, over samples.

*Tasks*: ``regression.joint`` on normalised scores (models x tasks), for tasks with the same labels on all
their samples. The units are tasks, so few tasks give wide intervals, however many samples they have.

*Samples*: for tasks with samples of different labels, such as the probes. With y the mean over models of a
sample's normalised score,

    y = task + sum over dimensions of effect(label) + rest

by least squares with a term for each task, so that only differences within tasks count. Every model has every
sample, so terms for models would change nothing. Errors are robust to clusters (CR3: each cluster's residual
as if it had been left out), with Satterthwaite's degrees of freedom, of which large clusters leave few (Bell
and McCaffrey 2002). A contrast that cannot be estimated, since its labels always occur with others, has no
value.

Each effect comes with its p corrected by Holm's method over the table, since one of many effects is below 5 %
by chance in up to half of all data; with the raw difference of means, the variance inflation, and the
smallest and largest effect when each task is left out in turn.
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
from hemm.stats.paired import t_p
from hemm.stats.regression import (
    PERMUTATIONS,
    Effect,
    categories_of,
    contrast_of,
    estimable,
    inflation_of,
    joint,
)

Floats = NDArray[np.float64]
Labels = Mapping[str, Mapping[str, str]]
CLOSE, LIFTED = 0.8, 0.1
"""Labels travel together if their share is at least ``CLOSE``, and more than ``LIFTED`` above that
elsewhere."""
ALL_EQUAL = "all samples of a task have one score, which no label changes"


@dataclass(frozen=True, slots=True)
class AdjustedEffect:
    """One effect, and the raw difference (mean of a less mean of b).

    p_holm             the effect's p, corrected over the table
    low_out, high_out  smallest and largest effect when one task is left out
    lost               number of tasks without which the effect cannot be estimated
    """

    effect: Effect
    raw: float | None
    low_out: float | None
    high_out: float | None
    lost: int
    p_holm: float | None = None


@dataclass(frozen=True, slots=True)
class LabelOverlap:
    """Of ``n`` tasks (or samples) with the first label, ``both`` also have the second one. ``everywhere`` is
    the share of the second label among all that have its dimension."""

    dimension: str
    category: str
    other: str
    other_category: str
    n: int
    both: int
    everywhere: float

    @property
    def share(self) -> float:
        return self.both / self.n

    @property
    def lift(self) -> float:
        """How much more often the second label occurs with the first than in all."""
        return self.share - self.everywhere

    @property
    def close(self) -> bool:
        """Whether the two labels travel together."""
        return self.share >= CLOSE and self.n > 1 and self.lift > LIFTED


@dataclass(frozen=True)
class LabelEffects:
    """Effects over ``level``, tasks or samples; ``why`` there are none, else empty."""

    level: str
    effects: tuple[AdjustedEffect, ...]
    together: tuple[LabelOverlap, ...]
    tasks: int
    models: int
    units: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "tasks": self.tasks,
            "models": self.models,
            "units": self.units,
            "why": self.why,
            "effects": [
                asdict(row.effect)
                | {
                    "p_holm": row.p_holm,
                    "raw": row.raw,
                    "low_out": row.low_out,
                    "high_out": row.high_out,
                    "lost": row.lost,
                }
                for row in self.effects
            ],
            "together": [asdict(t) | {"share": t.share, "lift": t.lift} for t in self.together],
        }


def by_tasks(
    scores: Floats,
    tasks: Sequence[str],
    labels: Labels,
    order: Mapping[str, Sequence[str]],
    permutations: int = PERMUTATIONS,
) -> LabelEffects:
    """The effects in the joint model of ``scores`` (models x tasks)."""
    travel = overlaps([labels.get(t, {}) for t in tasks], order)
    fit = joint(scores, tasks, labels, order, permutations=permutations)
    if fit.why:
        return LabelEffects("tasks", (), travel, fit.tasks, fit.models, fit.tasks, fit.why)
    left_out: list[dict[tuple[str, str, str], float | None]] = []
    for dropped in range(len(tasks)):
        others = [i for i in range(len(tasks)) if i != dropped]
        refit = joint(scores[:, others], [tasks[i] for i in others], labels, order, permutations=0)
        left_out.append({(e.dimension, e.a, e.b): e.value for e in refit.effects})
    means = np.array([np.nanmean(c) if (~np.isnan(c)).any() else np.nan for c in scores.T])
    raw = _raw(means, [labels.get(t, {}) for t in tasks])
    rows = _corrected([_adjusted(e, raw, left_out) for e in fit.effects])
    return LabelEffects("tasks", rows, travel, fit.tasks, fit.models, fit.tasks)


def _raw(means: Floats, labels: Sequence[Mapping[str, str]]) -> Any:
    def difference(dimension: str, a: str, b: str) -> float | None:
        parts = [means[[of_task.get(dimension) == c for of_task in labels]] for c in (a, b)]
        known = [part[~np.isnan(part)] for part in parts]
        return float(known[0].mean() - known[1].mean()) if all(map(len, known)) else None

    return difference


def _adjusted(
    effect: Effect, raw: Any, left_out: Sequence[Mapping[tuple[str, str, str], float | None]]
) -> AdjustedEffect:
    key = (effect.dimension, effect.a, effect.b)
    refits = [effects.get(key) for effects in left_out]
    known = [v for v in refits if v is not None]
    if effect.value is None:
        return AdjustedEffect(effect, raw(*key), None, None, 0)
    low, high = min(known, default=None), max(known, default=None)
    return AdjustedEffect(effect, raw(*key), low, high, len(refits) - len(known))


def _corrected(rows: Sequence[AdjustedEffect]) -> tuple[AdjustedEffect, ...]:
    return tuple(
        replace(row, p_holm=p) for row, p in zip(rows, holm([r.effect.p for r in rows]), strict=True)
    )


@dataclass(frozen=True)
class LabelledSamples:
    """Samples by row: normalised score ``y`` (mean over models), task, cluster, labels."""

    y: Floats
    tasks: NDArray[Any]
    clusters: NDArray[Any]
    labels: Mapping[str, NDArray[Any]]
    models: int

    def take(self, picked: NDArray[Any]) -> LabelledSamples:
        cut = {d: c[picked] for d, c in self.labels.items()}
        return LabelledSamples(self.y[picked], self.tasks[picked], self.clusters[picked], cut, self.models)


def by_samples(data: LabelledSamples, order: Mapping[str, Sequence[str]]) -> LabelEffects:
    """The effects in the linear model of samples with a term for each task."""
    labelled = [dict(zip(data.labels, row, strict=True)) for row in zip(*data.labels.values(), strict=True)]
    travel = overlaps([{d: c for d, c in row.items() if c is not None} for row in labelled], order)
    names = list(dict.fromkeys(data.tasks.tolist()))
    used = varying(data, order)
    if not used:
        why = "no label varies within a task"
        return LabelEffects("samples", (), travel, len(names), data.models, len(data.y), why)
    mask = np.array([all(row[d] is not None for d in used) for row in labelled], dtype=bool)
    mask &= ~np.isnan(data.y)
    data = data.take(mask)
    effects, why = _fit(data, used)
    left_out = []
    for name in names if len(names) > 1 else []:
        refit, _ = _fit(data.take(data.tasks != name), used)
        left_out.append({(e.dimension, e.a, e.b): e.value for e in refit})

    def raw(dimension: str, a: str, b: str) -> float | None:
        means = []
        for c in (a, b):
            masks = [(data.labels[dimension] == c) & (data.tasks == n) for n in names]
            of_tasks = [data.y[mask].mean() for mask in masks if mask.any()]
            means.append(float(np.mean(of_tasks)) if of_tasks else math.nan)
        return None if math.isnan(means[0] - means[1]) else means[0] - means[1]

    rows = _corrected([_adjusted(e, raw, left_out) for e in effects])
    return LabelEffects("samples", rows, travel, len(names), data.models, len(data.y), why)


def varying(data: LabelledSamples, order: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Dimension -> its categories, for dimensions that vary within a task."""
    used: dict[str, list[str]] = {}
    for dimension, column in data.labels.items():
        occurring = {c for c in column.tolist() if c is not None}
        varies = any(
            len(set(column[data.tasks == t].tolist()) - {None}) > 1 for t in set(data.tasks.tolist())
        )
        if len(occurring) > 1 and varies:
            used[dimension] = [c for c in order[dimension] if c in occurring]
    return used


def all_equal(data: LabelledSamples) -> bool:
    """Whether the scores of each task are equal but for rounding, so that no label has an effect."""
    return all(np.ptp(data.y[data.tasks == task]) < 1e-9 for task in set(data.tasks.tolist()))


def _fit(data: LabelledSamples, used: Mapping[str, Sequence[str]]) -> tuple[list[Effect], str]:
    names = list(dict.fromkeys(data.tasks.tolist()))
    columns = {(d, c): len(names) + i for i, (d, c) in enumerate((d, c) for d in used for c in used[d][1:])}
    x = np.zeros((len(data.y), len(names) + len(columns)))
    for i, name in enumerate(names):
        x[data.tasks == name, i] = 1
    for (d, c), column in columns.items():
        x[data.labels[d] == c, column] = 1
    pairs = [f"{t}\0{c}" for t, c in zip(data.tasks.tolist(), data.clusters.tolist(), strict=True)]
    codes = np.unique(np.array(pairs, dtype=object), return_inverse=True)[1].reshape(-1)
    groups = int(codes.max()) + 1 if len(codes) else 0
    if groups <= x.shape[1]:
        return [], f"too few clusters ({groups}) for {counted(x.shape[1], 'parameter')}"
    if all_equal(data):
        return [], ALL_EQUAL
    inverse: Floats = np.asarray(np.linalg.pinv(x.T @ x), dtype=np.float64)
    beta = inverse @ (x.T @ data.y)
    leverage = Leverage.of(x, codes, inverse)
    out = []
    for d, categories in used.items():
        for a, b in combinations(categories, 2):
            contrast = contrast_of(columns, x.shape[1], d, a, b)
            if not estimable(x, inverse, contrast):
                out.append(Effect(d, a, b, None, None, None, None, None, None, groups - 1))
                continue
            own = [
                *range(len(names)),
                *(column for (e, _), column in columns.items() if e == d),
            ]
            inflation = inflation_of(x, inverse, contrast, own)
            variance, df = leverage.variance(data.y - x @ beta, contrast)
            out.append(_effect((d, a, b), float(contrast @ beta), variance, df, inflation))
    return out, ""


def _effect(key: tuple[str, str, str], value: float, variance: float, df: float, inflation: float) -> Effect:
    error = math.sqrt(max(0.0, variance))
    if error < 1e-12:
        return Effect(*key, value, None, None, None, None, inflation, df)
    reach = t_quantile(df) * error
    return Effect(*key, value, value - reach, value + reach, t_p(value, error, df), None, inflation, df)


def overlaps(
    labels: Sequence[Mapping[str, str]], order: Mapping[str, Sequence[str]]
) -> tuple[LabelOverlap, ...]:
    """How often labels of different dimensions occur together, most often first. Dimensions with one category
    are left out."""
    used = categories_of({str(i): row for i, row in enumerate(labels)}, [str(i) for i in range(len(labels))],
                         order)  # fmt: skip
    has = {(d, c): np.array([row.get(d) == c for row in labels]) for d, cs in used.items() for c in cs}
    count = {d: sum(d in row for row in labels) for d in used}
    pairs = [
        LabelOverlap(*first, *second, int(has[first].sum()), int((has[first] & has[second]).sum()),
                 float(has[second].sum()) / count[second[0]])
        for first in has
        for second in has
        if first[0] != second[0]
    ]  # fmt: skip
    return tuple(sorted(pairs, key=lambda t: (-t.share * t.lift, -t.n)))
