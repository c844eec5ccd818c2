"""Early stopping: send whole clusters in one random order, and stop when the score is known well enough.

Clusters are ordered by a hash of the seed and their name alone, so that every prefix is a simple random
sample of the pack's clusters: the intervals that hold at every check are only for such samples. Rows of one
unit, cluster or chain depend on one another; they form one block and are sent together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hemm.core import Metric, Pack, Task
from hemm.data.pack.selection import unit_order
from hemm.engine.selection import Rows, Selection, chain_depth
from hemm.results.selections import CLUSTERS

FIRST, GROWTH = 25, 1.25
"""Blocks before the first interim check, and the factor by which the prefix grows from check to check."""


@dataclass(frozen=True)
class Blocks:
    """The dependent rows of a pack, in the order in which they are sent.

    number, units, depth  by row: its block (0 is sent first), its unit, the answers it builds on
    total                 number of blocks
    """

    number: Rows
    units: Sequence[str]
    depth: Rows
    total: int

    @classmethod
    def of(cls, index: Any, seed: int) -> Blocks:
        """The blocks of a pack's index, shuffled by ``seed``."""
        depth, _ = chain_depth(index.ids, index.after)
        names = block_names(index)
        position = {name: n for n, name in enumerate(unit_order(names, seed))}
        numbers = np.array([position[name] for name in names], dtype=np.int64)
        return cls(numbers, index.units, depth, len(position))

    def first(self, count: int) -> Selection:
        """The rows of the first ``count`` blocks, in pack order."""
        rows = np.flatnonzero(self.number < count).astype(np.int64)
        return Selection(rows, self.depth[rows], len({self.units[row] for row in rows.tolist()}))

    def prefix_sizes(self, most: int | None) -> Iterator[int]:
        """Blocks that have been sent at each interim check; the last check has all of them, or ``most``."""
        end = self.total if most is None else min(most, self.total)
        count = min(FIRST, end)
        while count < end:
            yield count
            count = min(end, max(count + FIRST, int(count * GROWTH)))
        yield end


def block_names(index: Any) -> list[str]:
    """The block of each row of a pack's index: rows that depend on one another share one."""
    _, root = chain_depth(index.ids, index.after)
    chains = [index.ids[row] for row in root.tolist()] if any(index.after) else index.units
    return _joined(list(zip(index.clusters, index.units, chains, strict=True)))


def _joined(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """The block of each row (cluster, unit, chain): rows with one of them in common, directly or through
    other rows, share a block."""
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
    # a block has the name of its first cluster in sorting order, so that the order of rows does not matter
    least: dict[tuple[int, str], str] = {}
    for cluster, _, _ in rows:
        root = top((0, cluster))
        least[root] = min(least.get(root, cluster), cluster)
    return [least[top((0, cluster))] for cluster, _, _ in rows]


class Rule(Protocol):
    """When a score is known well enough."""

    def check(self, task: Task, metrics: Sequence[str | Metric]) -> None:
        """Raise HemmError where this task's headline cannot be watched."""
        ...

    def __call__(self, folder: Path, blocks: Blocks, count: int) -> dict[str, Any]:
        """What run.json keeps of the check of a scored cell after ``count`` blocks; ``reached``: stop."""
        ...


@dataclass
class InterimCheck:
    """One prefix of a cell: after its ``count`` blocks, ``rule`` decides whether that is enough.
    ``is_last``: no larger one follows."""

    rule: Rule
    blocks: Blocks
    count: int
    result: dict[str, Any] | None = None
    is_last: bool = False

    @property
    def reached(self) -> bool:
        return self.result is not None and bool(self.result["reached"])

    def selection_record(self, units: int) -> dict[str, Any]:
        """The fields that describe this selection in run.json."""
        return {"limit": units, "clusters": self.count, "order": CLUSTERS}

    def run(self, folder: Path) -> dict[str, Any]:
        self.result = self.rule(folder, self.blocks, self.count)
        return self.result


def interim_checks(
    rule: Rule | None, pack: Pack, seed: int, limit: int | None
) -> Iterator[InterimCheck | None]:
    """The checks of a run with ``--until-ci``, of which the last is of all; without a rule one None."""
    if rule is None:
        yield None
        return
    blocks = Blocks.of(pack.index(), seed)
    counts = list(blocks.prefix_sizes(limit))
    for count in counts:
        yield InterimCheck(rule, blocks, count, is_last=count == counts[-1])
