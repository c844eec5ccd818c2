"""What can be asked: the samples of the results with the models that answered them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from hemm.core import HemmError, UnknownName, keyed_number
from hemm.core.exchange import Outcome
from hemm.web.explorer import Explorer
from hemm.web.index.tables import LABELS, OUTCOMES
from hemm.web.studio.plan import Plan

MOST = 3_000_000
"""Answers up to which all can be asked about at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer lies: number of the cell in the index, part and row there, and its repeat."""

    cell: int
    part: int
    row: int
    repeat: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A sample with the answers to it. ``labels`` are its categories of the taxonomy, ``answers`` are by the
    models' labels in the profile, ``order`` is its place in every draw."""

    task: str
    id: str
    content: str
    labels: tuple[str, ...]
    order: int
    answers: Mapping[str, Place]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.task, self.id, self.content


@dataclass(frozen=True)
class Pool:
    """All samples, by task and in the order of the draw. ``pairs``: (task, model, model) -> its samples."""

    by_task: Mapping[str, tuple[Asked, ...]]
    by_key: Mapping[tuple[str, str, str], Asked]
    pairs: Mapping[tuple[str, str, str], tuple[Asked, ...]]
    models: tuple[str, ...]

    @classmethod
    def of(cls, samples: Iterator[Asked] | list[Asked]) -> Pool:
        tasks: dict[str, list[Asked]] = {}
        pairs: dict[tuple[str, str, str], list[Asked]] = {}
        for one in sorted(samples, key=lambda s: (s.order, s.key)):
            tasks.setdefault(one.task, []).append(one)
            for a, b in combinations(sorted(one.answers), 2):
                pairs.setdefault((one.task, a, b), []).append(one)
        every = [one for own in tasks.values() for one in own]
        return cls(
            {task: tuple(tasks[task]) for task in sorted(tasks)},
            {one.key: one for one in every},
            {key: tuple(pairs[key]) for key in sorted(pairs)},
            tuple(sorted({model for one in every for model in one.answers})),
        )


def order_of(seed: int, task: str, sample: str) -> int:
    """A sample's place in all draws: that of ``hemm judge-check --template``, so what is scored is a random
    part of the answers."""
    return keyed_number("labels", seed, task, sample)


def make_pool(explorer: Explorer, plan: Plan) -> Pool:
    """The pool of the results as they are now. Answers that are errors are not in it, nor those under a
    control, unless its model is named. Raises UnknownName for a task or model that is not there."""
    catalog = explorer.catalog
    labels = {c.label for c in catalog.cells}
    for kind, named, known in (
        ("task in these results", plan.tasks, {c.cell.task for c in catalog.cells}),
        ("model in these results", plan.models, labels),
    ):
        for name in named:
            if name not in known:
                raise UnknownName(kind, name, known)
    cells = {
        c.number: c
        for c in catalog.cells
        if (not plan.tasks or c.cell.task in plan.tasks)
        and (c.label in plan.models if plan.models else not c.control)
    }
    total = explorer.total
    if total > MOST:
        raise HemmError(f"{total:,} answers are more than can be asked about at once: name some by --task")
    rows = explorer.index.read(
        f"""select a.cell, t.name, s.id, s.hash, a.part, a.place, a.repeat,
        {", ".join(f"a.{c}" for c in LABELS.values())} from answers a join samples s using (sample)
        join tasks t using (task) where a.outcome <> ? order by s.sample, a.cell, a.repeat desc""",
        [OUTCOMES.index(Outcome.ERROR.value)],
    )
    found: dict[tuple[str, str, str], tuple[tuple[str, ...], dict[str, Place]]] = {}
    for cell, task, name, content, part, place, repeat, *own in rows:
        if cell in cells:
            entry = found.setdefault((task, name, content), (tuple(v or "" for v in own), {}))
            entry[1][cells[cell].label] = Place(cell, part, place, repeat)
    return Pool.of(
        [
            Asked(*key, categories, order_of(plan.seed, key[0], key[1]), answers)
            for key, (categories, answers) in found.items()
        ]
    )


Item = dict[str, Any]
"""What a form is about, as it is logged: task, sample, content; left and right, or model."""
