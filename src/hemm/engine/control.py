"""The control request: one that was answered before, which shows whether a server answers still."""

from __future__ import annotations

import numpy as np

from hemm.engine.requests import Item, RequestBuilder
from hemm.results.cell import CellWriter


def answered_before(cell: CellWriter, builder: RequestBuilder) -> Item | None:
    """The request of the first sealed answer to a sample that continues no other; None without one."""
    index = builder.pack.index()
    rows = {name: row for row, name in enumerate(index.ids) if not index.after[row]}
    for part in cell.sealed(["id", "repeat", "failure"]):
        for line in part.to_pylist():
            row = rows.get(line["id"])
            if row is None or line["failure"] is not None:
                continue
            chosen = np.array([row], dtype=np.int64)
            repeat = np.array([line["repeat"]], dtype=np.int64)
            item = next(builder.items(chosen, repeat, np.zeros(1, dtype=np.int64)), None)
            if item is not None and item.failure is None:
                return item
    return None
