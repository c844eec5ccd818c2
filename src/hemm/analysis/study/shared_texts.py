"""Texts of many cells that are mostly the same ones: each is in memory once."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
    names: list[str | None] = [*map(intern, encoded.dictionary.to_pylist()), None]
    numbers = encoded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    found: NDArray[Any] = np.array(names, dtype=object)[numbers]
    found.setflags(write=False)  # so that what is made of it (``stats.clusters``) is known to hold
    return found
