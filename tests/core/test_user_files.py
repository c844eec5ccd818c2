"""Files of users: whatever they hold is read, or refused in one line that says where and what to give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemm.core import BadData, HemmError, UnknownName
from hemm.core.user_files import Takes, parse_toml, read_text, read_toml, read_yaml, typed, typed_rows


@dataclass(frozen=True)
class Row:
    name: str
    share: Annotated[float, Takes("a number from 0 to 1", lambda v: 0 <= v <= 1)]
    limit: Annotated[int, Takes("a whole number from 1 on", lambda v: v >= 1)] | None = None
    size: float = 0.0
    new: bool = False
    tags: tuple[str, ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)
    defaults: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    source: str = ""


GOOD = {"name": "a", "share": 1}


def written(folder: Path, text: str | bytes, name: str = "f") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def line_of(error: HemmError) -> str:
    assert "\n" not in str(error)
    return str(error)


# reading


@pytest.mark.parametrize("read", [read_text, read_toml, read_yaml])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, read: Any) -> None:
    for path, why in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (written(tmp_path, b"a = '\xff'"), "can't decode byte 0xff"),
        (Path("a\0b"), "null byte"),
    ):
        with pytest.raises(BadData, match="cannot be read: ") as caught:
            read(path, f"rubric {path}")
        assert why in line_of(caught.value)
        assert line_of(caught.value).startswith("rubric ")
    with pytest.raises(BadData, match=r"^/.* cannot be read"):
        read_toml(tmp_path / "none")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\ufeff"])
def test_an_empty_file_holds_nothing(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    assert read_toml(path) == read_yaml(path) == read_yaml(path, as_text=True) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1\n", "f, line 3: no valid YAML"),
        ("a: 1\nb: 2\na: 3\n", "f, line 3: no valid YAML: the key 'a' stands twice"),
        ("a:\n  - {x: 1,\n     x: 2}\n", "f, line 3: no valid YAML: the key 'x' stands twice"),
        ("a: 1\n---\nb: 2\n", "f, line 2: no valid YAML"),
        ("a: *b\n", "f, line 1: no valid YAML: found undefined alias 'b'"),
        ("\a", "f: no valid YAML"),
        ("[" * 3000, "f: no valid YAML"),
        ("- a\n- b\n", "f is ['a', 'b']; give 'key: value' lines"),
        ("just a text\n", "f is 'just a text'; give 'key: value' lines"),
    ],
)
def test_no_valid_yaml(tmp_path: Path, text: str, said: str) -> None:
    for as_text in (False, True):
        with pytest.raises(BadData) as caught:
            read_yaml(written(tmp_path, text), as_text=as_text)
        assert said in line_of(caught.value)


@pytest.mark.parametrize("text", ["a: 2026-02-40\n", "a: !!python/object:os.x {}\n", "? [a]\n: 1\n"])
def test_yaml_that_is_no_plain_data(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadData, match="no valid YAML") as caught:
        read_yaml(written(tmp_path, text))
    line_of(caught.value)


def test_words_stay_words_and_keys_may_be_merged(tmp_path: Path) -> None:
    path = written(tmp_path, "a: &a {x: yes, n: 10}\nb: {<<: *a, x: no}\nno: {<<: *a}\n")
    assert read_yaml(path)["b"] == {"x": False, "n": 10}
    path = written(tmp_path, "a: &a {x: yes, n: 010}\nb: {<<: *a, x: no}\nno: {<<: *a}\n")
    words = read_yaml(path, as_text=True)
    assert words["a"] == {"x": "yes", "n": "010"}
    assert "no" in words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb =\n", "f, line 2: no valid TOML: Invalid value"),
        ("a = 1\na = 2\n", "f, line 2: no valid TOML: Cannot overwrite a value"),
        ("a = [1", "f: no valid TOML: Unclosed array (at end of document)"),
        (f"a = {'9' * 5000}", "f: no valid TOML: Exceeds the limit"),
        (f"a = {'[' * 3000}", "f: no valid TOML"),
        ("just a text\n", "f, line 1: no valid TOML"),
    ],
)
def test_no_valid_toml(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadData) as caught:
        read_toml(written(tmp_path, text))
    assert said in line_of(caught.value)
    with pytest.raises(BadData, match=r"^head of f"):
        parse_toml(text, "head of f")


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60) | st.text("a:-[]{}&*!=\"'\n #<|>?,.0", max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory: Any, data: bytes) -> None:
    path = written(tmp_path_factory.mktemp("any"), data)
    for read in (read_toml, read_yaml, lambda p: read_yaml(p, as_text=True)):
        try:
            assert isinstance(read(path), dict)
        except BadData as error:
            line_of(error)


# checking


def test_a_mapping_becomes_a_dataclass() -> None:
    found = typed(
        Row,
        {
            "name": "a",
            "share": 1,
            "size": 3,
            "tags": ["x", "y"],
            "sizes": {7: 1},
            "defaults": {"a": 1, "b": True, "c": "x"},
            "limit": None,
        },
        "f",
        source="mine",
    )
    assert found == Row(
        "a", 1.0, None, 3.0, False, ("x", "y"), {"7": 1.0}, {"a": 1, "b": True, "c": "x"}, "mine"
    )
    assert [type(v) for v in (found.share, found.size, *found.sizes.values())] == [float] * 3
    assert [type(v) for v in found.defaults.values()] == [int, bool, str]
    assert typed(Row, GOOD | {"tags": "x"}, "f").tags == ("x",)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("name", 3, "name is 3; give a text"),
        ("name", ["a"], "name is ['a']; give a text"),
        ("share", 2, "share is 2; give a number from 0 to 1"),
        ("share", math.nan, "share is nan; give a number from 0 to 1"),
        ("share", True, "share is True; give a number from 0 to 1"),
        ("share", "0.5", "share is '0.5'; give a number from 0 to 1"),
        ("size", math.nan, "size is nan; give a number"),
        ("size", -math.inf, "size is -inf; give a number"),
        ("size", 10**400, "give a number"),
        pytest.param("size", 10**5000, "size is a number of thousands of digits; give a number", id="huge"),
        ("limit", 0, "limit is 0; give a whole number from 1 on"),
        ("limit", True, "limit is True; give a whole number from 1 on"),
        ("limit", 1.0, "limit is 1.0; give a whole number from 1 on"),
        ("new", 1, "new is 1; give true or false"),
        ("new", "true", "new is 'true'; give true or false"),
        ("tags", [1], "tags is [1]; give a list, each a text"),
        ("tags", {"a": 1}, "tags is {'a': 1}; give a list, each a text"),
        ("sizes", [1], "sizes is [1]; give keys with values"),
        ("sizes", {"a": "b"}, "sizes.a is 'b'; give a number"),
        ("defaults", {"a": [1]}, "defaults.a is [1]; give a text or a whole number or a number or true or"),
    ],
)
def test_a_wrong_value_says_what_to_give(key: str, value: object, said: str) -> None:
    with pytest.raises(BadData) as caught:
        typed(Row, GOOD | {key: value}, "f.toml, row 2")
    assert line_of(caught.value).startswith(f"f.toml, row 2: {key}")
    assert said in line_of(caught.value)


def test_all_that_is_wrong_with_a_mapping_is_said_at_once() -> None:
    with pytest.raises(BadData) as caught:
        typed(Row, {"share": 3, "new": 1}, "f")
    assert line_of(caught.value) == (
        "f: no name; give a text; also: share is 3; give a number from 0 to 1; "
        "also: new is 1; give true or false"
    )
    with pytest.raises(UnknownName, match="unknown key in f 'shar'; did you mean 'share'"):
        typed(Row, GOOD | {"shar": 3}, "f")
    with pytest.raises(UnknownName, match="unknown key in f 'source'"):
        typed(Row, GOOD | {"source": "b"}, "f", source="mine")
    with pytest.raises(UnknownName, match="unknown key in f '1'"):
        typed(Row, GOOD | {1: 3}, "f")
    with pytest.raises(UnknownName, match="unknown key in f 'a number of thousands of digits'"):
        typed(Row, GOOD | {16**5000: 3}, "f")
    for other in ([], "a", 3, None):
        with pytest.raises(BadData, match="give keys with values"):
            typed(Row, other, "f")


def test_an_empty_value_counts_as_absent() -> None:
    found = typed(Row, GOOD | {"size": None, "tags": "", "source": "", "sizes": {}}, "f")
    assert found == Row("a", 1.0)
    with pytest.raises(BadData, match="f: no name; give a text; also: no share; give a number from 0 to 1"):
        typed(Row, {"name": "", "share": None}, "f")


def test_several_wrong_rows_are_said_at_once() -> None:
    def read(rows: object) -> list[Row]:
        return typed_rows(Row, rows, "f.toml", "rows", "row")

    assert read([GOOD, GOOD]) == [Row("a", 1.0)] * 2
    with pytest.raises(UnknownName, match=r"f\.toml, row 2 'nam'"):
        read([GOOD, {"nam": "x"}])
    with pytest.raises(BadData) as caught:
        read([GOOD, {"nam": "x"}, *[{"name": "a"}] * 9])
    said = line_of(caught.value)
    assert "f.toml, row 2 'nam'" in said
    assert "f.toml, row 3: no share" in said
    assert said.count("; also: ") == 4
    for rows in (None, [], {}, 3):
        with pytest.raises(BadData, match=r"f\.toml: write \[\[rows\]\] tables, one for each row"):
            read(rows)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


KEYS = [*Row.__dataclass_fields__, "naem"]


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=9))
def test_any_values_are_taken_as_what_they_are_or_refused_in_one_line(found: Any) -> None:
    try:
        row = typed(Row, found, "f")
    except HemmError as error:
        line_of(error)
        return
    assert isinstance(row.name, str)
    assert 0 <= row.share <= 1
    assert row.limit is None or (type(row.limit) is int and row.limit >= 1)
    assert type(row.size) is float
    assert math.isfinite(row.size)
    assert type(row.new) is bool
    assert all(isinstance(tag, str) for tag in row.tags)
    assert all(math.isfinite(size) for size in row.sizes.values())
