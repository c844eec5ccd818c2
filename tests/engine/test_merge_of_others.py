"""Merging what is damaged, or somebody else's: no answer is lost without a word, nothing is run or copied."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fake
from fake import FakePack, Served, go, sample
from hemm.core import HemmError, Response
from hemm.data.checked import sealed
from hemm.data.files import read_table
from hemm.engine import stored_task
from hemm.engine.merge import merge, score_merged
from hemm.results import layout
from hemm.results.read import cells

COUNT = 40


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 20)


class Constant(Served):
    """Says the same to all questions, so that two samples' answers cannot be told apart by their text."""

    async def generate(self, request: Any) -> Response:
        await super().generate(request)
        return Response("yes")


def _shards(out: Path, *packs: FakePack, model: Callable[[], Served] = Served) -> list[Path]:
    """Two complete shards below ``out``: their cells."""
    for number in (1, 2):
        go(out, model(), packs[number % len(packs)], shard=f"{number}/2")
    return [next((out / "shards" / f"{n}-of-2").glob("*/*/*")) for n in (1, 2)]


def _pack(order: int = 1) -> FakePack:
    return FakePack([sample(n) for n in range(COUNT)][::order])


def _ids(out: Path) -> list[str]:
    (found,) = cells(out)
    return [i for seal in found.parts for i in read_table(found.folder / seal.file, ["id"])["id"].to_pylist()]


def _edit(cell: Path, change: Callable[[dict[str, Any]], object]) -> None:
    run = json.loads((cell / layout.RUN).read_text())
    run.pop("sha256", None)
    change(run)
    (cell / layout.RUN).write_text(json.dumps(sealed(run)))


def test_a_shard_with_a_damaged_part_is_not_complete(tmp_path: Path) -> None:
    pack = _pack()
    first, _ = _shards(tmp_path, pack)
    part = first / "answers" / "part-00000.parquet"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 4
    part.write_bytes(data)
    told: list[str] = []
    (one,) = merge(tmp_path, told=told.append)
    assert (one.state, one.missing) == ("open", ("shard 1/2",))
    assert any("part-00000.parquet is missing or damaged" in line for line in told)
    go(tmp_path, Served(), pack, shard="1/2")  # as the line says
    assert merge(tmp_path)[0].state == "sealed"
    assert sorted(_ids(tmp_path)) == [f"s{n:05d}" for n in range(COUNT)]


def test_a_cell_that_lost_answers_is_not_sealed_by_a_merge(tmp_path: Path) -> None:
    go(tmp_path / "a", Served(), _pack())
    go(tmp_path / "b", Served(), _pack(), limit=5)
    whole = next((tmp_path / "a").glob("*/*/*"))
    (whole / "answers" / "part-00001.parquet").unlink()
    (one,) = merge(tmp_path / "a", [tmp_path / "b"])
    assert one.state == "open"
    assert one.missing


def test_packs_in_another_order_lose_no_answer(tmp_path: Path) -> None:
    """The hash of a pack is of its samples, in any order: a row of one shard may be another sample's row of
    the other."""
    _shards(tmp_path, _pack(), _pack(-1), model=Constant)
    with pytest.raises(HemmError, match="in another order: prepare once"):
        merge(tmp_path)
    again = Constant()
    go(tmp_path, again, _pack(-1), shard="1/2")
    go(tmp_path, again, _pack(-1), shard="2/2")
    assert again.asked == []
    assert merge(tmp_path)[0].state == "sealed"
    assert _ids(tmp_path) == [f"s{n:05d}" for n in reversed(range(COUNT))]


@pytest.mark.parametrize("row", [0, -5, None], ids=str)
def test_an_order_that_is_none_is_one_line(tmp_path: Path, row: int | None) -> None:
    first, _ = _shards(tmp_path, _pack(), model=Constant)
    table = read_table(first / layout.ORDER)
    rows = [0, *table["row"].to_pylist()[1:-1], row]
    pq.write_table(pa.table({"id": table["id"], "row": pa.array(rows, pa.int64())}), first / layout.ORDER)
    with pytest.raises(HemmError, match=r"1-of-2.*order\.parquet is damaged"):
        merge(tmp_path)


