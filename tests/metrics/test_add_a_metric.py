"""A new metric touches three files: its own, the registry and the page of metrics."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = '        "accuracy": "hemm.metrics.text.answers:Accuracy",\n'
ROW = "| [Counts](metrics/answers.md) | `near_count` |\n"
COMMAND = "import sys; from hemm.cli import status; sys.exit(status(sys.argv[1:]))"


def example_metric() -> str:
    """The metric of CONTRIBUTING.md, which reads labels as numbers where they are some."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    block = re.search(r"^```python my_metric.py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1].replace("abs(answer - float(r))", "abs(len(answer) - len(r))")


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def hemm(home: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(home / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HEMM_CACHE": str(home.parent / "cache"),
    }
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(
        command, cwd=home.parent, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_metric_is_three_files_and_then_listed_scored_and_shown(tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(ROOT / "docs", home / "docs")
    before = files_of(home)

    (home / "src/hemm/metrics/text/counts.py").write_text(example_metric())
    registry = home / "src/hemm/metrics/__init__.py"
    text = registry.read_text("utf-8")
    assert text.count(REGISTRY) == 1
    own = '        "near_count": "hemm.metrics.text.counts:NearCount",\n'
    registry.write_text(text.replace(REGISTRY, REGISTRY + own))
    page = home / "docs/metrics.md"
    page.write_text(page.read_text("utf-8").replace("|---|---|\n", f"|---|---|\n{ROW}", 1))

    after = files_of(home)
    assert len([name for name in after if after[name] != before.get(name)]) == 3

    assert "near_count" in hemm(home, "metrics")
    run = ("run", "baseline/oracle", "baseline/random", "--task", "probe_shapes", "--limit", "12")
    hemm(home, *run, "--metric", "near_count", "--out", "results")
    values = []
    for aggregates in sorted((tmp_path / "results").rglob("aggregates.json")):
        scores = json.loads(aggregates.read_text())["metrics"]["near_count-v1"]
        values.append(scores["components"][""]["value"])
    assert len(values) == 2
    assert max(values) == 1
    assert min(values) < 1
