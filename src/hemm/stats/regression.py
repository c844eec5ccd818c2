"""The effect of each dimension with the others held equal: all labels at once, over tasks.

HEMM's labels travel together, so the mean over a category's tasks mixes the effects of several dimensions.
The normalised score of model m on task t is modelled as

    y(m, t) = model(m) + task(t),      task(t) = sum over dimensions of effect(label of t) + rest(t)

First models and tasks are fitted together, so that a model without some tasks shifts none of them; then the
task effects on dummies of all dimensions, by least squares. The units are tasks: inference is by t with tasks
minus parameters degrees of freedom. A permutation of the residuals over tasks (Freedman and Lane 1983) is
given as a check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hemm.core.text import counted
from hemm.stats.intervals import LEVEL
from hemm.stats.paired import t_p

PERMUTATIONS = 4999
_TINY = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of category ``a`` against ``b``, all other dimensions held equal.

    value, low, high  on the scale of the scores; None where the effect cannot be estimated
    p                 by t with ``df`` degrees of freedom; ``p_permuted`` by permutation
    inflation         variance inflation: how much larger the variance is than if no other dimension were in
    """

    dimension: str
    a: str
    b: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    p_permuted: float | None
    inflation: float | None
    df: float


@dataclass(frozen=True)
class Joint:
    """All effects, and the size of the fit; ``why`` there is none, else empty."""

    effects: tuple[Effect, ...]
    tasks: int
    models: int
    parameters: int
    why: str = ""


