"""The answer format of a user's open questions where their card names none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hemm.core import AnswerFormat, Source, Task
from hemm.data import cache
from hemm.data.pack.numerals import NUMBERS, all_numerals
from hemm.data.pack.own_words import BRINGS, Question, brought
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
            same = cache.as_kept(source.fingerprint(), entry).items() <= made_from.items()
            numbers = same or all_numerals(references())
    return NumberByDefault() if numbers else ShortAnswer()


def own_words(
    name: str, source: Source, origin: Mapping[str, Any], questions: Callable[[], Iterable[Question]] | None
) -> set[str]:
    """What all questions of a user's data say themselves, so that the default prompt does not say it again.

    The index entry of the task's pack decides, so that data keep their prompt; ``questions`` are looked at as
    in ``usual_format``. None: rows that are not fetched have none to look at.
    """
    entry = cache.entry(name, origin)
    look = questions if source.at_hand else None
    if entry is None:
        return brought(look()) if look is not None and cache.entry(name) is None else set()
    found = {*entry.get(BRINGS, ())}
    if found and look is not None:
        same = cache.as_kept(source.fingerprint(), entry).items() <= (entry.get("origin") or {}).items()
        found = found if same else found & brought(look())
    return found


def read_as_texts(task: Task) -> Task:
    """``task`` with ``ShortAnswer`` where numbers are its default; any other task as it is."""
    if not isinstance(task.answer, NumberByDefault):
        return task
    return replace(task, answer=ShortAnswer(), metrics=task.answer.text_metrics or task.metrics)
