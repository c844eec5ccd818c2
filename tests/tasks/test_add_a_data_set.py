"""A new data set touches three files: its own, the registry and the table of data sets."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MORE = "MORE: dict[str, str] = {\n"
ROW = "| `birds` | three pictures, one of three birds | none | `accuracy` | open: hub |\n"

COMMAND = "import sys; from hemm.cli import status; sys.exit(status(sys.argv[1:]))"


def example_task() -> str:
    """The task of CONTRIBUTING.md."""
    block = re.search(
        r"^```python my_task.py\n(.*?)^```$",
        (ROOT / "CONTRIBUTING.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert block is not None
    return block[1]


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
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=home.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_data_set_is_three_files_and_then_prepared_and_run(tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(ROOT / "docs", home / "docs")
    before = files_of(home)

    (home / "src/hemm/tasks/science/birds.py").write_text(example_task())
    registry = home / "src/hemm/tasks/registry.py"
    text = registry.read_text()
    assert text.count(MORE) == 1
    registry.write_text(text.replace(MORE, f'{MORE}    "birds": "hemm.tasks.science.birds:TASK",\n'))
    table = home / "docs/datasets.md"
    table.write_text(table.read_text() + ROW)

    after = files_of(home)
    assert len([name for name in after if after[name] != before.get(name)]) == 3

    (tmp_path / "birds/images").mkdir(parents=True)
    rows = []
    for number, bird in enumerate(("heron", "gull", "owl")):
        Image.new("RGB", (16, 16), (80 * number, 0, 0)).save(tmp_path / f"birds/images/{number}.png")
        row = {"id": number, "image": f"images/{number}.png", "question": "Which?", "bird": bird, "steps": 1}
        rows.append(json.dumps(row))
    (tmp_path / "birds/questions.jsonl").write_text("\n".join(rows))

    hemm(home, "prepare", "birds", "--from", "birds")
    hemm(home, "run", "baseline/oracle", "--task", "birds", "--out", "results")
    (aggregates,) = (tmp_path / "results").rglob("aggregates.json")
    accuracy = json.loads(aggregates.read_text())["metrics"]["accuracy-v2"]
    assert accuracy["components"][""]["value"] == 1
