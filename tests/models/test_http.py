"""Answers of model servers in every form that HTTP allows, and broken ones."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Awaitable, Callable

import pytest

from hemm.core import Generation, Message, Request, Response
from hemm.models import ModelOptions, resolve

TEXT = json.dumps({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}).encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def chunked(body: bytes) -> bytes:
    parts = [body[i : i + 7] for i in range(0, len(body), 7)]
    return b"".join(b"%x;note=1\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\nTrailer: x\r\n\r\n"


def sized(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


FORMS = {
    "length": sized(TEXT),
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(TEXT),
    "gzip": sized(gzip.compress(TEXT), OK + b"Content-Encoding: gzip\r\n"),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + sized(TEXT),
    "close": sized(TEXT, OK + b"Connection: close\r\n"),
    "http 1.0": sized(TEXT, b"HTTP/1.0 200 OK\r\n"),
    "until closed": OK + b"\r\n" + TEXT,
    "no reason": sized(TEXT, b"HTTP/1.1 200\r\n"),
}
BROKEN = {
    "no http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no status": b"HTTP/1.1 fine\r\n\r\n",
    "bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "cut head": b"HTTP/1.1 200 OK\r\nConte",
    "cut body": OK + b"Content-Length: 999\r\n\r\n{",
    "bad gzip": sized(b"nonsense", OK + b"Content-Encoding: gzip\r\n"),
    "silence": b"",
}


class Scripted:
    """Answers each request with ``answer`` as it is, counts connections, keeps what came."""

    def __init__(self, answer: bytes, closes: bool) -> None:
        self.answer, self.closes = answer, closes
        self.connections, self.heads = 0, []  # type: int, list[bytes]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                sized = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(sized[1]) if sized else 0)
                writer.write(self.answer)
                await writer.drain()
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def ask(server: Scripted, count: int = 3, host: str = "") -> list[Response]:
    """``count`` requests one after another."""

    async def run() -> list[Response]:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        settings = (("check_model", "false"), ("max_retries", "1"), ("retry_wait", "0"), ("timeout", "60"))
        model = resolve(f"http://{host or f'127.0.0.1:{port}'}/v1#m", ModelOptions(settings=settings))
        request = Request("s", 0, (Message("user", ("q",)),), Generation(), "k")
        generate: Callable[[Request], Awaitable[Response]] = model.generate  # type: ignore[attr-defined]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            patch.delenv("no_proxy", raising=False)
            await model.start()
            try:
                return [await generate(request) for _ in range(count)]
            finally:
                await model.close()
                listening.close()

    return asyncio.run(run())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_answer_is_read(form: str) -> None:
    server = Scripted(FORMS[form], closes=form in ("close", "http 1.0", "until closed"))
    answers = ask(server)
    assert [a.text for a in answers] == ["yes"] * 3
    assert [a.attempts for a in answers] == [1] * 3


def test_a_connection_is_used_again() -> None:
    server = Scripted(FORMS["chunked"], closes=False)
    ask(server, count=5)
    assert server.connections == 1


@pytest.mark.parametrize("form", BROKEN)
def test_no_whole_answer_is_a_failure_of_the_connection(form: str) -> None:
    server = Scripted(sized(b"{}"), closes=False)

    async def run() -> Response:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        settings = (("max_retries", "1"), ("retry_wait", "0"))
        model = resolve(f"http://127.0.0.1:{port}/v1#m", ModelOptions(settings=settings))
        await model.start()
        server.answer, server.closes = BROKEN[form], True
        request = Request("s", 0, (Message("user", ("q",)),), Generation(), "k")
        try:
            return await model.generate(request)  # type: ignore[attr-defined, no-any-return]
        finally:
            await model.close()
            listening.close()

    answer = asyncio.run(run())
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.permanent, answer.attempts) == ("connection", False, 2)
    assert "\n" not in answer.failure.message


def test_a_proxy_of_the_environment_is_used_for_other_machines_alone() -> None:
    server = Scripted(FORMS["length"], closes=False)
    assert ask(server, count=2, host="model.example")[1].text == "yes"
    assert all(b" http://model.example/v1/" in head.split(b"\r\n")[0] for head in server.heads)
    direct = Scripted(FORMS["length"], closes=False)
    ask(direct, count=1)
    assert all(b" /v1/" in head.split(b"\r\n")[0] for head in direct.heads)


def test_credentials_in_the_address_go_as_basic_authentication() -> None:
    server = Scripted(FORMS["length"], closes=False)

    async def run() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        model = resolve(f"http://me:p%40ss@127.0.0.1:{port}/v1#m")
        await model.start()
        await model.close()
        listening.close()

    asyncio.run(run())
    assert b"Authorization: Basic bWU6cEBzcw==" in server.heads[0]
