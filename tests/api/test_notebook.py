"""``docs/python.ipynb`` and the blocks of ``docs/python.md`` run from top to bottom, in a running loop."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = json.loads((ROOT / "docs/python.ipynb").read_text("utf-8"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = """
import asyncio, json, sys
import matplotlib
matplotlib.use("agg")
from IPython.core.interactiveshell import InteractiveShell

shell, shown = InteractiveShell.instance(), []

async def main():
    for source in json.load(open("cells.json")):
        plain = shell.transform_cell(source)
        done = await shell.run_cell_async(source, transformed_cell=plain, store_history=True)
        done.raise_error()
        formats = {} if done.result is None else shell.display_formatter.format(done.result)[0]
        shown.append(sorted(formats))

asyncio.run(main())
json.dump(shown, open("shown.json", "w"))
"""


def run_cells(sources: list[str], folder: Path) -> list[list[str]]:
    """Run cells as a notebook does, and return the forms in which each shows its result."""
    (folder / "cells.json").write_text(json.dumps(sources))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-c", SHELL]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found: list[list[str]] = json.loads((folder / "shown.json").read_text())
    return found


def sources(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


def test_the_notebook_is_one() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in NOTEBOOK["cells"]:
        wanted: dict[str, Any] = {"id": cell["id"], "metadata": {}, "source": cell["source"]}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count": None, "outputs": []}
        assert cell == {"cell_type": cell["cell_type"], **wanted}


def test_the_notebook_runs(tmp_path: Path) -> None:
    shown = run_cells(sources("code"), tmp_path)
    html = ["text/html" in forms for forms in shown]
    assert html[:4] == [True] * 4  # results, profile, control, comparison
    assert sum(html) >= 7
    assert (tmp_path / "report.html").is_file()


def test_the_blocks_of_the_page_run(tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs/python.md").read_text("utf-8"))
    assert len(blocks) >= 5
    run_cells(blocks, tmp_path)


def test_the_query_of_the_results_page_runs_on_the_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    import hemm

    monkeypatch.chdir(tmp_path)
    found = hemm.run("baseline/oracle", "probe_shapes", limit=4)
    hemm.run("baseline/random", "probe_shapes", limit=4)
    hemm.run("baseline/random", "probe_shapes", limit=4, control="none")
    (query,) = SQL.findall((ROOT / "docs/results.md").read_text("utf-8"))
    rows = duckdb.sql(query).fetchall()
    assert [row[:4] for row in rows] == [
        ("baseline/oracle", "probe_shapes", "", 4),
        ("baseline/random", "probe_shapes", "", 4),
        ("baseline/random", "probe_shapes", "none", 4),
    ]
    assert rows[0][4] == 1.0
    assert rows[0][5] == pytest.approx(sum(next(iter(found)).calls()["latency"].to_pylist()))
