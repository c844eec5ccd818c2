"""Corpus values of a cell (macro F1, CIDEr-D, BLEU, AUROC), which are no means, and their jackknife
intervals.

A corpus value is computed from the answers: once from all, and once without each block of clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.study.cell_scores import CellScores
from hemm.core import CorpusMetric, HemmError, Metric, Outcome
from hemm.core.text import counted
from hemm.metrics.corpus_blocks import CHEAP, Bind, CorpusBlocks
from hemm.stats.intervals import Estimate
from hemm.stats.jackknife import (
    LEAST_A_CLASS,
    LEAST_PAIRED,
    jackknife,
    jackknife_difference,
)

if TYPE_CHECKING:
    from hemm.metrics.answer_groups import AnswerGroup


class CorpusValues:
    """Corpus values of one cell, with intervals where they are cheap. The first call of ``estimate`` computes
    all values of that metric."""

    def __init__(self, item: CellScores) -> None:
        self._item = item
        self._by_metric: dict[str, dict[str, Estimate]] = {}
        self._no_interval = ""
        metrics = {s.spec: s.metric for s in item.columns}
        self._metrics = {k: m for k, m in metrics.items() if isinstance(m, CorpusMetric)}

    def names(self) -> list[tuple[str, str]]:
        """(metric spec, component) of every stored corpus value."""
        return list(self._item.corpus)

    def estimate(self, spec: str, component: str) -> Estimate:
        """The value over the cell's groups, with its interval or a note why there is none."""
        item = self._item
        value = item.corpus.get((spec, component))
        n, clusters = len(item.headline), len(set(item.headline.clusters))
        estimate = self._computed(spec).get(component)
        if estimate is None:
            note = "a corpus value" if (spec, component) in item.corpus else "not known of a part"
            return Estimate(value, None, None, n, clusters, f"{note}{self._no_interval}")
        return estimate

    def _computed(self, spec: str) -> dict[str, Estimate]:
        if spec not in self._by_metric:
            self._by_metric[spec] = {}
            metric = self._metrics.get(spec)
            if metric is None or metric.needs - {"media"} or len(self._item.headline) > CHEAP:
                self._no_interval = ": no interval (each block is too dear)"
            else:
                try:
                    self._by_metric[spec] = self._compute(metric)
                except HemmError:
                    self._no_interval = ": no interval (its task is not known here)"
        return self._by_metric[spec]

    def _compute(self, metric: CorpusMetric) -> dict[str, Estimate]:
        column = next(s for s in self._item.columns if s.metric is metric)
        stored = self._item.blocks.get(column.spec)
        if stored is not None:
            return estimates(stored, metric)
        members, bind = members_of(self._item, metric, set(column.groups.tolist()))
        return computed(members, bind, metric)


def members_of(item: CellScores, metric: CorpusMetric, keep: set[str]) -> tuple[list[AnswerGroup], Bind]:
    """The judged groups of the cell that are in ``keep`` and no errors, and how to bind the metric to them.

    Raises HemmError for an unknown task.
    """
    from hemm.engine.score import stored_media
    from hemm.engine.stored_task import task_of
    from hemm.metrics.answer_groups import group_answers
    from hemm.metrics.judged_answers import judged_answers
    from hemm.metrics.scoring import bind_to_set

    cell = item.cell
    task = task_of(cell)
    rows = judged_answers(cell.answers(), task.answer, stored_media(cell))
    members = [m for m in group_answers(rows, metric) if m.key in keep and m.outcome is not Outcome.ERROR]
    return members, lambda subset: bind_to_set(subset, metric, task.answer)


def computed(members: Sequence[AnswerGroup], bind: Bind, metric: Metric) -> dict[str, Estimate]:
    """Component -> corpus value of these groups with its interval."""
    return estimates(CorpusBlocks.of(members, bind), metric)


def estimates(blocks: CorpusBlocks, metric: Metric) -> dict[str, Estimate]:
    """Component -> corpus value with its interval, from its values without each block."""
    out = {}
    for name, value in blocks.values.items():
        answers, classes = blocks.classes.get(name, (0, 0))
        if not math.isfinite(value):
            continue
        if answers < LEAST_A_CLASS * classes:
            of = counted(classes, "class", "classes")
            why = f"a corpus value: {of}, too few answers for each for an interval"
            out[name] = Estimate(value, None, None, blocks.groups, blocks.clusters, why)
            continue
        without = blocks.without.get(name, ())
        out[name] = jackknife(value, without, blocks.clusters, blocks.groups, metric.range)
    return out


@dataclass(frozen=True, slots=True)
class CorpusDifference:
    """Value a less value b, with its standard error and t's degrees of freedom."""

    estimate: Estimate
    a: float
    b: float
    error: float
    df: int


def corpus_difference(a: CellScores, b: CellScores) -> CorpusDifference | str:
    """The difference of two cells' headlines, which are corpus values, on the groups that both answered; or,
    as a text, why there is none."""
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
    common = [
        sorted((m for m in members if (m.key, m.repeat) in shared), key=lambda m: (m.key, m.repeat))
        for members, _ in sides
    ]
    results = [
        _blocks(item, members, of_all, bind)
        for item, members, (of_all, bind) in zip((a, b), common, sides, strict=True)
    ]
    clusters, n = results[0].clusters, len(common[0])
    if clusters < LEAST_PAIRED:
        return f"too few clusters ({clusters}) for a jackknife of a difference ({LEAST_PAIRED})"
    x, y = (found.values.get("", math.nan) for found in results)
    left_out = np.array(results[0].without.get("", [])) - np.array(results[1].without.get("", []))
    if not (math.isfinite(x - y) and len(left_out) and bool(np.isfinite(left_out).all())):
        return "its value is not defined without some of the samples"
    differ = float(np.mean([_answers(m) != _answers(o) for m, o in zip(*common, strict=True)]))
    reach = metric.range[1] - metric.range[0]
    estimate, error = jackknife_difference(x - y, left_out, differ, clusters, n, reach)
    return CorpusDifference(estimate, x, y, error, len(left_out) - 1)


def _blocks(
    item: CellScores, members: Sequence[AnswerGroup], of_all: Sequence[AnswerGroup], bind: Bind
) -> CorpusBlocks:
    """Those of ``members``; the stored ones where that are all of the cell."""
    stored = item.blocks.get(item.headline.spec)
    if stored is not None and stored.groups == len(of_all) == len(members):
        return stored
    return CorpusBlocks.of(members, bind)


def _answers(member: AnswerGroup) -> list[object]:
    return [judged.value for judged in member.judged]
