"""``hemm score``: what two commands at once leave, with real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from hemm.cli import status
from hemm.results.read import cells

COMMAND = "import sys; from hemm.cli import status; sys.exit(status(sys.argv[1:]))"

HELD = """
import sys, time
from pathlib import Path
from hemm.cli import status
from hemm.metrics import scoring

score = scoring.score_answers
def held(answers, task, metric, media=None):
    Path(sys.argv[2]).touch()
    while not Path(sys.argv[3]).exists():
        time.sleep(0.01)
    return score(answers, task, metric, media)

scoring.score_answers = held
sys.exit(status(["score", sys.argv[1], "--again"]))
"""
"""Touches one file when it scores, and goes on when another one exists."""


def test_two_commands_at_once_leave_the_scores_of_both(tmp_path: Path) -> None:
    out, begun, go = tmp_path / "results", tmp_path / "begun", tmp_path / "go"
    run = ["run", "baseline/random", "--task", "probe_shapes", "--limit", "8", "--out", str(out)]
    assert status(run) == 0
    first = subprocess.Popen([sys.executable, "-c", HELD, str(out), str(begun), str(go)])
    while not begun.exists() and first.poll() is None:
        time.sleep(0.01)
    words = [sys.executable, "-c", COMMAND, "score", str(out), "--metric", "exact_match"]
    second = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert second.stderr is not None
    line = second.stderr.readline()  # empty where it ends without waiting
    go.touch()
    assert (first.wait(), second.wait()) == (0, 0)
    second.stderr.close()
    assert {"accuracy-v2", "exact_match-v2"} <= set(cells(out)[0].aggregates()["metrics"])
    assert f"is being scored by process {first.pid}" in line
    assert not list(out.rglob("*.lock"))
