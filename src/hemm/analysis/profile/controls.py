"""Scores with the right picture against those with what a control shows in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemm.analysis.profile.rows import ControlRow
from hemm.analysis.study import Subject
from hemm.analysis.study.anytime_interval import NO_INTERVAL
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.normalise import Scale, TaskSlice, ends
from hemm.core import CorpusMetric
from hemm.core.taxonomy import PICTURE_CONTROLS
from hemm.stats.intervals import Estimate
from hemm.stats.paired import Options, paired
from hemm.stats.shared_clusters import ClusterParts
from hemm.stats.task_means import TaskPart, TaskScore, mean_of_scores, mean_of_tasks


def control_rows(loaded: Sequence[CellScores], subjects: Mapping[str, Subject]) -> list[ControlRow]:
    """Paired differences between cells without control and those with other pictures of the same model,
    settings and task; and their means over tasks. What the question adds is told by ``interactions``."""
    uncontrolled = {(i.pair, i.task): i for i in loaded if not i.control}
    rows: list[ControlRow] = []
    of_mean: dict[tuple[str, str], list[Difference]] = {}
    for item in loaded:
        base = uncontrolled.get((item.pair, item.task)) if item.control in PICTURE_CONTROLS else None
        if base is None or isinstance(base.headline.metric, CorpusMetric):
            continue
        found = difference(base.headline, item.headline)
        scaled = None if found.score is None else found.score.estimate
        rows.append(
            ControlRow(subjects[base.subject], item.task, item.control, found.estimate, scaled, None, found.p)
        )
        if found.score is not None and base.in_means:
            of_mean.setdefault((base.subject, item.control), []).append(found)
    for (key, control), parts in of_mean.items():
        if len(parts) > 1:
            mean, like = mean_of_scores([x.score for x in parts if x.score is not None])
            tested = [x.part for x in parts if x.part is not None]
            p = mean_of_tasks(tested).p if len(tested) == len(parts) else None
            rows.append(ControlRow(subjects[key], "", control, mean, mean, like, p))
    return rows


@dataclass(frozen=True, slots=True)
class Difference:
    """With the right picture less with the control, on the metric's own scale; ``score`` and ``part`` (for
    the test) on the ``anchored`` scale, None where there is none."""

    estimate: Estimate
    p: float | None
    score: TaskScore | None = None
    part: TaskPart | None = None


def difference(with_picture: ScoreColumn, without: ScoreColumn) -> Difference:
    """Over the groups that both have."""
    with_picture, without = with_picture.paired_with(without)
    clusters, bounds = with_picture.clusters, with_picture.metric.range
    pair = paired(
        with_picture.values, without.values, clusters, bounds, Options(resamples=0), with_picture.part
    )
    estimate, p, stopped = with_picture.noted(pair.difference), pair.p, False
    if with_picture.anytime is not None or without.anytime is not None:
        estimate, p, stopped = NO_INTERVAL.interval(estimate), None, True
    floor, ceiling = math.nan, math.nan
    if len(with_picture):
        floor, ceiling = ends(with_picture, Scale(), TaskSlice("", ""))
    width = ceiling - floor
    if estimate.value is None or not math.isfinite(width) or abs(width) < 1e-9:
        return Difference(estimate, p)
    differences = with_picture.values - without.values
    shared = ClusterParts.of(differences, with_picture.joint, width)
    df, most = pair.df if estimate.clusters > 1 else math.inf, pair.reach / abs(width)
    score = TaskScore(estimate.scaled(0.0, width), df, shared, (-most, most))
    numbers = with_picture.numbers(differences)
    return Difference(estimate, p, score, None if stopped else TaskPart.of(pair, width, numbers))
