"""The requests that a command sends: the selection less the sealed answers that are still valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.data.arrow import array, numbers, texts
from hemm.data.pack.columns import RowNumbers, hashed
from hemm.engine.requests import Item, Numbers, RequestBuilder
from hemm.engine.selection import Selection, zeros
from hemm.results import layout
from hemm.results.cell import CellWriter

ABSENT, ANSWERED, TRANSIENT, PERMANENT = 0, 1, 2, 3

States = np.ndarray[Any, np.dtype[np.int8]]

_COLUMNS = ["id", "repeat", "sample_hash", "failure", "failure_permanent"]


@dataclass(frozen=True)
class Plan:
    """Answers to get, in pack order, repeats of one sample side by side.

    rows, repeats, depth  by position; depth is the number of earlier answers that this one builds on
    """

    rows: Numbers
    repeats: Numbers
    depth: Numbers

    def __len__(self) -> int:
        return len(self.rows)

    def rounds(self) -> Iterator[Iterator[Numbers]]:
        """Positions by round; a round needs the answers of the rounds before it.

        A round is cut where a sealed part ends. Batches do not cross such a border, so that a run that is
        resumed after a sealed part composes the same batches.
        """
        for depth in range(int(self.depth.max(initial=0)) + 1):
            yield self._stretches(depth)

    def _stretches(self, depth: int) -> Iterator[Numbers]:
        for start in range(0, len(self), layout.PART_ROWS):
            positions = start + np.flatnonzero(self.depth[start : start + layout.PART_ROWS] == depth)
            if len(positions):
                yield positions


@dataclass(frozen=True)
class SealedAnswers:
    """The newest sealed answer to each sample.

    state    rows of the pack x repeats: ABSENT, ANSWERED, TRANSIENT or PERMANENT (a byte each)
    changed  rows x repeats: the sample has other content now than the answer was stored with
    gone     (sample id, repeat) of answers to samples that the pack does not have
    """

    state: States
    changed: np.ndarray[Any, np.dtype[np.bool_]]
    gone: tuple[tuple[str, int], ...]


def sealed_answers(
    cell: CellWriter, ids: Sequence[str], hashes: Sequence[str], repeats: int
) -> SealedAnswers:
    """What a cell has of samples with these ids and hashes; repeats from ``repeats`` on are passed over."""
    state: States = np.zeros((len(ids), repeats), dtype=np.int8)
    changed = np.zeros((len(ids), repeats), dtype=bool)
    gone: dict[tuple[str, int], None] = {}
    if not cell.parts:
        return SealedAnswers(state, changed, ())
    rows, current = RowNumbers(ids), hashed(hashes)
    for part in cell.sealed(_COLUMNS):
        number = rows.of(texts(part["id"]))
        same = current[number] == hashed(texts(part["sample_hash"]))
        failed = numbers(part["failure_permanent"], null=False)
        value = np.where(numbers(part["failure"].is_null()), ANSWERED, np.where(failed, PERMANENT, TRANSIENT))
        repeat = numbers(part["repeat"])
        known = (number >= 0) & (repeat < repeats)
        state[number[known], repeat[known]] = value[known]
        changed[number[known], repeat[known]] = ~same[known]
        lost = part.filter(array((number < 0).tolist(), "bool"))
        gone.update(dict.fromkeys(zip(lost["id"].to_pylist(), lost["repeat"].to_pylist(), strict=True)))
    return SealedAnswers(state, changed, tuple(gone))


def drop_followers(selection: Selection, before: Numbers, state: States) -> None:
    """Mark ABSENT in ``state`` the answers that continue an ABSENT one, since that may come out differently.

    before  row -> the row that it continues, -1 where it starts a chain
    """
    for depth in range(1, int(selection.depth.max(initial=0)) + 1):
        rows = selection.rows[selection.depth == depth]
        state[rows] = np.where(state[before[rows]] == ABSENT, ABSENT, state[rows])


def needed(selection: Selection, state: States, retry_errors: bool) -> Plan:
    """The answers of ``selection`` that are absent, or errors to be retried."""
    repeats = state.shape[1]
    chosen = state[selection.rows]
    missing = (chosen == ABSENT) | (chosen == TRANSIENT)
    if retry_errors:
        missing |= chosen == PERMANENT
    return _plan(selection, missing, repeats)


def everything(selection: Selection, repeats: int) -> Plan:
    return _plan(selection, np.ones((len(selection.rows), repeats), dtype=bool), repeats)


def is_known(cell: CellWriter, item: Item, retry_errors: bool) -> bool:
    """Whether the journal has the answer to exactly this request; ``item.stale`` says whether it was stored
    with another judging side."""
    if not cell.journaled:
        return False
    line = cell.lookup((item.sample.id, item.repeat))
    item.stale = line is not None and line["sample_hash"] != item.sample.sample_hash
    return (
        line is not None
        and line["request_key"] == item.request.key
        and (line["failure"] is None or (line["failure_permanent"] and not retry_errors))
    )


def not_journaled(plan: Plan, cell: CellWriter, builder: RequestBuilder, retry_errors: bool) -> Plan:
    """``plan`` less the answers that the journal has. Those that continue others count as not there."""
    there = [key for key, _ in cell.journaled_keys()] if cell.journaled else []
    if not there:
        return plan
    rows = RowNumbers(builder.pack.index().ids).of([name for name, _ in there])
    times = 1 + max(int(plan.repeats.max(initial=0)), *(n for _, n in there))
    known_keys = rows[rows >= 0] * times + np.array([n for _, n in there], dtype=np.int64)[rows >= 0]
    places = np.flatnonzero(np.isin(plan.rows * times + plan.repeats, known_keys))
    items = builder.items(plan.rows[places], plan.repeats[places], places)
    known = [item.position for item in items if is_known(cell, item, retry_errors)]
    rest = np.setdiff1d(np.arange(len(plan)), np.array(known, dtype=np.int64))
    return Plan(plan.rows[rest], plan.repeats[rest], plan.depth[rest])


def _plan(selection: Selection, wanted: np.ndarray[Any, np.dtype[np.bool_]], repeats: int) -> Plan:
    if repeats == 1 and wanted.all():
        return Plan(selection.rows, zeros(len(selection.rows)), selection.depth)
    index, repeat = np.nonzero(wanted)
    depth = selection.depth[index] if selection.depth.any() else zeros(len(index))
    return Plan(selection.rows[index], repeat.astype(np.int64, copy=False), depth)
