"""From a metric's own scale to 0 and 1: the normalisers, and the parts of a task that carry a label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hemm.analysis.intervals import Estimate, mean_interval
from hemm.analysis.load import Loaded, Scores
from hemm.core import DIMENSIONS, CorpusMetric, HemmError

NORMALISERS = ("anchored", "paper")
OVERALL = "overall"


def own_scale(scores: Scores) -> Estimate:
    """The mean of the readings with its interval, on the metric's own scale."""
    return mean_interval(scores.read, scores.clusters, scores.metric.range)


def ends(scores: Scores, normalise: str, lowest: float | None) -> tuple[float, float]:
    """What 0 and 1 stand for on the metric's own scale: means over the groups that are counted."""
    counted = ~np.isnan(scores.read)
    ceiling = float(np.mean(scores.ceiling[counted])) if counted.any() else math.nan
    if normalise == "paper":
        return (math.nan if lowest is None else lowest), ceiling
    return float(np.mean(scores.floor[counted])) if counted.any() else math.nan, ceiling


def normal_value(scores: Scores, normalise: str, lowest: float | None) -> tuple[Estimate | None, str]:
    """The normalised headline, or why there is none."""
    if isinstance(scores.metric, CorpusMetric):
        return None, f"{scores.metric.name} is no mean of its values"
    own = own_scale(scores)
    if own.value is None:
        return None, "no answers"
    floor, ceiling = ends(scores, normalise, lowest)
    if not (math.isfinite(floor) and math.isfinite(ceiling)):
        lacks = "worst score or ceiling" if normalise == "anchored" else "ceiling"
        return None, f"{scores.metric.name} has no finite {lacks}"
    if abs(ceiling - floor) < 1e-9:
        what = "chance" if normalise == "anchored" else "worst model"
        return None, f"{what} and ceiling are the same"
    return own.scaled(floor, ceiling - floor), ""


Lowest = Mapping[tuple[str, str, str], float]


def worst_models(
    loaded: Sequence[Loaded],
) -> dict[tuple[str, str, str], float]:
    """(task, dimension, category) -> mean score of the worst model at hand; controls are no models."""
    models = {(item.cell.model, item.cell.revision) for item in loaded if not item.control}
    if len(models) < 2:
        raise HemmError(
            "--normalise paper scales by the worst of several models, and there is only one: use anchored"
        )
    found: dict[tuple[str, str, str], float] = {}
    for item in loaded:
        if item.control:
            continue
        for dimension, category, part in parts_of(item.headline):
            value = own_scale(part).value
            if value is not None:
                key = (item.task, dimension, category)
                worse = min if item.headline.metric.higher_is_better else max
                found[key] = worse(found.get(key, value), value)
    return found


def parts_of(scores: Scores) -> Iterable[tuple[str, str, Scores]]:
    """(dimension, category, the groups that carry it): the whole first, then each category that occurs."""
    yield OVERALL, "", scores
    for name, dimension in DIMENSIONS.items():
        column = scores.labels.get(name)
        if column is None:
            continue
        for category in dimension.categories:
            mask = column == category
            if mask.any():
                yield name, category, scores if mask.all() else scores.take(mask)
