"""Pickles of plain values are read as Python reads them; everything else is refused before it can do harm."""

from __future__ import annotations

import copyreg
import pickle
from collections import Counter, OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import BadData
from hemm.data.readers.pickles import pickle_value

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars | st.frozensets(scalars, max_size=3) | st.sets(scalars, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(scalars, inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "test_qa.pkl"


@given(value=values, protocol=st.integers(4, 5))
def test_plain_values_come_back(value: Any, protocol: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "value.pkl"
    file.write_bytes(pickle.dumps(value, protocol))
    found = pickle_value(file)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol(protocol: int, file: Path) -> None:
    rows: list[Any] = [
        {"image": f"test_{n:04d}", "question": "what is “seen”?\n", "answer": "yes", "n": n, "deep": (n, [])}
        for n in range(2500)
    ]
    rows += [rows[0], -(2**70), 1.5, True, None, ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))]
    file.write_bytes(pickle.dumps(rows, protocol))
    found = pickle_value(file)
    assert found == rows
    assert found[2500] is found[0]
    assert found[2503] is True


def test_texts_of_python_2(file: Path) -> None:
    file.write_bytes(b"(lp0\nS'caf\\'e'\np1\naI01\naL5L\na.")
    assert pickle_value(file) == ["caf'e", True, 5]
    file.write_bytes(b"\x80\x02]q\x00(U\x05caf\xc3\xa9T\x03\x00\x00\x00yese.")
    assert pickle_value(file) == ["café", "yes"]


class Harm:
    """What a pickle must never get Python to do."""

    done = Path()

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Harm.done,)


class Plain:
    def __init__(self) -> None:
        self.answer = "yes"


class Outside(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return "elsewhere" if value == "x" else None


def outside(folder: Path, protocol: int) -> bytes:
    with (folder / "out").open("wb") as out:
        Outside(out, protocol).dump(["x"])
    return (folder / "out").read_bytes()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", [Harm(), Plain(), Decimal(1), Counter("aab"), OrderedDict(a=1), len, Path])
def test_nothing_is_imported_or_called(protocol: int, value: Any, file: Path, tmp_path: Path) -> None:
    Harm.done = tmp_path / "done"
    file.write_bytes(pickle.dumps([{"answer": value}], protocol))
    with pytest.raises(
        BadData, match=r"test_qa.pkl is no pickle of plain values: something that Python would"
    ):
        pickle_value(file)
    assert not Harm.done.exists()


CALL = b"c__builtin__\nprint\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (CALL + b"(S'x'\ntR.", r"would import \(GLOBAL at byte 0\)"),
        (b"\x8c\x08builtins\x8c\x05print\x93.", r"would import \(STACK_GLOBAL"),
        (b"(S'x'\ni__builtin__\nprint\n.", r"would import \(INST"),
        (b"(" + CALL + b"S'x'\no.", r"would import \(GLOBAL"),
        (b"(S'print'\nS'x'\no.", r"would call \(OBJ"),
        (b"S'f'\n)R.", r"would call \(REDUCE"),
        (b"S'f'\n)\x81.", r"would call \(NEWOBJ"),
        (b"S'f'\n)}\x92.", r"would call \(NEWOBJ_EX"),
        (b"}}b.", r"would call \(BUILD"),
        (b"\x82\x01.", r"would import \(EXT1"),
        (b"\x83\x01\x00.", r"would import \(EXT2"),
        (b"\x84\x01\x00\x00\x00.", r"would import \(EXT4"),
        (b"Pelsewhere\n.", r"reference to outside the file \(PERSID"),
        (b"S'x'\nQ.", r"reference to outside the file \(BINPERSID"),
        (b"\x80\x05\x97.", r"buffer outside the file \(NEXT_BUFFER"),
        (b"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", "BYTEARRAY8"),
        (b"]2.", r"an instruction \(DUP"),
    ],
)
def test_every_instruction_that_could_do_more_is_refused(data: bytes, reason: str, file: Path) -> None:
    copyreg.add_extension("builtins", "print", 1)
    try:
        file.write_bytes(data)
        with pytest.raises(BadData, match=reason):
            pickle_value(file)
    finally:
        copyreg.remove_extension("builtins", "print", 1)


@pytest.mark.parametrize("protocol", [0, 4])
def test_persistent_ids_of_a_real_pickler(protocol: int, file: Path, tmp_path: Path) -> None:
    file.write_bytes(outside(tmp_path, protocol))
    with pytest.raises(BadData, match="reference to outside the file"):
        pickle_value(file)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged pickle"),
        (b"no pickle\n", "damaged pickle"),
        (b"\x80\x04]", "damaged pickle|does not end"),
        (b".", "a value is missing"),
        (b"(.", "a mark stands where a value is expected"),
        (b"]].", "1 values are left over"),
        (b"K\x01e.", "has no start"),
        (b"](h\x05e.", "value 5 was never kept"),
        (b"N(K\x01e.", "added to a value of type NoneType"),
        (b"}(K\x01u.", "a key without a value"),
        (b"}]K\x01s.", "a list as a key"),
        (b"\x80\x04\x8f(]\x90.", "a list as a key or a member"),
        (b"X\xff\xff\xff\x7fabc.", "damaged pickle"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "damaged pickle"),
        (b"U\x01\xff.", "damaged pickle"),
        (b"\x8b" + (5000).to_bytes(4, "little") + b"\x01" * 5000 + b".", "a whole number of"),
        (b"I" + b"9" * 5000 + b"\n.", "damaged pickle"),
        (b"]r\xff\xff\xff\xff.", ""),
    ],
)
def test_damage_is_one_line(data: bytes, reason: str, file: Path) -> None:
    file.write_bytes(data)
    if not reason:  # a place far beyond all others takes no memory for those between
        assert pickle_value(file) == []
        return
    with pytest.raises(BadData, match=reason) as error:
        pickle_value(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_value_or_one_line(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.pkl"
    file.write_bytes(data)
    lines: list[str] = []
    try:
        pickle_value(file)
    except BadData as error:
        lines = str(error).splitlines()
    assert len(lines) <= 1


def test_a_cut_file_and_a_large_one(file: Path) -> None:
    whole = pickle.dumps([{"image": "test_0000", "answer": "yes"}] * 3)
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        with pytest.raises(BadData, match="pickle"):
            pickle_value(file)
    file.write_bytes(whole)
    with pytest.raises(BadData, match="pickles of up to 10 are read"):
        pickle_value(file, limit=10)
