"""Columns made and read without pyarrow's converters are those that the converters give."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.data import arrow

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.none()
TYPES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "string": (pa.string(), TEXT),
    "int32": (pa.int32(), st.integers(-(2**31), 2**31 - 1) | st.none()),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.none()),
    "double": (pa.float64(), st.floats(allow_nan=False) | st.none()),
    "bool": (pa.bool_(), st.booleans() | st.none()),
    "list<string>": (pa.list_(pa.string()), st.lists(TEXT, max_size=3) | st.none()),
    "list<double>": (pa.list_(pa.float64()), st.lists(st.floats(allow_nan=False), max_size=3) | st.none()),
    "pair<int32>": (pa.list_(pa.int32(), 2), st.tuples(st.integers(0, 9), st.integers(0, 9)) | st.none()),
    "map<string>": (
        pa.map_(pa.string(), pa.string()),
        st.lists(st.tuples(TEXT.filter(lambda t: t is not None), TEXT), max_size=3) | st.none(),
    ),
}


@pytest.mark.parametrize("kind", TYPES)
@given(data=st.data())
def test_an_array_is_the_one_of_the_converter(kind: str, data: st.DataObject) -> None:
    type_, values = TYPES[kind]
    rows = data.draw(st.lists(values, max_size=20))
    found, wanted = arrow.array(rows, kind), pa.array(rows, type_)
    found.validate(full=True)
    assert found.equals(wanted)
    assert (found.type, found.null_count) == (wanted.type, wanted.null_count)


@given(st.lists(TEXT, max_size=20), st.integers(0, 5), st.integers(0, 5))
def test_texts_are_read_from_any_slice_and_any_chunks(
    values: list[str | None], start: int, stop: int
) -> None:
    whole = pa.array(values, pa.string())
    assert arrow.texts(whole.slice(start, stop)) == values[start : start + stop]
    assert arrow.texts(pa.chunked_array([whole, whole.slice(start)], pa.string())) == values + values[start:]


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 9))
def test_numbers_are_read_from_any_slice(values: list[bool], start: int) -> None:
    assert arrow.numbers(pa.array(values, pa.bool_()).slice(start)).tolist() == values[start:]
    whole = pa.array(list(map(int, values)), pa.int64())
    assert arrow.numbers(whole.slice(start)).tolist() == list(map(int, values[start:]))
    with pytest.raises(ValueError, match="1 nulls"):
        arrow.numbers(pa.array([*map(int, values), None], pa.int64()))


def test_pandas_is_not_imported() -> None:
    pytest.importorskip("pandas")
    code = (
        "import sys; from hemm.data import arrow; a = arrow.array(['x', None], 'string'); "
        "assert arrow.texts(a) == ['x', None]; arrow.numbers(arrow.array([1], 'int64')); "
        "arrow.array([[('a', 'b')]], 'map<string>'); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
