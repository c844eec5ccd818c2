"""What servers and workers send: numbers that are none, bodies without end, JSON without bottom."""

from __future__ import annotations

import asyncio
import gzip
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake import Batched, FakePack, go, sample, task
from hemm.core import Failure, HemmError, Response, Usage
from hemm.engine.options import RunOptions
from hemm.engine.run import run_cells
from hemm.models import ModelOptions, resolve
from hemm.models.api import anthropic, http
from hemm.results.answer_record import Answer, Call, answer_batch, call_batch, restore
from hemm.results.journal import decode, encode
from hemm.results.read import cell
from hemm.results.stored_media import drawn_media

CHAT = b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":USAGE}'
CLAUDE = (
    b'{"type":"message","id":"1","role":"assistant","model":"m","content":[{"type":"text","text":"yes"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":USAGE}'
)
GEMINI = (
    b'{"candidates":[{"content":{"parts":[{"text":"yes"}]},"finishReason":"STOP"}],"usageMetadata":USAGE}'
)
LIST = (
    b'{"data":[{"type":"model","id":"m","display_name":"m","created_at":"2025-01-01T00:00:00Z"}],'
    b'"has_more":false,"first_id":"m","last_id":"m","name":"models/m"}'
)
Body = Callable[[], AsyncIterator[bytes]]


def whole(content: bytes) -> Body:
    async def parts() -> AsyncIterator[bytes]:
        yield content

    return parts


async def endless() -> AsyncIterator[bytes]:
    yield b'{"choices":[{"message":{"content":"'
    while True:
        yield b"a" * 65_536


@contextmanager
def serving(body: Body, *headers: str, models: bytes = LIST) -> Iterator[str]:
    """A server whose every answer is ``body``, in chunks: its address. ``models``: its list of models; empty:
    the body too. It reads each request whole: a socket closed with bytes unread resets the connection."""
    loop, ready, ends, ports = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), list[int]()
    plain = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close"
    head = "\r\n".join((plain, *headers))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            if sized := re.search(rb"(?i)content-length: (\d+)", request):
                await reader.readexactly(int(sized[1]))
            if models and request.startswith(b"GET"):
                writer.write(f"{plain}\r\nContent-Length: {len(models)}\r\n\r\n".encode() + models)
                await writer.drain()
                writer.close()
                return
            writer.write(f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            async for part in body():
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await ends.wait()
        server.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10)
    yield f"http://127.0.0.1:{ports[0]}"
    loop.call_soon_threadsafe(ends.set)
    thread.join(10)


def model_at(url: str, kind: str, monkeypatch: pytest.MonkeyPatch, **more: str) -> Any:
    """The model of this kind at the server ``url``."""
    settings = {"check_model": "false", "max_retries": "0", "timeout": "60", **more}
    spec = f"{url}/v1#m" if kind == "http" else f"{kind}/m"
    if kind != "http":
        pytest.importorskip({"anthropic": "anthropic", "google": "google.genai"}[kind])
        monkeypatch.setenv(f"{'gemini' if kind == 'google' else kind}_api_key".upper(), "sk-outside")
        settings["base_url"] = url
    return resolve(spec, ModelOptions(concurrency=4, settings=tuple(settings.items())))


class Heard:
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None: ...

    def begin(self, title: str, total: int) -> Any:
        return self

    def step(self, *facts: Any) -> None: ...

    def waits(self, words: str) -> None: ...

    def end(self) -> None: ...

    def done(self, title: str) -> None: ...


def run(out: Path, model: Any, heard: Heard, **options: Any) -> Any:
    pack = FakePack([sample(i, media=()) for i in range(3)])
    one = task(prompt="{{ question }}")
    chosen = RunOptions(out=out, **options)
    return asyncio.run(run_cells(chosen, [model], [(one, pack)], heard))[0]


NO_COUNTS = [
    "9223372036854775808",
    "1e30",
    "1e400",
    "-5",
    "NaN",
    '"12"',
    "true",
    "0.5",
    "1" + "0" * 400,
    "[]",
]


