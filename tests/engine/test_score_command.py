"""``hemm score``: what two commands at once leave, with real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from hemm.cli import status
from hemm.results.read import cells

SLOW = """
import sys, time
from pathlib import Path
from hemm.cli import status
from hemm.metrics import scoring

score = scoring.score_answers
def slowly(answers, task, metric, media=None):
    Path(sys.argv[2]).touch()
    time.sleep(0.5)
    return score(answers, task, metric, media)

scoring.score_answers = slowly
sys.exit(status(["score", sys.argv[1], "--again", "--metric", sys.argv[3]]))
"""


def test_two_commands_at_once_leave_the_scores_of_both(tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert (
        status(["run", "baseline/random", "--task", "probe_shapes", "--limit", "8", "--out", str(out)]) == 0
    )
    children = []
    for metric in ("exact_match", "token_f1"):
        at_work = tmp_path / metric
        words = [sys.executable, "-c", SLOW, str(out), str(at_work), metric]
        children.append(subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True))
        while metric == "exact_match" and not at_work.exists() and children[0].poll() is None:
            time.sleep(0.01)
    ends = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    scored = {row["metric"] for row in cells(out)[0].aggregates()["metrics"].values()}
    assert {"accuracy", "exact_match", "token_f1"} <= scored
    assert f"is being scored by process {children[0].pid}" in ends[1]
    assert not list(out.rglob("*.lock"))
