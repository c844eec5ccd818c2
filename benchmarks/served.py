"""``hemm run`` as a user starts it, against a server of this machine, beside a bare asyncio client.

    python benchmarks/served.py [--json] [--only start|delay|long|instant] [--rounds 3] [--small]

Server, bare client and ``hemm run`` are processes of their own, each pinned to a core where there are two;
the two sides take turns, and the median of the rounds is shown. The pack is there before, as it is for the
second model that a user asks. Pictures have 30 KB (``--small``: 250 bytes); 128 requests are in flight.

start    process start to the first request that reaches the server
delay    a server of 200 ms, 2,000 pictures: rate of the whole process, start-up to sealed and scored, as a
         share of the bare client's
long     the same with 20,000 pictures; processor seconds for 1,000 samples
instant  a server that answers at once, 20,000 pictures: the same share, and who was busy: a share of the bare
         client's rate means something only while the client, not the server, is what bounds it
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sides import calibration_line, spent, table, two_cores

IN_FLIGHT, DELAY, SIDE, SMALL_SIDE = 128, 0.2, 100, 8
FEW, MANY = 2_000, 20_000
SHARE = {"delay": "> 0.75", "long": "> 0.95", "instant": "> 0.25"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=("start", "delay", "long", "instant"))
    parser.add_argument("--rounds", type=int, default=3, help="of the short rows; the long ones have one")
    parser.add_argument("--small", action="store_true", help="pictures of 250 bytes")
    parser.add_argument("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)  # a process of its own
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        STEPS[given.step](given)
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, serving() as port:
        bench = Bench(Path(folder), port, SMALL_SIDE if given.small else SIDE)
        if given.only in (None, "start"):
            results["start"] = bench.start(max(given.rounds, 5))
        if given.only in (None, "delay"):
            results["delay"] = bench.pairs(FEW, DELAY, given.rounds)
        if given.only in (None, "long"):
            results["long"] = bench.pairs(MANY, DELAY, 1)
        if given.only in (None, "instant"):
            results["instant"] = bench.pairs(MANY, 0.0, min(given.rounds, 2))
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        print(calibration_line(), table(rows(results)), sep="\n")


class Bench:
    """The two sides against the server at ``port``; data and packs are made once for each size."""

    def __init__(self, folder: Path, port: int, side: int) -> None:
        self.folder, self.port, self.side = folder, port, side
        self.ours, self.server = two_cores()
        self.env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
        self.runs = 0

    def data(self, count: int) -> Path:
        folder = self.folder / f"data-{count}"
        if not folder.exists():
            pictures(folder, count, self.side)
            spent([*self.command(folder), "--limit", "1"], self.env)  # makes the pack
        return folder

    def command(self, data: Path) -> list[str]:
        self.runs += 1
        model = f"http://127.0.0.1:{self.port}/v1#m"
        out = self.folder / f"out-{self.runs}"
        given = ["--task", str(data), "--out", str(out), "--concurrency", str(IN_FLIGHT)]
        return [sys.executable, "-m", "hemm.cli", "run", model, *given]

    def start(self, rounds: int) -> dict[str, Any]:
        data = self.data(FEW)
        first, bare = [], []
        for _ in range(rounds):
            bare.append(spent([sys.executable, "-c", "pass"], self.env).wall)
            self.ask("/reset?delay=0")
            took = spent([*self.command(data), "--limit", "1"], self.env)
            first.append(self.ask("/told")["first"] - took.began)
        return {"first_s": statistics.median(first), "interpreter_s": statistics.median(bare)}

    def pairs(self, count: int, delay: float, rounds: int) -> dict[str, Any]:
        data = self.data(count)
        client = [sys.executable, __file__, "--step", "bare", "--folder", str(data), "--port", str(self.port)]
        found: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, command in (("bare", client), ("hemm", self.command(data))):
                self.ask(f"/reset?delay={delay}")
                took, told = spent(command, self.env, self.ours), self.ask("/told")
                assert told["posts"] == count, told
                for key, value in {
                    "rate": count / took.wall,
                    "cpu_s": took.cpu,
                    "server_cpu_s": told["cpu"],
                    "busy": took.cpu / took.wall,
                    "server_busy": told["cpu"] / took.wall,
                }.items():
                    found.setdefault(f"{name}_{key}", []).append(value)
        paired = zip(found["hemm_rate"], found["bare_rate"], strict=True)
        found["share"] = [ours / bare for ours, bare in paired]
        paired = zip(found["bare_cpu_s"], found["hemm_cpu_s"], strict=True)
        found["cpu_share"] = [bare / ours for bare, ours in paired]
        return {"count": count, **{name: statistics.median(values) for name, values in found.items()}}

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return json.load(answer)


def pictures(folder: Path, count: int, side: int) -> None:
    """A user's data set: a table and PNG files of noise, so that they do not compress."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    with open(folder / "data.jsonl", "w") as out:
        for n in range(count):
            pixels = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{n}.png", "PNG", compress_level=1)
            row = {"id": str(n), "image": f"{n}.png", "question": f"Is {n} red?", "answer": "yes"}
            out.write(json.dumps(row) + "\n")


