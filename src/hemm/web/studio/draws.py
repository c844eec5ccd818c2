"""What is asked next. Every draw depends on the pool, the plan and what was said before, all of which are
stored, so that each can be made again.

*Balanced*: the task with the fewest votes, in it the pair of models, then the categories of the taxonomy.
*Adaptive*: the pair of models on which a vote is expected to tell most (``stats.next_vote``), then as before.
Within these, samples come in one order for all, by a keyed hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from hemm.core import keyed_number, keyed_unit
from hemm.stats.next_vote import vote_gains
from hemm.web.studio.plan import Plan
from hemm.web.studio.pool import Asked, Item, Pool

APART = 8
"""Votes between a pair and its repetition, at least."""
_WON = {"left": 1.0, "right": 0.0, "tie": 0.5, "both_bad": 0.5}

Usable = Callable[[Asked, str, str], bool]
"""Whether two models' answers to a sample can be asked about."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that holds, or (``choice`` empty) a form that is still open."""

    form: str
    annotator: str
    purpose: str
    of: str
    task: str
    sample: str
    content: str
    left: str
    right: str
    choice: str

    @property
    def pair(self) -> tuple[str, str]:
        return (self.left, self.right) if self.left < self.right else (self.right, self.left)

    @property
    def item(self) -> tuple[str, str, str, tuple[str, str]]:
        return self.task, self.sample, self.content, self.pair


@dataclass(frozen=True)
class Gold:
    """A question whose vote is known: ``winner`` is a model, ``tie`` or ``both_bad``."""

    task: str
    sample: str
    a: str
    b: str
    winner: str

    @property
    def item(self) -> tuple[str, str, tuple[str, str]]:
        return self.task, self.sample, (min(self.a, self.b), max(self.a, self.b))


@dataclass(frozen=True)
class Draw:
    """What to ask next, for what purpose (``new``, ``shared``, ``repeat``, ``gold``), and why."""

    item: Item
    purpose: str
    of: str = ""
    why: dict[str, Any] = field(default_factory=dict)


def side_of(plan: Plan, annotator: str, item: tuple[str, str, str, tuple[str, str]]) -> tuple[str, str]:
    """The models on the left and on the right: by a keyed hash, for each annotator anew."""
    task, sample, content, (a, b) = item
    swapped = keyed_unit("side", plan.seed, annotator, task, sample, content, a, b) < 0.5
    return (b, a) if swapped else (a, b)


def next_pair(
    pool: Pool,
    plan: Plan,
    casts: Sequence[Cast],
    annotator: str,
    gold: Sequence[Gold] = (),
    usable: Usable = lambda sample, a, b: True,
) -> Draw | None:
    """The next pair for an annotator; None where none is left.

    casts  all votes that hold and all open forms, in the order in which they came
    """
    own = [c for c in casts if c.annotator == annotator and c.purpose != "imported"]
    step = len(own)
    if found := _gold(pool, plan, own, annotator, gold, step):
        return found
    if found := _repeat(pool, plan, own, annotator, step):
        return found
    return _Draws(pool, plan, casts, annotator, _but_gold(gold, usable)).next(step)


def pairs_left(
    pool: Pool, plan: Plan, casts: Sequence[Cast], annotator: str, gold: Sequence[Gold], usable: Usable,
    most: int,
) -> int:  # fmt: skip
    """How many pairs an annotator can still be asked, ``most`` at most. Where there are twice as many, they
    are taken to be enough: whether a pair is usable is found by reading both answers."""
    left = _Draws(pool, plan, casts, annotator, _but_gold(gold, usable)).left()
    found = list(islice(left, 2 * most))
    return most if len(found) == 2 * most else min(most, sum(ask() for ask in found))


def _but_gold(gold: Sequence[Gold], usable: Usable) -> Usable:
    """``usable``, without gold questions: they are for voters alone, and never asked as pairs like others."""
    known = {one.item for one in gold}
    return lambda sample, a, b: (sample.task, sample.id, (a, b)) not in known and usable(sample, a, b)


def _gold(
    pool: Pool, plan: Plan, own: Sequence[Cast], annotator: str, gold: Sequence[Gold], step: int
) -> Draw | None:
    if not gold or keyed_unit("gold", plan.seed, annotator, step) >= plan.gold_share:
        return None
    asked = {(c.task, c.sample, c.pair) for c in own if c.purpose == "gold"}
    left = [g for g in gold if g.item not in asked]
    left.sort(key=lambda g: keyed_number("which gold", plan.seed, annotator, g.task, g.sample, g.a, g.b))
    for one in left:
        content = next((s.content for s in pool.by_task.get(one.task, ()) if s.id == one.sample), None)
        if content is not None:
            sides = side_of(plan, annotator, (one.task, one.sample, content, one.item[2]))
            why = {"step": step, "expected": one.winner}
            return Draw(_item(one.task, one.sample, content, *sides), "gold", "", why)
    return None


def _repeat(pool: Pool, plan: Plan, own: Sequence[Cast], annotator: str, step: int) -> Draw | None:
    if keyed_unit("repeat", plan.seed, annotator, step) >= plan.repeats:
        return None
    again = {c.of for c in own if c.purpose == "repeat"}
    known = [
        c
        for c in own[: max(0, step - APART)]
        if c.purpose in ("new", "shared") and c.choice in _WON and c.form not in again
        and (c.task, c.sample, c.content) in pool.by_key
    ]  # fmt: skip
    if not known:
        return None
    one = min(known, key=lambda c: keyed_number("which repeat", plan.seed, annotator, *c.item[:3], *c.pair))
    return Draw(
        _item(one.task, one.sample, one.content, one.right, one.left), "repeat", one.form, {"step": step}
    )


