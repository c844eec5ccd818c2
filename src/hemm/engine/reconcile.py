"""Stored answers against the data of now: which stay, which take over new references, which are not scored.

What is sent decides (``docs/design.md``): an answer stays where its request key is that of today's request,
whatever else of its sample changed. Keys are computed only where they can differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemm.core import Pack, Task
from hemm.core.text import counted
from hemm.data.arrow import table
from hemm.data.pack.columns import RowNumbers
from hemm.engine.plan import ABSENT, ANSWERED, States, drop_followers, sealed_answers
from hemm.engine.requests import RequestBuilder
from hemm.engine.selection import Selection
from hemm.results import layout
from hemm.results.answer_record import refreshed
from hemm.results.cell import CellWriter

Bools = np.ndarray[Any, np.dtype[np.bool_]]
REMOVED, CHANGED, NOT_CHOSEN = "removed", "changed", "not chosen"


@dataclass(frozen=True)
class Reconciled:
    """What became of a cell's answers.

    state      rows of the pack x repeats: ABSENT where today's request has no answer
    refreshed  answers that took over references, labels and the like from the pack
    dropped    answers of a baseline that are made anew
    unscored   answers that are kept and not scored: id, repeat, request_key, why
    """

    state: States
    refreshed: int = 0
    dropped: int = 0
    unscored: pa.Table = field(default_factory=layout.UNSCORED_SCHEMA.empty_table)

    def lines(self, changed_by: str, planned: bool = False) -> Iterator[str]:
        """Lines for the user. ``changed_by``, where not only the data changed requests: what else did.

        planned  a dry run: nothing was written, so the lines say what would be
        """
        if self.refreshed:
            took = _answers(self.refreshed, f"{'would take' if planned else 'took'} over what changed")
            yield f"{took} beside the request (references, labels ...): not asked again"
        if self.dropped:
            are = ("would be", "would be") if planned else ("is", "are")
            made = _answers(self.dropped, *(f"{be} made anew" for be in are))
            yield f"{made}: the data changed, and a baseline answers from them"
        why = Counter(self.unscored["why"].to_pylist())
        if count := why[CHANGED]:
            other = _answers(count, "is to another request", "are to another request")
            yield f"{other} than today's{changed_by}: asked again where the selection takes the sample"
        if count := why[REMOVED]:
            gone = _answers(count, "is to a sample", "are to samples")
            yield f"{gone} that the data no longer have: kept, not scored"
        if count := why[NOT_CHOSEN]:
            others = _answers(count, "is to a sample", "are to samples")
            yield f"{others} that no selection takes now: kept, not scored"


def _answers(count: int, one: str, several: str = "") -> str:
    return counted(count, f"answer {one}", f"answers {several or one}")


@dataclass
class Reconciler:
    """Compares a cell's sealed answers with today's requests.

    scored   rows x repeats: what the selections of run.json take of the pack as it is now
    builder  gives the builder of today's requests, with the answers that chains build on; called once a key
             is needed
    every    requests may differ for samples that did not change
    relabel  the labels of the task's card changed
    anew     no answer stays: a baseline answers from the pack
    """

    cell: CellWriter
    task: Task
    pack: Pack
    scored: Bools
    builder: Callable[[], RequestBuilder]
    every: bool = False
    relabel: bool = False
    anew: bool = False

    def run(self, *, write: bool) -> Reconciled:
        """Compare, and (``write``) store new parts and the list of unscored answers."""
        index = self.pack.index()
        stored = sealed_answers(self.cell, index.ids, index.hashes, self.scored.shape[1])
        sealed, state = stored.state != ABSENT, stored.state.copy()
        if self.anew:
            if write:
                self.cell.drop_answers()
            return Reconciled(np.zeros_like(state), dropped=int(sealed.sum()))
        refresh = self._check(state, stored.changed)
        unscored = self._unscored(sealed, state, stored.gone)
        if write:
            for part, rows in refresh.items():
                self._refresh(part, rows)
            self.cell.save_unscored(unscored)
        return Reconciled(state, sum(map(len, refresh.values())), unscored=unscored)

    # which stay

    def _check(self, state: States, changed: Bools) -> dict[int, list[tuple[int, int]]]:
        """Mark answers to other requests ABSENT; what to refresh: part -> (its row, row of the pack)."""
        index = self.pack.index()
        chained = any(index.after)
        if chained:
            everything = Selection.of(np.arange(len(index.ids)), index)
            self._drop_followers(everything, state)
        there = state != ABSENT
        if not (self.every or self.relabel or (there & changed).any()):
            return {}
        check = there & (changed | (self.every or self.relabel or chained))
        rows, repeats = np.nonzero(check)
        places = self._places({index.ids[row] for row in rows.tolist()})
        refresh: dict[int, list[tuple[int, int]]] = {}
        positions = np.arange(len(rows), dtype=np.int64)
        for item in self.builder().items(rows.astype(np.int64), repeats.astype(np.int64), positions):
            row, repeat = int(rows[item.position]), item.repeat
            same = [p for p in places[item.sample.id, repeat] if p.key == item.request.key]
            newest = places[item.sample.id, repeat][-1]
            if newest in same:
                if not changed[row, repeat] and not self.relabel:
                    continue
            elif not (same := [p for p in same if not p.failed]):
                state[row, repeat] = ABSENT
                continue
            else:
                state[row, repeat] = ANSWERED
            refresh.setdefault(same[-1].part, []).append((same[-1].row, row))
        if chained:
            self._drop_followers(everything, state)
        return refresh

    def _drop_followers(self, everything: Selection, state: States) -> None:
        index = self.pack.index()
        drop_followers(
            everything, RowNumbers(index.ids).of(["" if n is None else n for n in index.after]), state
        )

    def _places(self, ids: set[str]) -> dict[tuple[str, int], list[_Place]]:
        """Where the sealed answers to these samples lie, oldest first."""
        names = pa.array(sorted(ids), pa.string())
        places: dict[tuple[str, int], list[_Place]] = {}
        for number, part in enumerate(self.cell.sealed(["id", "repeat", "request_key", "failure"])):
            rows = np.flatnonzero(pc.is_in(part["id"], value_set=names).to_numpy())
            taken = part.take(pa.array(rows)).to_pydict()
            for row, name, repeat, key, failure in zip(rows.tolist(), *taken.values(), strict=True):
                place = _Place(number, row, key, failure is not None)
                places.setdefault((name, repeat), []).append(place)
        return places

    # what is written

    def _refresh(self, part: int, rows: Sequence[tuple[int, int]]) -> None:
        """Store rows of a part once more, with the judging side of their samples as the pack has it."""
        ordered = sorted(rows, key=lambda pair: pair[1])
        wanted = np.array([row for _, row in ordered], dtype=np.int64)
        unique, back = np.unique(wanted, return_inverse=True)
        judge = self.builder().judge
        samples = [judge(sample) for sample in self.pack.samples(unique)]
        chosen = [samples[at] for at in back.tolist()]
        answers = self.cell.part(part).take(pa.array([row for row, _ in ordered]))
        self.cell.add_part(refreshed(answers, chosen, [self.task.labels_of(s) for s in chosen]))

    def _unscored(self, sealed: Bools, state: States, gone: Sequence[tuple[str, int]]) -> pa.Table:
        index = self.pack.index()
        why: dict[tuple[str, int], str] = dict.fromkeys(gone, REMOVED)
        for row, repeat in zip(*(a.tolist() for a in np.nonzero(sealed & (state == ABSENT))), strict=True):
            why[index.ids[row], repeat] = CHANGED
        for row, repeat in zip(
            *(a.tolist() for a in np.nonzero((state != ABSENT) & ~self.scored)), strict=True
        ):
            why[index.ids[row], repeat] = NOT_CHOSEN
        places = self._places({name for name, _ in why}) if why else {}
        keys = {key: places[key][-1].key for key in why}
        if self.cell.journaled:
            journaled = self.cell.journaled_keys()
            numbers = RowNumbers(index.ids).of([name for (name, _), _ in journaled]).tolist()
            for ((name, repeat), key), row in zip(journaled, numbers, strict=True):
                if row < 0 or repeat >= self.scored.shape[1] or not self.scored[row, repeat]:
                    why[name, repeat] = REMOVED if row < 0 else NOT_CHOSEN
                    keys[name, repeat] = key
        rows = [(*of, keys[of], why[of]) for of in sorted(why)]
        return table(list(zip(*rows, strict=True)), layout.UNSCORED_SCHEMA)


@dataclass(frozen=True, slots=True)
class _Place:
    """A sealed answer: number of its part, its row there, its request key, whether it failed."""

    part: int
    row: int
    key: str
    failed: bool
