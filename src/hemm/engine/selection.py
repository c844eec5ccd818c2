"""Which samples are asked, and in which order.

Units are ordered by hash(seed, unit), round-robin over strata; ``limit`` takes a prefix of that order and
never cuts a unit, so a smaller limit is contained in a larger one. The samples taken are asked in pack
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.core import BadData
from hemm.data.pack.selection import unit_order

Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Selection:
    """``rows``: the chosen rows in pack order. ``depth``: for each, how many answers it builds on."""

    rows: Rows
    depth: Rows
    units: int


def chain_depth(ids: Sequence[str], after: Sequence[str | None]) -> tuple[list[int], list[int]]:
    """For each row its depth in its chain (0 starts one) and the row that starts it.

    Raises BadData where a sample continues one that is not there, or itself.
    """
    if not any(after):
        return [0] * len(ids), list(range(len(ids)))
    row_of = {sample: row for row, sample in enumerate(ids)}
    depth, root = [-1] * len(ids), [-1] * len(ids)
    for row in range(len(ids)):
        path: list[int] = []
        at = row
        while depth[at] < 0:
            path.append(at)
            before = after[at]
            if before is None:
                break
            if before not in row_of:
                raise BadData(f"sample {ids[at]!r} continues {before!r}, which is not in the pack")
            at = row_of[before]
            if at in path:
                raise BadData(f"sample {ids[at]!r} continues itself")
        if depth[at] < 0:
            depth[at], root[at] = 0, at
            path.pop()
        for step in reversed(path):
            depth[step], root[step] = depth[at] + 1, root[at]
            at = step
    return depth, root


def select(
    ids: Sequence[str],
    units: Sequence[str],
    strata: Sequence[str],
    after: Sequence[str | None],
    *,
    seed: int,
    limit: int | None,
) -> Selection:
    """Choose up to ``limit`` units (None: all). A chain counts as the unit of the sample that starts it."""
    depth, root = chain_depth(ids, after)
    whole = [units[r] for r in root] if any(after) else units
    if limit is None:
        rows = np.arange(len(ids), dtype=np.int64)
        count = len(set(whole))
    else:
        stratum_of: dict[str, str] = {}
        for unit, stratum in zip(whole, strata, strict=True):
            stratum_of.setdefault(unit, stratum)
        chosen = set(unit_order(stratum_of, seed)[:limit])
        rows = np.array([row for row, unit in enumerate(whole) if unit in chosen], dtype=np.int64)
        count = len(chosen)
    return Selection(rows, np.array(depth, dtype=np.int64)[rows], count)