def _item(task: str, sample: str, content: str, left: str, right: str) -> Item:
    return {"task": task, "sample": sample, "content": content, "left": left, "right": right}


class _Draws:
    """One draw of a pair that the annotator has not seen."""

    def __init__(self, pool: Pool, plan: Plan, casts: Sequence[Cast], annotator: str, usable: Usable) -> None:
        self._pool, self._plan, self._annotator, self._usable = pool, plan, annotator, usable
        counted = [c for c in casts if c.purpose in ("new", "shared") and c.choice != "skip"]
        self._seen = {c.item for c in casts if c.annotator == annotator}
        self._said = Counter(c.item for c in counted)
        self._of_task = Counter(c.task for c in counted)
        self._of_pair = Counter((c.task, *c.pair) for c in counted)
        self._of_models = Counter(c.pair for c in counted)
        self._of_labels = Counter(
            (c.task, pool.by_key[c.task, c.sample, c.content].labels)
            for c in counted
            if (c.task, c.sample, c.content) in pool.by_key
        )
        self._casts = counted
        self._votes = sum(c.choice in _WON for c in counted)

    def next(self, step: int) -> Draw | None:
        plan = self._plan
        shares = keyed_unit("overlap", plan.seed, self._annotator, step) < plan.overlap
        gains = self._gains() if plan.draw == "adaptive" else {}
        for begun in (True, False) if shares else (False, True):
            for task, a, b in self._groups(gains):
                one = self._sample((task, a, b), begun)
                if one is not None:
                    why: dict[str, Any] = {"step": step, "draw": plan.draw, "votes": self._votes}
                    if gains:
                        why["gain"] = round(gains[a, b], 6)
                    sides = side_of(plan, self._annotator, (*one.key, (a, b)))
                    return Draw(_item(*one.key, *sides), "shared" if begun else "new", "", why)
        return None

    def left(self) -> Iterator[Callable[[], bool]]:
        """Whether it is usable, of each pair that the annotator has not seen and few voted on."""
        for (_, a, b), samples in self._pool.pairs.items():
            for one in samples:
                item = (*one.key, (a, b))
                if item not in self._seen and self._said[item] < self._plan.voters:
                    yield partial(self._usable, one, a, b)

    def _groups(self, gains: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, str, str]]:
        """(task, model, model), that which is to be asked first, first."""

        def place(key: tuple[str, str, str]) -> tuple[Any, ...]:
            chance = keyed_number("group", self._plan.seed, *key)
            gain = -round(gains[key[1:]], 9) if gains else 0.0
            return gain, self._of_task[key[0]], self._of_pair[key], self._of_models[key[1:]], chance

        yield from sorted(self._pool.pairs, key=place)

    def _sample(self, group: tuple[str, str, str], begun: bool) -> Asked | None:
        """The sample of a group to ask about: one that others began and few voted on, or a fresh one."""
        task, a, b = group
        most = self._plan.voters
        found = [
            s
            for s in self._pool.pairs[group]
            if (*s.key, (a, b)) not in self._seen
            and ((0 < self._said[(*s.key, (a, b))] < most) if begun else not self._said[(*s.key, (a, b))])
        ]
        if begun:
            found.sort(key=lambda s: (-self._said[(*s.key, (a, b))], s.order))
        else:
            found.sort(key=lambda s: (self._of_labels[task, s.labels], s.order))
        return next((s for s in found if self._usable(s, a, b)), None)

    def _gains(self) -> dict[tuple[str, str], float]:
        names = self._pool.models
        at = {name: n for n, name in enumerate(names)}
        wins = np.zeros((len(names), len(names)))
        for c in self._casts:
            if c.choice in _WON and c.left in at and c.right in at:
                wins[at[c.left], at[c.right]] += _WON[c.choice]
                wins[at[c.right], at[c.left]] += 1 - _WON[c.choice]
        gains = vote_gains(wins)
        return {(a, b): float(gains[at[a], at[b]]) for a in names for b in names if a < b}


def labels_left(pool: Pool, queue: str, done: set[tuple[str, ...]]) -> int:
    """How many samples, or answers, an annotator who labelled ``done`` has before them."""
    own = queue in ("label", "gold")
    keys = {k for s in pool.by_key.values() for k in ([s.key] if own else [(*s.key, m) for m in s.answers])}
    return len(keys - done)


def next_labelled(pool: Pool, plan: Plan, queue: str, done: set[tuple[str, ...]]) -> Draw | None:
    """The next sample (``label``, ``gold``) or answer (``error``, ``score``) for an annotator.

    All annotators get the same in the same order, tasks in turn, so that what several said can be compared.

    done  (task, sample, content) or (task, sample, content, model) of what the annotator has seen
    """
    longest = max((len(own) for own in pool.by_task.values()), default=0)
    for place in range(longest):
        for samples in pool.by_task.values():
            if place >= len(samples):
                continue
            one = samples[place]
            base = {"task": one.task, "sample": one.id, "content": one.content}
            why = {"place": place}
            if queue in ("label", "gold"):
                if one.key not in done:
                    return Draw(base, "new", "", why)
                continue
            models = sorted(one.answers, key=lambda m: keyed_number("answer", plan.seed, one.task, one.id, m))
            for model in models:
                if (*one.key, model) not in done:
                    return Draw({**base, "model": model}, "new", "", why)
    return None
