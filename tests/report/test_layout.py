"""Tables and texts for any width: whole, in order, and nothing of them left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.report.tables import writer
from hemm.report.tables.layout import Row, cells_wide, table_lines, wrap

MODELS = (
    "hf/Qwen/Qwen2.5-VL-7B-Instruct",
    "openrouter/meta-llama/llama-4-maverick-17b-128e-instruct",
    "tiny",
)


def lines(width: int | None, columns: int = 4) -> list[str]:
    header = ["model", *(f"score of task {n}" for n in range(columns))]
    rows = [Row([name, *("-0.12 to 0.34" for _ in range(columns))]) for name in MODELS]
    return [line.text for line in table_lines(header, rows, [False, *[True] * columns], width)]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_is_as_wide_as_the_terminal_at_most(width: int) -> None:
    shown = lines(width, 11)
    assert max(map(cells_wide, shown)) <= width
    assert "…" not in "".join(shown)
    assert "".join(shown).count("-0.12 to 0.34") == 33
    first = "".join(line.strip().split("  ")[0] for line in shown)  # folded, and whole when put together
    assert all(name in first for name in MODELS)


def test_rows_of_a_table_that_is_parted_are_told_apart() -> None:
    rows = [Row(["interaction", label, *["0.123"] * 9]) for label in ("redundancy", "synergy")]
    header = ["dimension", "label", *(f"number-{n}" for n in range(9))]
    shown = [line.text for line in table_lines(header, rows, [False, False, *[True] * 9], 60)]
    parts = sum("dimension" in line for line in shown)
    assert parts > 1
    assert sum("interaction  synergy" in line for line in shown) == parts


def test_a_pipe_has_whole_lines() -> None:
    assert len(lines(None, 30)) == 2 + len(MODELS)


def test_names_fold_at_slashes_and_hyphens_and_intervals_stay_whole() -> None:
    assert wrap("hf/Qwen/Qwen2.5-VL-7B-Instruct", 12) == ["hf/Qwen/", "Qwen2.5-VL-", "7B-Instruct"]
    assert wrap("from 0.10 to -0.20", 13) == ["from", "0.10 to -0.20"]
    assert wrap("-0.123 to -0.456", 10) == ["-0.123 to", "-0.456"]  # a sign stays with its number
    assert wrap("x=0.123456", 6) == ["x=", "0.1234", "56"]
    assert wrap("one line\nand another", None) == ["one line", "and another"]
    assert wrap("鷺と鴎の話をしよう", 6) == ["鷺と鴎", "の話を", "しよう"]


@given(
    st.text(st.characters(exclude_categories=["C", "Z", "M"]) | st.just(" "), max_size=200),
    st.integers(4, 60),
)
def test_wrapping_loses_nothing_and_keeps_the_width(text: str, width: int) -> None:
    shown = wrap(text, width, indent=1)
    assert "".join("".join(shown).split()) == "".join(text.split())
    assert all(cells_wide(line) <= width for line in shown)


def test_a_column_of_numbers_has_one_number_of_decimals() -> None:
    rows = [{"a": 0.5, "b": 1234.5}, {"a": 0.03217, "b": 0.5}, {"a": None, "b": -0.00001}]
    shown = writer.table_text(rows, ["a", "b"]).splitlines()
    assert [line.split() for line in shown[2:]] == [["0.500", "1234"], ["0.032", "0.500"], ["-0.00001"]]
    assert shown[2].endswith("1234")
