"""Effects of labels with the others held equal: over tasks and, where labels vary within tasks, over samples.

*Tasks*: ``regression.joint`` on normalised scores (models x tasks) of tasks whose labels are the same for all
their samples. What varies is the task, so few tasks say little, however many samples they have.

*Samples*: for tasks whose samples differ in their labels (the probes are drawn so). With y the mean over
models of a sample's normalised score,

    y = task + sum over dimensions of effect(label) + rest

by least squares with a term for each task, so that only differences within tasks count. Every model has
every sample, so terms for models change nothing. Errors are robust to clusters (CR3: each cluster's rest as
if it had been left out; Bell and McCaffrey 2002), with t of clusters - 1 degrees of freedom. A contrast that
the labels do not let be told apart gets no number.

Beside each effect stand the raw difference of means, the variance inflation, and the smallest and largest
effect when each task is left out in turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
"""Labels travel together from this share on, and where it is so much more than elsewhere."""


@dataclass(frozen=True, slots=True)
class AdjustedEffect:
    """One effect beside the raw difference (mean of a less mean of b).

    low_out, high_out  smallest and largest effect when a task is left out; ``lost`` tasks without which it
                       cannot be told
    """

    effect: Effect
    raw: float | None
    low_out: float | None
    high_out: float | None
    lost: int


@dataclass(frozen=True, slots=True)
class LabelOverlap:
    """Of ``n`` tasks (or samples) with the first label, ``both`` carry the second one as well, which
    ``everywhere`` is the share of those that have its dimension."""

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
        """By how much more often the second label stands beside the first than anywhere."""
        return self.share - self.everywhere

    @property
    def close(self) -> bool:
        """Whether the two travel together: far more often than elsewhere."""
        return self.share >= CLOSE and self.n > 1 and self.lift > LIFTED


@dataclass(frozen=True)
class LabelEffects:
    """``level``: tasks or samples; ``why`` says why there are no effects, else it is empty."""

    level: str
    effects: tuple[AdjustedEffect, ...]
    together: tuple[LabelOverlap, ...]
    tasks: int
    models: int
    units: int
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "level": self.level,
            "tasks": self.tasks,
            "models": self.models,
            "units": self.units,
            "why": self.why,
            "effects": [
                asdict(row.effect)
                | {"raw": row.raw, "low_out": row.low_out, "high_out": row.high_out, "lost": row.lost}
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
    """The joint model of ``scores`` (models x tasks), with its sensitivity."""
    travel = overlaps([labels.get(t, {}) for t in tasks], order)
    whole = joint(scores, tasks, labels, order, permutations=permutations)
    if whole.why:
        return LabelEffects("tasks", (), travel, whole.tasks, whole.models, whole.tasks, whole.why)
    effects = whole.effects
    if whole.models < 2:  # errors by model need models
        effects = tuple(replace(e, p_clustered=None) for e in effects)
    left: list[dict[tuple[str, str, str], float | None]] = []
    for gone in range(len(tasks)):
        kept = [i for i in range(len(tasks)) if i != gone]
        part = joint(scores[:, kept], [tasks[i] for i in kept], labels, order, permutations=0)
        left.append({(e.dimension, e.a, e.b): e.value for e in part.effects})
    means = np.array([np.nanmean(c) if (~np.isnan(c)).any() else np.nan for c in scores.T])
    raw = _raw(means, [labels.get(t, {}) for t in tasks])
    rows = tuple(_adjusted(e, raw, left) for e in effects)
    return LabelEffects("tasks", rows, travel, whole.tasks, whole.models, whole.tasks)


def _raw(means: Floats, labels: Sequence[Mapping[str, str]]) -> Any:
    def difference(dimension: str, a: str, b: str) -> float | None:
        parts = [means[[own.get(dimension) == c for own in labels]] for c in (a, b)]
        known = [part[~np.isnan(part)] for part in parts]
        return float(known[0].mean() - known[1].mean()) if all(map(len, known)) else None

    return difference


def _adjusted(
    effect: Effect, raw: Any, left: Sequence[Mapping[tuple[str, str, str], float | None]]
) -> AdjustedEffect:
    key = (effect.dimension, effect.a, effect.b)
    found = [part.get(key) for part in left]
    known = [v for v in found if v is not None]
    lost = len(found) - len(known) if effect.value is not None else 0
    told = effect.value is not None and bool(known)
    return AdjustedEffect(effect, raw(*key), min(known) if told else None, max(known) if told else None, lost)


@dataclass(frozen=True)
class LabelledSamples:
    """Samples of tasks whose labels vary: normalised score (mean over models), task, cluster, labels."""

    y: Floats
    tasks: NDArray[Any]
    clusters: NDArray[Any]
    labels: Mapping[str, NDArray[Any]]
    models: int

    def take(self, picked: NDArray[Any]) -> LabelledSamples:
        cut = {d: c[picked] for d, c in self.labels.items()}
        return LabelledSamples(self.y[picked], self.tasks[picked], self.clusters[picked], cut, self.models)


def by_samples(data: LabelledSamples, order: Mapping[str, Sequence[str]]) -> LabelEffects:
    """The linear model of samples with a term for each task."""
    labelled = [dict(zip(data.labels, row, strict=True)) for row in zip(*data.labels.values(), strict=True)]
    travel = overlaps([{d: c for d, c in own.items() if c is not None} for own in labelled], order)
    names = list(dict.fromkeys(data.tasks.tolist()))
    used = _varying(data, order)
    if not used:
        why = "no label varies within a task"
        return LabelEffects("samples", (), travel, len(names), data.models, len(data.y), why)
    kept = np.array([all(own[d] is not None for d in used) for own in labelled], dtype=bool)
    kept &= ~np.isnan(data.y)
    data = data.take(kept)
    effects, why = _fit(data, used)
    left = []
    for name in names if len(names) > 1 else []:
        part, _ = _fit(data.take(data.tasks != name), used)
        left.append({(e.dimension, e.a, e.b): e.value for e in part})

    def raw(dimension: str, a: str, b: str) -> float | None:
        found = []
        for c in (a, b):
            at = data.labels[dimension] == c
            means = [data.y[at & (data.tasks == n)].mean() for n in names if (at & (data.tasks == n)).any()]
            found.append(float(np.mean(means)) if means else math.nan)
        return None if math.isnan(found[0] - found[1]) else found[0] - found[1]

    rows = tuple(_adjusted(e, raw, left) for e in effects)
    return LabelEffects("samples", rows, travel, len(names), data.models, len(data.y), why)


def _varying(data: LabelledSamples, order: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Dimensions in use: those with two categories at least, as ``joint`` has them."""
    found: dict[str, list[str]] = {}
    for dimension, column in data.labels.items():
        seen = {c for c in column.tolist() if c is not None}
        within = any(
            len(set(column[data.tasks == t].tolist()) - {None}) > 1 for t in set(data.tasks.tolist())
        )
        if len(seen) > 1 and within:
            found[dimension] = [c for c in order[dimension] if c in seen]
    return found


