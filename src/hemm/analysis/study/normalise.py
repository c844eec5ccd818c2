"""Normalisers, which map a metric's own scale to one from 0 to 1, and the slices of a task by label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import NO_INTERVAL
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.failure_policy import FailurePolicy, bounded, counted
from hemm.core import DIMENSIONS, CorpusMetric, HemmError, UnknownName
from hemm.stats.intervals import Estimate, mean_interval, t_quantile
from hemm.stats.ranks import win_shares
from hemm.stats.shared_clusters import ClusterParts
from hemm.stats.strata import clustered
from hemm.stats.task_means import TaskScore

NORMALISERS = ("anchored", "paper", "rank")
MEANINGS = {
    "anchored": "0 is chance (else the majority answer), 1 the best possible",
    "paper": "0 is the worst of these models, 1 the score of the reference itself",
    "rank": "the share of the other models at hand that an answer beats, ties as half, so 0.5 is the middle",
}
OVERALL = "overall"

Lowest = Mapping[tuple[str, str, str], float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """A normaliser with the values that it needs from all models.

    lowest    ``paper``: (task, dimension, category) -> mean score of the worst model
    wins      ``rank``: (subject, task) -> group -> its win rate
    failures  the failure policy
    """

    name: str = "anchored"
    lowest: Lowest = field(default_factory=dict)
    wins: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    failures: str = FailurePolicy.AS_WORST


@dataclass(frozen=True, slots=True)
class TaskSlice:
    """The groups of a task (those of one category, or all) over which one subject's score is a mean."""

    subject: str
    task: str
    dimension: str = OVERALL
    category: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.task, self.dimension, self.category)


def scale_of(loaded: Sequence[CellScores], name: str, failures: str = FailurePolicy.AS_WORST) -> Scale:
    """The normaliser ``name`` over these models. Raises UnknownName, or HemmError where it needs several."""
    if name not in NORMALISERS:
        raise UnknownName("normaliser", name, NORMALISERS)
    if name == "paper":
        return Scale(name, worst_models(loaded), failures=failures)
    if name == "rank":
        if failures == FailurePolicy.BOUNDS:
            raise HemmError("--normalise rank has no bounds: take --failures zero or out, or anchored")
        return Scale(name, wins=win_rates(loaded), failures=failures)
    return Scale(name, failures=failures)


def own_scale(scores: ScoreColumn, failures: str = FailurePolicy.AS_WORST) -> Estimate:
    """The mean with its interval, on the metric's own scale."""
    if failures != FailurePolicy.BOUNDS:
        mean = scores.noted(
            mean_interval(scores.values, scores.clusters, scores.metric.range, part=scores.part)
        )
        return mean if scores.anytime is None else scores.anytime.interval(mean)
    worst, best = counted(scores, "worst"), counted(scores, "best")
    value = own_scale(scores).value
    if bool(np.isnan(worst.values).any() or np.isnan(best.values).any()):
        n, clusters = int((~np.isnan(scores.values)).sum()), len(set(scores.clusters))
        note = f"{scores.metric.name} has no finite bound for failures"
        return Estimate(value, None, None, n, clusters, note)
    return bounded(own_scale(worst), own_scale(best), value)


