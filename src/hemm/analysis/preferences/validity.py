"""Agreement of metrics with people: does a metric score the answer higher that people prefer?

*Pairwise accuracy* is the share of votes, ties excluded, in which the metric scores the winner higher; equal
scores count as half (0.5 is chance). *Kendall* (tau-b) and *Spearman* correlate the difference of the
metric's scores with the mean vote (ties included) over questions and pairs of models. Each pair counts in
both orders, so that it does not matter which model comes first. Intervals are over questions: for accuracy
those of ``stats.intervals``, for the correlations a jackknife on Fisher's z scale with t(G-1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.preferences.votes import Votes
from hemm.stats.intervals import Estimate, mean_interval, t_quantile

if TYPE_CHECKING:
    from hemm.analysis.study import Study
    from hemm.analysis.study.cell_scores import CellScores
    from hemm.analysis.study.labels import Subject

Floats = NDArray[np.float64]
JACKKNIFE = 100
"""Most groups of questions in the jackknife."""


@dataclass(frozen=True)
class Validity:
    """The agreement of one metric (its spec and component) with ``votes`` votes on answers that it scored."""

    metric: str
    component: str
    votes: int
    accuracy: Estimate
    kendall: Estimate
    spearman: Estimate


ScoreOf = Mapping[tuple[str, str, str], float]
"""(model, task, sample) -> the metric's value; failed answers have the worst one."""


@dataclass(frozen=True)
class Unmatched:
    """What the votes name and the results have no scores of.

    models, tasks  names
    samples        (task, sample) of which a voted model that has results on the task has no score
    without_task   votes that name no task where the results have several
    matched        votes of which both answers are scored, by some metric
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    samples: tuple[tuple[str, str], ...]
    without_task: int
    matched: int


def metric_scores(
    study: Study, models: Sequence[str]
) -> dict[tuple[str, str], dict[tuple[str, str, str], float]]:
    """(metric, component) -> (model, task, group) -> score, of the subjects that ``models`` names.

    Models without results are left out. Raises HemmError where a name may be several subjects'.
    """
    by_metric: dict[tuple[str, str], dict[tuple[str, str, str], float]] = {}
    named = [(model, item) for model in models if (found := _named(study, model)) for item in found[1]]
    for name, item in named:
        for scores in item.columns:
            sign = 1.0 if scores.metric.higher_is_better else -1.0
            of_metric = by_metric.setdefault((scores.spec, scores.component), {})
            for group, value in zip(scores.groups, scores.values, strict=True):
                if not math.isnan(value):
                    of_metric[name, item.task, str(group)] = sign * float(value)
    return by_metric


def as_subjects(study: Study, votes: Votes) -> Votes:
    """``votes`` with one name for each subject: the first of several that the votes have, which is noted.

    Raises HemmError where a name may be several subjects', or a vote is between two names of one.
    """
    of_subject: dict[str, list[str]] = {}
    for name in votes.models:
        if found := _named(study, name):
            of_subject.setdefault(found[0].key, []).append(name)
    several = [names for names in of_subject.values() if len(names) > 1]
    lines = [f"{', '.join(names)} are one model of the results: counted as {names[0]}" for names in several]
    renamed = votes.renamed({name: names[0] for names in several for name in names})
    return replace(renamed, notes=(*votes.notes, *lines))


def _named(study: Study, name: str) -> tuple[Subject, Sequence[CellScores]] | None:
    known = [s for s in study.subjects.values() if name in (s.label, s.model, f"{s.model}@{s.revision}")]
    return study.named(name) if any(not s.control or s.label == name for s in known) else None


def unmatched(votes: Votes, scores: Mapping[tuple[str, str], ScoreOf]) -> Unmatched:
    """What of ``votes`` no metric of ``scores`` can be compared with."""
    known = {key for of_metric in scores.values() for key in of_metric}
    models, tasks = {m for m, _, _ in known}, {t for _, t, _ in known}
    only = next(iter(tasks)) if len(tasks) == 1 else ""
    asked = {(m, t) for m, t, _ in known}
    samples: dict[tuple[str, str], None] = {}
    matched = without_task = 0
    for i, pair in enumerate(zip(votes.a.tolist(), votes.b.tolist(), strict=True)):
        task, sample, names = votes.task[i] or only, votes.sample[i], [votes.models[m] for m in pair]
        without_task += not task and bool(tasks)
        matched += all((name, task, sample) in known for name in names)
        if any((name, task) in asked and (name, task, sample) not in known for name in names):
            samples[task, sample] = None
    return Unmatched(
        tuple(m for m in votes.models if m not in models),
        tuple(sorted({t for t in votes.task.tolist() if t} - tasks)),
        tuple(samples),
        without_task,
        matched,
    )


def validity(votes: Votes, scores: Mapping[tuple[str, str], ScoreOf]) -> list[Validity]:
    """The agreement of every metric that scored answers with votes, best first."""
    rows = []
    for (metric, component), of_metric in scores.items():
        difference = _differences(votes, of_metric)
        if not np.isnan(difference).all():
            rows.append(_validity(votes, difference, metric, component))
    return sorted(rows, key=lambda r: -(r.accuracy.value or 0.0))


def _differences(votes: Votes, of_metric: ScoreOf) -> Floats:
    """Score of a minus score of b for each vote; NaN where either is missing."""
    tasks = {t for _, t, _ in of_metric}
    only = next(iter(tasks)) if len(tasks) == 1 else ""
    out = np.full(len(votes), math.nan)
    for i, (a, b) in enumerate(zip(votes.a.tolist(), votes.b.tolist(), strict=True)):
        where = (votes.task[i] or only, votes.sample[i])
        left, right = of_metric.get((votes.models[a], *where)), of_metric.get((votes.models[b], *where))
        if left is not None and right is not None:
            out[i] = left - right
    return out


def _validity(votes: Votes, difference: Floats, metric: str, component: str) -> Validity:
    known = ~np.isnan(difference)
    known_votes, difference = votes.take(known), difference[known]
    clusters = known_votes.clusters
    decided = known_votes.outcome != 0.5
    agrees = np.where(difference == 0, 0.5, (difference > 0) == (known_votes.outcome == 1)).astype(np.float64)
    accuracy = mean_interval(agrees[decided], clusters[decided], (0.0, 1.0))
    d, vote, question = _pairs(known_votes, difference, clusters)
    return Validity(
        metric,
        component,
        int(known.sum()),
        accuracy,
        _correlation(_kendall, d, vote, question),
        _correlation(_spearman, d, vote, question),
    )


def _pairs(
    votes: Votes, difference: Floats, clusters: NDArray[np.int64]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Difference in score, mean vote (from -1 to 1) and question, for each question and pair of models."""
    swapped = votes.a > votes.b
    sign = np.where(swapped, -1.0, 1.0)
    keys = np.stack([clusters, np.minimum(votes.a, votes.b), np.maximum(votes.a, votes.b)], axis=1)
    unique, item = np.unique(keys, axis=0, return_inverse=True)
    item = item.ravel()
    count = np.bincount(item)
    mean_vote = np.bincount(item, weights=sign * (2 * votes.outcome - 1)) / count
    d = np.bincount(item, weights=sign * difference) / count
    return d, mean_vote, unique[:, 0]


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
