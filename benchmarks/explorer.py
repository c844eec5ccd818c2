"""The explorer over generated answers: how long pages take, and what the server holds in memory.

    python benchmarks/explorer.py                        a million answers
    python benchmarks/explorer.py --answers 10000000     the full form
    python benchmarks/explorer.py --keep /tmp/answers    generate them once, and take them again

Answers are those of ten models to ten tasks, in sealed parts with scores and calls, as a run leaves them. A
server in a process of its own indexes and serves them. Beside each page stands what bare DuckDB takes in this
process for the same question to the Parquet files. Times are the middle one of several, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

import hemm
from hemm.core import digest
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA, CALL_SCHEMA
from hemm.results.checked import read_aggregates, read_run, write_checked, write_run
from hemm.results.seal import write_answers, write_calls

MODELS, TASKS = 10, 10
WORDS = (
    *("a", "red", "bus", "left", "of", "the", "blue", "house", "on", "stone"),
    *("at", "night", "with", "two", "dogs", "and", "one", "small", "tree"),
)


def generate(out: Path, answers: int) -> None:
    """Write the cells."""
    with tempfile.TemporaryDirectory() as made:
        result = hemm.run("baseline/random", "probe_shapes", limit=8, out=made)
        folder = result.cells[0].folder
        run, aggregates = read_run(folder), read_aggregates(folder)
    each = max(1, answers // (MODELS * TASKS))
    rng = np.random.default_rng(0)
    texts = pa.array([" ".join(rng.choice(WORDS, 12)) for _ in range(5_000)])
    for model in range(MODELS):
        for task in range(TASKS):
            _cell(out, run, aggregates, (model, task, each), texts)
        print(f"generated {(model + 1) * TASKS * each:,} answers", file=sys.stderr)


def _cell(out: Path, run: Any, aggregates: Any, which: tuple[int, int, int], texts: pa.Array) -> None:
    model, task, each = which
    rng = np.random.default_rng(model * 100 + task)
    protocol = digest([model, task], 64)
    folder = out / f"model-{model}" / f"task-{task}" / protocol[:12]
    (folder / layout.SCORES).mkdir(parents=True)
    number = np.arange(each)
    ids = pa.array([f"task-{task}-{n:07d}" for n in range(each)])
    right = rng.random(each) < 0.35 + 0.05 * model
    seals = []
    for part, start in enumerate(range(0, each, layout.PART_ROWS)):
        some = slice(start, min(each, start + layout.PART_ROWS))
        table = _answers(ids[some.start : some.stop], number[some], rng, texts)
        (folder / layout.ANSWERS).mkdir(exist_ok=True)
        seals.append(write_answers(folder, f"answers/part-{part:05d}.parquet", table))
    calls = {"id": ids, "repeat": np.zeros(each, np.int32), "attempts": np.ones(each, np.int32)}
    calls |= {"started": 1.7e9 + number * 0.01, "latency": rng.gamma(2.0, 0.4, each)}
    calls |= {"input_tokens": rng.integers(50, 900, each), "output_tokens": rng.integers(1, 60, each)}
    calls |= {"cost": rng.random(each) / 1e4}
    called = pa.table(
        [pa.array(calls[f.name], f.type) if f.name in calls else pa.nulls(each, f.type) for f in CALL_SCHEMA],
        schema=CALL_SCHEMA,
    )
    identity = {"name": f"model-{model}", "revision": "1"}
    write_run(
        folder,
        {
            **run,
            "task": f"task-{task}",
            "model": {**run["model"], **identity},
            "protocol": protocol,
            "protocol_spec": {**run["protocol_spec"], "model": identity, "template": f"{task}"},
            "parts": [s.to_json() for s in seals],
            "calls": write_calls(folder, layout.CALLS, [called]).to_json(),
            "files": {},
        },
    )
    _scores(folder, aggregates, ids, right, rng)


def _answers(ids: pa.Array, number: Any, rng: Any, texts: pa.Array) -> pa.Table:
    n = len(ids)
    kinds = ("count", "colour", "place", "size")
    labels = [
        [("reasoning", "more" if i % 3 else "less"), ("use_case", ("science", "hci")[i % 2])]
        for i in range(12)
    ]
    metadata = pa.array(
        [orjson.dumps({"kind": kinds[i % 4], "objects": i % 50}).decode() for i in range(100)]
    )
    columns: dict[str, Any] = {
        name: pa.nulls(n, ANSWER_SCHEMA.field(name).type) for name in ANSWER_SCHEMA.names
    }
    said = texts.take(pa.array(rng.integers(0, len(texts), n)))
    columns |= {"id": ids, "unit": ids, "cluster": ids, "repeat": pa.array(np.zeros(n, np.int32))}
    columns |= {"sample_hash": ids, "request_key": ids, "raw": said, "finish": pa.array(["stop"] * n)}
    columns |= {
        "prompt": texts.take(pa.array(number % len(texts))),
        "metadata": metadata.take(pa.array(number % 100)),
    }
    columns["labels"] = pa.array(labels, ANSWER_SCHEMA.field("labels").type).take(pa.array(number % 12))
    for name in ("media", "produced", "references", "choices", "options", "logprobs"):
        kind = ANSWER_SCHEMA.field(name).type
        columns[name] = pa.array([[]], kind).take(pa.array(np.zeros(n, np.int64)))
    return pa.table([columns[f.name].cast(f.type) for f in ANSWER_SCHEMA], schema=ANSWER_SCHEMA)


def _scores(folder: Path, aggregates: Any, ids: pa.Array, right: Any, rng: Any) -> None:
    n, schema = len(ids), layout.SCORE_SCHEMA
    failed = rng.random(n) < 0.02
    value = np.where(failed, np.nan, right.astype(np.float64))
    columns: dict[str, Any] = {f.name: pa.nulls(n, f.type) for f in schema}
    columns |= {"group": ids, "unit": ids, "cluster": ids, "repeat": pa.array(np.zeros(n, np.int32))}
    columns |= {"component": pa.array([""] * n), "value": pa.array(value, from_pandas=True)}
    columns |= {"outcome": pa.array(np.where(failed, "unparsable", "ok")), "cut": pa.array(np.zeros(n, bool))}
    columns |= {"ceiling": pa.array(np.ones(n)), "stage": pa.array(np.where(failed, "", "whole"))}
    table = pa.table([columns[f.name].cast(f.type) for f in schema], schema=schema)
    key = aggregates["headline"]
    path = folder / layout.SCORES / f"{key}.parquet"
    pq.write_table(table, path, compression="zstd")
    from hemm.core import digest_file

    row = {**aggregates["metrics"][key], "sha256": digest_file(path)}
    write_checked(folder / layout.SCORES / layout.AGGREGATES, {**aggregates, "metrics": {key: row}})


PAGES = {
    "first page": ("/answers", ""),
    "one model": ("/answers?model=model-3", "where filename like '%/model-3/%'"),
    "score, highest first": ("/answers?sort=score&dir=desc", ""),
    "slowest first": ("/answers?sort=latency&dir=desc", ""),
    "failed": ("/answers?outcome=unparsable", ""),
    "models differ": ("/answers?agree=differ", ""),
    "flipped": ("/answers?a=model-1&b=model-8&flip=gained", ""),
    "label and metadata": (
        "/answers?label=reasoning:more&meta=kind:count",
        "where map_extract(labels, 'reasoning')[1] = 'more' and metadata like '%count%'",
    ),
    "text in a filter": (
        "/answers?model=model-2&task=task-5&q=tree+tree+tree",
        "where filename like '%/model-2/task-5/%' and contains(lower(raw), 'tree tree tree')",
    ),
    "slices": ("/slices?by=task&across=model", ""),
    "tasks": ("/tasks", ""),
    "runs": ("/runs", ""),
}


def measure(out: Path, repeats: int) -> None:
    words = [sys.executable, "-m", "hemm.cli", "serve", str(out), "--port", "0"]
    began = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        base = server.stdout.readline().strip().rstrip("/")
        print(f"indexed and serving after {time.monotonic() - began:.1f} s")
        try:
            _pages(base, out, repeats)
            _memory(server.pid)
        finally:
            server.terminate()


def _pages(base: str, out: Path, repeats: int) -> None:
    database = duckdb.connect()
    database.execute("set memory_limit = '500MB'")
    source = f"from read_parquet('{out}/*/*/*/answers/*.parquet', filename = true)"
    print(f"{'page':24} {'explorer':>9} {'slowest':>9} {'bare DuckDB':>12}")
    with httpx.Client(trust_env=False, timeout=600) as client:
        for title, (address, where) in PAGES.items():
            own, bare = [], []
            for _ in range(repeats):
                start = time.perf_counter()
                answer = client.get(base + address)
                own.append(1e3 * (time.perf_counter() - start))
                if answer.status_code != 200:
                    raise SystemExit(f"{address}: {answer.status_code} {answer.text[:300]}")
                start = time.perf_counter()
                database.execute(f"select count(*) {source} {where}").fetchall()
                database.execute(f"select id, raw {source} {where} order by id limit 25").fetchall()
                bare.append(1e3 * (time.perf_counter() - start))
            print(f"{title:24} {statistics.median(own):9.0f} {max(own):9.0f} {statistics.median(bare):12.0f}")


def _memory(pid: int) -> None:
    status = Path(f"/proc/{pid}/status").read_text()
    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    for name, words in (("VmRSS", "now"), ("VmHWM", "at most")):
        print(f"server's memory {words}: {int(facts[name].split()[0]) / 1024:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="where the answers lie, or are to lie")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.keep or Path(temporary) / "results"
        os.environ.setdefault("HEMM_CACHE", str(Path(temporary) / "cache"))
        if not out.exists():
            generate(out, given.answers)
        measure(out, given.repeats)


if __name__ == "__main__":
    main()
