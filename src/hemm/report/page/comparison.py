"""The comparison of several models on the page: what ``hemm compare`` computes, two of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.core import DIMENSIONS, HemmError
from hemm.report.text import number

if TYPE_CHECKING:
    from hemm.analysis.compare import Comparison
    from hemm.analysis.compare.pairs import CategoryPair, TaskPair
    from hemm.analysis.study import Study, Subject
    from hemm.stats.label_effects import AdjustedEffect, LabelEffects


@dataclass(frozen=True)
class Line:
    """A category of the pair or a contrast of labels, under the title of its dimension (empty: overall)."""

    title: str
    name: str
    row: CategoryPair | AdjustedEffect


@dataclass(frozen=True)
class Level:
    """Effects of labels over tasks, or over samples within tasks."""

    name: str
    effects: tuple[Line, ...]
    table: LabelEffects
    together: tuple[str, ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """Everything of the section. ``numbers``: subject -> its number on the page, for its colour."""

    found: Comparison
    numbers: dict[str, int]
    lines: tuple[Line, ...]
    tasks: tuple[TaskPair, ...]
    levels: tuple[Level, ...]
    conclusions: tuple[str, ...]
    terms: tuple[str, ...]
    verdict: tuple[str, ...]


def comparison(study: Study, subjects: Sequence[Subject], normalise: str) -> Shown | None:
    """The models of the page against each other; None with one, or where they cannot be compared at all."""
    from hemm.analysis.compare import Choice, compare
    from hemm.analysis.compare.conclusions import conclusions, verdict
    from hemm.report.tables.comparison import terms

    if len(subjects) < 2 or any(s.control for s in subjects):
        return None
    try:
        found = compare(study, Choice(best=True, normalise=normalise, resamples=0))
    except HemmError:
        return None
    if len(found.labels) < 2:
        return None
    rows = [r for r in (found.overall, *found.categories) if r is not None and r.difference.value is not None]
    return Shown(
        found,
        {s.key: n for n, s in enumerate(subjects)},
        tuple(
            Line(_title(r.dimension) if r.category else "", _words(r.category) or "Overall", r) for r in rows
        ),
        found.tasks if any(t.pair is not None for t in found.tasks) else (),
        tuple(_level(table) for table in found.label_effects),
        tuple(conclusions(found, labels=False)),
        tuple(terms(found)),
        tuple(verdict(found)),
    )


def _level(table: LabelEffects) -> Level:
    from hemm.analysis.compare.conclusions import effects as effects_said
    from hemm.report.tables.comparison import travelling

    effects = tuple(
        Line(_title(row.effect.dimension), f"{_words(row.effect.a)} against {_words(row.effect.b)}", row)
        for row in table.effects
    )
    together = tuple(
        f"{t.both} of {t.n} {table.level} with {_title(t.dimension).lower()} {_words(t.category)} have "
        f"{_title(t.other).lower()} {_words(t.other_category)} ({t.everywhere:.0%} of all)"
        for t in travelling(table)
    )
    said = tuple(line[0].upper() + line[1:] for line in effects_said(table))
    return Level(table.level, effects, table, together, said)


def _title(dimension: str) -> str:
    return DIMENSIONS[dimension].title if dimension in DIMENSIONS else dimension


def _words(category: str) -> str:
    return category.replace("_", " ")


def effect_of(row: TaskPair) -> str:
    """The effect size with its name: ``odds ratio 2.4``; a dash where there is none."""
    pair = row.pair
    if pair is None or pair.effect is None:
        return "–"
    return f"{'odds ratio' if pair.effect_name == 'odds ratio' else 'd'} {number(pair.effect)}"
