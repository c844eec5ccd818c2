"""Which accelerators answered: a column of the calls, counted in run.json, told where kinds differ."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.results.answer_record import CALL_SCHEMA
from hemm.results.places import places
from hemm.results.read import cells
from hemm.results.seal import write_calls

OURS = """
from hemm.core import BatchModel, Capabilities, Identity, Response

class Ours(BatchModel):
    spec, identity, capabilities, batch_size = "ours", Identity("ours", "1"), Capabilities(), 4

    async def start(self): ...
    async def close(self): ...

    def generate_batch(self, requests):
        return [Response("red") for _ in requests]
"""


def test_a_cell_that_goes_on_elsewhere_says_so_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ours.py").write_text(OURS)
    run = ["run", "./ours.py:Ours", "--task", "probe_shapes", "--out", "r"]
    for kind, limit in (("A100", "4"), ("L4", "10")):
        monkeypatch.setattr("hemm.models.process.placed.accelerator", lambda kind=kind: kind)
        assert status([*run, "--limit", limit]) == 0
    words = "accelerators of 2 kinds answered (A100: 4 answers; L4: 6 answers)"
    assert words in capsys.readouterr().err
    assert status(["profile", "r"]) == 0
    assert words in " ".join(capsys.readouterr().out.split())
    (cell,) = cells(Path("r"))
    assert cell.calls()["accelerator"].to_pylist() == ["A100"] * 4 + ["L4"] * 6
    assert status([*run, "--limit", "10", "--system", "Be brief."]) == 0
    other = next(c.protocol for c in cells(Path("r")) if c.protocol != cell.protocol)
    assert status(["diff", "r", "--model", cell.protocol[:8], "--model", other[:8]]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "probe_shapes: accelerators of different kinds answered" in told
    assert status(["run", "baseline/majority", "--task", "probe_shapes", "--limit", "4", "--out", "b"]) == 0
    (cell,) = cells(Path("b"))
    assert cell.run["places"] == []


def test_of_answers_that_were_replaced_the_newest_place_counts(tmp_path: Path) -> None:
    rows = [("a", 1.0, "A100"), ("b", 2.0, "A100"), ("a", 3.0, "L4"), ("b", 2.5, None)]
    known = [{"id": i, "repeat": 0, "started": s, "accelerator": kind} for i, s, kind in rows]
    write_calls(tmp_path, "calls.parquet", [pa.Table.from_pylist(known, schema=CALL_SCHEMA)])
    assert places(tmp_path / "calls.parquet") == [{"accelerator": "L4", "node": "", "answers": 1}]
    pq.write_table(pa.Table.from_pylist(known).drop(["accelerator"]), tmp_path / "old.parquet")
    assert places(tmp_path / "old.parquet") == []
