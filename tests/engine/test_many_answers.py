"""Cells of many parts and packs of many rows: what is held whole of few is read in turn, and is equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import fake
from hemm.core import Failure, Request, Response
from hemm.data.pack import row_groups
from hemm.data.pack.columns import RowNumbers
from hemm.data.pack.prepare import prepare
from hemm.engine.score import score_cell
from hemm.results import layout, read
from hemm.results.read import cell

COUNT = 300


class Says(fake.Batched):
    """Right mostly; wrong, unreadable, refused and failed now and then."""

    retried = False

    def generate_batch(self, requests: Any) -> list[Response]:
        self.asked += [r.sample_id for r in requests]
        return [self._say(r) for r in requests]

    def _say(self, request: Request) -> Response:
        number = int(request.sample_id[1:])
        if number % 11 == 0 and not self.retried:
            return Response(failure=Failure("server", "503"))
        said = {1: "no", 2: "hm, perhaps", 3: "I'm sorry, but I can't help with that."}
        return Response(said.get(number % 7, fake.right(request)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 40 rows, of which 7 are held at a time; no index is a list."""
    monkeypatch.setattr(layout, "PART_ROWS", 40)
    monkeypatch.setattr(read, "TURN_ROWS", 7)
    monkeypatch.setattr(row_groups, "LISTED_ROWS", 0)


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pack on disk of samples with few distinct references."""
    from hemm.core import Layout
    from hemm.data.sources.kinds import Generated

    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    samples = [fake.sample(n, unit=f"u{n // 2}") for n in range(COUNT)]
    source = Generated(Layout((), lambda _: iter(samples)), revision="1")
    return prepare(fake.task(sources=(source,)))


def test_an_index_that_is_read_in_turn_is_the_one_that_is_held(
    pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = pack.index()
    names = ("ids", "units", "clusters", "strata", "hashes", "after", "media", "media_counts")
    lists = {name: list(getattr(held, name)) for name in names}
    monkeypatch.setattr(row_groups, "LISTED_ROWS", 0)
    read_again = pack.index()
    for name in names:
        column = getattr(read_again, name)
        assert list(column) == lists[name]
        assert len(column) == COUNT
        assert [column[row] for row in (COUNT - 1, 0, 123)] == [lists[name][r] for r in (-1, 0, 123)]
        assert column[-2:] == lists[name][-2:]
    assert RowNumbers(read_again.ids).of(["s00007", "none", "s00299"]).tolist() == [7, -1, 299]


def test_answers_are_asked_once_and_scored_as_few_are(tmp_path: Path, pack: Any, small: None) -> None:
    model = Says()
    task = fake.task(metrics=("accuracy", "exact_match"))
    first = fake.go(tmp_path / "out", model, pack, task, limit=50)
    assert first.asked == 100, "two samples a unit"
    result = fake.go(tmp_path / "out", model, pack, task)
    failed = sum(int(name[1:]) % 11 == 0 for name in set(model.asked))
    assert len(set(model.asked)) == COUNT
    model.retried, model.asked = True, []
    fake.go(tmp_path / "out", model, pack, task)
    assert len(model.asked) == failed
    assert len(cell(result.folder).parts) > 8
    whole = _scored_whole(result.folder, task)
    score_cell(result.folder, task, again=True)
    assert _scores(result.folder) == whole
    turns = list(cell(result.folder).answers_in_turn())
    assert max(map(len, turns)) == 7
    assert [row for t in turns for row in t.to_pylist()] == cell(result.folder).answers().to_pylist()


def _scored_whole(folder: Path, task: Any) -> Any:
    """Scores and totals where all answers are held at once."""
    from hemm.engine.score import _Scoring

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Scoring, "_in_turn", lambda self: {})
        score_cell(folder, task, again=True)
    return _scores(folder)


def _scores(folder: Path) -> Any:
    found = json.loads((folder / "scores/aggregates.json").read_text())
    rows = {p.name: pq.read_table(p).to_pylist() for p in (folder / "scores").glob("*.parquet")}
    metrics = {k: {m: v for m, v in row.items() if m != "sha256"} for k, row in found["metrics"].items()}
    return found["outcomes"], metrics, rows