# the bare client


def bare(given: argparse.Namespace) -> None:
    """A client of a few lines: as many connections as may be in flight, the same bodies."""
    paths = iter(sorted(given.folder.glob("*.png")))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", given.port)
        for path in paths:
            url = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
            content = [
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "text", "text": "Is it red?"},
            ]
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            lines = await reader.readuntil(b"\r\n\r\n")
            length = int(lines.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            json.loads(await reader.readexactly(length))
        writer.close()

    async def everyone() -> None:
        await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))

    asyncio.run(everyone())


# the server

_ANSWER = json.dumps(
    {
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 1},
    }
).encode()


class Server(asyncio.Protocol):
    """One connection. It reads no body, only counts its bytes, so that one core serves many clients."""

    delay, posts, first, cpu = 0.0, 0, 0.0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.head, self.missing, self.line = transport, b"", 0, b""

    def data_received(self, data: bytes) -> None:
        if self.missing > len(data):
            self.missing -= len(data)
            return
        if self.missing:
            data, self.missing = data[self.missing :], 0
            self.answer()
        data = self.head + data
        while data:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                break
            self.line = head.partition(b"\r\n")[0]
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if length > len(rest):
                self.missing, data = length - len(rest), b""
                break
            data = rest[length:]
            self.answer()
        self.head = data

    def answer(self) -> None:
        if not self.line.startswith(b"POST"):
            self.send(json.dumps(self.page(self.line.split()[1].decode())).encode())
            return
        Server.first = Server.first or time.monotonic()
        Server.posts += 1
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.send, _ANSWER)
        else:
            self.send(_ANSWER)

    def send(self, body: bytes) -> None:
        if not self.transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.transport.write(head % len(body) + body)

    @staticmethod
    def page(path: str) -> Any:
        path, _, query = path.partition("?")
        if path == "/reset":
            Server.delay, Server.cpu = float(query.partition("=")[2]), time.process_time()
            Server.posts, Server.first = 0, 0.0
        if path == "/told":
            used = time.process_time() - Server.cpu
            return {"posts": Server.posts, "first": Server.first, "cpu": used}
        return {"data": [{"id": "m"}]}


def serve(given: argparse.Namespace) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def serving() -> Iterator[int]:
    """The server in a process and on a core of its own: its port."""
    _, cores = two_cores()
    pinned = ["taskset", "-c", str(cores[0])] if cores else []
    command = [*pinned, sys.executable, __file__, "--step", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {"bare": bare, "serve": serve}


# the table


def rows(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was measured, its figure, and what is to be reached."""
    out: list[tuple[str, str, str]] = []
    if "start" in results:
        r = results["start"]
        out += [
            ("process start to first request, pack ready", f"{r['first_s']:.2f} s", "< 1.0 s"),
            ("  of it a bare interpreter", f"{r['interpreter_s']:.2f} s", ""),
        ]
    for name, aim in SHARE.items():
        if name not in results:
            continue
        r = results[name]
        server = "at once" if name == "instant" else f"{DELAY * 1000:.0f} ms"
        out += [
            (
                f"server {server}, {r['count']:,} pictures: share of a bare client's rate",
                f"{r['share']:.2f}",
                aim,
            ),
            (
                "  bare client, hemm run (the whole process)",
                f"{r['bare_rate']:.0f}/s, {r['hemm_rate']:.0f}/s",
                "",
            ),
            (
                "  processor seconds for 1,000 samples: bare client, hemm run",
                f"{r['bare_cpu_s'] / r['count'] * 1000:.3f}, {r['hemm_cpu_s'] / r['count'] * 1000:.3f}",
                "" if name == "delay" else "hemm < 0.3",
            ),
            (
                "  the same as a share (what the rates' share is on an idle machine)",
                f"{r['cpu_share']:.2f}",
                aim if name == "instant" else "",
            ),
            (
                "  busy: bare client and its server; hemm run and its server",
                f"{r['bare_busy']:.2f} {r['bare_server_busy']:.2f}; "
                f"{r['hemm_busy']:.2f} {r['hemm_server_busy']:.2f}",
                "",
            ),
        ]
    return out


if __name__ == "__main__":
    main()
