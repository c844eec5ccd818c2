"""Votes: which of two models answered a question better, by people or judges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import BadData, HemmError
from hemm.core.text import counted
from hemm.data.readers.rows import text_of

_A, _B = ("a", "model_a", "left"), ("b", "model_b", "right")
_BAD = ("tiebothbad", "bothbad")
_TIE = ("tie", "both", *_BAD)
"""Letters alone: others write ``tie (bothbad)``, ``both_bad``."""
_IN_COLUMNS = ("winner_model_a", "winner_model_b", "winner_tie")
"""Of tables that have a column of 0 and 1 for each outcome."""
SHOWN = 12
"""Most rows that a message names."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """All votes as arrays of equal length.

    models   names; ``a`` and ``b`` are indices into it
    outcome  1: a won, 0: b won, 0.5: a tie
    task, sample, annotator  texts; task and annotator may be empty
    turn     texts, or none: which answer to the question the vote is on, where it was asked in several turns
    notes    what was guessed or not read
    """

    models: tuple[str, ...]
    a: Ints
    b: Ints
    outcome: NDArray[np.float64]
    task: NDArray[np.object_]
    sample: NDArray[np.object_]
    annotator: NDArray[np.object_]
    turn: NDArray[np.object_] | None = None
    notes: tuple[str, ...] = ()

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
            None if self.turn is None else self.turn[picked],
            self.notes,
        )

    def renamed(self, names: Mapping[str, str]) -> Votes:
        """The votes with other names for some models; those that get one name are one model.

        Raises HemmError where a vote would compare a model with itself.
        """
        new = [names.get(name, name) for name in self.models]
        order = sorted(set(new))
        at = np.array([order.index(name) for name in new], dtype=np.int64)
        out = replace(self, models=tuple(order), a=at[self.a], b=at[self.b])
        if itself := np.flatnonzero(out.a == out.b).tolist():
            first = itself[0]
            told = counted(len(itself), "vote compares", "votes compare")
            pair = " and ".join(self.models[m] for m in (self.a[first], self.b[first]))
            raise HemmError(f"{told} a model with itself: {pair} are {order[out.a[first]]} in the results")
        return out


def votes(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Votes:
    """Votes from (where, row) pairs.

    A row has ``a`` and ``b`` (or ``model_a``, ``model_b``), ``winner`` (``a``, ``b``, ``tie``, or one of the
    two names; or a column of 0 and 1 for each outcome), ``sample`` (or ``question_id``, or ``id``), and may
    have ``task``, ``annotator`` (or ``judge``) and ``turn``. Raises BadData, which begins with ``where``.
    """
    used: set[str] = set()
    columns: dict[str, None] = {}

    def noted() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for where, row in rows:
            columns.update(dict.fromkeys(row))
            yield where, row

    found, left_out = each_vote(noted(), used)
    read = [vote for _, vote in found]
    if not read:
        raise BadData("there are no votes")
    order = sorted({name for vote in read for name in (vote.a, vote.b)})
    at = {name: n for n, name in enumerate(order)}
    out = Votes(
        tuple(order),
        np.array([at[v.a] for v in read], dtype=np.int64),
        np.array([at[v.b] for v in read], dtype=np.int64),
        np.array([v.outcome for v in read]),
        np.array([v.task for v in read], dtype=object),
        np.array([v.sample for v in read], dtype=object),
        np.array([v.annotator for v in read], dtype=object),
        np.array([v.turn for v in read], dtype=object),
    )
    notes = [*left_out, *_of_columns(columns, used), *_of_bad(sum(v.bad for v in read)), *_of_repeats(out)]
    return replace(out, notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote. ``outcome`` is 1 for ``a``, 0 for ``b``, 0.5 for a tie; ``bad``: both answers are."""

    a: str
    b: str
    outcome: float
    task: str
    sample: str
    annotator: str
    turn: str
    bad: bool

    @property
    def winner(self) -> str:
        """``a``'s or ``b``'s name, ``tie`` or ``both_bad``."""
        if self.bad:
            return "both_bad"
        return {1.0: self.a, 0.0: self.b}.get(self.outcome, "tie")


def each_vote(
    rows: Iterable[tuple[str, Mapping[str, Any]]], used: set[str], asks: Callable[[Vote], str] | None = None
) -> tuple[list[tuple[str, Vote]], list[str]]:
    """(where, vote) of each row, and a note on rows of an export of hemm that are no votes between models.

    used  gets the columns that votes are read from
    asks  says what is wrong with a vote for a purpose, else nothing
    Raises BadData that names every row that is no vote.
    """
    read: list[tuple[str, Vote]] = []
    wrong: list[str] = []
    passed = 0
    for where, row in rows:
        if "left_model" in row and (row.get("choice") == "skip" or row.get("purpose") in ("repeat", "gold")):
            used |= {"choice", "purpose"}
            passed += 1
            continue
        try:
            vote = vote_of(row, where, used)
        except BadData as error:
            wrong.append(str(error))
            continue
        if asks is not None and (told := asks(vote)):
            wrong.append(f"{where}: {told}")
        read.append((where, vote))
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        first = "" if len(wrong) == 1 else f"{len(wrong)} rows cannot be used: "
        raise BadData(first + "; ".join(wrong[:SHOWN]) + more)
    told = counted(passed, "row is", "rows are")
    return read, [f"{told} no vote between models (skipped, repetitions, gold questions)"] if passed else []


