"""Servers that are gone without a word, that ask for patience, and that have odd names and bodies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hemm.cli import status
from hemm.core import Generation, HemmError, Message, Request, Response, UnknownName
from hemm.engine import pipeline
from hemm.models import ModelOptions, resolve
from hemm.models.api import remote
from hemm.models.api.limiter import Limiter
from hemm.models.retry import CallFailed, Policy, attempts, retry_after_in
from hemm.results.read import cells
from servers import ChatServer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A port at which ``serve`` handles each connection."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await serve(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        stop = asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stops: list[Callable[[], object]] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield ports[0]
    stops[0]()
    thread.join(10)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of forty questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEMM_API_KEY", raising=False)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = [{"id": f"q{n}", "question": f"Red {n}?", "answer": "yes"} for n in range(40)]
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
DEAD = {"accepts and never answers": b"", "header then nothing": HEAD, "half a body": HEAD + b'{"choices": ['}


@pytest.mark.parametrize("concurrency", ["auto", "16", "1"])
@pytest.mark.parametrize("kind", DEAD)
def test_a_server_that_never_answers_is_told_and_left_after_two_time_outs(
    kind: str,
    concurrency: str,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forty samples, six attempts each: what is counted is how often the server was tried."""
    monkeypatch.setattr(pipeline, "HEARTBEAT", 0.4)
    tried = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}")
            return
        tried += 1
        writer.write(DEAD[kind])
        await writer.drain()
        await asyncio.sleep(3600)

    with listening(serve) as port:
        words = ["run", f"http://127.0.0.1:{port}/v1#m", "--task", str(data), "--concurrency", concurrency]
        assert status([*words, "--set", "timeout=1"]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    width = {"auto": 4, "16": 16, "1": 1}[concurrency]
    assert tried <= 2 * width
    assert any("mine · m: waiting for" in line for line in said)
    assert any("timeout: no answer within 1 s" in line for line in said if "waiting for" in line)
    assert said[-1].startswith("hemm: stopped: ")
    assert "(silent: no answer within 1 s; no sign of life for" in said[-1]
    assert "40 answers still to ask; the same command goes on from there" in said[-1]


def test_a_server_that_dies_in_the_middle_is_left_and_the_same_command_goes_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(faults=["ok"] * 9, always="hang") as server:
        words = ["run", server.spec(), "--task", str(data), "--set", "timeout=2", "--concurrency", "4"]
        assert status(words) == 3
        assert server.asked <= 9 + 4 + 4 + 1  # two rounds, and the control request
        assert "(silent: " in capsys.readouterr().err.strip().splitlines()[-1]
        (cell,) = cells(Path("results"))
        answers = cell.answers()
        assert (answers.num_rows, answers["failure"].null_count) == (9, 9)
        server.always = ""
        assert status([*words, "--set", "timeout=60"]) == 0
    assert cells(Path("results"))[0].answers()["failure"].null_count == 40


def test_a_sample_on_which_a_server_hangs_is_its_error(data: Path) -> None:
    """The control request shows that the server is there."""

    class Hangs(ChatServer):
        async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
            return await super()._end(writer, wire, received, "hang" if "Red 7?" in received.text else "ok")

    with Hangs() as server:
        words = ["run", server.spec(), "--task", str(data), "--set", "timeout=2", "--concurrency", "1"]
        assert status([*words, "--limit", "10"]) in (0, 3)
        assert status(words) == 3
    (cell,) = cells(Path("results"))
    failed = [row for row in cell.answers().to_pylist() if row["failure"]]
    assert [(row["id"], row["failure_permanent"]) for row in failed] == [("q7", False)]
    assert cell.state == "sealed with 1 error"


def test_a_server_that_never_answers_is_told_before_the_first_sample(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    assert 2 * remote.PROBE_SECONDS < 60
    monkeypatch.setattr(remote, "PROBE_SECONDS", 0.3)
    with listening(serve) as port:
        spec = f"http://127.0.0.1:{port}/v1#m"
        assert status(["run", spec, "--task", str(data)]) == 2
        assert "no answer within 0.3 s; is it up?" in capsys.readouterr().err
        more = ["--set", "check_model=false", "--set", "timeout=0.3", "--concurrency", "2"]
        assert status(["run", spec, "--task", str(data), *more]) == 3  # it is enough to ask


def test_a_longer_wait_than_a_run_s_patience_stops_at_once_with_the_server_s_words(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(faults=["ok"] * 3, always="429:71000") as server:
        words = ["run", server.spec(), "--task", str(data), "--concurrency", "2"]
        assert status(words) == 3
        assert server.asked <= 3 + 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "(unavailable: HTTP 429: injected 429 (the server asks to wait for 71,000 s))" in last
    assert "37 answers still to ask" in last


def test_a_server_that_only_says_later_is_left_too() -> None:
    """By the limiter's own clock: an attempt each 100 s, each answered with 429 and a wait of 100 s."""

    async def run() -> tuple[int, Response]:
        gate, loop = Limiter(4, timeout=300.0), asyncio.get_running_loop()
        now, tries = [loop.time()], 0
        loop.time = lambda: now[0]  # type: ignore[method-assign]

        async def call() -> Response:
            nonlocal tries
            tries += 1
            now[0] += 100.0
            raise CallFailed("rate_limit", "HTTP 429: later", overload=True)

        answer = Response()
        while answer.failure is None or answer.failure.kind != "silent":
            answer = await attempts(Policy(base=0.0, max_retries=50), call, gate=gate)
        return tries, answer

    tries, answer = asyncio.run(run())
    assert tries <= 9  # 900 s: three time-outs
    assert answer.failure is not None
    assert "HTTP 429: later; nothing answered for" in answer.failure.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
    ],
)
def test_waits_in_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_in(headers) == seconds


# names


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("llava", ["llava:latest", "moondream:1.8b"]),  # Ollama
        ("llava:latest", ["llava"]),
        ("gemini-9", ["models/gemini-9"]),  # Google by OpenAI's schema
        ("models/gemini-9", ["gemini-9"]),
        ("openai/gpt-9", ["openai/*"]),  # LiteLLM
        ("anything", ["*"]),
    ],
)
def test_a_name_as_a_server_lists_it(name: str, listed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEMM_API_KEY", raising=False)
    with ChatServer(models=listed) as server:
        assert answered(server, name).failure is None
        assert server.requests[0].body["model"] == name


def test_an_unknown_name_says_how_it_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEMM_API_KEY", raising=False)
    with ChatServer(models=["llava:7b"]) as server:
        with pytest.raises(UnknownName, match="--set check_model=false asks it all the same"):
            answered(server, "llava")
        assert answered(server, "llava", ("check_model", "false")).failure is None


@pytest.mark.parametrize("fault", [401, 403, 404, 429, 500, 503, 308])
def test_check_model_false_is_enough(fault: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose list of models is refused, broken or elsewhere."""
    monkeypatch.delenv("HEMM_API_KEY", raising=False)

    class Listless(ChatServer):
        async def _list(self, writer: Any, wire: Any, path: str) -> bool:
            writer.write(b"HTTP/1.1 %d X\r\nLocation: /login\r\nContent-Length: 2\r\n\r\n{}" % fault)
            return True

    with Listless() as server:
        if fault != 404:
            with pytest.raises(HemmError, match=r"check_model=false|moved to /login"):
                answered(server, "m")
        assert answered(server, "m", ("check_model", "false")).failure is None


def answered(server: ChatServer, name: str, *settings: tuple[str, str]) -> Response:
    fast = (("max_retries", "0"), ("retry_wait", "0.001"), ("timeout", "60"))

    async def run() -> Response:
        model: Any = resolve(server.spec(name), ModelOptions(settings=(*fast, *settings)))
        await model.start()
        try:
            found: Response = await model.generate(
                Request("s", 0, (Message("user", ("q",)),), Generation(), "k")
            )
            return found
        finally:
            await model.close()

    return asyncio.run(run())


def test_a_pasted_address_of_a_page_is_one_line() -> None:
    with pytest.raises(HemmError, match="leave /chat/completions out"):
        resolve("http://127.0.0.1:8000/v1/chat/completions#m")


# bodies


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (
            '{"choices":[{"message":{"content":"Zürich"}}]}'.encode("latin-1"),
            "; charset=iso-8859-1",
            "Zürich",
        ),
        ('{"choices":[{"message":{"content":"Zürich"}}]}'.encode(), "; charset=iso-8859-1", "Zürich"),
        (b'{"choices":[{"message":{"content":"a \xff b"}}]}', "", "a \ufffd b"),
        (b'{"choices":[{"message":{"content":"a \xe2\x82 b"}}]}', "; charset=utf-8", "a \ufffd b"),
        (b'{"choices":[{"message":{"content":"a \xff b"}}]}', "; charset=klingon", "a \ufffd b"),
        ('{"choices":[{"message":{"content":"春"}}]}'.encode("gb18030"), "; charset=gb18030", "春"),
    ],
)
def test_a_body_is_read_as_well_as_it_can_be(
    content: bytes, kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEMM_API_KEY", raising=False)

    class Odd(ChatServer):
        async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
            head = f"HTTP/1.1 200 X\r\nContent-Type: application/json{kind}\r\nContent-Length: {len(content)}"
            writer.write(head.encode() + b"\r\n\r\n" + content)
            return True

    with Odd() as server:
        assert answered(server, "m").text == text
