"""Answers drawn at random for people to label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hemm.analysis.judge_check.answers import ScoredCell, answer_texts, scored_cells
from hemm.core import HemmError, UnknownName, keyed_number

if TYPE_CHECKING:
    from hemm.results.read import Cell

SHOWN = ("prompt", "references", "answer")
TEMPLATE = ("task", "model", "protocol", "sample", "repeat", "digest", *SHOWN, "annotator", "value")
"""The fields of a file to fill in."""


def template_rows(
    cells: Sequence[Cell], samples: int, *, metric: str = "", tasks: Sequence[str] = (), seed: int = 0
) -> list[dict[str, Any]]:
    """The answers to ``samples`` samples of each task, drawn at random, as rows with the fields ``TEMPLATE``,
    of which ``annotator`` and ``value`` are empty.

    A drawn sample comes with the answers of all models to it, of one of its repeats. More samples with the
    same seed contain those of fewer. Raises HemmError where there are none, UnknownName for a task.
    """
    scored = scored_cells(cells, metric, judged=False).cells
    known = list(dict.fromkeys(cell.task for cell in scored))
    for task in tasks:
        if task not in known:
            raise UnknownName("task in these results", task, known)
    rows = [
        row
        for task in known
        if not tasks or task in tasks
        for row in _rows([cell for cell in scored if cell.task == task], samples, seed)
    ]
    if not rows:
        raise HemmError("there are no answers to label")
    return rows


def _rows(cells: Sequence[ScoredCell], samples: int, seed: int) -> Iterator[dict[str, Any]]:
    """The rows of one task, by sample in the order of the draw."""
    answers = [{(a.sample, a.repeat): a for a in cell.answers if a.score is not None} for cell in cells]
    texts = [answer_texts(cell.cell) for cell in cells]
    repeats: dict[str, set[int]] = {}
    for of_cell in answers:
        for sample, repeat in of_cell:
            repeats.setdefault(sample, set()).add(repeat)
    task = cells[0].task
    order = sorted(repeats, key=lambda sample: keyed_number("labels", seed, task, sample))
    for sample in order[:samples]:
        choice = sorted(repeats[sample])
        repeat = choice[keyed_number("labelled repeat", seed, task, sample) % len(choice)]
        for cell, of_cell, text in zip(cells, answers, texts, strict=True):
            if (sample, repeat) in of_cell:
                shown = text[sample, repeat]
                yield {
                    "task": task,
                    "model": cell.cell.model,
                    "protocol": cell.cell.protocol[:12],
                    "sample": sample,
                    "repeat": repeat,
                    "digest": of_cell[sample, repeat].digest,
                    "prompt": shown["prompt"],
                    "references": shown["references"],
                    "answer": shown["raw"],
                    "annotator": "",
                    "value": None,
                }
