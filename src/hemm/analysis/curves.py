"""Curves: the score of each model against a number in the metadata of the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def numbers_in(items: Sequence[CellScores]) -> dict[str, dict[str, int]]:
    """Task -> the keys of its metadata that have numbers, with how many different ones; those that tell
    nothing apart (one number for all) are left out."""
    found: dict[str, dict[str, int]] = {}
    for item in items:
        if item.task not in found:
            values: dict[str, set[float]] = {}
            for one in _metadata(item).values():
                for key, value in one.items():
                    if (number := _number(value)) is not None:
                        values.setdefault(key, set()).add(number)
            found[item.task] = {key: len(known) for key, known in values.items() if len(known) > 1}
    return found


def curves(items: Sequence[CellScores], key: str) -> list[Curve]:
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
    by_task: dict[str, list[tuple[CellScores, NDArray[np.float64]]]] = {}
    for item in items:
        by_task.setdefault(item.task, []).append((item, _of_groups(item, key)))
    out = []
    for task, pairs in by_task.items():
        known = np.concatenate([numbers[~np.isnan(numbers)] for _, numbers in pairs])
        if len(np.unique(known)) < 2 or len(known) < LEAST:
            continue
        ranges = _ranges(known)
        for item, numbers in pairs:
            points = tuple(p for low, high in ranges if (p := _point(item, numbers, low, high)) is not None)
            without = int(np.isnan(numbers).sum())
            spec = f"{item.headline.spec} {item.headline.component}".strip()
            out.append(Curve(task, item.subject, item.label, spec, points, without))
    if not out:
        raise HemmError(f"no task of these results has different numbers under {key!r} in its metadata")
    return out


def _point(item: CellScores, numbers: NDArray[np.float64], low: float, high: float) -> CurvePoint | None:
    inside = (numbers >= low) & (numbers <= high)
    if not inside.any():
        return None
    column = item.headline.take(inside)
    return CurvePoint(low, high, float(numbers[inside].mean()), own_scale(column))


def _ranges(numbers: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Each number that occurs, or ranges of about equally many, none of which cuts equal numbers apart."""
    different, counts = np.unique(numbers, return_counts=True)
    if len(different) <= DISTINCT:
        return [(float(n), float(n)) for n in different]
    share = (np.cumsum(counts) - counts / 2) / counts.sum()
    place = np.minimum((share * RANGES).astype(np.int64), RANGES - 1)
    ends = [different[place == n] for n in np.unique(place)]
    return [(float(own[0]), float(own[-1])) for own in ends]


def _of_groups(item: CellScores, key: str) -> NDArray[np.float64]:
    """The mean number of each scored group's samples; NaN where none has one."""
    kind = item.headline.metric.group
    sums: dict[str, tuple[float, int]] = {}
    table = item.cell.answers(["id", "unit", "metadata"])
    seen: set[str] = set()
    for name, unit, text in zip(*(table[c].to_pylist() for c in ("id", "unit", "metadata")), strict=True):
        if name in seen:  # another repeat
            continue
        seen.add(name)
        metadata = _loaded(text)
        number = _number(metadata.get(key))
        if number is None:
            continue
        value = metadata.get(kind)
        group = {"sample": name, "unit": unit}.get(kind, name if value is None else str(value))
        total, count = sums.get(group, (0.0, 0))
        sums[group] = total + number, count + 1
    found = [sums.get(group, (np.nan, 1)) for group in item.headline.groups.tolist()]
    return np.array([total / count for total, count in found], dtype=np.float64)


def _metadata(item: CellScores) -> dict[str, Mapping[str, object]]:
    table = item.cell.answers(["id", "metadata"])
    return {
        n: _loaded(t) for n, t in zip(table["id"].to_pylist(), table["metadata"].to_pylist(), strict=True)
    }


def _loaded(text: str | None) -> Mapping[str, object]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """A finite number; None for anything else, booleans too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e300 else float("nan")
    return number if np.isfinite(number) else None
