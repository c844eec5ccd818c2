"""The comparison section of the page, with the results of ``hemm compare``."""

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

TOGETHER = 5
"""Fewest tasks or samples with a label of which it is said what they have in common: two always have much."""


@dataclass(frozen=True)
class Contrast:
    """A row of the section: a category of the pair, or a contrast of labels.

    title  of its dimension; empty: overall
    """

    title: str
    name: str
    row: CategoryPair | AdjustedEffect


@dataclass(frozen=True)
class Level:
    """Effects of labels over tasks, or over samples within tasks."""

    name: str
    effects: tuple[Contrast, ...]
    table: LabelEffects
    together: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonSection:
    """The values of the section.

    numbers  subject -> its number on the page, for its colour
    error    most pages with a false sentence of one kind, where nothing differs
    """

    result: Comparison
    numbers: dict[str, int]
    lines: tuple[Contrast, ...]
    tasks: tuple[TaskPair, ...]
    levels: tuple[Level, ...]
    conclusions: tuple[str, ...]
    terms: tuple[str, ...]
    verdict: tuple[str, ...]
    error: float


def comparison(
    study: Study, subjects: Sequence[Subject], normalise: str, kinds: int = 0
) -> ComparisonSection | None:
    """The section for these models; None for a single model, or if they cannot be compared.

    kinds  of sentences that the page has beside the section's
    """
    from hemm.analysis.compare import Choice, compare
    from hemm.analysis.compare.conclusions import ERROR, conclusions, verdict
    from hemm.analysis.compare.conclusions import kinds as kinds_of
    from hemm.report.tables.comparison import terms

    if len(subjects) < 2 or any(s.control for s in subjects):
        return None
    try:
        result = compare(study, Choice(best=True, normalise=normalise, resamples=0))
    except HemmError:
        return None
    if len(result.labels) < 2:
        return None
    rows = [
        r for r in (result.overall, *result.categories) if r is not None and r.difference.value is not None
    ]
    error = ERROR / max(1, kinds + kinds_of(result))
    return ComparisonSection(
        result,
        {s.key: n for n, s in enumerate(subjects)},
        tuple(
            Contrast(_title(r.dimension) if r.category else "", _words(r.category) or "Overall", r)
            for r in rows
        ),
        result.tasks if any(t.pair is not None for t in result.tasks) else (),
        tuple(_level(table, error) for table in result.label_effects),
        tuple(conclusions(result, labels=False, error=error)),
        tuple(terms(result)),
        tuple(verdict(result, error)),
        error,
    )


def _level(table: LabelEffects, error: float) -> Level:
    from hemm.analysis.compare.conclusions import effects as effect_sentences
    from hemm.report.tables.comparison import travelling

    effects = tuple(
        Contrast(_title(row.effect.dimension), f"{_words(row.effect.a)} against {_words(row.effect.b)}", row)
        for row in table.effects
    )
    together = tuple(
        f"{t.both} of {t.n} {table.level} with {_title(t.dimension).lower()} {_words(t.category)} have "
        f"{_title(t.other).lower()} {_words(t.other_category)} ({t.everywhere:.0%} of all)"
        for t in travelling(table)
        if t.n >= TOGETHER
    )
    sentences = tuple(line[0].upper() + line[1:] for line in effect_sentences(table, error))
    return Level(table.level, effects, table, together, sentences)


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
