"""The mean over a suite: its tasks by their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hemm.analysis.profile.rows import CategoryRow, SuiteRow
from hemm.stats.intervals import Estimate
from hemm.stats.task_means import TaskScore, mean_of_scores

if TYPE_CHECKING:
    from hemm.tasks.suite_lists import Suite


def suite_rows(rows: Sequence[CategoryRow], suite: Suite) -> Iterator[SuiteRow]:
    """The mean of each subject, from its row over all tasks (``rows``: the categories of a profile of these
    tasks alone). The interval is that of the mean over tasks, each multiplied by what its weight is of the
    mean weight."""
    for row in rows:
        if row.category:
            continue
        weights = {task: suite.weights[task] for task in row.tasks if task in suite.weights}
        lacking = tuple(task for task in suite.tasks if task not in weights)
        parts = [p for task, p in zip(row.tasks, row.parts, strict=True) if task in weights]
        mean = sum(weights.values()) / len(weights) if weights else 1.0
        scaled = [_times(p, w / mean) for p, w in zip(parts, weights.values(), strict=True)]
        nothing = Estimate(None, None, None, 0, 0, "no normalised score")
        estimate = mean_of_scores(scaled)[0] if scaled else nothing
        yield SuiteRow(row.subject, suite.name, estimate, weights, lacking)


def _times(score: TaskScore, factor: float) -> TaskScore:
    clusters = replace(score.clusters, residuals=score.clusters.residuals * factor)
    low, high = score.bounds
    estimate = score.estimate.scaled(0.0, 1 / factor)
    return replace(score, estimate=estimate, clusters=clusters, bounds=(low * factor, high * factor))
