"""A million samples with pictures: what one run holds in memory, and its open files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fake
from hemm.results.read import cell

COUNT = 1_000_000
ASKED_AND_SCORED = """
import sys
from pathlib import Path
from hemm.cli._process import frugal_memory
frugal_memory()  # before Arrow is imported, as the command does
from hemm.engine.options import RunOptions
from hemm.engine.run import run
(result,) = run(RunOptions(models=("baseline/random",), tasks=(sys.argv[1],), out=Path(sys.argv[2])))
print(result.folder, result.asked)
"""


@pytest.mark.full(minutes=40)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_million_samples_are_asked_and_scored_in_little_memory(tmp_path: Path) -> None:
    _write(tmp_path / "million")
    env = {**os.environ, "HEMM_CACHE": str(tmp_path / "cache")}
    prepare = [sys.executable, "-m", "hemm.cli", "prepare", str(tmp_path / "million")]
    subprocess.run(prepare, env=env, check=True, capture_output=True)
    command = [sys.executable, "-c", ASKED_AND_SCORED, str(tmp_path / "million"), str(tmp_path / "out")]
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    looks: list[dict[str, int]] = []
    while child.poll() is None:
        time.sleep(0.5)
        parts = len(list((tmp_path / "out").glob("*/*/*/answers/*.parquet")))
        if look := _look(child.pid):
            looks.append({**look, "rows": parts * 65_536})
    assert child.returncode == 0
    assert child.stdout is not None
    folder, asked = child.stdout.read().split()
    assert int(asked) == COUNT
    assert sum(part.rows for part in cell(Path(folder)).parts) == COUNT
    assert json.loads((Path(folder) / "run.json").read_text())["outcomes"]["ok"] == COUNT
    sealed = max(look["rows"] for look in looks)
    assert max(look["VmHWM"] for look in looks if look["rows"] < sealed) < 300 * 1024
    assert looks[-1]["VmHWM"] < 300 * 1024, "scored in the same process"
    late = [look for look in looks if look["rows"] >= 200_000]
    early = [look["VmRSS"] for look in late if look["rows"] < 400_000]
    asking = [look["VmRSS"] for look in late if look["rows"] < 900_000]
    assert max(asking) < max(early) + 20 * 1024
    assert (
        max(look["files"] for look in late)
        <= max(look["files"] for look in looks if look["rows"] < 400_000) + 2
    )


def _look(process: int) -> dict[str, int] | None:
    """Memory (KB) and open files of a process; None where it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        held = {
            line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))
        }
        return {**held, "files": len(os.listdir(f"/proc/{process}/fd"))} if len(held) == 2 else None
    except OSError:
        return None


def _write(folder: Path) -> None:
    """A Parquet file of questions with a picture each, of which few are equal, written chunk by chunk."""
    folder.mkdir()
    texts = [(name, pa.string()) for name in ("id", "question", "answer")]
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([*texts, ("choices", pa.list_(pa.string())), ("image", picture)])
    with pq.ParquetWriter(folder / "data.parquet", schema) as writer:
        for start in range(0, COUNT, 10_000):
            rows = [_row(number) for number in range(start, start + 10_000)]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _row(number: int) -> dict[str, Any]:
    colour = hashlib.sha256(str(number).encode()).digest()
    data = fake.picture(int.from_bytes(colour[:2], "big")).data
    return {
        "id": f"sample-{number:07d}",
        "question": f"Which colour has square {number}?",
        "answer": ("red", "green", "blue")[number % 3],
        "choices": ["red", "green", "blue"],
        "image": {"bytes": data, "path": f"{number}.png"},
    }
