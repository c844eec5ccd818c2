"""What hemm adds to a model's own time: both sides of every comparison measured in one run.

    python benchmarks/overhead.py [--json] [--only nothing|served] [--samples 20000] [--requests 2000]

nothing  a model that answers at once, over samples with a small picture each: microseconds a sample from
plan to sealed
         parts, and with scoring; beside it the time to read the same pack and do nothing else; peak memory
served   ``hemm run`` as a user starts it, over pictures of 30 KB, against a local server that takes 200 ms,
128 in
         flight: samples/s of the whole process, beside a bare asyncio client that sends the same bodies
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

LATENCY, IN_FLIGHT, PICTURE_SIDE = 0.2, 128, 100


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=("nothing", "served"))
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)  # one measurement in a process of its own
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder, given)))
        return
    with tempfile.TemporaryDirectory() as folder:
        results: dict[str, Any] = {}
        if given.only != "served":
            results["nothing"] = _nothing(Path(folder) / "nothing", given)
        if given.only != "nothing":
            results["served"] = _served(Path(folder) / "served", given)
    print(json.dumps(results, indent=2) if given.json else _table(results))


def _step(name: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    sizes = ["--samples", str(given.samples), "--requests", str(given.requests)]
    command = [sys.executable, __file__, "--step", name, "--folder", str(folder), *sizes]
    env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
    env.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command line does
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


# a model that does nothing


def _nothing(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    _step("prepare", folder, given)
    read = _step("read", folder, given)
    run = _step("run", folder, given)
    return {**read, **run}


def _task(count: int) -> Any:
    from hemm.core import Card, Layout, Sample, Task
    from hemm.data.sources.kinds import Generated
    from hemm.parsing.formats import YesNo

    def samples(_: Path) -> Iterator[Sample]:
        for n in range(count):
            yield Sample(
                id=f"sample-{n:06d}",
                media=(_picture(n, 8),),
                fields={"question": f"Is the square number {n} red, or has it another colour?"},
                references=("yes" if n % 3 else "no",),
                metadata={"number": n},
            )

    return Task(
        name="overhead",
        card=Card("Overhead", labels={"use_case": "multimedia", "information_flow": "querying"}),
        sources=(Generated(Layout((), samples), revision=str(count)),),
        prompt="{{ image }}{{ question }}\n{{ instruction }}",
        answer=YesNo(),
        metrics=("accuracy",),
    )


def _picture(number: int, side: int) -> Any:
    import io

    import numpy as np
    from PIL import Image

    from hemm.core import Media

    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return Media(out.getvalue(), mime="image/png", name=f"{number}.png")


def _prepare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.data.pack.prepare import prepare

    return {"rows": len(prepare(_task(given.samples)))}


def _read(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.data.pack.prepare import prepare

    pack = prepare(_task(given.samples))
    began = time.perf_counter()
    count = sum(len(sample.media[0].data) > 0 for sample in pack.samples())
    return {"read_us": (time.perf_counter() - began) / count * 1e6}


def _run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.core import Capabilities, Identity, Request, Response
    from hemm.data.pack.prepare import prepare
    from hemm.engine.options import RunOptions, Silent
    from hemm.engine.run import run_cells
    from hemm.engine.score import score_cell

    class Nothing:
        spec, identity, capabilities, batch_size = "nothing", Identity("nothing"), Capabilities(), 64
        answer = Response("yes")

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            return [self.answer] * len(requests)

    task = _task(given.samples)
    pack = prepare(task)
    options = RunOptions(out=folder / "out", score=False)
    began, cpu = time.perf_counter(), time.process_time()
    (result,) = asyncio.run(run_cells(options, [Nothing()], [(task, pack)], Silent()))
    seconds, worked = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )
    assert result.state == "sealed", result
    began = time.perf_counter()
    score_cell(result.folder, task)
    scored = time.perf_counter() - began
    return {
        "samples": result.asked,
        "run_us": seconds / result.asked * 1e6,
        "run_cpu_us": worked / result.asked * 1e6,
        "score_us": scored / result.asked * 1e6,
        "peak_mb": peak,
    }


# a server that takes its time


async def _serve(ready: Callable[[int], None]) -> None:
    answer = json.dumps(
        {
            "model": "m",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 1},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    models = b'{"data": [{"id": "m"}]}'

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = lines.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                if lines.startswith(b"post"):
                    await asyncio.sleep(LATENCY)
                body = answer if lines.startswith(b"post") else models
                writer.write(head % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20, backlog=1024)
    ready(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _serving(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    asyncio.run(_serve(lambda port: print(port, flush=True)))
    return {}


def _pictures(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    with open(data / "data.jsonl", "w") as out:
        for n in range(given.requests):
            (data / f"{n}.png").write_bytes(_picture(n, PICTURE_SIDE).data)
            row = {"id": str(n), "image": f"{n}.png", "question": f"Is {n} red?", "answer": "yes"}
            out.write(json.dumps(row) + "\n")
    return {"bytes": sum(p.stat().st_size for p in data.glob("*.png")) / given.requests}


def _bare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Samples/s of a client of a few lines: as many connections as may be in flight, the same bodies."""
    port = int((folder / "port").read_text())
    paths = iter(sorted((folder / "data").glob("*.png")))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
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

    began = time.perf_counter()
    asyncio.run(everyone())
    return {"bare_per_s": given.requests / (time.perf_counter() - began)}


