"""What a Ray cluster adds and costs: replicas on three nodes of this machine, in one run.

    python benchmarks/cluster.py [--json] [--only speed|memory] [--samples 200000]

speed   two replicas against one, runs taken in turn: a model that waits 50 ms a batch, and one that computes
        as long (which needs two processors that nobody else uses); answers a second from first to last
memory  the driver's resident memory, and what the object stores took of /dev/shm, while so many samples with
        two thousand pictures are asked, at a quarter, a half and the end; what crossed to each node
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
MODEL = """
import time
from hemm.core import BatchModel, Capabilities, Identity, Response

class Timed(BatchModel):
    spec, identity, capabilities = "timed", Identity("timed", "1"), Capabilities()

    def __init__(self, spec, options):
        self.batch_size = options.batch_size or 8
        self.way = dict(options.settings).get("way", "wait")

    def generate_batch(self, requests):
        end = (time.thread_time if self.way == "compute" else time.monotonic)() + 0.05
        if self.way == "wait":
            time.sleep(0.05)
        while self.way == "compute" and time.thread_time() < end:
            pass
        return [Response(str(sum(len(m.data) for m in r.media))) for r in requests]
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=("speed", "memory"))
    parser.add_argument("--samples", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _cluster(folder := Path(name)) as address:
        (folder / "model.py").write_text(MODEL)
        results: dict[str, Any] = {}
        if given.only != "memory":
            results["speed"] = {way: _speed(folder, address, way) for way in ("wait", "compute")}
        if given.only != "speed":
            results["memory"] = _memory(folder, address, given.samples)
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        for part, found in results.items():
            print(part, *(f"  {name}: {value}" for name, value in found.items()), sep="\n")


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """A head without processors and two nodes of one; the address."""
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "HEMM_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False}
    )
    try:
        for _ in range(2):
            cluster.add_node(**NODE)
        yield cluster.address
    finally:
        cluster.shutdown()


def _data(folder: Path, name: str, samples: int, pictures: int) -> Path:
    from PIL import Image

    place = folder / name
    place.mkdir()
    for n in range(pictures):
        Image.frombytes("RGB", (48, 48), os.urandom(48 * 48 * 3)).save(place / f"{n}.png")
    with (place / "data.jsonl").open("w") as file:
        for n in range(samples):
            row = {
                "id": str(n),
                "image": f"{n * pictures // samples}.png",
                "question": f"How {n}?",
                "answer": "1",
            }
            file.write(json.dumps(row) + "\n")
    return place


def _run(folder: Path, out: str, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hemm.cli", "run", "./model.py:Timed", "--out", out, *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _speed(folder: Path, address: str, way: str, turns: int = 3) -> dict[str, Any]:
    """Answers a second of one replica and of two, and their ratio: medians of runs taken in turn."""
    import pyarrow.parquet as pq

    place = folder / f"few-{way}"
    if not place.exists():
        _data(folder, place.name, 1200, 20)
    rates: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(turns):
        for count in rates:
            out = f"{way}-{count}-{turn}"
            more = ("--replicas", str(count), "--ray", address, "--set", f"way={way}")
            assert _run(folder, out, "--task", f"./{place.name}", *more).wait() == 0
            calls = pq.read_table(next((folder / out).rglob("calls*.parquet")))
            began = calls["started"].to_numpy()
            ended = began + calls["latency"].to_numpy()
            rates[count].append(len(began) / float(ended.max() - began.min()))
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    ratios = [b / a for a, b in zip(rates[1], rates[2], strict=True)]
    return {"one": round(one, 1), "two": round(two, 1), "ratios": [round(r, 2) for r in ratios]}


def _memory(folder: Path, address: str, samples: int) -> dict[str, Any]:
    place = _data(folder, "many", samples, 2000)
    (folder / "quick.py").write_text(MODEL.replace("0.05", "0.0"))
    subprocess.run(
        [sys.executable, "-m", "hemm.cli", "prepare", f"./{place.name}"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    os.rename(folder / "model.py", folder / "slow.py")
    os.rename(folder / "quick.py", folder / "model.py")
    before = shutil.disk_usage("/dev/shm").used
    run = _run(folder, "many-out", "--task", f"./{place.name}", "--batch-size", "64", "--ray", address)
    seen: list[tuple[float, float, float]] = []
    began = time.monotonic()

    def look() -> None:
        while run.poll() is None:
            try:
                resident = _resident(run.pid)
                stores = shutil.disk_usage("/dev/shm").used - before
            except (OSError, StopIteration):
                break
            seen.append((time.monotonic() - began, resident / 1e6, stores / 1e6))
            time.sleep(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    assert run.wait() == 0
    watcher.join()
    record = json.loads(next((folder / "many-out").rglob("run.json")).read_text())
    setup, asked = record["commands"][-1]["setup"], record["commands"][-1]["asked"]
    marks = {
        name: seen[int(len(seen) * part) - 1]
        for name, part in (("quarter", 0.25), ("half", 0.5), ("end", 1.0))
    }
    return {
        "samples": asked,
        "seconds": round(seen[-1][0]),
        "driver_mb": {name: round(mark[1]) for name, mark in marks.items()},
        "object_stores_mb": {name: round(mark[2], 1) for name, mark in marks.items()},
        "media_sent": [node["media_sent"] for node in setup["nodes"]],
    }


def _resident(pid: int) -> int:
    line = next(t for t in Path(f"/proc/{pid}/status").read_text().splitlines() if t.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
