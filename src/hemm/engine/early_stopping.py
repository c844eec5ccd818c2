"""Asking until a score is known well enough: whole clusters in one random order, in growing prefixes.

The order is the seed's, by hash, and balanced over nothing: any prefix is a simple random sample of the
pack's clusters, which is what intervals that hold at every moment are of. What is told by units, clusters or
chains to be dependent stands in one block and is asked together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hemm.core import Task
from hemm.data.pack.selection import unit_order
from hemm.engine.selection import Rows, Selection, chain_depth

FIRST, GROWTH = 25, 1.25
"""Blocks asked before the first look, and how much a prefix grows from look to look."""


@dataclass(frozen=True)
class Blocks:
    """``number``: for each row of the pack its block; block 0 is asked first. ``units``: for each row."""

    number: Rows
    units: Sequence[str]
    depth: Rows
    total: int

    @classmethod
    def of(cls, index: Any, seed: int) -> Blocks:
        """The blocks of a pack's index, in the order of ``seed``."""
        depth, root = chain_depth(index.ids, index.after)
        chains = [index.ids[row] for row in root] if any(index.after) else index.units
        names = _joined(list(zip(index.clusters, index.units, chains, strict=True)))
        place = {name: n for n, name in enumerate(unit_order(dict.fromkeys(names, ""), seed))}
        numbers = np.array([place[name] for name in names], dtype=np.int64)
        return cls(numbers, index.units, np.array(depth, dtype=np.int64), len(place))

    def first(self, count: int) -> Selection:
        """The rows of the first ``count`` blocks, in pack order."""
        rows = np.flatnonzero(self.number < count).astype(np.int64)
        return Selection(rows, self.depth[rows], len({self.units[row] for row in rows.tolist()}))

    def looks(self, most: int | None) -> Iterator[int]:
        """How many blocks are asked at each look; the last is all of them, or ``most``."""
        end = self.total if most is None else min(most, self.total)
        count = min(FIRST, end)
        while count < end:
            yield count
            count = min(end, max(count + FIRST, int(count * GROWTH)))
        yield end


def _joined(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """For each row (cluster, unit, chain) the name of its block: rows that share one of them are in one, and
    so on."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def top(member: tuple[int, str]) -> tuple[int, str]:
        parent.setdefault(member, member)
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for cluster, unit, chain in rows:
        parent[top((1, unit))] = top((0, cluster))
        parent[top((2, chain))] = top((0, cluster))
    # named by the least cluster that belongs to it, so that the order of rows does not matter
    least: dict[tuple[int, str], str] = {}
    for cluster, _, _ in rows:
        own = top((0, cluster))
        least[own] = min(least.get(own, cluster), cluster)
    return [least[top((0, cluster))] for cluster, _, _ in rows]


class Rule(Protocol):
    """When a score is known well enough."""

    def check(self, task: Task, metrics: Sequence[str]) -> None:
        """Raise HemmError where this task's headline cannot be watched."""
        ...

    def __call__(self, folder: Path, blocks: Blocks, count: int) -> dict[str, Any]:
        """What run.json keeps of the look at a scored cell after ``count`` blocks; ``reached``: stop."""
        ...


@dataclass
class InterimCheck:
    """One prefix of a cell: ``count`` blocks are asked, then ``rule`` is asked whether that is enough."""

    rule: Rule
    blocks: Blocks
    count: int
    found: dict[str, Any] | None = None

    @property
    def reached(self) -> bool:
        return self.found is not None and bool(self.found["reached"])

    def told(self, units: int) -> dict[str, Any]:
        """What run.json says of this selection beside what it says of each."""
        return {"limit": units, "clusters": self.count, "order": "clusters"}

    def take(self, folder: Path) -> dict[str, Any]:
        self.found = self.rule(folder, self.blocks, self.count)
        return self.found
