"""``--until-ci``: runs that stop when the headline's interval is narrow enough.

The interval is ``sequential``'s, over the pack's clusters without replacement: it holds at the moment of
stopping, however often it was checked. A cluster of m of the pack's n scored groups (samples, or units)
counts with the sum of its scores over M, the size of the largest, which is in [0, 1]; the mean of that over
all N clusters, times M N / n, is the score of the whole pack. So clusters of very different sizes need more.
What is not known (an error, a sample that has no score) counts as the worst for the lower end and the best
for the upper one. Beside it stands the interval of each label's part of the pack, by the same sequence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import DIMENSIONS, CorpusMetric, HemmError, SetMetric, Task
from hemm.stats.intervals import LEVEL
from hemm.stats.sequential import METHOD, running_interval

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import ScoreColumn
    from hemm.engine.early_stopping import Blocks
    from hemm.engine.options import CellResult, RunOptions, Watcher


PART_GRID = 400


def run(options: RunOptions, watcher: Watcher | None = None) -> list[CellResult]:
    """``hemm.engine.run.run`` with the rule of ``options.until_ci``, where it is given."""
    from hemm.engine.run import run as run_all

    return run_all(options, watcher, None if options.until_ci is None else StopWhenKnown(options.until_ci))


class StopWhenKnown:
    """Stop when the interval of a cell's headline is at most ``points`` hundredths of the metric's range to
    each side."""

    def __init__(self, points: float) -> None:
        self.points = points

    def check(self, task: Task, metrics: Sequence[str]) -> None:
        """Raise HemmError where the headline is no mean of bounded values that stay what they are."""
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
        """The check after ``count`` blocks, as run.json keeps it."""
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
        kept = (number < count) & ~np.isnan(scores.values)
        x = (scores.values[kept] - low) / (high - low)
        total = np.bincount(number[kept], weights=x, minlength=count)[:count]
        unknown = np.maximum(members[:count] - np.bincount(number[kept], minlength=count)[:count], 0)
        largest = float(members.max())
        scale = largest * blocks.total / float(members.sum())
        ends = running_interval(
            np.clip(total / largest, 0, 1),
            blocks.total,
            highest=np.clip((total + unknown) / largest, 0, 1),
            aim=self.points / 100 / scale,
        )
        parts = _parts(scores, number, count, members, blocks.total)
        first, last = (min(1.0, float(end[-1]) * scale) for end in ends)
        return {
            "points": self.points,
            "reached": (last - first) / 2 <= self.points / 100 + 1e-12,
            "method": METHOD,
            "level": LEVEL,
            "metric": scores.spec,
            "asked": count,
            "of": blocks.total,
            "value": low + float(x.mean()) * (high - low) if len(x) else None,
            "interval": [low + first * (high - low), low + last * (high - low)],
            "parts": parts,
        }


def _parts(
    scores: ScoreColumn, number: NDArray[np.int64], count: int, members: NDArray[np.int64], total: int
) -> list[dict[str, Any]]:
    """The same for each label that not all groups have: the mean of its own groups, with an interval of its
    own that holds at every moment. ``number``: the block of each group; ``members``: groups in each block."""
    inside = number < count
    if int(inside.sum()) < int(members[:count].sum()):
        return []  # a group that was not scored has no label that is known
    low, high = scores.metric.range
    x = (scores.values - low) / (high - low)
    largest = float(members.max())

    def blocks(weights: NDArray[np.float64], own: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(number[own], weights=weights[own], minlength=count)[:count] / largest

    out = []
    for dimension, about in DIMENSIONS.items():
        column = scores.labels.get(dimension)
        for category in about.categories if column is not None else ():
            own = inside & (column == category)
            if not own.any() or own.sum() == inside.sum():
                continue
            worst, best = (blocks(np.nan_to_num(x, nan=end), own) for end in (0.0, 1.0))
            rest = np.clip(1 - blocks(np.ones(len(x)), own), 0, 1)
            most = np.minimum(best, 1 - rest)
            ends = running_interval(np.minimum(worst, most), total, highest=most, rest=rest, grid=PART_GRID)
            first, last = (low + float(end[-1]) * (high - low) for end in ends)
            out.append({"dimension": dimension, "category": category, "low": first, "high": last})
    return out


def check_words(run: Mapping[str, Any]) -> str:
    """The last check in words, from a cell's run.json; empty where there was none."""
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
    return (
        f"{check['metric']} {value}, {low:.4g} to {high:.4g} whenever one looks, {end}, "
        f"after {check['asked']:,} of {check['of']:,} clusters in random order"
    )