def categories_of(
    labels: Mapping[str, Mapping[str, str]], tasks: Sequence[str], order: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Dimension -> its categories among ``tasks``, in order; only dimensions with at least two."""
    used = {}
    for dimension, known in order.items():
        occurring = {labels[t][dimension] for t in tasks if dimension in labels.get(t, {})}
        if len(occurring) > 1:
            used[dimension] = [c for c in known if c in occurring]
    return used


def task_effects(scores: Floats) -> Floats:
    """Task effects (mean zero) of the additive fit to ``scores`` (models x tasks; NaN: missing)."""
    models, tasks = scores.shape
    known = ~np.isnan(scores)
    m, t = np.nonzero(known)
    design = np.zeros((len(m), models + tasks))
    design[np.arange(len(m)), m] = 1
    design[np.arange(len(m)), models + t] = 1
    effects = np.linalg.lstsq(design, scores[known], rcond=None)[0][models:]
    return np.asarray(effects - effects.mean(), dtype=np.float64)


def joint(
    scores: Floats,
    tasks: Sequence[str],
    labels: Mapping[str, Mapping[str, str]],
    order: Mapping[str, Sequence[str]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Joint:
    """The joint model of ``scores`` (models x tasks, normalised; NaN where there is none).

    labels  task -> dimension -> category; tasks that lack a label of a dimension in use are left out
    order   dimension -> its categories in order; dimensions with one category among the tasks are left out
    """
    scores = np.asarray(scores, dtype=np.float64)
    used = categories_of(labels, tasks, order)
    columns_kept = [
        i
        for i, t in enumerate(tasks)
        if all(d in labels.get(t, {}) for d in used) and not np.isnan(scores[:, i]).all()
    ]
    names = [tasks[i] for i in columns_kept]
    used = categories_of(labels, names, used)
    known = scores[:, columns_kept]
    known = known[~np.isnan(known).all(axis=1)]
    columns, design = _design(names, labels, used)
    rank = int(np.linalg.matrix_rank(design)) if len(names) else 0
    df = len(names) - rank
    if not used:
        return Joint((), len(names), len(known), rank, "no dimension has two categories among these tasks")
    if df < 2:
        why = f"too few tasks ({len(names)}) for {counted(rank, 'parameter')}"
        return Joint((), len(names), len(known), rank, why)
    fit = _Fit(task_effects(known), design, df)
    effects = [
        _effect(fit, columns, (d, a, b), permutations, seed)
        for d, categories in used.items()
        for a, b in combinations(categories, 2)
    ]
    return Joint(tuple(effects), len(names), len(known), rank)


def _design(
    names: Sequence[str], labels: Mapping[str, Mapping[str, str]], used: Mapping[str, Sequence[str]]
) -> tuple[dict[tuple[str, str], int], Floats]:
    """Column of each category but the first of its dimension, and the matrix (tasks x 1 + columns)."""
    columns = {(d, c): 1 + n for n, (d, c) in enumerate((d, c) for d, cs in used.items() for c in cs[1:])}
    design = np.zeros((len(names), 1 + len(columns)))
    design[:, 0] = 1
    for i, name in enumerate(names):
        for d in used:
            at = columns.get((d, labels[name][d]))
            if at is not None:
                design[i, at] = 1
    return columns, design


class _Fit:
    """Least squares of the task effects; the pseudo-inverse serves where labels are redundant."""

    def __init__(self, y: Floats, design: Floats, df: int) -> None:
        self.y, self.design, self.df = y, design, df
        self.inverse: Floats = np.asarray(np.linalg.pinv(design.T @ design), dtype=np.float64)
        self.beta = self.inverse @ design.T @ y
        self.rest = y - design @ self.beta
        self.variance = float(self.rest @ self.rest) / df

    def error(self, contrast: Floats) -> float:
        return float(np.sqrt(self.variance * (contrast @ self.inverse @ contrast)))


def contrast_of(columns: Mapping[tuple[str, str], int], size: int, dimension: str, a: str, b: str) -> Floats:
    """The contrast of ``a`` less ``b`` over ``size`` parameters; the first category of a dimension has no
    column."""
    contrast = np.zeros(size)
    for category, sign in ((a, 1.0), (b, -1.0)):
        if (dimension, category) in columns:
            contrast[columns[dimension, category]] += sign
    return contrast


def estimable(design: Floats, inverse: Floats, contrast: Floats) -> bool:
    """Whether the contrast can be estimated, as a combination of rows of the design.

    inverse  the pseudo-inverse of design' design
    """
    projected = inverse @ (design.T @ design) @ contrast
    return bool(np.abs(projected - contrast).max() < 1e-6)


def inflation_of(design: Floats, inverse: Floats, contrast: Floats, own: list[int]) -> float:
    """Variance of the contrast with all columns, divided by that with its ``own`` columns alone."""
    alone = np.linalg.pinv(design[:, own].T @ design[:, own])
    small = contrast[own]
    return float(contrast @ inverse @ contrast) / max(1e-300, float(small @ alone @ small))


def _effect(
    fit: _Fit,
    columns: Mapping[tuple[str, str], int],
    key: tuple[str, str, str],
    permutations: int,
    seed: int,
) -> Effect:
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    contrast = contrast_of(columns, fit.design.shape[1], *key)
    if not estimable(fit.design, fit.inverse, contrast):
        return Effect(*key, None, None, None, None, None, None, fit.df)
    own = [0, *(column for (dimension, _), column in columns.items() if dimension == key[0])]
    value, error = float(contrast @ fit.beta), fit.error(contrast)
    reach = float(stdtrit(fit.df, (1 + LEVEL) / 2)) * error
    return Effect(
        *key,
        value,
        value - reach,
        value + reach,
        _p(value, error, fit.df),
        _permuted(fit, contrast, permutations, seed),
        inflation_of(fit.design, fit.inverse, contrast, own),
        fit.df,
    )


def _p(value: float, error: float, df: int) -> float:
    if error <= _TINY:
        return 1.0 if abs(value) <= _TINY else 0.0
    return t_p(value, error, df)


def _permuted(fit: _Fit, contrast: Floats, permutations: int, seed: int) -> float | None:
    """Freedman and Lane: permutes the residuals of the model without this contrast over tasks."""
    if permutations < 1:
        return None
    direction = fit.inverse @ contrast
    scale = float(contrast @ direction)
    reduced = fit.beta - direction * (float(contrast @ fit.beta) / scale)  # the fit under contrast = 0
    fitted = fit.design @ reduced
    rest = fit.y - fitted
    rng = np.random.default_rng([seed, 20240703])
    drawn = rng.permuted(np.broadcast_to(rest, (permutations, len(rest))), axis=1) + fitted
    betas = drawn @ fit.design @ fit.inverse
    residual = drawn - betas @ fit.design.T
    error = np.sqrt((residual**2).sum(axis=1) / fit.df * scale)
    t = np.abs(betas @ contrast) / np.maximum(error, _TINY)
    observed = abs(float(contrast @ fit.beta)) / max(fit.error(contrast), _TINY)
    return float((1 + (t >= observed - 1e-12).sum()) / (1 + permutations))