def test_a_torn_order_is_one_line(tmp_path: Path) -> None:
    first, _ = _shards(tmp_path, _pack())
    path = first / layout.ORDER
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(HemmError, match=r"order\.parquet is damaged"):
        merge(tmp_path)


def test_roots_that_lie_in_one_another_and_roots_without_results(tmp_path: Path) -> None:
    _shards(tmp_path, _pack())
    assert merge(tmp_path, [tmp_path / "shards" / "1-of-2"])[0].state == "sealed"
    assert len(_ids(tmp_path)) == COUNT
    with pytest.raises(HemmError, match="shards holds no results"):
        merge(tmp_path, [tmp_path / "shards"])


def test_a_metric_that_a_shard_names_allows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric in a file runs code, and a judge is sent answers and the user's key."""
    ran, file = tmp_path / "ran", tmp_path / "other" / "metric.py"
    specs = [f"{file}:m", "judge:model=http://127.0.0.1:9/v1#x", "bleu\x1b[2J", "accuracy"]
    for one in _shards(tmp_path / "other", _pack()):
        _edit(one, lambda run: run["commands"][-1].update(options={"models": ["m"], "metrics": specs}))
    file.write_text(f"open({str(ran)!r}, 'w')\nm = None\n")
    (tmp_path / "out").mkdir()
    (one,) = merge(tmp_path / "out", [tmp_path / "other"])
    monkeypatch.setattr(stored_task, "task_of", lambda *given, **more: fake.task())
    told: list[str] = []
    score_merged(one.folder, told.append)
    assert not ran.exists()
    assert [("left out" in line and spec in line) for line, spec in zip(told, specs[:3], strict=True)] == [
        True
    ] * 3
    assert set(cells(tmp_path / "out")[0].aggregates()["metrics"]) == {"accuracy-v2"}


def test_pictures_are_copied_where_they_are_what_their_name_says(tmp_path: Path) -> None:
    good = fake.picture(3)
    first, _ = _shards(tmp_path / "other", _pack())
    names = {kind: f"{n:02x}" * 32 for n, kind in enumerate(("pipe", "lie"))}
    for name in (*names.values(), good.digest):
        (first / "media" / name[:2]).mkdir(parents=True)
    os.mkfifo(first / "media" / names["pipe"][:2] / names["pipe"])
    (first / "media" / names["lie"][:2] / names["lie"]).write_bytes(b"another picture")
    (first / "media" / good.digest[:2] / good.digest).write_bytes(good.data)
    (tmp_path / "out").mkdir()
    (tmp_path / "new").mkdir()
    told: list[str] = []
    (one,) = merge(tmp_path / "out", [tmp_path / "other"], told=told.append)
    assert [line for line in told if "2 files" in line]
    assert [p.name for p in (one.folder / "media").rglob("*") if p.is_file()] == [good.digest]
    for folder, name in (("media", names["lie"]), ("scores", "x.verdicts.jsonl")):
        path = first / folder / "zz" / name
        path.parent.mkdir(parents=True)
        path.symlink_to(tmp_path / "id_rsa")
        with pytest.raises(HemmError, match="is a link to somewhere else"):
            merge(tmp_path / "new", [tmp_path / "other"])
        path.unlink()


def test_temporary_files_with_any_number_are_swept(tmp_path: Path) -> None:
    first, _ = _shards(tmp_path, _pack())
    for name in ("x.99999999999999999999.tmp", "x.².tmp", ".tmp"):
        (first / name).write_bytes(b"")
    assert merge(tmp_path)[0].state == "sealed"


