"""What a limit asks: orders, what run.json says of them, and cells that an earlier version began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fake import Batched, FakePack, go, sample
from hemm.core import HemmError
from hemm.data.pack.selection import balanced_order, unit_order
from hemm.engine.options import RunOptions
from hemm.results.read import Cell, cell

# 90 of 100 are "even" in the sense of the stratum
PACK = FakePack([sample(n, stratum="rare" if n % 10 == 0 else "usual") for n in range(100)])
STRATA = {f"s{n:05d}": "rare" if n % 10 == 0 else "usual" for n in range(100)}


def asked(found: Cell) -> set[str]:
    return set(found.answers(["id"])["id"].to_pylist())


def begun_earlier(out: Path, limit: int) -> Path:
    """A cell as hemm 0.1.0 wrote it: balanced, its selection says no order, and there are no strata."""
    folder = go(out, Batched(), PACK, limit=limit, balanced=True).folder
    run = json.loads((folder / "run.json").read_text())
    for record in run["selections"]:
        assert record.pop("order") == "balanced"
    del run["sha256"]  # that version wrote no checksums, and no list of tables
    run = {key: value for key, value in run.items() if "strata.parquet" not in str(value)}
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "strata.parquet").unlink()
    return folder


def test_a_limit_is_random_and_balanced_where_it_is_asked(tmp_path: Path) -> None:
    plain = cell(go(tmp_path / "a", Batched(), PACK, limit=20).folder)
    assert asked(plain) == set(unit_order(STRATA)[:20])
    assert [(s["limit"], s["order"]) for s in plain.run["selections"]] == [(20, "random")]
    even = cell(go(tmp_path / "b", Batched(), PACK, limit=20, balanced=True).folder)
    assert asked(even) == set(balanced_order(STRATA)[:20])
    assert sum(STRATA[name] == "rare" for name in asked(even)) == 10
    assert [(s["limit"], s["order"]) for s in even.run["selections"]] == [(20, "balanced")]
    whole = cell(go(tmp_path / "c", Batched(), PACK).folder)
    assert "order" not in whole.run["selections"][0]
    assert whole.strata() is None


def test_the_cell_keeps_the_strata_of_what_was_chosen(tmp_path: Path) -> None:
    result = go(tmp_path, Batched(), PACK, limit=3)
    rows = cell(result.folder).strata().to_pylist()
    chosen = unit_order(STRATA)[:3]
    assert {r["id"]: r["stratum"] for r in rows if r["id"]} == {name: STRATA[name] for name in chosen}
    assert {r["stratum"]: (r["samples"], r["units"]) for r in rows} == {"rare": (10, 10), "usual": (90, 90)}
    go(tmp_path, Batched(), PACK, limit=100)
    assert cell(result.folder).strata() is None  # all were asked


def test_both_orders_in_one_cell_are_kept_and_asked_once(tmp_path: Path) -> None:
    model = Batched()
    folder = go(tmp_path, model, PACK, limit=20, balanced=True).folder
    go(tmp_path, model, PACK, limit=20)
    wanted = set(balanced_order(STRATA)[:20]) | set(unit_order(STRATA)[:20])
    assert asked(cell(folder)) == wanted
    assert len(model.asked) == len(wanted)
    assert [s["order"] for s in cell(folder).run["selections"]] == ["balanced", "random"]
    assert (
        go(tmp_path, model, PACK, limit=10).asked
        == go(tmp_path, model, PACK, limit=15, balanced=True).asked
        == 0
    )
    assert asked(cell(folder)) == wanted


def test_a_cell_of_an_earlier_version_goes_on_as_it_began(tmp_path: Path) -> None:
    folder = begun_earlier(tmp_path, 20)
    before = json.loads((folder / "run.json").read_text())
    model, said = Batched(), Said()
    assert go(tmp_path, model, PACK, watcher=said, limit=20).asked == 0
    now = json.loads((folder / "run.json").read_text())
    assert before.items() <= now.items()  # nothing new: not even a selection
    assert any("balanced over strata" in line for line in said.lines)
    assert go(tmp_path, model, PACK, limit=30).asked == 10
    assert asked(cell(folder)) == set(balanced_order(STRATA)[:30])
    assert go(tmp_path, model, PACK).asked == 70  # to the end
    assert len(set(model.asked)) == len(model.asked) == 80


def test_balanced_says_what_a_limit_takes(tmp_path: Path) -> None:
    for options in ({}, {"limit": 5, "until_ci": 3.0}):
        with pytest.raises(HemmError, match="--balanced"):
            RunOptions(out=tmp_path, balanced=True, **options)


class Said:
    """A watcher that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self


def test_balanced_beside_other_selections_is_told(tmp_path: Path) -> None:
    """The score is then weighted to be that of the data, which was not asked for."""

    def told(said: Said) -> list[str]:
        return [line for line in said.lines if "is ready" not in line]

    for first in (4, 100):
        said, out = Said(), tmp_path / str(first)
        go(out, Batched(), PACK, limit=first, watcher=said)
        assert not told(said)
        go(out, Batched(), PACK, limit=20, balanced=True, watcher=said)
        (line,) = told(said)
        assert "is not that of samples balanced over strata" in line
        assert "for that give another --out" in line
    said = Said()
    for limit in (20, 30):
        go(tmp_path / "alone", Batched(), PACK, limit=limit, balanced=True, watcher=said)
    assert not told(said)
    one = FakePack([sample(n, stratum="") for n in range(9)])
    go(tmp_path / "one", Batched(), one, limit=3, balanced=True, watcher=said)
    assert told(said)[-1].endswith("the data have one stratum: --balanced chooses as --limit alone does")
