"""A task and its variants (``task:hemm``) ask about the same pictures: one of them counts in means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import CellScores


def left_out(tasks: Iterable[str], subjects: Mapping[str, int] | None = None) -> dict[str, str]:
    """Of several forms of one task all but the one that counts -> that one: the form that most subjects have
    (``subjects``: how many); of several, the task itself, else the first.

    >>> left_out(["nlvr:hemm", "nlvr", "irfl"])
    {'nlvr:hemm': 'nlvr'}
    """
    have = subjects or {}
    forms: dict[str, list[str]] = {}
    for task in tasks:
        forms.setdefault(task.partition(":")[0], []).append(task)
    found: dict[str, str] = {}
    for of_task in forms.values():
        counts = min(of_task, key=lambda t: (-have.get(t, 0), ":" in t))
        found |= {task: counts for task in of_task if task != counts}
    return found


def notes_on(forms: Iterable[tuple[str, str]]) -> list[str]:
    """Notes on forms that are left out, and what counts in their place."""
    return [
        f"{task} and {counts} are forms of one task, about the same pictures: {counts} counts in means over "
        f"tasks, {task} is listed and left out of them"
        for task, counts in dict.fromkeys(forms)
    ]


def one_form_each(cells: Sequence[CellScores]) -> tuple[list[CellScores], list[str]]:
    """The cells, those of forms that do not count for their subject marked (``counts_as``); and notes."""
    tasks_of: dict[str, list[str]] = {}
    for item in cells:
        tasks_of.setdefault(item.subject, []).append(item.task)
    have: dict[str, int] = {}
    for tasks in tasks_of.values():
        have |= {task: have.get(task, 0) + 1 for task in tasks}
    out = {subject: left_out(tasks, have) for subject, tasks in tasks_of.items()}
    marked = [replace(item, counts_as=out[item.subject].get(item.task, "")) for item in cells]
    return marked, notes_on(pair for forms in out.values() for pair in forms.items())