def test_merges_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    pack = FakePack([sample(n) for n in range(120)])
    out, draw = tmp_path / "out", random.Random(16)
    go(out, Served(), pack, limit=15)
    numbers = list(range(1, 5))
    for number in numbers:
        go(out, Served(), pack, shard=f"{number}/4")
    killed = 0
    for _ in range(25):
        child = os.fork()
        if child == 0:  # pragma: no cover
            try:
                merge(out)
            finally:
                os._exit(0)
        time.sleep(draw.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) < 0
        for cell in out.glob("fake-served/*/*/answers/part-00001.parquet"):
            if draw.random() < 0.5:  # so that the next merge has something to do
                cell.unlink()
    assert killed
    (one,) = merge(out)
    assert one.state == "sealed"
    go(tmp_path / "whole", Served(), pack)
    read = [
        [(found.folder / seal.file).read_bytes() for seal in found.parts]
        for (found,) in (cells(out), cells(tmp_path / "whole"))
    ]
    assert read[0] == read[1]
    assert not list((out / "shards").glob("before-*"))


_MERGED = {"own": True, "parts": [], "missing": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: run["selections"][0].update(shard="99/3\x1b[2J"), r"shard '99/3\\x1b\[2J'"),
        (lambda run: run["selections"][0].update(shard="auto"), "shard 'auto'"),
        (lambda run: run["selections"][0].update(shard=5), "shard is 5"),
        (lambda run: run["selections"][0].update(samples="7"), "samples is '7'"),
        (lambda run: run.pop("selections"), "selections is None"),
        (lambda run: run.pop("pack"), "pack is None"),
        (lambda run: run["pack"].update(rows=1e308), "rows is 1e"),
        (lambda run: run["commands"][0].update(started="now"), "started is 'now'"),
        (lambda run: run["commands"][0].pop("started"), "started is None"),
        (lambda run: run["commands"][0].update(options={"models": ["m"], "metrics": 5}), "metrics is 5"),
        (lambda run: run["tokens"].update(input="9"), "input is '9'"),
        (lambda run: run.update(merged={**_MERGED, "from": 3}), r"merged\.from is 3"),
    ],
)
def test_members_that_are_none_are_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Also where the file's own checksum holds: who writes a file writes its checksum."""
    first, _ = _shards(tmp_path, _pack())
    _edit(first, change)
    with pytest.raises(HemmError, match=said):
        merge(tmp_path)


def test_a_merge_of_the_newest_that_is_killed_at_any_step_is_completed_by_the_next(tmp_path: Path) -> None:
    """Killed before each change of a name, one after the other, until one gets through."""

    class Other(Served):
        async def generate(self, request: Any) -> Response:
            answer = await super().generate(request)
            return Response("yes") if request.sample_id == "s00003" else answer

    pack = _pack()
    _shards(tmp_path / "first", pack)
    merge(tmp_path / "first")
    go(tmp_path / "other", Other(), pack)
    wanted = [(c.folder / seal.file).read_bytes() for c in cells(tmp_path / "other") for seal in c.parts]
    steps = 0
    while True:
        work = tmp_path / f"work{steps}"
        for name in ("first", "other"):
            shutil.copytree(tmp_path / name, work / name)
        child = os.fork()
        if child == 0:  # pragma: no cover
            _kill_at(steps, work)
            merge(work / "first", [work / "other"], newest=True)
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        (one,) = merge(work / "first", [work / "other"], newest=True)
        assert (one.state, one.answers) == ("sealed", COUNT)
        (found,) = cells(work / "first")
        assert [(found.folder / seal.file).read_bytes() for seal in found.parts] == wanted
        assert not list((work / "first/shards").glob("before-*"))
        shutil.rmtree(work)
        if killed == 0:
            break
        assert killed == -signal.SIGKILL
        steps += 1
    assert steps > 10


def _kill_at(step: int, work: Path) -> None:  # pragma: no cover
    """End this process when it would move or remove the next file or folder after so many below ``work``: in
    the united cell all is moved into place, and nothing matters until the cell itself is."""
    left = step

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        name = str(arguments[0]) if arguments else ""
        if event in ("os.rename", "os.remove", "os.rmdir") and str(work) in name and "lock" not in name:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
