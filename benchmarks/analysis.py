"""Statistics over many results: time and memory, each measured in a process of its own.

    python benchmarks/analysis.py [--json] [--only bootstrap|scores] [--scores 10000000] [--resamples 10000]

bootstrap  intervals of 11 models on 30 tasks of 1,000 samples (200 clusters each) from 10,000 resamples
scores     10 million stored scores, as Parquet score files of 11 models and 30 tasks: the mean and the
           number of answers of each model in each category of the six dimensions, by DuckDB from the files

Peak memory is VmHWM of the process. Making the files is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODELS, TASKS, SAMPLES, CLUSTER = 11, 30, 1_000, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=("bootstrap", "scores"))
    parser.add_argument("--scores", type=int, default=10_000_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--step", help=argparse.SUPPRESS)  # one measurement in a process of its own
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps({**STEPS[given.step](given), "peak_mb": _peak()}))
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "scores":
            results["bootstrap"] = _step("bootstrap", folder, given)
        if given.only != "bootstrap":
            made = _step("write", folder, given)
            results["scores"] = {**_step("summary", folder, given), "mb": made["mb"], "files": made["files"]}
    print(json.dumps(results, indent=2) if given.json else _table(results))


def _step(name: str, folder: str, given: argparse.Namespace) -> dict[str, Any]:
    sizes = ["--scores", str(given.scores), "--resamples", str(given.resamples)]
    command = [sys.executable, __file__, "--step", name, "--folder", folder, *sizes]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def _peak() -> float:
    """Peak resident memory of this process in MB (10^6 bytes); Linux tells it, elsewhere it is rusage's."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    import resource

    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def _bootstrap(given: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from hemm.stats.bootstrap import bootstrap_means, resampled_interval

    rng = np.random.default_rng(0)
    scores = (rng.random((TASKS, SAMPLES, MODELS)) < 0.6).astype(np.float64)
    clusters = np.arange(SAMPLES) // CLUSTER
    began = time.perf_counter()
    count = 0
    for task in range(TASKS):
        means = bootstrap_means(scores[task], clusters, given.resamples, seed=task)
        for model in range(MODELS):
            found = resampled_interval(scores[task][:, model], clusters, (0.0, 1.0), means[:, model])
            count += found.low is not None
    assert count == TASKS * MODELS
    return {"seconds": time.perf_counter() - began, "resamples": given.resamples, "intervals": count}


def _write(given: argparse.Namespace) -> dict[str, Any]:
    """Score files as ``hemm run`` leaves them: one for each model and task, labels that differ by sample."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from hemm.core import DIMENSIONS
    from hemm.results.layout import SCORE_SCHEMA

    rng = np.random.default_rng(0)
    rows = -(-given.scores // (MODELS * TASKS))
    left = given.scores
    size = files = 0
    for task in range(TASKS):
        columns = _fixed(rng, task, rows, DIMENSIONS)
        for model in range(MODELS):
            count = min(rows, left)
            left -= count
            failed = rng.random(rows) < 0.02
            values = pa.array((rng.random(rows) < 0.6).astype(np.float64), mask=failed)
            outcome = pa.array(np.where(failed, "unparsable", "ok"))
            own = {**columns, "value": values, "outcome": outcome}
            table = pa.table([own[name] for name in SCORE_SCHEMA.names], schema=SCORE_SCHEMA)
            folder = given.folder / f"model-{model}" / f"task-{task}" / "protocol" / "scores"
            folder.mkdir(parents=True)
            pq.write_table(table.slice(0, count), folder / "accuracy-1.parquet", compression="zstd")
            size += (folder / "accuracy-1.parquet").stat().st_size
            files += 1
    return {"mb": size / 1e6, "files": files}


def _fixed(rng: Any, task: int, rows: int, dimensions: Any) -> dict[str, Any]:
    """The columns that are the same for all models of a task."""
    import numpy as np
    import pyarrow as pa

    names = pa.array([f"task-{task}-{n:07d}" for n in range(rows)])
    clusters = pa.array([f"picture-{n // CLUSTER:07d}" for n in range(rows)])
    chosen = []
    for dimension in dimensions.values():
        # most tasks have one category of a dimension for all their samples, some have it by sample
        here = rng.integers(0, len(dimension.categories), rows if task % 5 == 0 else 1)
        chosen.append(np.array(dimension.categories, dtype=object)[np.broadcast_to(here, rows)])
    keys = pa.array(np.tile(np.array(list(dimensions), dtype=object), rows))
    items = pa.array(np.stack(chosen, axis=1).ravel())
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(dimensions))
    hashes = pa.array([f"{n:016x}" for n in rng.integers(0, 1 << 62, rows)])
    return {
        "group": names,
        "unit": names,
        "cluster": clusters,
        "labels": pa.MapArray.from_arrays(offsets, keys, items),
        "repeat": pa.array(np.zeros(rows, dtype=np.int32)),
        "component": pa.array([""] * rows),
        "cut": pa.array(np.zeros(rows, dtype=bool)),
        "ceiling": pa.array(np.ones(rows)),
        "chance": pa.array(np.full(rows, 0.25)),
        "majority": pa.array(np.full(rows, 0.3)),
        "response_hash": hashes,
    }


def _summary(given: argparse.Namespace) -> dict[str, Any]:
    import duckdb

    from hemm.core import DIMENSIONS

    began, worked = time.perf_counter(), time.process_time()
    with duckdb.connect(config={"threads": 2, "memory_limit": "1500MB"}) as database:
        files = given.folder / "*" / "*" / "*" / "scores" / "*.parquet"
        labels = ", ".join(
            f"map(string_split(keys, ','), string_split(words, ','))['{d}'] as {d}" for d in DIMENSIONS
        )
        names = ", ".join(DIMENSIONS)
        sets = ", ".join(f"(model, {d})" for d in DIMENSIONS)
        # grouping by texts takes half the time of grouping by maps
        found = database.execute(f"""
            with parts as (
                select filename, array_to_string(map_keys(labels), ',') as keys,
                       array_to_string(map_values(labels), ',') as words,
                       sum(case when outcome = 'error' then null else coalesce(value, 0) end) as total,
                       count(*) filter (outcome <> 'error') as n
                from read_parquet('{files}', filename = true)
                where component = ''
                group by filename, keys, words
            ),
            labelled as (select split_part(filename, '/', -5) as model, {labels}, total, n from parts)
            select model, {names}, sum(total) / sum(n) as mean, sum(n) as n
            from labelled group by grouping sets ({sets}) order by all
        """).fetchall()
    scores = sum(row[-1] for row in found) // len(DIMENSIONS)
    assert scores == given.scores, (scores, given.scores)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    return {"seconds": seconds, "cpu_seconds": cpu, "scores": int(scores), "rows": len(found)}


STEPS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "bootstrap": _bootstrap,
    "write": _write,
    "summary": _summary,
}


def _table(results: dict[str, Any]) -> str:
    rows: list[tuple[str, str, str]] = []
    if "bootstrap" in results:
        r = results["bootstrap"]
        what = f"{r['resamples']:,} resamples, {MODELS} models x {TASKS} tasks x {SAMPLES:,} samples"
        rows += [
            (what, f"{r['seconds']:.1f} s", "< 10 s"),
            ("  peak memory", f"{r['peak_mb']:.0f} MB", "< 1000"),
        ]
    if "scores" in results:
        r = results["scores"]
        what = f"{r['scores']:,} scores in {r['files']} files ({r['mb']:.0f} MB) by dimension"
        rows += [
            (what, f"{r['seconds']:.1f} s", "< 10 s"),
            ("  processor time of it, on two threads", f"{r['cpu_seconds']:.1f} s", ""),
            ("  peak memory", f"{r['peak_mb']:.0f} MB", "< 2000"),
        ]
    return "\n".join(f"{what:70} {value:>10}   {aim}" for what, value, aim in rows)


if __name__ == "__main__":
    main()
