"""A million samples with a picture each: memory, going on, the single writer, and the merge of shards.

    python benchmarks/scale.py [--json] [--only memory|resume|writer|merge] [--rows 1000000] [--folder FOLDER]

memory  ``hemm run baseline/random`` from start-up to the printed profile: the highest memory of the process
        (VmHWM), how much it holds from a fifth of the answers to the last, and open files
resume  a run of a served model that was killed before its last answer, with a server at hand: seconds from
        process start to the first request
writer  answers a second that one process journals and seals, when they are there at once
merge   ``hemm merge`` of four shards of baseline/random

A calibration stands beside each: a loop in pure Python, and a buffer that is hashed. ``--folder`` keeps
the data and the packs for another run; the pack is made by ``hemm prepare``, which is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sides import calibration

SIDE = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=tuple(ROWS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the data are, or are made")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        STEPS[given.step](given.folder, given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        results: dict[str, Any] = {"rows": given.rows, "calibration": calibration()}
        for name, measure in ROWS.items():
            if given.only in (None, name):
                results[name] = measure(folder, given)
    print(json.dumps(results, indent=2) if given.json else _table(results))


# data


def _data(folder: Path, rows: int) -> Path:
    """A folder with one Parquet file of questions, written row group by row group, and its pack."""
    data = folder / f"data{rows}"
    if not (data / "data.parquet").exists():
        data.mkdir(parents=True, exist_ok=True)
        _write(data / "data.parquet", rows)
        _hemm(folder, "prepare", str(data)).wait()
    return data


def _write(path: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    texts = [(name, pa.string()) for name in ("id", "question", "answer")]
    schema = pa.schema([*texts, ("choices", pa.list_(pa.string())), ("image", picture)])
    with pq.ParquetWriter(path, schema, compression="none") as writer:
        for start in range(0, rows, 4096):
            numbers = range(start, min(rows, start + 4096))
            writer.write_table(pa.Table.from_pylist(list(map(_row, numbers)), schema))


def _row(number: int) -> dict[str, Any]:
    colours = ["red", "green", "blue"]
    return {
        "id": f"sample-{number:07d}",
        "question": f"Which colour has square {number}?",
        "answer": colours[number % 3],
        "choices": colours,
        "image": {"bytes": _png(number), "path": f"{number}.png"},
    }


def _png(number: int) -> bytes:
    import struct
    import zlib

    pixels = hashlib.shake_128(str(number).encode()).digest(SIDE * SIDE * 3)
    lines = b"".join(b"\0" + pixels[at : at + SIDE * 3] for at in range(0, len(pixels), SIDE * 3))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines, 1)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _hemm(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "hemm.cli", *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# memory


def _memory(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    data, out = _data(folder, given.rows), folder / "memory"
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    process = _hemm(folder, "run", "baseline/random", "--task", str(data), "--out", str(out))
    looks: list[dict[str, int]] = []
    while process.poll() is None:
        time.sleep(0.5)
        if look := _look(process.pid):
            looks.append({**look, "parts": len(list(out.glob("*/*/*/answers/*.parquet")))})
    assert process.returncode == 0
    parts = looks[-1]["parts"]
    asked = [look for look in looks if parts / 5 <= look["parts"] < parts]  # from a fifth to the last part
    return {
        "seconds": time.perf_counter() - began,
        "peak_mb": looks[-1]["VmHWM"] / 1024,
        "at_a_fifth_mb": asked[0]["VmRSS"] / 1024 if asked else None,
        "most_after_mb": max(look["VmRSS"] for look in asked) / 1024 if asked else None,
        "asking_peak_mb": asked[-1]["VmHWM"] / 1024 if asked else None,
        "most_files": max(look["files"] for look in looks),
        "files_at_a_fifth": asked[0]["files"] if asked else None,
    }


def _look(process: int) -> dict[str, int] | None:
    """Memory (KB) and open files of a process; None where it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        held = {
            name: int(rest.split()[0]) for name, _, rest in (x.partition(":") for x in lines) if "Vm" in name
        }
        return {
            "VmRSS": held["VmRSS"],
            "VmHWM": held["VmHWM"],
            "files": len(os.listdir(f"/proc/{process}/fd")),
        }
    except (OSError, KeyError):
        return None


# going on


