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
from hemm.data.pack.selection import RANDOM, first_units

Rows = np.ndarray[Any, np.dtype[np.int64]]


def chain_depth(ids: Sequence[str], after: Sequence[str | None]) -> tuple[list[int], list[int]]:
    """For each row its depth in its chain (0 at the start), and the row that starts the chain.

    Raises BadData where a sample continues one that is not in the pack, or itself.
    """
    if not any(after):
        return [0] * len(ids), list(range(len(ids)))
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
    return depth, root


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
        units = {index.units[root[row]] for row in rows.tolist()}
        return cls(rows, np.array(depth, dtype=np.int64)[rows], len(units))


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
    roots = [units[r] for r in root] if any(after) else units
    if limit is None:
        rows = np.arange(len(ids), dtype=np.int64)
        count = len(set(roots))
    else:
        stratum_of: dict[str, str] = {}
        for unit, stratum in zip(roots, strata, strict=True):
            stratum_of.setdefault(unit, stratum)
        chosen = first_units(stratum_of, limit, seed, order)
        rows = np.array([row for row, unit in enumerate(roots) if unit in chosen], dtype=np.int64)
        count = len(chosen)
    return Selection(rows, np.array(depth, dtype=np.int64)[rows], count)
