"""A local HTTP server that speaks OpenAI's chat completions, with faults on demand.

with ChatServer() as server:
    server.url                  # http://127.0.0.1:PORT/v1
    server.requests             # what arrived, in order
    server.faults = ["500"]     # the next requests end so, one each; then it answers again
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One chat request: its JSON, the pictures' bytes in order, the headers (names in lower case)."""

    body: dict[str, Any]
    pictures: list[bytes]
    headers: dict[str, str]

    @property
    def text(self) -> str:
        parts = []
        for message in self.body["messages"]:
            content = message["content"]
            if isinstance(content, str):
                parts.append(content)
            else:
                parts += [p["text"] for p in content if p["type"] == "text"]
        return "\n".join(parts)


def fixed_answer(received: Received) -> str:
    """A deterministic answer: from the text and the pictures' bytes alone."""
    seen = hashlib.sha256(received.text.encode("utf-8", "surrogatepass"))
    for picture in received.pictures:
        seen.update(picture)
    return "yes" if seen.digest()[0] % 2 else "no"


@dataclass
class ChatServer:
    """Serves in a thread of its own. ``latency``: seconds before each answer.

    faults       one for each coming chat request, then none: 429, 429:SECONDS (Retry-After), any other status
                 number, reset (connection reset), truncated (body cut off), garbage (no JSON), hang,
                 content_filter, azure_filter, refusal, length, empty, reasoning, echo (an error that
                 repeats the authorization header), ok
    always       the fault of every request (after ``faults``); empty: none
    models       names at /v1/models; None: 404
    key          the bearer token it wants; empty: none
    """

    answer: Callable[[Received], str] = fixed_answer
    latency: float = 0.0
    faults: list[str] = field(default_factory=list)
    always: str = ""
    models: list[str] | None = None
    key: str = ""
    record: bool = True

    def __post_init__(self) -> None:
        self.requests: list[Received] = []
        self.asked = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def spec(self, name: str = "m") -> str:
        return f"{self.url}#{name}"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 20, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            wrong = f"Incorrect API key provided: {headers.get('authorization', 'none')}"
            return await _send(writer, 401, {"error": {"message": wrong, "code": "invalid_api_key"}})
        if method == "GET" and path.startswith("/v1/models"):
            if self.models is None:
                return await _send(writer, 404, {"error": {"message": "no such page"}})
            return await _send(writer, 200, {"object": "list", "data": [{"id": m} for m in self.models]})
        if method != "POST" or not path.startswith("/v1/chat/completions"):
            return await _send(writer, 404, {"error": {"message": f"no such page: {path}"}})
        return await self._chat(writer, headers, content)

    async def _chat(self, writer: asyncio.StreamWriter, headers: dict[str, str], content: bytes) -> bool:
        self.asked += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            body = json.loads(content)
            received = Received(body, _pictures(body), headers)
            if self.record:
                self.requests.append(received)
            fault = self.faults.pop(0) if self.faults else self.always
            if self.latency:
                await asyncio.sleep(self.latency)
            return await self._end(writer, received, fault)
        finally:
            self.in_flight -= 1

    async def _end(self, writer: asyncio.StreamWriter, received: Received, fault: str) -> bool:
        status, _, after = fault.partition(":")
        if status.isdigit():
            extra = {"Retry-After": after} if after else {}
            error = {"error": {"message": f"injected {status}", "type": "injected"}}
            return await _send(writer, int(status), error, extra)
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "echo":
            told = {"error": {"message": f"you sent {received.headers.get('authorization')}"}}
            return await _send(writer, 400, told)
        if fault == "azure_filter":
            error = {"code": "content_filter", "message": "The prompt was filtered"}
            return await _send(writer, 400, {"error": error})
        whole = json.dumps(_completion(received, self.answer(received), fault)).encode()
        if fault == "garbage":
            whole = b"<html>no JSON</html>"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
        writer.write(head.encode() + (whole[: len(whole) // 2] if fault == "truncated" else whole))
        await writer.drain()
        return fault != "truncated"


def _completion(received: Received, text: str, fault: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    finish = "stop"
    if fault == "content_filter":
        message["content"], finish = None, "content_filter"
    elif fault == "refusal":
        message["content"], message["refusal"] = None, "I cannot help with that."
    elif fault == "length":
        message["content"], finish = text[:1], "length"
    elif fault == "empty":
        message["content"] = ""
    elif fault == "reasoning":
        message["reasoning_content"] = "Let me think."
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
    if received.body.get("logprobs"):
        choice["logprobs"] = {"content": [{"token": text, "logprob": -0.25}]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": received.body["model"],
        "system_fingerprint": "fp_test",
        "choices": [choice],
        "usage": {"prompt_tokens": 10 + 100 * len(received.pictures), "completion_tokens": 1},
    }


def _pictures(body: dict[str, Any]) -> list[bytes]:
    found = []
    for message in body["messages"]:
        if isinstance(message["content"], list):
            urls = [p["image_url"]["url"] for p in message["content"] if p["type"] == "image_url"]
            found += [base64.b64decode(u.partition(",")[2], validate=True) for u in urls]
    return found


async def _send(
    writer: asyncio.StreamWriter, status: int, data: object, extra: dict[str, str] | None = None
) -> bool:
    content = json.dumps(data).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{k}: {v}" for k, v in (extra or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
    await writer.drain()
    return True
