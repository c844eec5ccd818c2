"""How far metrics agree with people: does the metric prefer the answer that people prefer?

For every vote that is no tie, both models' scores of that question by the metric are looked up. *Pairwise
accuracy* is the share of votes whose winner the metric scores higher, equal scores as half (0.5 is chance).
*Kendall* (tau-b) and *Spearman* are between the difference of the metric's scores and the mean vote of each
question and pair, ties among them; each pair counts in both orders, so that which model is called first does
not matter. Intervals respect questions: for accuracy as everywhere (``stats.intervals``), for the two
correlations a jackknife over questions on Fisher's z scale with t(G-1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.preferences.votes import Votes
from hemm.stats.intervals import Estimate, mean_interval, t_quantile

if TYPE_CHECKING:
    from hemm.analysis.study import Study

Floats = NDArray[np.float64]
JACKKNIFE = 100
"""Most groups of questions that are left out in turn."""


@dataclass(frozen=True)
class Validity:
    """One metric (its spec and component) against the votes; ``votes`` of them could be looked up."""

    metric: str
    component: str
    votes: int
    accuracy: Estimate
    kendall: Estimate
    spearman: Estimate


ScoreOf = Mapping[tuple[str, str, str], float]
"""(model, task, sample) -> the metric's value; failed answers have the worst one."""


def metric_scores(study: Study) -> dict[tuple[str, str], dict[tuple[str, str, str], float]]:
    """(metric, component) -> scores by (model, task, group) of every cell that is no control."""
    found: dict[tuple[str, str], dict[tuple[str, str, str], float]] = {}
    for item in study.cells:
        if item.control:
            continue
        for scores in item.columns:
            sign = 1.0 if scores.metric.higher_is_better else -1.0
            own = found.setdefault((scores.spec, scores.component), {})
            for group, value in zip(scores.groups, scores.values, strict=True):
                if not math.isnan(value):
                    own[item.cell.model, item.task, str(group)] = sign * float(value)
    return found


def validity(found: Votes, scores: Mapping[tuple[str, str], ScoreOf]) -> list[Validity]:
    """Every metric against the votes, the best first; metrics without a vote to look up are left out."""
    rows = []
    for (metric, component), own in scores.items():
        difference = _differences(found, own)
        if not np.isnan(difference).all():
            rows.append(_validity(found, difference, metric, component))
    return sorted(rows, key=lambda r: -(r.accuracy.value or 0.0))


def _differences(found: Votes, own: ScoreOf) -> Floats:
    """Score of a minus score of b for each vote; NaN where one of them is not there."""
    tasks = {t for _, t, _ in own}
    only = next(iter(tasks)) if len(tasks) == 1 else ""
    out = np.full(len(found), math.nan)
    for i, (a, b) in enumerate(zip(found.a.tolist(), found.b.tolist(), strict=True)):
        where = (found.task[i] or only, found.sample[i])
        left, right = own.get((found.models[a], *where)), own.get((found.models[b], *where))
        if left is not None and right is not None:
            out[i] = left - right
    return out


def _validity(found: Votes, difference: Floats, metric: str, component: str) -> Validity:
    known = ~np.isnan(difference)
    part, difference = found.take(known), difference[known]
    clusters = part.clusters
    decided = part.outcome != 0.5
    agrees = np.where(difference == 0, 0.5, (difference > 0) == (part.outcome == 1)).astype(np.float64)
    accuracy = mean_interval(agrees[decided], clusters[decided], (0.0, 1.0))
    d, vote, question = _pairs(part, difference, clusters)
    return Validity(
        metric,
        component,
        int(known.sum()),
        accuracy,
        _correlation(_kendall, d, vote, question),
        _correlation(_spearman, d, vote, question),
    )


def _pairs(
    part: Votes, difference: Floats, clusters: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Metric difference, mean vote (from -1 to 1) and question of each question and pair of models."""
    swapped = part.a > part.b
    sign = np.where(swapped, -1.0, 1.0)
    keys = np.stack([clusters, np.minimum(part.a, part.b), np.maximum(part.a, part.b)], axis=1)
    unique, item = np.unique(keys, axis=0, return_inverse=True)
    item = item.ravel()
    count = np.bincount(item)
    vote = np.bincount(item, weights=sign * (2 * part.outcome - 1)) / count
    d = np.bincount(item, weights=sign * difference) / count
    return d, vote, unique[:, 0]


def _kendall(x: Floats, y: Floats) -> float:
    from scipy import stats

    return float(stats.kendalltau(x, y).statistic)


def _spearman(x: Floats, y: Floats) -> float:
    from scipy import stats

    return float(stats.spearmanr(x, y).statistic)


def _correlation(
    measure: Callable[[Floats, Floats], float], d: Floats, vote: Floats, question: NDArray[np.int64]
) -> Estimate:
    """The correlation with its jackknife interval; none where one side does not vary."""
    groups = np.unique(question, return_inverse=True)[1]
    count = int(groups.max()) + 1 if len(groups) else 0
    note = "the scores or the votes are all equal"
    if not len(d) or not d.any() or not vote.any():
        return Estimate(None, None, None, len(d), count, note)
    value = _both_orders(measure, d, vote)
    blocks = groups % min(count, JACKKNIFE)
    left_out = np.array(
        [_both_orders(measure, d[blocks != g], vote[blocks != g]) for g in range(blocks.max() + 1)]
    )
    if len(left_out) < 3 or np.isnan(left_out).any() or abs(value) > 1 - 1e-9:
        return Estimate(value, None, None, len(d), count, "too few questions for an interval")
    z = np.arctanh(np.clip(left_out, -1 + 1e-12, 1 - 1e-12))
    parts = len(z)
    reach = t_quantile(parts - 1) * math.sqrt((parts - 1) / parts * float(((z - z.mean()) ** 2).sum()))
    centre = math.atanh(value)
    return Estimate(value, math.tanh(centre - reach), math.tanh(centre + reach), len(d), count)


def _both_orders(measure: Callable[[Floats, Floats], float], d: Floats, vote: Floats) -> float:
    if not d.any() or not vote.any():
        return math.nan
    return measure(np.concatenate([d, -d]), np.concatenate([vote, -vote]))
