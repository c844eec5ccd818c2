"""Curves of the score by the level of a perturbation, the samples as they are among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.compare.robustness import ALL, Tried, changed_columns, tried
from hemm.analysis.curves import Curve, CurvePoint
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import ScoreColumn
from hemm.analysis.study.normalise import own_scale
from hemm.analysis.study.perturbed import clean_of, perturbation_of
from hemm.core import CorpusMetric
from hemm.tasks.perturbations.corruptions import CORRUPTIONS, LEVELS
from hemm.tasks.perturbations.named import KINDS

if TYPE_CHECKING:
    from hemm.results.read import Cell


def names_of_curves(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """Task -> the perturbations that have a curve, ``ALL`` first, by what was asked alone."""
    found: dict[str, dict[int, list[str]]] = {}
    for number, at in clean_of(cells).items():
        own = found.setdefault(cells[at].task, {}).setdefault(at, [])
        own.append(perturbation_of(cells[number]))
    out: dict[str, list[str]] = {}
    for task, asked in found.items():
        names = dict.fromkeys(text.partition(":")[0] for under in asked.values() for text in under)
        drawn = [n for n in (ALL, *names) if any(len(_by_level(under, n)) > 1 for under in asked.values())]
        if drawn:
            out[task] = drawn
    return out


def perturbation_curves(
    study: Study, subjects: Collection[str], only: str = ""
) -> list[tuple[list[Curve], str]]:
    """For each task and perturbation whose levels are degrees, the curves of these models and what the axis
    is; the mean over the corruptions that were asked at all levels first. ``only``: of this perturbation.

    All levels of a curve are over the same groups, those with a score at each, and so is its point of the
    samples as they are.
    """
    by_task: dict[str, list[Tried]] = {}
    for one in tried(study):
        if one.clean.subject in subjects and not isinstance(one.clean.headline.metric, CorpusMetric):
            by_task.setdefault(one.task, []).append(one)
    out = []
    for of in by_task.values():
        names = dict.fromkeys(text.partition(":")[0] for one in of for text in one.under)
        for name in [only] if only else (ALL, *names):
            curves = [curve for one in of if (curve := _curve(one, name)) is not None]
            if curves:
                out.append((curves, f"level of {name} ({_clean(name):g}: as it is)"))
    return out


def _clean(name: str) -> float:
    """The place of the samples as they are on the axis of levels."""
    usual = KINDS[name].usual if name in KINDS else None
    return 100.0 if name == "jpeg" else usual or 0.0


def _curve(one: Tried, name: str) -> Curve | None:
    """The curve of one model; None where fewer than two levels were asked, or they are no degrees."""
    levels = _by_level(one.under, name)
    if len(levels) < 2:
        return None
    columns = {
        at: [changed_columns(one.clean, one.under[text]) for text in texts] for at, texts in levels.items()
    }
    every = [column for pairs in columns.values() for pair in pairs for column in pair]
    kept = set.intersection(*(set(column.groups[~np.isnan(column.values)].tolist()) for column in every))
    groups = [g for g in one.clean.headline.groups.tolist() if g in kept]
    if not groups:
        return None
    points = [_point(_clean(name), [one.clean.headline], groups)]
    points += [_point(at, [right for _, right in pairs], groups) for at, pairs in columns.items()]
    points.sort(key=lambda point: point.at)
    headline = one.clean.headline
    spec = f"{headline.spec} {headline.component}".strip()
    without = len(headline) - len(groups)
    return Curve(one.task, one.clean.subject, one.clean.label, spec, tuple(points), without)


def _by_level(under: Collection[str], name: str) -> dict[float, list[str]]:
    """Level -> the perturbations whose mean is its point; none where levels are no degrees."""
    if name != ALL:
        if name not in KINDS or not KINDS[name].degrees:
            return {}
        own = [text for text in under if text.partition(":")[0] == name]
        return {float(text.partition(":")[2]): [text] for text in own}
    whole = [n for n in CORRUPTIONS if all(f"c/{n}:{level}" in under for level in LEVELS)]
    if len(whole) < 2:
        return {}
    return {float(level): [f"c/{n}:{level}" for n in whole] for level in LEVELS}


def _point(at: float, columns: Sequence[ScoreColumn], groups: Sequence[str]) -> CurvePoint:
    first = columns[0].take(columns[0].rows_of(groups))
    values = np.array([column.values[column.rows_of(groups)] for column in columns]).mean(axis=0)
    return CurvePoint(at, at, at, own_scale(replace(first, values=values)))
