"""Selection of samples.

``limit`` takes the first units of an order (``data.pack.selection``) and never cuts a unit, so that a smaller
limit is contained in a larger one. Selected samples keep pack order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.core import BadData
from hemm.data.pack.columns import hashed
from hemm.data.pack.selection import BALANCED, RANDOM, first_of, first_units

Rows = np.ndarray[Any, np.dtype[np.int64]]


def zeros(count: int) -> Rows:
    """So many zeros that cannot be changed, in no memory."""
    return np.broadcast_to(np.int64(0), count)


def chain_depth(ids: Sequence[str], after: Sequence[str | None]) -> tuple[Rows, Rows]:
    """For each row its depth in its chain (0 at the start), and the row that starts the chain.

    Raises BadData where a sample continues one that is not in the pack, or itself.
    """
    if not any(after):
        return zeros(len(ids)), np.arange(len(ids), dtype=np.int64)
    ids, after = list(ids), list(after)
    row_of = {sample: row for row, sample in enumerate(ids)}
    depth, root = [-1] * len(ids), [-1] * len(ids)
    for row in range(len(ids)):
        path: list[int] = []
        current = row
        while depth[current] < 0:
            path.append(current)
            before = after[current]
            if before is None:
                break
            if before not in row_of:
                raise BadData(f"sample {ids[current]!r} continues {before!r}, which is not in the pack")
            current = row_of[before]
            if current in path:
                raise BadData(f"sample {ids[current]!r} continues itself")
        if depth[current] < 0:
            depth[current], root[current] = 0, current
            path.pop()
        for step in reversed(path):
            depth[step], root[step] = depth[current] + 1, root[current]
            current = step
    return np.array(depth, dtype=np.int64), np.array(root, dtype=np.int64)


@dataclass(frozen=True)
class Selection:
    """``rows``: the selected rows in pack order. ``depth``: for each, how many answers it builds on."""

    rows: Rows
    depth: Rows
    units: int

    @classmethod
    def of(cls, rows: Rows, index: Any) -> Selection:
        """These rows of a pack's index. A chain belongs to the unit of the sample that starts it."""
        depth, root = chain_depth(index.ids, index.after)
        units = np.unique(hashed(index.units)[root[rows]])
        return cls(rows, depth[rows], len(units))


def select(
    ids: Sequence[str],
    units: Sequence[str],
    strata: Sequence[str],
    after: Sequence[str | None],
    *,
    seed: int,
    limit: int | None,
    order: str = RANDOM,
) -> Selection:
    """Select up to ``limit`` units (None: all) in ``order``. A chain belongs to the unit of the sample that
    starts it."""
    depth, root = chain_depth(ids, after)
    roots = hashed(units)
    if any(after):
        roots = roots[root]
    if limit is None:
        del root
        return Selection(np.arange(len(ids), dtype=np.int64), depth, _distinct(roots))
    _, first, number = np.unique(roots, return_index=True, return_inverse=True)
    chosen = np.ones(len(first), dtype=np.bool_)
    if limit < len(first):
        names = [units[row] for row in root[first].tolist()] if any(after) else _at(units, first)
        if order == BALANCED:
            own = dict(zip(names, _at(strata, first), strict=True))
            taken = first_units(own, limit, seed, order)
            chosen = np.fromiter((name in taken for name in names), np.bool_, len(first))
        else:
            chosen = first_of(names, limit, seed)
    rows = np.flatnonzero(chosen[number]).astype(np.int64)
    return Selection(rows, depth[rows], int(chosen.sum()))


def _distinct(numbers: Rows) -> int:
    """How many different ones there are; ``numbers`` is sorted by it, since ``np.unique`` takes five times
    their memory."""
    numbers.sort()
    return int(np.count_nonzero(np.diff(numbers))) + 1 if len(numbers) else 0


def _at(values: Sequence[str], rows: Rows) -> Sequence[str]:
    """These values, in the order of ``rows``, which are distinct; read once from the first to the last."""
    here = np.full(len(values), -1, dtype=np.int64)
    here[rows] = np.arange(len(rows))
    found = [""] * len(rows)
    for place, value in zip(here.tolist(), values, strict=True):
        if place >= 0:
            found[place] = value
    return found