@pytest.mark.parametrize("number", NO_COUNTS)
@pytest.mark.parametrize(
    ("kind", "form", "name"),
    [
        ("http", CHAT, "prompt_tokens"),
        ("anthropic", CLAUDE, "input_tokens"),
        ("google", GEMINI, "promptTokenCount"),
    ],
)
def test_numbers_that_are_none_are_told_and_break_no_cell(
    tmp_path: Path, kind: str, form: bytes, name: str, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = f'{{"{name}":{number},"cost":-0.5}}'.encode()
    heard = Heard()
    with serving(whole(form.replace(b"USAGE", usage))) as url:
        result = run(tmp_path, model_at(url, kind, monkeypatch), heard)
    assert (result.state, result.errors) == ("sealed", [])
    found = cell(result.folder)
    assert found.calls()["input_tokens"].to_pylist() == [None] * 3
    assert found.calls()["cost"].to_pylist() == [None] * 3
    assert any("3 answers came with a number of tokens or a cost that is none" in x for x in heard.lines)


def test_a_negative_cost_buys_no_more_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[[http.models]]\nnames = ["m"]\ninput = 1.0\noutput = 1000.0\n')
    with serving(whole(CHAT.replace(b"USAGE", b'{"cost":-1e6}'))) as url:
        model = model_at(url, "http", monkeypatch, prices=str(prices))
        result = run(tmp_path / "r", model, Heard(), max_cost=0.02)
    assert "--max-cost" in result.stopped


@pytest.mark.parametrize("kind", ["http", "anthropic", "google"])
@pytest.mark.parametrize("body", ["endless", "bomb", "deep"])
def test_no_body_is_too_long_or_too_deep(
    kind: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONGEST_BODY", 4 << 20)
    monkeypatch.setattr(anthropic, "LONGEST_BODY", 4 << 20)
    bomb = gzip.compress(b'{"choices":[{"message":{"content":"' + b"a" * (256 << 20), 1)
    bodies = {"endless": endless, "bomb": whole(bomb), "deep": whole(b"[" * 200_000)}
    with serving(bodies[body], *(["Content-Encoding: gzip"] if body == "bomb" else [])) as url:
        result = run(tmp_path, model_at(url, kind, monkeypatch), Heard())
    assert "bad_response" in result.stopped  # no other answer came: the server is to blame
    assert body == "deep" or "more than 64 MiB" in result.stopped


def test_an_endless_list_of_models_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_BODY", 4 << 20)
    with serving(endless, models=b"") as url:
        model = model_at(url, "http", monkeypatch, check_model="true")
        with pytest.raises(HemmError, match="more than 64 MiB"):
            asyncio.run(model.start())


@pytest.mark.parametrize("kind", ["http", "google"])
def test_headers_of_gateways_are_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"http": CHAT, "google": GEMINI}[kind]
    with serving(whole(form.replace(b"USAGE", b"{}")), f"Content-Security-Policy: {'a' * 20_000}") as url:
        assert run(tmp_path, model_at(url, kind, monkeypatch), Heard()).errors == []


def test_probabilities_that_are_none_choose_no_option() -> None:
    from hemm.models.api.chat import read
    from hemm.models.retry import CallFailed

    for number in ("NaN", "1e400", "5", "1" + "0" * 400):
        top = f'[{{"token":"yes","logprob":{number}}},{{"token":"no","logprob":-0.5}}]'
        told = f'{{"content":[{{"token":"no","logprob":{number},"top_logprobs":{top}}}]}}'
        body = f'{{"choices":[{{"message":{{"content":"no"}},"logprobs":{told}}}]}}'.encode()
        with pytest.raises(CallFailed, match="option 'yes' is not among the 1 likeliest"):
            read(200, {}, body, ("yes", "no"))
        read(200, {}, body)


SAYS_HELLO = """
import json, os, sys
print(json.dumps({"type": "hello", "protocol": 1, "capabilities": {}}), flush=True)
for line in sys.stdin:
    if json.loads(line)["type"] == "shutdown":
        break
    print("[" * 200_000, flush=True)
"""


def test_a_worker_that_nests_without_end_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "deep.py"
    path.write_text(SAYS_HELLO)
    options = ModelOptions(settings=(("runner", "python"), ("start_timeout", "30")))
    with pytest.raises(HemmError, match="no message of the protocol"):
        asyncio.run(resolve(f"worker/{path}", options).start())


any_number = st.none() | st.integers() | st.floats() | st.sampled_from([2**63, -(2**63) - 1, 10**400, 1e30])
any_text = st.text(st.characters()) | st.sampled_from(["\x00", "\ud83d", "a\x00\udfffb", "\x1b[2J"])
responses = st.builds(
    Response,
    text=any_text,
    reasoning=any_text,
    finish=any_text,
    refusal=st.none() | any_text,
    options=st.lists(st.floats(), max_size=3).map(tuple),
    logprobs=st.lists(st.floats(), max_size=3).map(tuple),
    usage=st.builds(Usage, any_number, any_number, any_number),
    failure=st.none() | st.builds(Failure, any_text, any_text, st.booleans()),
    model=any_text,
    attempts=st.integers(0, 2**31 - 1),
)


@given(st.lists(responses, min_size=1, max_size=3))
def test_what_the_journal_takes_sealing_can_write(given_responses: list[Response]) -> None:
    one = sample(1)
    records = []
    for number, response in enumerate(given_responses):
        line = encode(Answer(one, {}, number, "k", (), response, Call(0.0, 0.0)).record())
        assert line.count(b"\n") == 1
        record = decode(line)
        assert record is not None
        records.append(record)
    rows = answer_batch(records).to_pylist()
    calls = call_batch(records).to_pylist()
    for response, row, call in zip(given_responses, rows, calls, strict=True):
        kept = restore(row, lambda digest: drawn_media(digest, Path()))[1]
        assert kept.text == response.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") or (
            any("\ud800" <= c <= "\udfff" for c in response.text)
        )
        for name in ("input_tokens", "output_tokens", "cost"):
            said, value = getattr(response.usage, name), call[name]
            assert value is None or (value == said and value >= 0)


def test_a_sealed_part_has_the_texts_as_they_came(tmp_path: Path) -> None:
    texts = ["a\x00b", "half \ud83d", "\x1b[31mred", "\u2028", "a" * 1_000_000]

    class Says(Batched):
        def generate_batch(self, requests: Any) -> list[Response]:
            return [Response(texts[int(r.sample_id[1:])], usage=Usage(2**70, -1, 1e400)) for r in requests]

    result = go(tmp_path, Says(), FakePack([sample(i) for i in range(5)]))
    expected = [text.replace("\ud83d", "\\ud83d") for text in texts]
    assert cell(result.folder).answers()["raw"].to_pylist() == expected


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("reasoning", None),
        ("finish", 3),
        ("options", (1, "a")),
        ("usage", (1, 2)),
        ("attempts", 2**40),
        ("media", b"x"),
    ],
)
def test_a_response_with_a_wrong_member_is_one_line(tmp_path: Path, member: str, value: Any) -> None:
    class Wrong(Batched):
        def generate_batch(self, requests: Any) -> list[Response]:
            return [Response(**{"text": "yes", member: value}) for _ in requests]

    with pytest.raises(HemmError, match=f"a Response whose {member} is"):
        go(tmp_path, Wrong(), FakePack([sample(i) for i in range(2)]))
