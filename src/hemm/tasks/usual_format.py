"""The answer format of a user's open questions where their card names none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hemm.core import AnswerFormat, Source, Task
from hemm.data import cache
from hemm.data.pack.numerals import NUMBERS, all_numerals
from hemm.parsing.formats import Number, ShortAnswer


@dataclass(frozen=True)
class NumberByDefault(Number):
    """``Number`` for data whose references are all numbers.

    text_metrics  the metrics that the task has where its answers are read as texts
    """

    text_metrics: tuple[str, ...] = ()


def usual_format(
    name: str, source: Source, origin: Mapping[str, Any], references: Callable[[], Iterable[str]]
) -> AnswerFormat:
    """``Number`` where all references are numbers, else ``ShortAnswer``.

    The index entry of the task's pack decides, so that data keep their format; those of hemm 0.1.0 say
    nothing and are read as texts. ``references`` are looked at where files at hand have no pack or changed.
    """
    entry = cache.entry(name, origin)
    if entry is None:
        numbers = cache.entry(name) is None and source.at_hand and all_numerals(references())
    else:
        numbers = bool(entry.get(NUMBERS))
        if numbers and source.at_hand:
            made_from = entry.get("origin") or {}
            same = source.fingerprint().items() <= made_from.items()
            numbers = same or all_numerals(references())
    return NumberByDefault() if numbers else ShortAnswer()


def read_as_texts(task: Task) -> Task:
    """``task`` with ``ShortAnswer`` where numbers are its default; any other task as it is."""
    if not isinstance(task.answer, NumberByDefault):
        return task
    return replace(task, answer=ShortAnswer(), metrics=task.answer.text_metrics or task.metrics)
