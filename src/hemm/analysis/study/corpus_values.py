"""Values of a cell that are no means (macro F1, CIDEr-D, BLEU, AUROC), and their intervals by jackknife.

Such a value is computed from the answers themselves, once for all and once without each block of clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.study.cell_scores import CellScores
from hemm.core import CorpusMetric, HemmError, Metric, Outcome, digest
from hemm.stats.intervals import Estimate
from hemm.stats.jackknife import LEAST, LEAST_PAIRED, blocks_of, jackknife, jackknife_difference

if TYPE_CHECKING:
    from hemm.metrics.answer_groups import AnswerGroup

CHEAP = 5000
"""More groups than this get no interval: each block is a whole computation of the value."""


class CorpusValues:
    """Corpus values of one cell, with intervals where they are cheap: answers are judged once, when the
    first is asked for."""

    def __init__(self, item: CellScores) -> None:
        self._item = item
        self._found: dict[str, dict[str, Estimate]] = {}
        self._why = ""
        metrics = {s.spec: s.metric for s in item.columns}
        self._metrics = {k: m for k, m in metrics.items() if isinstance(m, CorpusMetric)}

    def names(self) -> list[tuple[str, str]]:
        """(metric spec, component) of every corpus value of the cell as a whole."""
        return list(self._item.corpus)

    def estimate(self, spec: str, component: str) -> Estimate:
        """The value over the cell's groups at hand, with its interval or a note why there is none."""
        item = self._item
        value = item.corpus.get((spec, component))
        n, clusters = len(item.headline), len(set(item.headline.clusters))
        found = self._computed(spec).get(component)
        if found is None:
            note = "a corpus value" if (spec, component) in item.corpus else "not known of a part"
            return Estimate(value, None, None, n, clusters, f"{note}{self._why}")
        return found

    def _computed(self, spec: str) -> dict[str, Estimate]:
        if spec not in self._found:
            self._found[spec] = {}
            metric = self._metrics.get(spec)
            if metric is None or metric.needs - {"media"} or len(self._item.headline) > CHEAP:
                self._why = ": no interval (each block is too dear)"
            else:
                try:
                    self._found[spec] = self._computed_now(metric)
                except HemmError:
                    self._why = ": no interval (its task is not known here)"
        return self._found[spec]

    def _computed_now(self, metric: CorpusMetric) -> dict[str, Estimate]:
        own = next(s for s in self._item.columns if s.metric is metric)
        members, bind = members_of(self._item, metric, set(own.groups.tolist()))
        return computed(members, bind, metric)


Bind = Callable[[Sequence["AnswerGroup"]], Metric]
"""Gives the metric bound to a set of groups."""


def members_of(item: CellScores, metric: CorpusMetric, keep: set[str]) -> tuple[list[AnswerGroup], Bind]:
    """The cell's answers to these groups, judged, without errors. Raises HemmError for an unknown task."""
    from hemm.engine.score import stored_media
    from hemm.metrics.answer_groups import group_answers
    from hemm.metrics.judged_answers import judged_answers
    from hemm.metrics.scoring import bind_to_set
    from hemm.tasks import resolve

    cell = item.cell
    task = resolve(cell.task)
    rows = judged_answers(cell.answers(), task.answer, stored_media(cell))
    members = [m for m in group_answers(rows, metric) if m.key in keep and m.outcome is not Outcome.ERROR]
    return members, lambda part: bind_to_set(part, metric, task.answer)


def computed(members: Sequence[AnswerGroup], bind: Bind, metric: Metric) -> dict[str, Estimate]:
    """Every corpus value of these groups with its interval; ``bind`` gives the metric bound to a set."""
    whole, left, count = values_without(members, bind)
    return {
        name: jackknife(value, left[name], count, len(members), metric.range)
        for name, value in whole.items()
        if math.isfinite(value)
    }


def values_without(
    members: Sequence[AnswerGroup], bind: Bind
) -> tuple[dict[str, float], dict[str, list[float]], int]:
    """Every corpus value of these groups, the same without each block, and the number of clusters."""

    def values(part: Sequence[AnswerGroup]) -> dict[str, float]:
        bound = bind(part)
        assert isinstance(bound, CorpusMetric)
        return dict(bound.aggregate([m.judged for m in part])) if part else {}

    whole = values(members)
    clusters = [m.judged[0].sample.cluster for m in members]
    left: dict[str, list[float]] = {name: [] for name in whole}
    for block in blocks_of(clusters, _shuffled) if len(set(clusters)) >= LEAST else []:
        gone = set(block.tolist())
        for name, value in values([m for i, m in enumerate(members) if i not in gone]).items():
            if name in left:
                left[name].append(value)
    return whole, left, len(set(clusters))


@dataclass(frozen=True, slots=True)
class CorpusDifference:
    """Value a less value b, with its standard error and t's degrees of freedom."""

    estimate: Estimate
    a: float
    b: float
    error: float
    df: int


def corpus_difference(a: CellScores, b: CellScores) -> CorpusDifference | str:
    """The difference of two cells' headlines that are no means, on the groups that both answered. A text says
    why there is none."""
    metric = a.headline.metric
    assert isinstance(metric, CorpusMetric)
    if metric.needs - {"media"} or len(a.headline) > CHEAP:
        return "each block is too dear"
    keep = set(a.headline.groups.tolist()) & set(b.headline.groups.tolist())
    try:
        sides = [members_of(item, metric, keep) for item in (a, b)]
    except HemmError:
        return "its task is not known here"
    shared = set.intersection(*({(m.key, m.repeat) for m in members} for members, _ in sides))
    kept = [
        sorted((m for m in members if (m.key, m.repeat) in shared), key=lambda m: (m.key, m.repeat))
        for members, _ in sides
    ]
    found = [values_without(members, bind) for members, (_, bind) in zip(kept, sides, strict=True)]
    clusters, n = found[0][2], len(kept[0])
    if clusters < LEAST_PAIRED:
        return f"{clusters} clusters are too few for a jackknife of a difference ({LEAST_PAIRED})"
    x, y = (f[0].get("", math.nan) for f in found)
    left = np.array(found[0][1].get("", [])) - np.array(found[1][1].get("", []))
    if not (math.isfinite(x - y) and len(left) and bool(np.isfinite(left).all())):
        return "its value is not defined without some of the samples"
    differ = float(np.mean([_answers(m) != _answers(o) for m, o in zip(*kept, strict=True)]))
    reach = metric.range[1] - metric.range[0]
    estimate, error = jackknife_difference(x - y, left, differ, clusters, n, reach)
    return CorpusDifference(estimate, x, y, error, len(left) - 1)


def _answers(member: AnswerGroup) -> list[object]:
    return [judged.value for judged in member.judged]


def _shuffled(cluster: str) -> str:
    """The order of clusters in blocks: fixed, and nothing to do with their answers."""
    return digest(["jackknife", cluster], 16)


__all__ = ["CorpusValues", "computed", "corpus_difference"]
