"""A new column of the answer record is one row of its table, and its use: two files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
ROW = """
    Column("words", pa.int32(), lambda a: len(a.response.text.split()), "response.words"),
)
\"\"\"Answers: """
RUN = """
import sys
import hemm
from hemm.parsing.formats import ShortAnswer
from hemm.metrics.judged_answers import judged_answers
(cell,) = hemm.run("baseline/oracle", "probe_shapes", limit=4, out=sys.argv[1])
table = cell.answers()
assert table.column("words").to_pylist() == [len(t.split()) for t in table.column("raw").to_pylist()]
print(sorted({a.response.words for a in judged_answers(table, ShortAnswer()).judged}))
"""


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_a_new_column_touches_two_files(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    edit(copy / "hemm/results/answer_record.py", ')\n"""Answers: ', ROW.lstrip("\n"))
    edit(
        copy / "hemm/core/exchange.py",
        "    attempts: int = 1\n",
        "    attempts: int = 1\n    words: int = 0\n",
    )
    changed = [
        path
        for path in SOURCE.rglob("*.py")
        if path.read_bytes() != (copy / path.relative_to(SOURCE)).read_bytes()
    ]
    assert len(changed) == 2
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "results")],
        env={"PYTHONPATH": str(copy), "HEMM_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("]")
    assert done.stdout.strip() != "[0]"