def _resume(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    data = _data(folder, given.rows + 1)
    shutil.rmtree(folder / "resume", ignore_errors=True)
    env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
    server = subprocess.Popen(
        [sys.executable, __file__, "--step", "serve", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        model = f"http://127.0.0.1:{int(server.stdout.readline())}/v1#m"
        answer = [sys.executable, __file__, "--step", "answer", "--folder", str(folder)]
        killed = {**env, "MODEL": model, "DATA": str(data)}
        subprocess.run(answer, env=killed, stderr=subprocess.DEVNULL, check=True)
        began = time.time()
        run = _hemm(folder, "run", model, "--task", str(data), "--out", str(folder / "resume"))
        first = float(server.stdout.readline())
        worked = sum(map(int, Path(f"/proc/{run.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        run.wait()
    finally:
        server.terminate()
        server.wait()
    assert run.returncode == 0
    (told,) = (folder / "resume").glob("*/*/*/run.json")
    command = json.loads(told.read_text())["commands"][-1]
    return {
        "first_request_s": first - began,
        "first_request_processor_s": worked / os.sysconf("SC_CLK_TCK"),
        "asked": command["asked"],
        "all_s": time.time() - began,
    }


def _answer(folder: Path, given: argparse.Namespace) -> None:
    """Every answer but the last one, as if the served model had given them, and then a kill."""
    from hemm import tasks
    from hemm.core import BatchModel, Response
    from hemm.data.pack.prepare import ensure
    from hemm.engine.options import RunOptions, Silent
    from hemm.engine.run import run_cells
    from hemm.models import resolve

    served: Any = resolve(os.environ["MODEL"])
    (task,) = tasks.select([os.environ["DATA"]], suite=None, where=(), card=None)
    pack = ensure(task)

    class Stand(BatchModel):
        spec, identity, capabilities = served.spec, served.identity, served.capabilities
        protocol_extra, batch_size, left = served.protocol_extra, 64, len(pack)

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def generate_batch(self, requests: Any) -> list[Response]:
            self.left -= len(requests)
            if self.left <= 0:
                raise KeyboardInterrupt
            return [Response("red")] * len(requests)

    options = RunOptions(out=folder / "resume", score=False)
    try:
        asyncio.run(run_cells(options, [Stand()], [(task, pack)], Silent()))
    except KeyboardInterrupt:
        return


async def _serve() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "red"}, "finish_reason": "stop"}
    answer = json.dumps({"model": "m", "choices": [choice], "usage": {}}).encode()
    told = False

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal told
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                if head.startswith(b"post") and not told:
                    told = True
                    print(time.time(), flush=True)
                body = answer if head.startswith(b"post") else b'{"data": [{"id": "m"}]}'
                kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                writer.write(kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# the single writer


def _writer(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Answers of one part, journaled in batches of 64 and sealed: rows a processor second, and bytes."""
    from hemm.core import Message, Response, Sample
    from hemm.results import layout
    from hemm.results.answer_record import Answer, Call
    from hemm.results.cell import CellWriter

    cell, count = folder / "writer", layout.PART_ROWS
    shutil.rmtree(cell, ignore_errors=True)
    samples = [Sample(f"s-{n:07d}", references=("red",), choices=("red", "blue")) for n in range(64)]
    messages = (Message("user", ("Which colour has square 1234567?\nA. red\nB. blue\n",)),)
    answers = [Answer(s, {}, 0, s.sample_hash, messages, Response("red"), Call(0.0, 0.1)) for s in samples]
    began = time.process_time()
    with CellWriter(cell, {"pack": {"hash": "0"}}) as writer:
        writer.plan(count)
        for start in range(0, count, 64):
            records = ({**a.record(), "id": f"s-{start + n:07d}"} for n, a in enumerate(answers))
            writer.add([(start + n, record) for n, record in enumerate(records)])
        journaled, size = time.process_time() - began, (cell / layout.JOURNAL).stat().st_size
        began = time.process_time()
        asyncio.run(writer.seal_next())
        sealed = time.process_time() - began
    parts = sum(path.stat().st_size for path in cell.rglob("*.parquet"))
    return {
        "journal_rows_per_s": count / journaled,
        "seal_rows_per_s": count / sealed,
        "journal_bytes_a_row": size / count,
        "sealed_bytes_a_row": parts / count,
    }


# merge


def _merge(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    data, out = _data(folder, given.rows), folder / "merge"
    shutil.rmtree(out, ignore_errors=True)
    for number in range(1, 5):
        words = ("--task", str(data), "--out", str(out), "--shard", f"{number}/4")
        assert _hemm(folder, "run", "baseline/random", *words).wait() == 0
    code = (
        "import sys; from pathlib import Path; from hemm.engine.merge import merge; merge(Path(sys.argv[1]))"
    )
    began = time.perf_counter()
    merge = subprocess.Popen([sys.executable, "-c", code, str(out)])
    _, status, used = os.wait4(merge.pid, 0)
    merge.returncode = os.waitstatus_to_exitcode(status)
    assert merge.returncode == 0
    worked = used.ru_utime + used.ru_stime
    sizes = sum(path.stat().st_size for path in out.glob("*/*/*/answers/*.parquet"))
    return {
        "seconds": time.perf_counter() - began,
        "rows_per_processor_s": given.rows / worked,
        "peak_mb": used.ru_maxrss / 1024,
        "answer_bytes_a_row": sizes / given.rows,
    }


ROWS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "memory": _memory,
    "resume": _resume,
    "writer": _writer,
    "merge": _merge,
}
STEPS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "serve": lambda folder, given: asyncio.run(_serve()),
    "answer": _answer,
}
AIMS = {"peak_mb": "< 300 MB (memory)", "first_request_s": "< 5 s"}


def _table(results: dict[str, Any]) -> str:
    return "\n".join(_lines(results))


def _lines(results: dict[str, Any]) -> Iterator[str]:
    yield f"{results['rows']:,} samples with a picture each"
    for name, found in results.items():
        for what, value in found.items() if isinstance(found, dict) else ():
            number = "-" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
            yield f"{name:12} {what:24} {number:>12}   {AIMS.get(what, '')}"


if __name__ == "__main__":
    main()
