"""Curves: the score of each model against a number in the metadata of the samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
from numpy.typing import NDArray

from hemm.analysis.study.cell_scores import CellScores
from hemm.analysis.study.normalise import own_scale
from hemm.core import HemmError
from hemm.stats.intervals import Estimate

DISTINCT = 12
"""Most different numbers that are points of their own; more are cut into ranges of about equally many."""
RANGES = 8
LEAST = 3
"""Fewest groups of one task that make a curve."""


@dataclass(frozen=True)
class CurvePoint:
    """The score over the groups whose number lies from ``low`` to ``high``; ``at`` is their mean number."""

    low: float
    high: float
    at: float
    estimate: Estimate


@dataclass(frozen=True)
class Curve:
    """One model's scores on one task by a number in its metadata, in the order of the numbers.

    without  groups whose metadata have no such number: they are in no point
    """

    task: str
    subject: str
    label: str
    metric: str
    points: tuple[CurvePoint, ...]
    without: int


class Numbers:
    """The numbers in the metadata of some cells, each of which is read once, when it is asked for.

    >>> import hemm
    >>> Numbers(hemm.run("baseline/oracle", "probe_shapes", limit=12).study.cells).keys  # texts alone
    {'probe_shapes': []}
    """

    def __init__(self, items: Sequence[CellScores]) -> None:
        self.items = tuple(items)
        self._of: dict[str, dict[str, tuple[str, Mapping[str, object]]]] = {}
        self._loaded: dict[str, Mapping[str, object]] = {}

    @cached_property
    def keys(self) -> dict[str, list[str]]:
        """Task -> the keys of its metadata that have numbers; those that tell nothing apart (one number for
        all) are left out."""
        found: dict[str, list[str]] = {}
        for item in self.items:
            if item.task not in found:
                values: dict[str, set[float]] = {}
                for _, one in self.of(item).values():
                    for key, value in one.items():
                        if (number := _number(value)) is not None:
                            values.setdefault(key, set()).add(number)
                found[item.task] = [key for key, known in values.items() if len(known) > 1]
        return found

    def of(self, item: CellScores) -> Mapping[str, tuple[str, Mapping[str, object]]]:
        """Sample -> its unit and its metadata."""
        folder = str(item.cell.folder)
        if folder not in self._of:
            table = item.cell.answers(["id", "unit", "metadata"])
            columns = (table[c].to_pylist() for c in ("id", "unit", "metadata"))
            # all models have the same texts: each is parsed once
            self._of[folder] = {
                name: (unit, self._metadata(t)) for name, unit, t in zip(*columns, strict=True)
            }
        return self._of[folder]

    def _metadata(self, text: str | None) -> Mapping[str, object]:
        if not text:
            return {}
        if text not in self._loaded:
            value = orjson.loads(text)
            self._loaded[text] = value if isinstance(value, dict) else {}
        return self._loaded[text]


def curves(items: Sequence[CellScores] | Numbers, key: str) -> list[Curve]:
    """The curves over ``key`` of every task that has it, a curve for each of the cells.

    All models have the same ranges, on the metric's own scale; failures count as the worst score. A group of
    several samples has their mean number. Raises HemmError where no task has numbers under this key.

    >>> import hemm
    >>> study = hemm.run("baseline/oracle", "probe_shapes", limit=12).study
    >>> curves(study.cells, "circles")
    Traceback (most recent call last):
    ...
    hemm.core.errors.HemmError: no task of these results has different numbers under 'circles' in its metadata
    """
    known_numbers = items if isinstance(items, Numbers) else Numbers(items)
    tasks = dict.fromkeys(item.task for item in known_numbers.items)
    out = [curve for task in tasks for curve in curves_of(known_numbers, task, key)]
    if not out:
        raise HemmError(f"no task of these results has different numbers under {key!r} in its metadata")
    return out


def curves_of(numbers: Numbers, task: str, key: str) -> list[Curve]:
    """The curves of one task over ``key``, one for each of its cells; none where it has no such numbers."""
    pairs = [(item, _of_groups(item, key, numbers.of(item))) for item in numbers.items if item.task == task]
    known = np.concatenate([own[~np.isnan(own)] for _, own in pairs]) if pairs else np.array([])
    if len(np.unique(known)) < 2 or len(known) < LEAST:
        return []
    ranges = ranges_of(known)
    out = []
    for item, own in pairs:
        points = tuple(p for low, high in ranges if (p := _point(item, own, low, high)) is not None)
        without = int(np.isnan(own).sum())
        spec = f"{item.headline.spec} {item.headline.component}".strip()
        out.append(Curve(task, item.subject, item.label, spec, points, without))
    return out


def change(curves: Sequence[Curve]) -> float:
    """How far the score changes beyond its intervals: the widest gap between the intervals of two points of
    one curve; below 0 where all of them overlap.

    >>> change([])
    -inf
    """
    widest = -math.inf
    for curve in curves:
        ends = [(p.estimate.low, p.estimate.high) for p in curve.points]
        known = [(low, high) for low, high in ends if low is not None and high is not None]
        if len(known) > 1:
            widest = max(widest, max(low for low, _ in known) - min(high for _, high in known))
    return widest


def _point(item: CellScores, numbers: NDArray[np.float64], low: float, high: float) -> CurvePoint | None:
    inside = (numbers >= low) & (numbers <= high)
    if not inside.any():
        return None
    column = item.headline.take(inside)
    return CurvePoint(low, high, float(numbers[inside].mean()), own_scale(column))


def ranges_of(numbers: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Each number that occurs, or ranges of about equally many, none of which cuts equal numbers apart."""
    different, counts = np.unique(numbers, return_counts=True)
    if len(different) <= DISTINCT:
        return [(float(n), float(n)) for n in different]
    share = (np.cumsum(counts) - counts / 2) / counts.sum()
    place = np.minimum((share * RANGES).astype(np.int64), RANGES - 1)
    ends = [different[place == n] for n in np.unique(place)]
    return [(float(own[0]), float(own[-1])) for own in ends]


def _of_groups(
    item: CellScores, key: str, samples: Mapping[str, tuple[str, Mapping[str, object]]]
) -> NDArray[np.float64]:
    """The mean number of each scored group's samples; NaN where none has one."""
    kind = item.headline.metric.group
    sums: dict[str, tuple[float, int]] = {}
    for name, (unit, metadata) in samples.items():
        number = _number(metadata.get(key))
        if number is None:
            continue
        value = metadata.get(kind)
        group = {"sample": name, "unit": unit}.get(kind, name if value is None else str(value))
        total, count = sums.get(group, (0.0, 0))
        sums[group] = total + number, count + 1
    found = [sums.get(group, (np.nan, 1)) for group in item.headline.groups.tolist()]
    return np.array([total / count for total, count in found], dtype=np.float64)


def _number(value: object) -> float | None:
    """A finite number; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e300 else float("nan")
    return number if np.isfinite(number) else None