def vote_of(row: Mapping[str, Any], where: str, used: set[str]) -> Vote:
    """The vote of one row; the columns that it is read from are added to ``used``."""

    def text(names: Sequence[str], default: str | None = None) -> str:
        name = next((n for n in names if n in row), names[0])
        used.add(name)
        return text_of(row, name, where, default)

    a, b = text(("a", "model_a", "left_model")), text(("b", "model_b", "right_model"))
    if a == b:
        raise BadData(
            f"{where}: a and b are the same model, {a!r} (two prompts or settings of one model are two "
            "players: write their labels, as hemm profile prints them)"
        )
    if "winner" not in row and row.keys() >= set(_IN_COLUMNS):
        outcome, bad = _in_columns([text((name,), "0") for name in _IN_COLUMNS], where), False
    else:
        winner = text(("winner",))
        outcome, bad = _outcome(winner, a, b, where), _letters(winner) in _BAD and winner not in (a, b)
    sample = text(("sample", "question_id", "id"))
    return Vote(
        a, b, outcome, text(("task",), ""), sample, text(("annotator", "judge"), ""), text(("turn",), ""), bad
    )


def _letters(text: str) -> str:
    return re.sub("[^a-z]", "", text.lower())


def _outcome(winner: str, a: str, b: str, where: str) -> float:
    said = winner.lower()
    place = 1.0 if said in _A else 0.0 if said in _B else 0.5 if _letters(winner) in _TIE else None
    name = {a: 1.0, b: 0.0}.get(winner)
    if place is not None and name is not None and place != name:
        other = "a tie" if place == 0.5 else "the place of the other"
        how = f"model_{'a' if name else 'b'}" if place == 0.5 else "model_a or model_b"
        raise BadData(
            f"{where}: field 'winner' is {winner!r}, which names the one and is {other}: write {how}"
        )
    if name is None and place is None:
        raise BadData(f"{where}: field 'winner' is {winner!r}: a, b, tie or one of the two names models")
    return name if name is not None else place  # type: ignore[return-value]  # one of them is none


def _in_columns(said: Sequence[str], where: str) -> float:
    numbers = [{"1.0": "1", "0.0": "0", "True": "1", "False": "0"}.get(text, text) for text in said]
    if sorted(numbers) != ["0", "0", "1"]:
        told = ", ".join(said)
        raise BadData(f"{where}: exactly one of {', '.join(_IN_COLUMNS)} is 1, the others 0, not {told}")
    return (1.0, 0.0, 0.5)[numbers.index("1")]


def _of_columns(columns: Iterable[str], used: set[str]) -> list[str]:
    lines = ["the column id is read as the question that a vote is on"] if "id" in used else []
    if unread := sorted(name for name in columns if name not in used):
        lines.append(f"columns that are not read: {', '.join(unread)}")
    return lines


def _of_bad(count: int) -> list[str]:
    calls = counted(count, "vote calls", "votes call")
    return [f"{calls} both answers bad: counted as {'a tie' if count == 1 else 'ties'}"] if count else []


def _of_repeats(ballots: Votes) -> list[str]:
    """Votes of an annotator on what that annotator voted on before: perhaps a file that is there twice."""
    _, first_won = _items(ballots)
    seen: dict[tuple[int, int], set[float]] = {}
    again = other = 0
    voters = ballots.voters.tolist()
    for item, voter, outcome in zip(_items(ballots)[0].tolist(), voters, first_won.tolist(), strict=True):
        before = seen.setdefault((item, voter), set())
        again += bool(before)
        other += bool(before) and outcome not in before
        before.add(outcome)
    if not again:
        return []
    told = f"{counted(again, 'vote is a further one', 'votes are further ones')} of an annotator on the same"
    says = f" ({other} of them {'says' if other == 1 else 'say'} something else)" if other else ""
    return [f"{told} question and pair{says}: each counts"]


def _items(ballots: Votes) -> tuple[Ints, NDArray[np.float64]]:
    """For each vote the number of its item (a question, a turn and two models), and the outcome for the first
    model in alphabetical order."""
    swapped = ballots.a > ballots.b
    outcome = np.where(swapped, 1 - ballots.outcome, ballots.outcome)
    first, second = np.minimum(ballots.a, ballots.b), np.maximum(ballots.a, ballots.b)
    turn = np.zeros(len(ballots), np.int64)
    if ballots.turn is not None:
        turn = np.unique(ballots.turn.astype(str), return_inverse=True)[1].reshape(-1)
    keys = np.stack([ballots.clusters, turn, first, second], axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1), outcome


def vote_counts(ballots: Votes) -> NDArray[np.float64]:
    """Voters: items (a question, a turn and two models) x (first won, tie, second won), models in
    alphabetical order. Of several votes of one voter on one item it is what most of them say."""
    item, outcome = _items(ballots)
    both, which = np.unique(np.stack([item, ballots.voters], axis=1), axis=0, return_inverse=True)
    leaning = np.sign(np.bincount(which.reshape(-1), weights=outcome - 0.5))
    counts = np.zeros((int(item.max()) + 1, 3))
    np.add.at(counts, (both[:, 0], np.rint(1 - leaning).astype(np.int64)), 1)
    return counts
