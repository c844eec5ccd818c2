"""A new data set is one file; what else one of hemm's own needs is named by the tests that fail."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
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


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(home / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HEMM_CACHE": str(home.parent / "cache"),
    }


def hemm(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=home.parent,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made(tmp_path: Path, *folders: str) -> Path:
    """A copy of these folders of the checkout, with the task of CONTRIBUTING.md as one of hemm's."""
    home = tmp_path / "copy"
    for folder in folders:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, home / folder, ignore=ignored)
    (home / "src/hemm/tasks/science/birds.py").write_text(example_task())
    return home


def write_birds(folder: Path, n: int) -> None:
    """The data set's original files."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(n):
        Image.new("RGB", (16, 16), (8 * number, 0, 0)).save(folder / f"images/{number}.png")
        bird = ("heron", "gull", "owl")[number % 3]
        row = {"id": number, "image": f"images/{number}.png", "question": "Which?", "bird": bird, "steps": 1}
        rows.append(json.dumps(row))
    (folder / "questions.jsonl").write_text("\n".join(rows))


def test_a_data_set_is_its_file_and_is_then_listed_prepared_and_run(tmp_path: Path) -> None:
    home = made(tmp_path, "src")
    write_birds(tmp_path / "birds", 3)

    assert "birds" in hemm(home, "tasks", "--format", "csv")
    hemm(home, "prepare", "birds", "--from", "birds")
    hemm(home, "run", "baseline/oracle", "--task", "birds", "--out", "results")
    (aggregates,) = (tmp_path / "results").rglob("aggregates.json")
    accuracy = json.loads(aggregates.read_text())["metrics"]["accuracy-v2"]
    assert accuracy["components"][""]["value"] == 1


def test_the_tests_name_what_else_a_data_set_of_hemm_s_own_needs(tmp_path: Path) -> None:
    home = made(tmp_path, "src", "docs", "tests")
    read, unchanged = "test_the_original_layout_is_prepared_read_and_answered", "unchanged/test_unchanged.py"
    named = {
        "tasks/test_thirty.py::test_the_table_of_data_sets_is_whole_and_true": "docs/datasets.md",
        f"tasks/test_thirty.py::{read}[birds]": "tests/layouts",
        f"{unchanged}::test_nothing_was_dropped_from_the_list": "tests/unchanged/listing.py birds",
    }
    failed = run_tests(home, named)
    assert f"{len(named)} failed" in failed
    for what in named.values():
        assert re.search(rf"^E .*{re.escape(what)}", failed, re.MULTILINE), failed

    table = home / "docs/datasets.md"
    table.write_text(table.read_text() + ROW)
    head = "import json\nfrom pathlib import Path\nfrom PIL import Image\n\n"
    writer = f"{head}{inspect.getsource(write_birds)}\nLAYOUTS = {{'birds': write_birds}}\n"
    (home / "tests/layouts/birds.py").write_text(writer)
    script = [sys.executable, "tests/unchanged/listing.py", "birds"]
    subprocess.run(script, cwd=home, env=environment(home), check=True, timeout=300)
    passed = run_tests(home, named)
    assert f"{len(named)} passed" in passed, passed


def run_tests(home: Path, checks: Iterable[str]) -> str:
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*words, *(f"tests/{check}" for check in checks)],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout
