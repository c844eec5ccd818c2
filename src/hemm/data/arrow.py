"""Arrow columns from Python values and back, without pyarrow's own converters.

Where pandas is installed, these (``pa.array``, ``to_numpy``, ``pa.scalar``) import it at their first use,
which takes as long as half of a run's start. What is here reads and writes the buffers themselves, for the
types that packs and results have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERS = {"int32": np.int32, "int64": np.int64, "double": np.float64}


def texts(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column of texts, or of bytes, as a list; several times faster than ``to_pylist``.

    >>> texts(array(["a heron", None, "Köln"], "string"))
    ['a heron', None, 'Köln']
    """
    return list(chain.from_iterable(map(_texts, _chunks(column))))


def _texts(chunk: pa.Array) -> list[Any]:
    kind = str(chunk.type)
    if kind not in ("string", "binary"):
        found: list[Any] = chunk.to_pylist()
        return found
    _, places, data = chunk.buffers()
    if not len(chunk) or places is None:
        return [None] * len(chunk)
    ends = np.frombuffer(places, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
    whole = b"" if data is None else memoryview(data)[ends[0] : ends[-1]].tobytes()
    first = ends[0]
    values: list[Any] = [whole[a - first : b - first] for a, b in pairwise(ends)]
    if kind == "string":
        if whole.isascii():  # one text, cut where the bytes would be
            text = whole.decode()
            values = [text[a - first : b - first] for a, b in pairwise(ends)]
        else:
            values = [value.decode() for value in values]
    if chunk.null_count:
        return [value if there else None for value, there in zip(values, _valid(chunk), strict=True)]
    return values


def numbers(column: pa.Array | pa.ChunkedArray, null: float | None = None) -> np.ndarray[Any, Any]:
    """A column of whole or floating-point numbers, or of truth values, with ``null`` in place of nulls.

    Raises ValueError for another type, and for nulls without something in their place.

    >>> numbers(array([3, 1], "int64")).tolist(), numbers(array([True, None], "bool"), null=False).tolist()
    ([3, 1], [True, False])
    """
    found = [_numbers(chunk, null) for chunk in _chunks(column)]
    return np.concatenate(found) if len(found) != 1 else found[0]


def _numbers(chunk: pa.Array, null: float | None) -> np.ndarray[Any, Any]:
    kind, count = str(chunk.type), len(chunk)
    if (kind != "bool" and kind not in _NUMBERS) or (chunk.null_count and null is None):
        raise ValueError(f"a column of {chunk.type} with {chunk.null_count} nulls has no plain numbers")
    values = chunk.buffers()[1]
    if kind == "bool":
        found = _bits(values, chunk.offset, count)
    elif values is None:
        found = np.zeros(count, _NUMBERS[kind])
    else:
        found = np.frombuffer(values, _NUMBERS[kind])[chunk.offset : chunk.offset + count]
    if chunk.null_count:
        found = found.copy()
        found[~_bits(chunk.buffers()[0], chunk.offset, count)] = null
    return found


def array(values: Sequence[Any], kind: str) -> pa.Array:
    """These values (None: a null) as an array of ``string``, ``int32``, ``int64``, ``double``, ``bool``, or
    of lists (``list<string>``, ``list<double>``), two (``pair<int32>``) or named ones (``map<string>``) of
    them.

    >>> array([["Köln"], None, []], "list<string>").to_pylist()
    [['Köln'], None, []]
    """
    import pyarrow as pa

    nulls = any(value is None for value in values)
    valid = pa.py_buffer(_packed([value is not None for value in values])) if nulls else None
    if kind == "string":
        joined, ends = _joined(values)
        return pa.Array.from_buffers(pa.string(), len(values), [valid, ends, joined])
    if kind == "bool":
        bits = pa.py_buffer(_packed([bool(value) for value in values]))
        return pa.Array.from_buffers(pa.bool_(), len(values), [valid, bits])
    if kind in _NUMBERS:
        filled = [0 if value is None else value for value in values] if nulls else values
        data = np.array(filled, dtype=_NUMBERS[kind])
        return pa.Array.from_buffers(_type(kind), len(values), [valid, pa.py_buffer(data)])
    if kind == "pair<int32>":
        both = array(list(chain.from_iterable(value or (None, None) for value in values)), "int32")
        return pa.Array.from_buffers(pa.list_(pa.int32(), 2), len(values), [valid], children=[both])
    ends = _ends([0 if value is None else len(value) for value in values])
    members = list(chain.from_iterable(value for value in values if value))
    if kind == "map<string>":
        pairs = pa.StructArray.from_arrays(
            [array([key for key, _ in members], "string"), array([value for _, value in members], "string")],
            fields=[pa.field("key", pa.string(), nullable=False), pa.field("value", pa.string())],
        )
        whole = pa.map_(pa.string(), pa.string())
        return pa.Array.from_buffers(whole, len(values), [valid, ends], children=[pairs])
    inner = kind.removeprefix("list<").removesuffix(">")
    return pa.Array.from_buffers(
        pa.list_(_type(inner)), len(values), [valid, ends], children=[array(members, inner)]
    )


def kind_of(type_: pa.DataType) -> str:
    """A type as ``array`` names it."""
    import pyarrow as pa

    if pa.types.is_map(type_):
        return "map<string>"
    if pa.types.is_fixed_size_list(type_):
        return "pair<int32>"
    return f"list<{type_.value_type}>" if pa.types.is_list(type_) else str(type_)


def table(columns: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Columns of Python values as a table; without columns, one without rows.

    >>> import pyarrow as pa
    >>> table([["1", "2"], [3, None]], pa.schema([("id", pa.string()), ("n", pa.int64())])).to_pydict()
    {'id': ['1', '2'], 'n': [3, None]}
    """
    import pyarrow as pa

    given = columns or [()] * len(schema)
    arrays = [array(values, kind_of(field.type)) for values, field in zip(given, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def _type(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {"string": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "double": pa.float64()}[kind]


def _joined(values: Sequence[str | None]) -> tuple[pa.Buffer, pa.Buffer]:
    """The UTF-8 of texts one behind the other, and where each ends."""
    import pyarrow as pa

    there = [value or "" for value in values]
    whole = "".join(there)
    if whole.isascii():
        return pa.py_buffer(whole.encode()), _ends(list(map(len, there)))
    encoded = [value.encode() for value in there]
    return pa.py_buffer(b"".join(encoded)), _ends(list(map(len, encoded)))


def _ends(lengths: Sequence[int]) -> pa.Buffer:
    import pyarrow as pa

    ends = list(accumulate(lengths, initial=0))
    if ends[-1] > np.iinfo(np.int32).max:
        raise ValueError("a column holds more than 2 GiB")
    return pa.py_buffer(np.array(ends, dtype=np.int32))


def _packed(bits: Sequence[bool]) -> np.ndarray[Any, Any]:
    return np.packbits(np.array(bits, dtype=np.bool_), bitorder="little")


def _bits(buffer: Any, offset: int, count: int) -> np.ndarray[Any, Any]:
    if buffer is None:
        return np.ones(count, dtype=np.bool_)
    unpacked = np.unpackbits(np.frombuffer(buffer, np.uint8), count=offset + count, bitorder="little")
    return unpacked[offset:].astype(np.bool_)


def _valid(chunk: pa.Array) -> list[bool]:
    return _bits(chunk.buffers()[0], chunk.offset, len(chunk)).tolist()  # type: ignore[no-any-return]


def _chunks(column: Any) -> list[pa.Array]:
    return column.chunks if hasattr(column, "chunks") else [column]
