"""One model behind several servers: which is asked, and what happens when one is gone or comes back."""

from __future__ import annotations

import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fake import FakePack, go, sample
from hemm.core import HemmError
from hemm.engine.options import Silent
from hemm.models import ModelOptions, resolve
from hemm.models.api import fleet
from hemm.results.read import cells
from servers import ChatServer


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "AGAIN_SECONDS", 0.2)


class _Listening(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def waits(self, text: str) -> None:
        self.lines.append(text)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _spec(*servers: ChatServer, name: str = "m") -> str:
    return ",".join(server.url for server in servers) + f"#{name}"


def _questions(count: int, pictures: int) -> list[Any]:
    """Questions of which several are about one picture."""
    shown = [sample(n).media for n in range(pictures)]
    return [sample(n, media=shown[n % pictures], cluster=f"c{n % pictures}") for n in range(count)]


def test_questions_about_one_picture_go_to_one_server_and_the_load_to_both(tmp_path: Path) -> None:
    pack = FakePack(_questions(240, 60))
    with ChatServer(latency=0.01) as one, ChatServer(latency=0.01) as two:
        go(tmp_path / "two", resolve(_spec(one, two)), pack, concurrency=16)
        asked = [Counter(r.pictures[0] for r in server.requests) for server in (one, two)]
        both = set(asked[0]) & set(asked[1])
        shares = [sum(counts.values()) / 240 for counts in asked]
        (cell,) = cells(tmp_path / "two")
        (told,) = [command["setup"]["endpoints"] for command in cell.run["commands"]]
        go(tmp_path / "one", resolve(_spec(one)), pack, concurrency=16)
    assert sum(shares) == 1
    assert min(shares) > 0.25
    assert len(both) < 30  # a busy server's pictures may go to the other
    assert sorted(e["answers"] for e in told) == sorted(sum(counts.values()) for counts in asked)
    assert all(e["rate"] > 0 for e in told)
    (alone,) = cells(tmp_path / "one")
    assert cell.protocol == alone.protocol  # how many servers there are is no part of the question
    for seal, other in zip(cell.parts, alone.parts, strict=True):
        assert seal.sha256 == other.sha256


def test_a_server_that_dies_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from fake import task
    from hemm.engine.options import RunOptions
    from hemm.engine.run import run_cells

    pack = FakePack(_questions(900, 300))
    port, heard = _free_port(), _Listening()
    with ChatServer(latency=0.01) as steady:
        dying = ChatServer(latency=0.01, port=port)
        back = ChatServer(latency=0.01, port=port)
        dying.__enter__()
        spec = f"{steady.url},http://127.0.0.1:{port}/v1#m"

        async def life() -> None:
            while len(dying.requests) < 100:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(dying.__exit__, None, None, None)
            await asyncio.sleep(0.4)
            await asyncio.to_thread(back.__enter__)

        async def both() -> Any:
            ends = asyncio.create_task(life())
            options = RunOptions(out=tmp_path, concurrency=8)
            model = resolve(spec, ModelOptions(concurrency=8))
            found = await run_cells(options, [model], [(task(), pack)], heard)
            await ends
            return found[0]

        try:
            result = asyncio.run(both())
        finally:
            back.__exit__(None, None, None)
        received = [len(server.requests) for server in (steady, dying, back)]
    assert result.state == "sealed"
    (cell,) = cells(tmp_path)
    answers = cell.answers(["id", "failure"]).to_pylist()
    assert len({row["id"] for row in answers}) == 900
    assert not [row for row in answers if row["failure"]]
    assert 900 <= sum(received) <= 900 + 3 * 8  # only what was in flight was asked again
    assert received[2] > 0
    said = "\n".join(heard.lines)
    assert f"127.0.0.1:{port} is left out (connection" in said
    assert f"127.0.0.1:{port} is back" in said
    rows = {e["endpoint"]: e for e in cell.run["commands"][0]["setup"]["endpoints"]}
    assert rows[f"http://127.0.0.1:{port}"]["lost"] > 0
    assert rows[steady.base]["lost"] == 0


def test_all_gone_stops_the_run_and_one_absent_at_the_start_does_not(tmp_path: Path) -> None:
    pack = FakePack([sample(n) for n in range(40)])
    gone = [f"http://127.0.0.1:{_free_port()}/v1" for _ in range(2)]
    with pytest.raises(HemmError, match="no server for"):
        go(tmp_path, resolve(",".join(gone) + "#m"), pack)
    with ChatServer() as server:
        result = go(tmp_path, resolve(f"{gone[0]},{server.url}#m"), pack)
    assert result.state == "sealed"
    assert len(server.requests) == 40


def test_a_file_of_addresses_is_watched(tmp_path: Path) -> None:
    pack, file = FakePack(_questions(400, 200)), tmp_path / "endpoints"
    with ChatServer(latency=0.01) as one, ChatServer(latency=0.01) as two:

        def answer(received: Any) -> str:
            if len(one.requests) < 40:
                return "yes"
            if not two.asked:
                text = f"# both now\n{one.url}\n{two.url}\n"
                if file.read_text() != text:
                    (tmp_path / "next").write_text(text)
                    (tmp_path / "next").replace(file)
                time.sleep(0.05)  # so that questions are left when the file is looked at
            return "yes"

        one.answer = answer
        file.write_text(f"{one.url}\n")
        model = resolve(_spec(one), ModelOptions(concurrency=4, settings=(("endpoints", str(file)),)))
        result = go(tmp_path / "out", model, pack, concurrency=4)
    assert result.state == "sealed"
    assert len(two.requests) > 0
    assert len(one.requests) + len(two.requests) == 400


@pytest.mark.parametrize(
    ("spec", "settings", "said"),
    [
        ("http://a:1/v1,#m", {}, "no address"),
        ("http://a:1/v1,ftp://b/v1#m", {}, "no address"),
        ("http://a:1/v1,http://b:1/v1", {}, "names no model"),
        ("http://a:1/v1#m", {"endpoints": "/nowhere"}, "/nowhere"),
        ("http://a:1/v1#m", {"endpoints": "/dev/null"}, "holds no address"),
    ],
)
def test_addresses_that_are_none(spec: str, settings: dict[str, str], said: str) -> None:
    with pytest.raises(HemmError, match=said):
        resolve(spec, ModelOptions(settings=tuple(settings.items())))


def test_addresses_of_other_models_are_refused(tmp_path: Path) -> None:
    pack = FakePack([sample(n) for n in range(4)])
    rows = {"m": {"architecture": {"input_modalities": ["text"]}}}
    with ChatServer(models=["m"]) as one, ChatServer(models=["other"]) as two:
        with pytest.raises(HemmError, match="other"):
            go(tmp_path, resolve(_spec(one, two)), pack)
        two.models, two.rows = ["m"], rows
        with pytest.raises(HemmError, match="not one model"):
            go(tmp_path, resolve(_spec(one, two)), pack)
    assert not one.requests


def test_wrong_lines_of_a_watched_file_are_told_once_and_the_watch_goes_on(tmp_path: Path) -> None:
    """A line that is half written, and servers that have another model or take other inputs."""
    pack, file = FakePack(_questions(400, 200)), tmp_path / "endpoints"
    with (
        ChatServer(latency=0.05, models=["m"]) as one,
        ChatServer(models=["another"]) as other,
        ChatServer(models=["m"]) as good,
    ):

        def answered(received: Any) -> str:
            seen = any("is not asked" in line for line in watcher.lines)
            text = f"{one.url}\n{good.url}\n" if seen else f"{one.url}\nhtt\n{other.url}\n"
            if file.read_text() != text:
                (tmp_path / "next").write_text(text)
                (tmp_path / "next").replace(file)
            return "yes"

        watcher, one.answer = _Listening(), answered
        file.write_text(f"{one.url}\n")
        model = resolve(_spec(one), ModelOptions(concurrency=4, settings=(("endpoints", str(file)),)))
        done = go(tmp_path / "out", model, pack, watcher=watcher)
        assert (done.state, done.answers) == ("sealed", 400)
        assert other.asked == 0
        assert good.asked > 0, watcher.lines
    told = [line for line in watcher.lines if line.startswith("'htt' is no address")]
    assert len(told) == 1, watcher.lines
    assert len([line for line in watcher.lines if "is not asked" in line and "another" in line]) == 1


def test_a_server_whose_address_moved_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    with ChatServer(models=["m"]) as one, ChatServer(models=["m"], always="302") as two:
        done = go(tmp_path, resolve(_spec(one, two)), FakePack(_questions(60, 30)))
    assert (done.state, done.answers, done.stopped) == ("sealed", 60, "")
    assert len(two.requests) > 0
