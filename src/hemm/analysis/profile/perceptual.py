"""Which share of a score is owed to the picture, and whether a model scores without it.

The perceptual score (Gat, Schwartz and Schwing 2021) of the picture: the score less that with other pictures,
over the score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.analysis.study import Study, Subject
from hemm.analysis.study.cell_scores import ScoreColumn
from hemm.analysis.study.normalise import slice_order, slices_of
from hemm.core import CorpusMetric, SetMetric
from hemm.core.taxonomy import PICTURE_CONTROLS
from hemm.stats.intervals import Estimate, mean_difference
from hemm.stats.paired import t_p
from hemm.stats.ratio import PairOfMeans, ratio


@dataclass(frozen=True)
class PerceptualScore:
    """One task, or one category over its tasks (``task`` empty; ``dimension`` overall: of all).

    share        of the score that is owed to the picture: 0 where it scores as much under the control
    score        mean over the tasks with the picture; ``without``: under the control
    above_floor  of a task: the score without the picture less that of chance or of the majority answer; None
                 where neither is defined. Above 0 says that questions or options give answers away, or that
                 the answers were learnt
    p            of none
    """

    subject: Subject
    control: str
    task: str
    dimension: str
    category: str
    tasks: tuple[str, ...]
    share: Estimate
    score: float
    without: float
    above_floor: Estimate | None = None
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        facts = ("control", "task", "dimension", "category", "score", "without", "p")
        return {
            "subject": self.subject.key,
            **{name: getattr(self, name) for name in facts},
            "tasks": list(self.tasks),
            "share": self.share.to_json(),
            "above_floor": None if self.above_floor is None else self.above_floor.to_json(),
        }


@dataclass(frozen=True)
class _Part:
    """One task in one category: the means with and without the picture."""

    task: str
    pair: PairOfMeans
    without: float


def perceptual_scores(study: Study) -> list[PerceptualScore]:
    """A row for each task, then for each category, of every model and control of the picture. Only metrics
    that are means from 0 up take part: a share of other scores means nothing.

    >>> import hemm
    >>> study = hemm.run("baseline/majority", "probe_faces", limit=20, conditions="vl,l").study
    >>> perceptual_scores(study)[0].share.value  # it never looks
    0.0
    """
    plain = {(i.pair, i.task): i for i in study.cells if not i.control}
    rows: list[PerceptualScore] = []
    parts: dict[tuple[str, str, str, str], list[_Part]] = {}
    for item in study.cells:
        base = plain.get((item.pair, item.task)) if item.control in PICTURE_CONTROLS else None
        if base is None or not _has_share(base.headline):
            continue
        for dimension, category, scores in slices_of(base.headline):
            part = _part(item.task, scores, item.headline)
            if part is None:
                continue
            if not category:
                above, p = _above_floor(item.headline)
                whose = (study.subjects[base.subject], item.control, item.task, dimension, "", (item.task,))
                rows.append(
                    PerceptualScore(*whose, ratio([part.pair]), part.pair.below, part.without, above, p)
                )
            if base.in_means:
                parts.setdefault((base.subject, item.control, dimension, category), []).append(part)
    return [*rows, *_categories(parts, study.subjects)]


def _categories(
    parts: Mapping[tuple[str, str, str, str], list[_Part]], subjects: Mapping[str, Subject]
) -> list[PerceptualScore]:
    order = list(subjects)
    found = sorted(parts.items(), key=lambda kv: (order.index(kv[0][0]), kv[0][1], slice_order(*kv[0][2:])))
    return [
        PerceptualScore(
            subjects[subject],
            control,
            "",
            dimension,
            category,
            tuple(p.task for p in own),
            ratio([p.pair for p in own]),
            math.fsum(p.pair.below for p in own) / len(own),
            math.fsum(p.without for p in own) / len(own),
        )
        for (subject, control, dimension, category), own in found
        if category or len(own) > 1
    ]


def _has_share(scores: ScoreColumn) -> bool:
    metric = scores.metric
    is_mean = not isinstance(metric, CorpusMetric | SetMetric) and scores.anytime is None
    return is_mean and metric.higher_is_better and metric.range[0] == 0


def _part(task: str, scores: ScoreColumn, control: ScoreColumn) -> _Part | None:
    with_picture, without = scores.paired_with(control)
    if not len(with_picture):
        return None
    a, b = with_picture.values, without.values
    pair = PairOfMeans.of(a - b, a, with_picture.clusters, with_picture.part)
    return None if pair is None else _Part(task, pair, pair.below - pair.above)


def _above_floor(scores: ScoreColumn) -> tuple[Estimate | None, float | None]:
    low, high = scores.metric.range
    known = ~np.isnan(scores.values)
    if not known.any() or not (scores.floor[known] > low).any():
        return None, None
    gap = np.where(known, scores.values - scores.floor, np.nan)
    found = mean_difference(gap, scores.clusters, high - low, part=scores.part)
    p = None if found.error is None else t_p(found.estimate.value or 0.0, found.error, found.df)
    return found.estimate, p