def _served(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    made = _step("pictures", folder, given)
    server = subprocess.Popen(
        [sys.executable, __file__, "--step", "serve", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        (folder / "port").write_text(str(port))
        env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
        task = ["--task", str(folder / "data"), "--out", str(folder / "out")]
        run = [sys.executable, "-m", "hemm.cli", "run", f"http://127.0.0.1:{port}/v1#m", *task]
        # makes the pack
        subprocess.run([*run, "--limit", "1"], env=env, check=True, stdout=subprocess.DEVNULL)
        bare = _step("bare", folder, given)
        whole = [*run, "--concurrency", str(IN_FLIGHT), "--revision", "fresh"]
        began = time.perf_counter()
        subprocess.run(whole, env=env, check=True, stdout=subprocess.DEVNULL)
        rate = given.requests / (time.perf_counter() - began)
    finally:
        server.terminate()
        server.wait()
    return {
        "requests": given.requests,
        "picture_kb": made["bytes"] / 1000,
        **bare,
        "hemm_per_s": rate,
        "share": rate / bare["bare_per_s"],
    }


STEPS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "prepare": _prepare,
    "read": _read,
    "run": _run,
    "serve": _serving,
    "pictures": _pictures,
    "bare": _bare,
}


def _table(results: dict[str, Any]) -> str:
    rows: list[tuple[str, str, str]] = []
    if "nothing" in results:
        r = results["nothing"]
        rows += [
            (
                f"do-nothing model, {r['samples']} samples: plan to sealed parts",
                f"{r['run_us']:.0f} us/sample",
                "< 150",
            ),
            ("  processor time of it", f"{r['run_cpu_us']:.0f} us/sample", ""),
            ("  reading the same pack, nothing else", f"{r['read_us']:.0f} us/sample", ""),
            ("  scoring afterwards", f"{r['score_us']:.0f} us/sample", ""),
            ("  peak memory", f"{r['peak_mb']:.0f} MB", "< 250"),
        ]
    if "served" in results:
        r = results["served"]
        rows += [
            (
                f"bare client, {r['requests']} pictures of {r['picture_kb']:.0f} KB",
                f"{r['bare_per_s']:.0f}/s",
                "",
            ),
            ("hemm run, the whole process", f"{r['hemm_per_s']:.0f}/s", ""),
            ("  share", f"{r['share']:.2f}", "> 0.6"),
        ]
    return "\n".join(f"{what:62} {value:>16}   {aim}" for what, value, aim in rows)


if __name__ == "__main__":
    main()
