"""Texts of many cells that are mostly the same ones: each is in memory once."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.data.arrow import numbers, texts

if TYPE_CHECKING:
    import pyarrow as pa


def shared(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """A column of texts as Python objects (None where it has none), of which equal ones are one object.

    >>> import pyarrow as pa
    >>> shared(pa.array(["owl", None, "owl"])).tolist()
    ['owl', None, 'owl']
    """
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array.dictionary_encode()
    names: list[str | None] = [*map(intern, texts(encoded.dictionary)), None]
    found: NDArray[Any] = np.array(names, dtype=object)[numbers(encoded.indices, null=len(names) - 1)]
    found.setflags(write=False)  # so that what is made of it (``stats.clusters``) is known to hold
    return found


def looked_up(column: pa.MapArray, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Key -> its text in each map, the first where there are several; None in maps without it.

    >>> import pyarrow as pa
    >>> maps = pa.array([[("sky", "blue")], []], pa.map_(pa.string(), pa.string()))
    >>> looked_up(maps, ["sky"])["sky"].tolist()
    ['blue', None]
    """
    ends = numbers(column.offsets)
    row = np.repeat(np.arange(len(column)), np.diff(ends))[::-1]
    names, values = (shared(c)[ends[0] : ends[-1]][::-1] for c in (column.keys, column.items))
    found = {}
    for key in keys:
        named = names == key
        found[key] = np.full(len(column), None, dtype=object)
        found[key][row[named]] = values[named]
    return found
