"""The index says what the stored cells say, keeps up with the folder, and shows only what is checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from explorer_client import Client, words

import fake
import hemm
from hemm.results.read import cells
from hemm.web.app import app_of
from hemm.web.explorer import Explorer
from hemm.web.folder import ResultsFolder
from hemm.web.index import build
from hemm.web.index.build import Index
from hemm.web.index.insert import CellRows
from hemm.web.index.tables import OUTCOMES

STORED = Path(__file__).resolve().parents[1] / "stored"


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results, tmp_path / "copy"))


def index_of(folder: Path) -> Index:
    index = Index(ResultsFolder(folder))
    index.refresh()
    return index


@pytest.mark.parametrize("folder", [STORED / "v0_1_0/results", STORED / "v0_1_0_own/results", None])
def test_it_has_the_answers_and_scores_that_the_cells_have(folder: Path | None, results: Path) -> None:
    folder = folder or results
    if not folder.is_dir():
        folder = next(p for p in folder.parent.iterdir() if list(p.rglob("run.json")))
    index = index_of(folder)
    assert not index.catalog.problems
    stored = {str(c.folder.relative_to(folder)): c for c in cells(folder)}
    assert {c.found.place for c in index.catalog.cells} == stored.keys()
    for one in index.catalog.cells:
        cell = stored[one.found.place]
        answers = cell.answers(["id", "repeat", "raw"]).to_pylist()
        rows = index.read(
            """select s.id, a.repeat, a.length, a.outcome, a.score
            from answers a join samples s using (sample)
            where a.cell = ?""",
            [one.number],
        )
        assert {r[:3] for r in rows} == {(a["id"], a["repeat"], len(a["raw"] or "")) for a in answers}
        aggregates = cell.aggregates()
        headline = aggregates["metrics"][aggregates["headline"]]
        if len(rows) == headline["components"][""]["groups"]:  # a sample is scored by itself
            counted = [r[4] for r in rows if r[4] is not None]
            assert sum(counted) / len(counted) == pytest.approx(headline["components"][""]["value"])
            outcomes = {OUTCOMES[r[3]] for r in rows}
            assert outcomes == {o for o, n in headline["components"][""]["outcomes"].items() if n}


def test_only_what_changed_is_put_in_again(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(copy)
    put_in: list[str] = []
    insert = CellRows.insert
    monkeypatch.setattr(CellRows, "insert", lambda self: (put_in.append(self._cell.task), insert(self))[1])
    assert not index.refresh()
    hemm.run("baseline/random", "probe_shapes", limit=30, out=copy)
    assert index.refresh()
    assert put_in == ["probe_shapes"]
    (cell,) = [
        c for c in index.catalog.cells if (c.label, c.cell.task) == ("baseline/random", "probe_shapes")
    ]
    assert index.read("select count(*) from answers where cell = ?", [cell.number]) == [(30,)]
    shutil.rmtree(cell.cell.folder)
    assert index.refresh()
    assert index.read("select count(*) from answers where cell = ?", [cell.number]) == [(0,)]


@pytest.mark.parametrize(("what", "most"), [("SMALL", 10), ("FEW", 5)])
def test_an_index_in_a_file_is_taken_up_again(
    what: str, most: int, copy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is of many answers, and of many cells with few answers."""
    monkeypatch.setattr(build, what, most)
    first = index_of(copy)
    total = first.read("select count(*), count(distinct sample) from answers")
    assert list(cache.glob("explorer/*/index.duckdb"))
    assert not list(copy.rglob("*.duckdb"))
    first.close()
    monkeypatch.setattr(CellRows, "insert", lambda self: pytest.fail("put in again"))
    second = index_of(copy)
    assert second.read("select count(*), count(distinct sample) from answers") == total
    second.close()
    (file,) = cache.glob("explorer/*/index.duckdb")
    file.write_bytes(b"damaged" * 900)
    monkeypatch.undo()
    monkeypatch.setenv("HEMM_CACHE", str(cache))
    monkeypatch.setattr(build, what, most)
    third = index_of(copy)
    assert third.read("select count(*), count(distinct sample) from answers") == total
    third.close()


def test_the_profile_that_is_kept_follows_the_folder(copy: Path) -> None:
    explorer = Explorer(copy)
    client = Client(app_of(explorer))
    explorer.index.refresh()
    assert "3 models on 2 tasks" in words(client.get("/").text)
    shutil.rmtree(copy / "baseline-random")
    explorer.index.refresh()
    assert "2 models on 2 tasks" in words(client.get("/").text)


def test_a_damaged_part_is_named_and_not_shown(copy: Path) -> None:
    part = next(copy.rglob("part-*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    index = index_of(copy)
    (problem,) = index.catalog.problems
    assert part.relative_to(copy).as_posix() in problem
    assert str(copy) not in problem
    assert len(index.catalog.cells) == 5


def test_links_are_named_and_not_followed(copy: Path, tmp_path: Path, results: Path) -> None:
    """Whoever gives away a folder could lead its reader's explorer to any file by a link."""
    outside = Path(shutil.copytree(results, tmp_path / "outside"))
    (copy / "linked").symlink_to(outside, target_is_directory=True)
    part = next(copy.rglob("part-*.parquet"))
    kept = part.rename(tmp_path / "part")
    part.symlink_to(kept)
    index = index_of(copy)
    assert len(index.catalog.cells) == 5
    assert part.relative_to(copy).as_posix() in index.catalog.problems[0]
    assert index.catalog.notes[0].startswith("linked is a link")
    assert all("outside" not in str(c.cell.folder) for c in index.catalog.cells)


def test_replaced_answers_are_older_ones(tmp_path: Path) -> None:
    """A sample whose question changed is asked again: its first answer is kept and not counted."""
    samples = [fake.sample(n) for n in range(8)]
    fake.go(tmp_path, fake.Batched(), fake.FakePack(samples))
    changed = [
        fake.sample(n, fields={"question": f"Well: Is {n} even?"}) if n < 3 else s
        for n, s in enumerate(samples)
    ]
    fake.go(tmp_path, fake.Batched(), fake.FakePack(changed))
    index = index_of(tmp_path)
    assert index.read("select count(*) from answers") == [(8,)]
    assert index.read("select count(*) from older") == [(3,)]


def test_an_open_cell_is_in_the_catalog_and_has_no_scores() -> None:
    index = index_of(STORED / "v0_1_0/open")
    (cell,) = index.catalog.cells
    assert cell.cell.state == "open"
    assert index.read("select count(score) from answers") == [(0,)]
