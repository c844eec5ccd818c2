"""Files of overlays: one content has one digest, and rows that cannot be used are named."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemm.core import DIMENSIONS, BadData, HemmError
from hemm.engine.overlays import rows as overlay_rows
from hemm.engine.overlays.rows import read_overlay, read_overlays

HEAD = "task,sample,sample_hash,kind,field,value,by\n"
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029"), min_size=1
)
NAME = TEXT.map(str.strip).filter(lambda t: bool(t) and t[:1] not in "'=+-@")
REASONING = st.sampled_from(DIMENSIONS["reasoning"].categories)


@st.composite
def overlays(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows that do not contradict each other: of each sample at most one label, and right answers."""
    rows = []
    for sample in draw(st.lists(NAME, min_size=1, max_size=6, unique=True)):
        base = {"task": "t", "sample": sample, "sample_hash": draw(st.sampled_from(["", "0" * 32]))}
        if draw(st.booleans()):
            rows.append({**base, "kind": "label", "field": "reasoning", "value": draw(REASONING)})
        answers = draw(st.lists(NAME, max_size=3, unique=True))
        rows += [{**base, "kind": "gold", "field": "reference", "value": v} for v in answers]
    return [{**row, "by": draw(NAME)} for row in rows]


@settings(max_examples=40, deadline=None)
@given(rows=overlays(), order=st.randoms(use_true_random=False), crlf=st.booleans(), bom=st.booleans())
def test_one_content_has_one_digest(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], order: Any, crlf: bool, bom: bool
) -> None:
    if not rows:
        return
    home = tmp_path_factory.mktemp("rows")
    (home / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shuffled = [*rows, rows[0]]
    order.shuffle(shuffled)
    with (home / "b.csv").open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]), lineterminator="\r\n" if crlf else "\n")
        writer.writeheader()
        target.write("\r\n" if crlf else "\n")
        writer.writerows(shuffled)
    pq.write_table(pa.Table.from_pylist(shuffled), home / "c.parquet")
    found = [read_overlay(home / name) for name in ("a.jsonl", "b.csv", "c.parquet")]
    assert len({one.digest for one in found}) == 1
    assert {row.content[:6] for row in found[0].rows} == {
        tuple(row[n] for n in ("task", "sample", "sample_hash", "kind", "field", "value")) for row in rows
    }


def file(path: Path, *lines: str) -> Path:
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "t,a,,label,reasonning,more,",
            "an unknown dimension: row 3 ('reasonning'; did you mean 'reasoning'?)",
        ),
        ("t,a,,label,granularity,yes,", "('granularity'; it is called 'fine_grained')"),
        ("t,a,,label,reasoning,mor,", "an unknown category of reasoning: row 3 ('mor'; did you mean 'more'?"),
        ("t,a,,label,value,high,", "a name that tables have for something else: row 3 ('value')"),
        ("t,a,,gold,referense,x,", "a field of gold that is none of reference, exclude: row 3 ('referense'"),
        ("t,a,,golden,reference,x,", "a kind that is none of label, error, gold, score: row 3 ('golden'"),
        ("t,,,gold,reference,x,", "no sample: row 3"),
        ("t,a,,gold,reference,,", "no value: row 3"),
        ("t,a,,gold,exclude,blurred,", "row 3 ('a': reference 'x' in row 2 and exclude 'blurred' in row 3)"),
        (f"t,a,{'0' * 32},gold,exclude,blurred,", "contradict each other: row 3"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(BadData) as caught:
        read_overlay(file(tmp_path / "x.csv", "t,a,,gold,reference,x,", line))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_of_several_that_differ_are_named_with_both_rows(tmp_path: Path) -> None:
    rows = [
        "t,a,,label,reasoning,more,ann",
        "",
        't,"b, c",,label,reasoning,less,ann',
        "t,a,,label,reasoning,less,bob",
    ]
    with pytest.raises(
        BadData, match=r"row 5 \('a': reasoning 'more' in row 2 and reasoning 'less' in row 5\)"
    ):
        read_overlay(file(tmp_path / "x.csv", *rows))


def test_files_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    one = file(
        tmp_path / "one.csv", "t,a,,gold,reference,x,", "t,a,,gold,reference,y,", "t,b,,label,reasoning,more,"
    )
    same = file(
        tmp_path / "same.csv", "t,a,,gold,reference,y,", "t,a,,gold,reference,x,", "t,c,,gold,exclude,why,"
    )
    both = read_overlays([one, same])
    assert len(both.rows) == 4
    assert both.words.startswith("overlays one.csv [")
    assert read_overlays([same, one]).digest == both.digest
    other = file(tmp_path / "other.csv", "t,a,,gold,reference,x,")
    with pytest.raises(
        BadData, match=r"two files with other right answers: row 2 \('a': 'x', 'y' in one.csv, 'x' in other"
    ):
        read_overlays([one, other])
    less = file(tmp_path / "less.csv", "t,b,,label,reasoning,less,")
    with pytest.raises(
        BadData,
        match=r"'b': reasoning 'more' in row one.csv row 4 and reasoning 'less' in row less.csv row 2",
    ):
        read_overlays([one, less])


def test_what_is_no_file_of_rows_is_one_line(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "none.csv", "there is no such file"),
        (tmp_path / "x.xlsx", "labels are .csv or .jsonl or .parquet files"),
        (tmp_path / "empty.csv", "is empty"),
        (tmp_path / "head.csv", "has no rows"),
        (tmp_path / "columns.csv", "no column 'kind'"),
        (tmp_path / "bytes.csv", "is not UTF-8"),
        (tmp_path / "damaged.parquet", "cannot be read as Parquet"),
    ):
        texts = {"head": HEAD, "columns": "task,sample\nt,a\n"}
        if path.stem != "none":
            path.write_bytes(
                b"\xff\xfe" if path.stem in ("bytes", "damaged") else texts.get(path.stem, "").encode()
            )
        with pytest.raises(HemmError, match=said):
            read_overlay(path)


def test_a_label_with_many_values_is_no_label(tmp_path: Path) -> None:
    rows = [f"t,s{n},,label,note,number {n},ann" for n in range(51)]
    with pytest.raises(BadData, match="the label 'note' has 51 values"):
        read_overlay(file(tmp_path / "x.csv", *rows))


def test_a_name_in_many_rows_is_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 200,000 labels has few names: each is compared with the dimensions once."""
    looked: list[str] = []
    monkeypatch.setattr(overlay_rows, "nearest", lambda name, known: looked.append(name))
    file = tmp_path / "many.csv"
    file.write_text(HEAD + "".join(f"t,s{n},,label,stroke_order,hard,ann\n" for n in range(500)))
    assert len(read_overlay(file).rows) == 500
    assert looked == ["stroke_order"]