def _fit(data: LabelledSamples, used: Mapping[str, Sequence[str]]) -> tuple[list[Effect], str]:
    names = list(dict.fromkeys(data.tasks.tolist()))
    columns = {(d, c): len(names) + i for i, (d, c) in enumerate((d, c) for d in used for c in used[d][1:])}
    x = np.zeros((len(data.y), len(names) + len(columns)))
    for i, name in enumerate(names):
        x[data.tasks == name, i] = 1
    for (d, c), at in columns.items():
        x[data.labels[d] == c, at] = 1
    pairs = [f"{t}\0{c}" for t, c in zip(data.tasks.tolist(), data.clusters.tolist(), strict=True)]
    codes = np.unique(np.array(pairs, dtype=object), return_inverse=True)[1].reshape(-1)
    groups = int(codes.max()) + 1 if len(codes) else 0
    if groups <= x.shape[1]:
        return [], f"{groups} clusters are too few for {x.shape[1]} parameters"
    inverse: Floats = np.asarray(np.linalg.pinv(x.T @ x), dtype=np.float64)
    beta = inverse @ (x.T @ data.y)
    covariance = _cr3(x, data.y - x @ beta, codes, inverse)
    out = []
    for d, categories in used.items():
        for a, b in combinations(categories, 2):
            contrast = contrast_of(columns, x.shape[1], d, a, b)
            if not estimable(x, inverse, contrast):  # the labels never part
                out.append(Effect(d, a, b, None, None, None, None, None, None, None, groups - 1))
                continue
            own = [*range(len(names)), *(at for (e, _), at in columns.items() if e == d)]
            inflation = inflation_of(x, inverse, contrast, own)
            variance = float(contrast @ covariance @ contrast)
            out.append(_effect((d, a, b), float(contrast @ beta), variance, groups - 1, inflation))
    return out, ""


def _effect(key: tuple[str, str, str], value: float, variance: float, df: int, inflation: float) -> Effect:
    error = math.sqrt(max(0.0, variance))
    if error < 1e-12:
        return Effect(*key, value, None, None, None, None, None, inflation, df)
    reach = t_quantile(df) * error
    p = t_p(value, error, df)
    return Effect(*key, value, value - reach, value + reach, p, p, None, inflation, df)


def _cr3(x: Floats, rest: Floats, codes: NDArray[Any], inverse: Floats) -> Floats:
    """Covariance by each cluster's rest as if it had been left out of the fit."""
    order = np.argsort(codes, kind="stable")
    groups: int = int(codes.max()) + 1
    ends = np.cumsum(np.bincount(codes))[:-1]
    sums = np.zeros((groups, x.shape[1]))
    for g, at in enumerate(np.split(order, ends)):
        own = x[at]
        hat: Floats = own @ inverse @ own.T
        sums[g] = own.T @ np.linalg.lstsq(np.eye(len(at)) - hat, rest[at], rcond=1e-8)[0]
    middle: Floats = sums.T @ sums * float((groups - 1) / groups)
    return np.asarray(inverse @ middle @ inverse, dtype=np.float64)


def overlaps(
    labels: Sequence[Mapping[str, str]], order: Mapping[str, Sequence[str]]
) -> tuple[LabelOverlap, ...]:
    """How often labels of different dimensions travel together, those that do most first. Dimensions with
    one category among these are left out."""
    used = categories_of({str(i): own for i, own in enumerate(labels)}, [str(i) for i in range(len(labels))],
                         order)  # fmt: skip
    has = {(d, c): np.array([own.get(d) == c for own in labels]) for d, cs in used.items() for c in cs}
    count = {d: sum(d in own for own in labels) for d in used}
    found = [
        LabelOverlap(*one, *other, int(has[one].sum()), int((has[one] & has[other]).sum()),
                 float(has[other].sum()) / count[other[0]])
        for one in has
        for other in has
        if one[0] != other[0]
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda t: (-t.share * t.lift, -t.n)))
