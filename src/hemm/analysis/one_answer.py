"""The answers of one cell to one sample, with their scores, calls, and earlier answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hemm.analysis.stored_scores import AnswerScores, answer_scores, newest_calls, stored_metrics
from hemm.core import HemmError, UnknownName
from hemm.core.text import counted, escape_unseen
from hemm.results import layout
from hemm.results.read import Cell, cell, cells
from hemm.results.seal import read_part, read_rows
from hemm.results.stored_answer import SAMPLE_COLUMNS, SHOWN_COLUMNS, StoredAnswer

COLUMNS = tuple(dict.fromkeys((*SAMPLE_COLUMNS, "repeat", "request_key", *SHOWN_COLUMNS)))
REPLACED = "replaced"
"""Why an answer is an earlier one: a later run asked again."""
LISTED = 12
"""Most cells that a message lists."""


@dataclass(frozen=True)
class GivenAnswer:
    """One answer of a repeat. ``call`` has latency (seconds), input_tokens, output_tokens, cost (dollars) and
    calls, each None where it is not known."""

    repeat: int
    row: Mapping[str, Any]
    stored: StoredAnswer
    scores: AnswerScores
    call: Mapping[str, Any]


@dataclass(frozen=True)
class EarlierAnswer:
    """An answer that was ``replaced``, or is kept and not scored (``removed``, ``changed``,
    ``not chosen``)."""

    repeat: int
    why: str
    raw: str


@dataclass(frozen=True)
class SampleAnswers:
    """All answers of a cell to a sample, by repeat; those of earlier runs beside them."""

    cell: Cell
    id: str
    answers: tuple[GivenAnswer, ...]
    earlier: tuple[EarlierAnswer, ...]

    @property
    def row(self) -> Mapping[str, Any]:
        """What all answers say of the sample: labels, references, choices, metadata."""
        return self.answers[0].row


def find_cell(path: Path) -> Cell:
    """The cell in a folder, or the only one below it. Raises UnknownName with the nearest folder where there
    is none, HemmError where there are several."""
    if (path / layout.RUN).exists():
        return cell(path)
    if not path.is_dir():
        above = next((p for p in path.parents if p.is_dir()), Path())
        if Path.cwd().is_relative_to(above.resolve()):  # a search from here could take for ever
            raise HemmError(f"there is no folder {path}")
        raise UnknownName("cell", str(path), [str(one.folder) for one in cells(above)])
    found = cells(path)
    if len(found) > 1:
        names = [str(one.folder) for one in found[:LISTED]]
        more = f" and {len(found) - LISTED:,} more" if len(found) > LISTED else ""
        raise HemmError(f"{path} holds {counted(len(found), 'cell')}: name one of {', '.join(names)}{more}")
    return found[0]


def sample_answers(of: Cell, name: str) -> SampleAnswers:
    """What a cell has to a sample, named by its id, also as it is printed (``\\\\x1b``). Raises UnknownName
    with the nearest id, and BadData where a file is damaged."""
    of.verify()
    name, rows = _rows(of, name)
    left_out = {
        (row["repeat"], row["request_key"]): row["why"]
        for row in of.unscored().to_pylist()
        if row["id"] == name
    }
    newest: dict[int, dict[str, Any]] = {}
    earlier: list[EarlierAnswer] = []
    for row in rows:
        if before := newest.get(row["repeat"]):
            earlier.append(_earlier(before, left_out))
        newest[row["repeat"]] = row
    kept = [r for r in newest.values() if (r["repeat"], r["request_key"]) not in left_out]
    earlier += [_earlier(r, left_out) for r in newest.values() if r not in kept]
    shown = kept or list(newest.values())
    metrics = stored_metrics(of, of.aggregates())
    calls = {row["repeat"]: row for row in newest_calls(of).filter(pc.field("id") == name).to_pylist()}
    answers = [
        GivenAnswer(
            row["repeat"],
            row,
            StoredAnswer.of(row),
            answer_scores(metrics, row) if row in kept else AnswerScores(),
            {k: calls.get(row["repeat"], {}).get(k) for k in CALL},
        )
        for row in sorted(shown, key=lambda r: int(r["repeat"]))
    ]
    return SampleAnswers(of, name, tuple(answers), tuple(earlier))


CALL = ("latency", "input_tokens", "output_tokens", "cost", "calls")
"""What is known of how an answer was had."""


def _earlier(row: Mapping[str, Any], left_out: Mapping[tuple[int, str], str]) -> EarlierAnswer:
    why = left_out.get((row["repeat"], row["request_key"]), REPLACED)
    return EarlierAnswer(int(row["repeat"]), why, str(row["raw"] or ""))


def _rows(of: Cell, name: str) -> tuple[str, list[dict[str, Any]]]:
    """The sample's id, and all its stored answers, the latest last."""
    ids: dict[str, None] = {}
    places: list[tuple[Path, Any]] = []
    for part in of.parts:
        here = read_part(of.folder / part.file, ["id"])["id"].to_numpy(zero_copy_only=False)
        ids |= dict.fromkeys(here.tolist())
        places.append((of.folder / part.file, here))
    journal = of.answers(COLUMNS).to_pylist() if of.state == "open" else []
    ids |= dict.fromkeys(row["id"] for row in journal)
    if name not in ids:
        known = {escape_unseen(one): one for one in ids}
        if name not in known:
            raise UnknownName(f"sample in {of.folder}", name, ids)
        name = known[name]
    rows: list[dict[str, Any]] = []
    for path, here in places:
        at = np.flatnonzero(here == name)
        rows += read_rows(path, at, COLUMNS).to_pylist() if len(at) else []
    rows = [{**row, "labels": dict(row["labels"] or ())} for row in rows]
    for row in journal:
        now = {**row, "labels": dict(row["labels"] or ())}
        if row["id"] == name and now not in rows:
            rows.append(now)
    return name, rows
