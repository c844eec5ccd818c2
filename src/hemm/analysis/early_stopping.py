"""``--until-ci``: runs that stop when the headline's interval is narrow enough to each side of the value.

The interval is that of ``stats.sequential`` over the pack's clusters without replacement, and valid however
often it is checked. Let the pack have n groups (samples, or units) in N clusters, the largest with M groups.
A cluster's value is the sum of its scores divided by M, which is in [0, 1]; the mean over all clusters, times
M N / n, is the score of the pack. So clusters of very different sizes need more answers. A group without a
score (an error) counts as the worst for the lower end and as the best for the upper one. The samples with
each label get an interval in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import DIMENSIONS, CorpusMetric, HemmError, Metric, SetMetric, Task
from hemm.results.selections import holds
from hemm.stats.intervals import LEVEL
from hemm.stats.sequential import METHOD, running_interval

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import ScoreColumn
    from hemm.engine.early_stopping import Blocks
    from hemm.engine.options import CellResults, RunOptions, Watcher


PART_GRID = 400


def run(options: RunOptions, watcher: Watcher | None = None) -> CellResults:
    """``hemm.engine.run.run``, with the rule of ``options.until_ci`` if it is set."""
    from hemm.engine.run import run as run_all

    return run_all(options, watcher, None if options.until_ci is None else StopWhenKnown(options.until_ci))


class StopWhenKnown:
    """Stop when both ends of the headline's interval are at most ``points`` hundredths of the metric's range
    away from its value."""

    def __init__(self, points: float) -> None:
        self.points = points

    def check(self, task: Task, metrics: Sequence[str | Metric]) -> None:
        """Raise HemmError where the headline is not a mean of bounded values of single groups."""
        from hemm.engine.score import metrics_for

        metric = next(iter(metrics_for(task, metrics).values()), None)
        if metric is None:
            raise HemmError(f"--until-ci: task {task.name} has no metric to watch: give one by --metric")
        if not all(map(math.isfinite, metric.range)):
            why = "has no lowest and highest value"
        elif isinstance(metric, CorpusMetric | SetMetric):
            why = "is of a set as a whole, no mean over answers"
        elif metric.group not in ("sample", "unit"):
            why = f"judges samples together by {metric.group}"
        else:
            return
        raise HemmError(f"--until-ci: {metric.name}, the headline of task {task.name}, {why}: use --limit")

    def __call__(self, folder: Path, blocks: Blocks, count: int) -> dict[str, Any]:
        """The check after ``count`` blocks, as run.json stores it."""
        from hemm.analysis.study.cell_scores import load_scores
        from hemm.results.read import cell

        scores = load_scores(cell(folder)).headline
        low, high = scores.metric.range
        rows = range(len(blocks.units))
        number_of = {blocks.units[row]: int(blocks.number[row]) for row in rows}
        members = np.bincount(blocks.number, minlength=blocks.total)
        if scores.metric.group == "unit":
            members = np.bincount(list(number_of.values()), minlength=blocks.total)
        number = np.array([number_of.get(unit, count) for unit in scores.units], dtype=np.int64)
        scored = (number < count) & ~np.isnan(scores.values)
        x = (scores.values[scored] - low) / (high - low)
        total = np.bincount(number[scored], weights=x, minlength=count)[:count]
        unknown = np.maximum(members[:count] - np.bincount(number[scored], minlength=count)[:count], 0)
        largest = float(members.max())
        scale = largest * blocks.total / float(members.sum())
        ends = running_interval(
            np.clip(total / largest, 0, 1),
            blocks.total,
            highest=np.clip((total + unknown) / largest, 0, 1),
            aim=self.points / 100 / scale,
        )
        parts = _parts(scores, number, count, members, blocks.total)
        lower, upper = (min(1.0, float(end[-1]) * scale) for end in ends)
        value = float(x.mean()) if len(x) else None
        farther = upper - lower if value is None else max(value - lower, upper - value)
        return {
            "points": self.points,
            "reached": farther <= self.points / 100 + 1e-12,
            "method": METHOD,
            "level": LEVEL,
            "metric": scores.spec,
            "asked": count,
            "of": blocks.total,
            "value": None if value is None else low + value * (high - low),
            "interval": [low + lower * (high - low), low + upper * (high - low)],
            "parts": parts,
        }


def _parts(
    scores: ScoreColumn, number: NDArray[np.int64], count: int, members: NDArray[np.int64], total: int
) -> list[dict[str, Any]]:
    """The interval of the mean over the groups with each label, except labels that all groups have.

    ``number``: the block of each group; ``members``: groups in each block.
    """
    inside = number < count
    if int(inside.sum()) < int(members[:count].sum()):
        return []  # the labels of groups without a score are unknown
    low, high = scores.metric.range
    x = (scores.values - low) / (high - low)
    largest = float(members.max())

    def blocks(weights: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(number[mask], weights=weights[mask], minlength=count)[:count] / largest

    out = []
    for dimension, about in DIMENSIONS.items():
        column = scores.labels.get(dimension)
        for category in about.categories if column is not None else ():
            mask = inside & (column == category)
            if not mask.any() or mask.sum() == inside.sum():
                continue
            worst, best = (blocks(np.nan_to_num(x, nan=end), mask) for end in (0.0, 1.0))
            rest = np.clip(1 - blocks(np.ones(len(x)), mask), 0, 1)
            most = np.minimum(best, 1 - rest)
            ends = running_interval(np.minimum(worst, most), total, highest=most, rest=rest, grid=PART_GRID)
            lower, upper = (low + float(end[-1]) * (high - low) for end in ends)
            out.append({"dimension": dimension, "category": category, "low": lower, "high": upper})
    return out


def check_words(run: Mapping[str, Any]) -> str:
    """A sentence on the last check in a cell's run.json; empty where there was none."""
    check = run.get("until_ci")
    if not check:
        return ""
    value = "none" if check["value"] is None else f"{check['value']:.4g}"
    low, high = check["interval"]
    end = (
        f"within {check['points']:g} points"
        if check["reached"]
        else f"not within {check['points']:g} points yet"
    )
    own = next((r for r in reversed(run["selections"]) if r.get("clusters") == check["asked"]), None)
    others = own is None or not all(holds(own, record) for record in run["selections"])
    more = "; scores are over answers of other selections too, this interval is not" if others else ""
    return (
        f"{check['metric']} {value}, {low:.4g} to {high:.4g} whenever one looks, {end}, "
        f"after {check['asked']:,} of {check['of']:,} clusters in random order{more}"
    )