def ends(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> tuple[float, float]:
    """The values on the metric's own scale that become 0 and 1, as means over the groups with a score."""
    known = ~np.isnan(scores.values)
    if scale.name == "rank":
        return math.nan, math.nan
    ceiling = scores.mean_of(scores.ceiling, known)
    if scale.name == "paper":
        return scale.lowest.get(task_slice.place, math.nan), ceiling
    return scores.mean_of(scores.floor, known), ceiling


def normal_value(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> tuple[Estimate | None, str]:
    """The normalised headline, or why there is none."""
    floor, ceiling, why = limits(scores, scale, task_slice)
    if why:
        return None, why
    if scale.name == "rank":
        rates = wins_of(scores, scale, task_slice)
        won = mean_interval(rates, scores.clusters, (0.0, 1.0), part=scores.part)
        return won if scores.anytime is None else NO_INTERVAL.interval(won), ""
    mean = _with_estimated_ends(scores, scale, floor, ceiling)
    return mean.scaled(floor, ceiling - floor), ""


def task_score(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> tuple[TaskScore | None, str]:
    """The normalised headline as a part of a mean over tasks, or why there is none."""
    estimate, why = normal_value(scores, scale, task_slice)
    if estimate is None or estimate.value is None:
        return None, why
    width, bounds = 1.0, (0.0, 1.0)
    if scale.name == "rank":
        x = wins_of(scores, scale, task_slice)
    else:
        floor, ceiling = ends(scores, scale, task_slice)
        least = scores.floor if scale.name == "anchored" else np.full(len(scores), floor)
        width = ceiling - floor
        x = _varying(scores.values, least, scores.ceiling, estimate.value)
        known = ~np.isnan(scores.values)
        fixed = float(np.ptp(least[known])) == 0 and float(np.ptp(scores.ceiling[known])) == 0
        lowest, highest = scores.metric.range if fixed else (-math.inf, math.inf)
        bounds = _sorted((lowest - floor) / width, (highest - floor) / width)
    data = clustered(x, scores.clusters, scores.part)
    exact = data.groups < 2 or scores.anytime is not None
    clusters = ClusterParts.of(x, scores.joint, width)
    return TaskScore(estimate, math.inf if exact else data.df, clusters, bounds), ""


def _sorted(a: float, b: float) -> tuple[float, float]:
    return min(a, b), max(a, b)


def mean_bounds(scale: Scale) -> tuple[float, float]:
    """Lowest and highest normalised value that tasks can have."""
    return {"rank": (0.0, 1.0), "anchored": (-math.inf, 1.0)}.get(scale.name, (-math.inf, math.inf))


def _varying(x: Floats, floor: Floats, ceiling: Floats, share: float) -> Floats:
    """What varies as the normalised value ``share`` does, where 0 and 1 are means over the same groups."""
    return np.asarray(x - (1 - share) * floor - share * ceiling, dtype=np.float64)


def _with_estimated_ends(scores: ScoreColumn, scale: Scale, floor: float, ceiling: float) -> Estimate:
    """The mean on the metric's own scale, with the interval that it needs for the scale from ``floor`` to
    ``ceiling``, which are means over the same groups and vary with them.

    The normalised value N = (mean of x - floor) / (ceiling - floor) varies as the mean of x - (1 - N) f - N c
    does, with f and c the floor and the ceiling of each group (the linear jackknife).
    """
    mean = own_scale(scores, scale.failures)
    known = ~np.isnan(scores.values)
    x, best = scores.values, scores.ceiling
    least = scores.floor if scale.name == "anchored" else np.full(len(x), floor)
    fixed = float(np.ptp(least[known])) == 0 and float(np.ptp(best[known])) == 0
    if fixed or scale.failures == FailurePolicy.BOUNDS or scores.anytime is not None or mean.clusters < 2:
        return mean
    share = (scores.mean_of(x) - floor) / (ceiling - floor)
    data = clustered(_varying(x, least, best, share), scores.clusters, scores.part)
    variance = data.squares / len(data.values) ** 2
    estimate = mean_interval(x, scores.clusters, scores.metric.range, variance=variance, part=scores.part)
    estimate = replace(estimate, note=mean.note)
    if float(np.ptp(x[known])) > 0 or estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate
    reach = t_quantile(data.df) * math.sqrt(variance)  # all answers score the same, the scale varies
    low = estimate.value - math.hypot(estimate.value - estimate.low, reach)
    return replace(estimate, low=low, high=estimate.value + math.hypot(estimate.high - estimate.value, reach))


def limits(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> tuple[float, float, str]:
    """``ends`` (0 and 1 under ``rank``), and why they cannot be used (empty: they can)."""
    if isinstance(scores.metric, CorpusMetric):
        return math.nan, math.nan, f"{scores.metric.name} is no mean of its values"
    unanchored = scores.metric.unanchored if scale.name == "anchored" else ""
    if unanchored:
        return math.nan, math.nan, f"{scores.metric.name} {unanchored}"
    if bool(np.isnan(scores.values).all()):
        return math.nan, math.nan, "no answers"
    if scale.name == "rank":
        known = bool((~np.isnan(wins_of(scores, scale, task_slice))).any())
        return 0.0, 1.0, "" if known else "no other model has answers to these samples"
    floor, ceiling = ends(scores, scale, task_slice)
    if not (math.isfinite(floor) and math.isfinite(ceiling)):
        lacks = "worst score or ceiling" if scale.name == "anchored" else "ceiling"
        return floor, ceiling, f"{scores.metric.name} has no finite {lacks}"
    if abs(ceiling - floor) < 1e-9:
        floor_name = "chance" if scale.name == "anchored" else "worst model"
        return floor, ceiling, f"{floor_name} and ceiling are the same"
    return floor, ceiling, ""


def worst_models(loaded: Sequence[CellScores]) -> dict[tuple[str, str, str], float]:
    """(task, dimension, category) -> mean score of the worst model; controls do not count."""
    several(loaded, "--normalise paper scales by the worst of several models")
    lowest: dict[tuple[str, str, str], float] = {}
    for item in loaded:
        if item.control:
            continue
        for dimension, category, column in slices_of(item.headline):
            value = own_scale(column).value
            if value is not None:
                key = (item.task, dimension, category)
                worse = min if item.headline.metric.higher_is_better else max
                lowest[key] = worse(lowest.get(key, value), value)
    return lowest


def several(loaded: Sequence[CellScores], reason: str) -> None:
    """Raise HemmError where there are fewer than two models; controls do not count."""
    if len({(item.cell.model, item.cell.revision) for item in loaded if not item.control}) < 2:
        raise HemmError(f"{reason}, and there is only one: use anchored")


def win_rates(loaded: Sequence[CellScores]) -> dict[tuple[str, str], dict[str, float]]:
    """(subject, task) -> group -> share of the other models with a score there that it beats, ties as half.

    Groups that no other model has are left out.
    """
    models = [item for item in loaded if not item.control]
    if len({item.subject for item in models}) < 2:
        raise HemmError("--normalise rank counts wins over other models, and there is only one: use anchored")
    out: dict[tuple[str, str], dict[str, float]] = {}
    for task in dict.fromkeys(item.task for item in models):
        items = [item for item in models if item.task == task]
        groups = list(dict.fromkeys(g for item in items for g in item.headline.groups.tolist()))
        column_of = {g: i for i, g in enumerate(groups)}
        table = np.full((len(items), len(groups)), np.nan)
        for row, item in zip(table, items, strict=True):
            sign = 1.0 if item.headline.metric.higher_is_better else -1.0
            row[[column_of[g] for g in item.headline.groups.tolist()]] = sign * item.headline.values
        rates = win_shares(table)
        for row, item in zip(rates, items, strict=True):
            known = np.flatnonzero(~np.isnan(row)).tolist()
            out[item.subject, task] = {groups[i]: float(row[i]) for i in known}
    return out


def wins_of(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> Floats:
    """The win rate of each group; NaN where no other model has the group."""
    rates = scale.wins.get((task_slice.subject, task_slice.task), {})
    return np.array([rates.get(g, math.nan) for g in scores.groups.tolist()], dtype=np.float64)


def slices_of(scores: ScoreColumn) -> Iterable[tuple[str, str, ScoreColumn]]:
    """(dimension, category, its groups): all groups first, then each category that occurs."""
    yield OVERALL, "", scores
    for name, dimension in DIMENSIONS.items():
        column = scores.labels.get(name)
        if column is None:
            continue
        for category in dimension.categories:
            mask = column == category
            if mask.any():
                labelled = scores if mask.all() else scores.take(mask)
                if scores.anytime is not None:
                    labelled = replace(labelled, anytime=scores.anytime.of(name, category, bool(mask.all())))
                yield name, category, labelled


def slice_order(dimension: str, category: str) -> tuple[int, int]:
    """Sort key of categories: overall first, then in the order of the dimensions."""
    if dimension == OVERALL:
        return (-1, 0)
    return list(DIMENSIONS).index(dimension), DIMENSIONS[dimension].categories.index(category)
