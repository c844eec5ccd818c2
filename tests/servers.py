"""A local HTTP server that speaks the wire formats of model providers, with faults on demand.

with ChatServer() as server:
    server.url                  # http://127.0.0.1:PORT/v1, OpenAI's chat completions
    server.base                 # http://127.0.0.1:PORT, where Anthropic's, Google's and Azure's begin
    server.requests             # what arrived, in order
    server.faults = ["500"]     # the next requests end so, one each; then it answers again
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from wires import Google, Wire, read_body, wire_of


@dataclass
class Received:
    """One request: its body, the pictures' bytes in order, the headers (names in lower case), its path."""

    body: dict[str, Any]
    pictures: list[bytes]
    headers: dict[str, str]
    texts: list[str]
    path: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def fixed_answer(received: Received) -> str:
    """A deterministic answer: from the text and the pictures' bytes alone."""
    seen = hashlib.sha256(received.text.encode("utf-8", "surrogatepass"))
    for picture in received.pictures:
        seen.update(picture)
    return "yes" if seen.digest()[0] % 2 else "no"


@dataclass
class ChatServer:
    """Serves in a thread of its own. ``latency``: seconds before each answer.

    faults       one for each coming request, then none: 429, 429:SECONDS (Retry-After), any other status
                 number, reset (connection reset), truncated (body cut off), garbage (no JSON), hang,
                 content_filter, azure_filter (the prompt is filtered), refusal, length, empty, reasoning,
                 echo (an error that repeats the key), a finish reason of Google's (RECITATION), ok
    always       the fault of every request (after ``faults``); empty: none
    models       names in the list of models; None: 404
    rows         what the list of models says besides, by name
    key          the key it wants; empty: none
    slots        answers at a time: further requests wait; 0: any number
    port         0: one that is free
    most         requests in flight beyond which it answers 429; 0: any number
    """

    answer: Callable[[Received], str] = fixed_answer
    latency: float = 0.0
    faults: list[str] = field(default_factory=list)
    always: str = ""
    models: list[str] | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: str = ""
    slots: int = 0
    most: int = 0
    record: bool = True
    port: int = 0

    def __post_init__(self) -> None:
        self.requests: list[Received] = []
        self.asked = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/v1"

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
        self._free = asyncio.Semaphore(self.slots or 1_000_000)
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.port, limit=1 << 20, backlog=512
        )
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
        plain = unquote(path.partition("?")[0])
        wire = wire_of(plain, headers)
        if self.key and wire.key(headers) != self.key:
            wrong = f"Incorrect API key provided: {wire.key(headers)}"
            status = 400 if isinstance(wire, Google) else 401
            return await _send(writer, status, wire.error(401, wrong))
        if method == "GET":
            return await self._list(writer, wire, plain)
        if method != "POST" or not plain.endswith(PLACES):
            return await _send(writer, 404, wire.error(404, f"no such page: {path}"))
        body = read_body(content, headers.get("content-type", ""))
        if "deployments" in plain and self.models is not None and plain.split("/")[3] not in self.models:
            return await _send(writer, 404, {"error": {"code": "DeploymentNotFound", "message": "no such"}})
        if not body:
            return await _send(writer, 400, wire.error(400, "no messages"))
        received = Received(body, wire.pictures(body), headers, wire.texts(body), path)
        return await self._ask(writer, wire, received)

    async def _list(self, writer: asyncio.StreamWriter, wire: Wire, path: str) -> bool:
        if path.endswith("/key"):
            return await _send(writer, 200, {"data": {"label": "test"}})
        there = path.endswith("/models") or "/models/" in path
        if self.models is None or not there:
            return await _send(writer, 404, wire.error(404, "no such page"))
        if path.endswith("/models"):
            found = wire.models(self.models)
            for row in found.get("data", ()):
                row.update(self.rows.get(row["id"], {}))
            return await _send(writer, 200, found)
        name = path.partition("/models/")[2]
        if name not in self.models:
            return await _send(writer, 404, wire.error(404, f"no such model: {name}"))
        one = wire.models([name])
        row = (one.get("data") or one.get("models"))[0] | self.rows.get(name, {})
        return await _send(writer, 200, row)

    async def _ask(self, writer: asyncio.StreamWriter, wire: Wire, received: Received) -> bool:
        self.asked += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.record:
                self.requests.append(received)
            fault = self.faults.pop(0) if self.faults else self.always
            if self.most and self.in_flight > self.most:
                fault = "429"
            async with self._free:
                if self.latency and fault != "429":
                    await asyncio.sleep(self.latency)
            return await self._end(writer, wire, received, fault)
        finally:
            self.in_flight -= 1

    async def _end(self, writer: asyncio.StreamWriter, wire: Wire, received: Received, fault: str) -> bool:
        status, _, after = fault.partition(":")
        if status.isdigit():
            extra = {"Retry-After": after} if after else {}
            return await _send(writer, int(status), wire.error(int(status), f"injected {status}"), extra)
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "echo":
            return await _send(writer, 400, wire.error(400, f"you sent {wire.key(received.headers)}"))
        if fault == "azure_filter":
            return await _send(writer, *wire.filtered())
        found = wire.answer(received.body, self.answer(received), fault, len(received.pictures))
        whole = json.dumps(found).encode()
        if fault == "garbage":
            whole = b"<html>no JSON</html>"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
        writer.write(head.encode() + (whole[: len(whole) // 2] if fault == "truncated" else whole))
        await writer.drain()
        return fault != "truncated"


PLACES = ("/chat/completions", "/messages", ":generateContent", "/images/generations", "/images/edits")


async def _send(
    writer: asyncio.StreamWriter, status: int, data: object, extra: dict[str, str] | None = None
) -> bool:
    content = json.dumps(data).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{k}: {v}" for k, v in (extra or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
    await writer.drain()
    return True
