"""A file of randomly drawn answers for people to label."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hemm.analysis.judge_check.answers import ScoredCell, answer_texts, scored_cells
from hemm.core import HemmError, UnknownName, keyed_number
from hemm.data.files import write_atomic

if TYPE_CHECKING:
    from hemm.results.read import Cell

SHOWN = ("prompt", "references", "answer")
COLUMNS = ("task", "model", "protocol", "sample", "repeat", "digest", *SHOWN, "annotator", "value")


def write_template(
    cells: Sequence[Cell],
    file: Path,
    samples: int,
    *,
    metric: str = "",
    tasks: Sequence[str] = (),
    seed: int = 0,
) -> int:
    """Write ``samples`` samples of each task, drawn at random, to a ``.csv`` or ``.jsonl`` file whose fields
    ``annotator`` and ``value`` are empty; return the number of answers.

    A drawn sample comes with the answers of all models to it, of one of its repeats. More samples with the
    same seed contain those of fewer. Raises HemmError for a file that is there already.
    """
    if file.suffix not in (".jsonl", ".csv"):
        raise HemmError(f"{file}: labels are .csv or .jsonl files")
    if file.exists():
        raise HemmError(f"{file} is there already, and may hold labels: name another file")
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
    write_atomic(file, _csv(rows) if file.suffix == ".csv" else _jsonl(rows))
    return len(rows)


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


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "references": " | ".join(row["references"] or ())} for row in rows)
    return out.getvalue().encode()


def _jsonl(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
