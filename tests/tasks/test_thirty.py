"""Every data set's task, from its original layout in small: prepared, checked, read by others, answered."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from scipy import stats

import hemm
from hemm.core import CorpusMetric, Task
from hemm.data.pack.prepare import prepare
from hemm.metrics import metric_key
from hemm.metrics import resolve as metric_of
from hemm.tasks import MORE, SUITES, resolve
from hemm.tasks.prompt import render
from hemm.testing import check_task
from layouts import write_layout

NAMES = [*SUITES["hemm"], *MORE]
FORMS = [f for name in NAMES for f in (name, *(f"{name}:{v}" for v in resolve(name).variants))]
CLOSED = [name for name in NAMES if resolve(name).answer.name in ("yes_no", "one_of")]
SAMPLES = 500


def original(name: str, folder: Path, n: int) -> Path:
    write_layout(name, folder, n)
    return folder


def scores(task: Task, model: str, out: Path) -> tuple[Any, dict[str, Any]]:
    """Score rows and aggregate of the task's first metric that needs no weights, for answers of ``model``."""
    cell = next(iter(hemm.run(model, task.name, out=out)))
    key = metric_key(next(m for m in map(metric_of, task.metrics) if "weights" not in m.needs))
    table = pq.read_table(cell.folder / "scores" / f"{key}.parquet")
    main = [row for row in table.to_pylist() if row["component"] == ""]
    aggregates = json.loads((cell.folder / "scores" / "aggregates.json").read_text())
    return main, aggregates["metrics"][key]


TABLE = Path(__file__).resolve().parents[2] / "docs/datasets.md"


def test_the_table_of_data_sets_is_whole_and_true() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    rows = {cells[0].strip("`"): cells[1:] for line in lines if (cells := line.strip("| ").split(" | "))}
    lacking = [f"| `{name}` |" for name in NAMES if name not in rows]
    assert not lacking, f"docs/datasets.md has no row that begins with {', '.join(lacking)}"
    assert sorted(rows) == sorted(NAMES)
    for name, (_, variants, metric, access) in rows.items():
        task = resolve(name)
        assert set(re.findall(r"`:(\w+)`", variants)) == set(task.variants), name
        assert metric.strip("`") == task.metrics[0], name
        assert access.partition(":")[0] == task.card.access, name


@pytest.mark.parametrize("name", FORMS)
def test_the_original_layout_is_prepared_read_and_answered(name: str, cache: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    task = resolve(name)
    folder = original(name, tmp_path / "original", 24)
    check_task(task, folder=folder)
    pack = prepare(task, folder=folder)
    assert pack.info["missing"]["count"] == 0, pack.info["missing"]
    assert len(pack) >= 4
    for sample in pack.samples():
        text = "".join(p for p in render(task, sample)[-1].parts if isinstance(p, str))
        for value in sample.fields.values():  # a line that ends with one is a line of its own
            assert not re.search(rf"{re.escape(value)}\w", text) or len(value) < 6, text
    others = load_dataset(
        "parquet", data_files=str(pack.path / "data/test-*.parquet"), cache_dir=str(tmp_path / "hf")
    )["train"]
    assert others["id"][:] == pack.index().ids
    for row, sample in zip(others, pack.samples(), strict=True):
        assert [p.size for p in row.get("images") or []] == [m.pixels().size for m in sample.media]
    rows, aggregate = scores(task, "baseline/oracle", tmp_path / "results")
    assert {row["outcome"] for row in rows} == {"ok"}
    ceiling = math.fsum(row["ceiling"] for row in rows) / len(rows)
    assert aggregate["components"][""]["value"] == pytest.approx(ceiling, abs=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_chance_is_what_guessing_scores(name: str, cache: Path, tmp_path: Path) -> None:
    task = resolve(name)
    pack = prepare(task, folder=original(name, tmp_path / "original", SAMPLES))
    assert len(pack) >= SAMPLES * 0.9
    rows, _ = scores(task, "baseline/random", tmp_path / "results")
    if isinstance(metric_of(task.metrics[0]), CorpusMetric):
        assert task.metrics[1] == "accuracy"
        cell = next(iter(hemm.load(tmp_path / "results")))
        table = pq.read_table(cell.folder / "scores" / "accuracy-v2.parquet").to_pylist()
        rows = [row for row in table if row["component"] == ""]
    assert all(row["chance"] is not None for row in rows)
    chance = [row["chance"] for row in rows]
    spread = math.sqrt(math.fsum(c * (1 - c) for c in chance)) / len(rows)
    z = stats.norm.isf(0.01 / len(CLOSED) / 2)
    found = math.fsum(row["value"] for row in rows) / len(rows)
    assert abs(found - math.fsum(chance) / len(rows)) <= z * spread
