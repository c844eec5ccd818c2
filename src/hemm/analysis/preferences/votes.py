"""Votes: which of two models answered a question better, by people or judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import BadData, HemmError
from hemm.data.readers.rows import csv_rows, jsonl_rows, text_of

FOLDER = "preferences"
"""Subfolder of a results folder with the votes."""

_A, _B, _TIE = (
    ("a", "model_a", "left"),
    ("b", "model_b", "right"),
    ("tie", "both", "tie (bothbad)", "both_bad"),
)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """All votes as arrays of equal length.

    models   names; ``a`` and ``b`` are indices into it
    outcome  1: a won, 0: b won, 0.5: a tie
    task, sample, annotator  texts; task and annotator may be empty
    """

    models: tuple[str, ...]
    a: Ints
    b: Ints
    outcome: NDArray[np.float64]
    task: NDArray[np.object_]
    sample: NDArray[np.object_]
    annotator: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.a)

    @property
    def clusters(self) -> Ints:
        """A number for each (task, sample), since votes on one question depend on each other."""
        keys = np.array([f"{t}\0{s}" for t, s in zip(self.task, self.sample, strict=True)], dtype=object)
        return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64)

    @property
    def voters(self) -> Ints:
        """A number for each annotator, below ``named_voters``; votes without one have their own numbers."""
        named = self.annotator != ""
        codes = np.cumsum(~named) - 1 + self.named_voters
        codes[named] = np.unique(self.annotator[named].astype(str), return_inverse=True)[1].reshape(-1)
        return np.asarray(codes, dtype=np.int64)

    @property
    def named_voters(self) -> int:
        return len(set(self.annotator.tolist()) - {""})

    def take(self, picked: NDArray[Any]) -> Votes:
        """The picked votes (a mask or indices)."""
        return Votes(
            self.models,
            self.a[picked],
            self.b[picked],
            self.outcome[picked],
            self.task[picked],
            self.sample[picked],
            self.annotator[picked],
        )


def votes(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Votes:
    """Votes from (where, row) pairs.

    A row has ``a`` and ``b`` (or ``model_a``, ``model_b``), ``winner`` (``a``, ``b``, ``tie``, or one of the
    two names), ``sample`` (or ``question_id``), and may have ``task`` and ``annotator`` (or ``judge``).
    Raises BadData, which begins with ``where``.
    """
    names: dict[str, int] = {}
    columns: list[tuple[int, int, float, str, str, str]] = []
    for where, row in rows:
        a = text_of(row, "a" if "a" in row else "model_a", where)
        b = text_of(row, "b" if "b" in row else "model_b", where)
        if a == b:
            raise BadData(
                f"{where}: a and b are the same model, {a!r} (two prompts or settings of one model are two "
                "players: write their labels, as hemm profile prints them)"
            )
        winner = text_of(row, "winner", where)
        question = "question_id" if "question_id" in row and "sample" not in row else "sample"
        places = [names.setdefault(n, len(names)) for n in (a, b)]
        columns.append(
            (
                *places,
                _outcome(winner, a, b, where),
                text_of(row, "task", where, ""),
                text_of(row, question, where),
                text_of(row, "judge" if "annotator" not in row else "annotator", where, ""),
            )  # type: ignore[arg-type]  # two places, unpacked
        )
    if not columns:
        raise BadData("there are no votes")
    order = sorted(names)
    at = np.array([order.index(n) for n in names], dtype=np.int64)
    a_, b_, outcome, task, sample, annotator = (np.array(c, dtype=t) for c, t in zip(
        zip(*columns, strict=True), (np.int64, np.int64, np.float64, object, object, object), strict=True
    ))  # fmt: skip
    return Votes(tuple(order), at[a_], at[b_], outcome, task, sample, annotator)


def _outcome(winner: str, a: str, b: str, where: str) -> float:
    if winner == a or (winner.lower() in _A and winner != b):
        return 1.0
    if winner == b or winner.lower() in _B:
        return 0.0
    if winner.lower() in _TIE:
        return 0.5
    raise BadData(f"{where}: field 'winner' is {winner!r}: a, b, tie or one of the two names models")


def read_votes(path: Path) -> Votes:
    """Votes of a ``.jsonl`` or ``.csv`` file, or of all such files in ``preferences/`` of a results folder.

    Raises HemmError where there are none, BadData with file, line and field.
    """
    if path.is_dir():
        folder = path / FOLDER if (path / FOLDER).is_dir() else path
        files = sorted(p for p in folder.iterdir() if p.suffix in (".jsonl", ".csv"))
        if not files:
            raise HemmError(f"{folder}: no votes here; put .jsonl or .csv files into {path / FOLDER}")
    elif path.is_file():
        files = [path]
    else:
        raise HemmError(f"{path}: there is no such file or folder")
    return votes(row for file in files for row in _rows(file))


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file.suffix not in (".jsonl", ".csv"):
        raise HemmError(f"{file}: votes are .jsonl or .csv files")
    rows = jsonl_rows(file) if file.suffix == ".jsonl" else csv_rows(file)
    for line, row in rows:
        yield f"{file}, line {line}", row


def vote_counts(ballots: Votes) -> NDArray[np.float64]:
    """Items (a question and two models) x (first won, tie, second won), models in alphabetical order."""
    swapped = ballots.a > ballots.b
    outcome = np.where(swapped, 1 - ballots.outcome, ballots.outcome)
    first, second = np.minimum(ballots.a, ballots.b), np.maximum(ballots.a, ballots.b)
    keys = np.stack([ballots.clusters, first, second], axis=1)
    item = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    counts = np.zeros((int(item.max()) + 1, 3))
    np.add.at(counts, (item, np.rint(2 - 2 * outcome).astype(np.int64)), 1)
    return counts
