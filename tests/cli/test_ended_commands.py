"""Commands besides ``hemm run`` that a signal ends, and a merge beside a run: what is there stays whole."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from commands import run_command
from hemm.cli import status
from hemm.results.read import cells
from servers import ChatServer, Received, fixed_answer

ROWS = 40
SIGNALS = [signal.SIGTERM, signal.SIGHUP]

METRIC = """
import os
from hemm.metrics import SampleMetric

class Long(SampleMetric):
    name, title = "long", "Long"
    judged = 0

    def value(self, answer, sample):
        Long.judged += 1
        if Long.judged == 20 and "BY" in os.environ:
            os.kill(os.getpid(), int(os.environ["BY"]))
        return 1.0
"""

TASK = f"""
import os
from pathlib import Path
from hemm.core import Card, Layout, Sample, Task
from hemm.data import Local
from hemm.parsing import OneOf

def read(folder):
    for number in range({ROWS}):
        if number == {ROWS // 2} and "BY" in os.environ:
            os.kill(os.getpid(), int(os.environ["BY"]))
        yield Sample(str(number), fields={{"question": "?"}}, references=("yes",), choices=("yes", "no"))

SOURCE = Local(Path(__file__).with_name("rows"), Layout(("rows.txt",), read))
TASK = Task("long_read", Card("Long"), (SOURCE,), "{{{{ question }}}}", OneOf(), ("accuracy",))
"""


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("even.jsonl").write_text(
        "".join(
            json.dumps({"id": str(n), "question": f"Is {n} even?", "answer": "yes" if n % 2 else "no"}) + "\n"
            for n in range(ROWS)
        )
    )
    return tmp_path


@pytest.mark.parametrize("by", SIGNALS)
def test_a_score_that_a_signal_ends_leaves_the_scores_before_it(home: Path, by: int) -> None:
    Path("long.py").write_text(METRIC)
    assert status(["run", "baseline/oracle", "--task", "./even.jsonl", "--out", "r"]) == 0
    before = files(home / "r")
    words = ("score", "r", "--metric", "./long.py:Long")
    ended = run_command(*words, env={**os.environ, "BY": str(by)})
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        128 + by,
        f"hemm: ended by {signal.Signals(by).name}",
    )
    left = files(home / "r")
    assert {name: data for name, data in left.items() if not name.endswith(".lock")} == before
    assert run_command("doctor", "r").returncode == 0
    done = run_command(*words)
    assert done.returncode == 0, done.stderr
    (cell,) = cells(Path("r"))
    assert "long-v1" in cell.aggregates()["metrics"]


@pytest.mark.parametrize("by", SIGNALS)
def test_a_preparation_that_a_signal_ends_leaves_nothing_half_made(home: Path, cache: Path, by: int) -> None:
    Path("long.py").write_text(TASK)
    Path("rows").mkdir()
    Path("rows/rows.txt").write_text("rows")
    ended = run_command("prepare", "./long.py", env={**os.environ, "BY": str(by)})
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        128 + by,
        f"hemm: ended by {signal.Signals(by).name}",
    )
    assert not [path for path in (cache / "packs").rglob("*") if path.is_file()]
    done = run_command("prepare", "./long.py")
    assert done.returncode == 0, done.stderr
    (pack,) = cache.rglob("pack.json")
    assert json.loads(pack.read_bytes())["rows"]["test"] == ROWS
    assert not list(cache.rglob("*.tmp*"))


def test_a_merge_beside_a_running_shard_is_refused_and_then_right(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, merges = home / "out/shards", list[tuple[int, str, set[str]]]()

    def answer(received: Received) -> str:
        if (out / "2-of-2").exists() and server.asked % 5 == 0 and not merges:
            before = files(home / "out")
            merged = run_command("merge", "out")
            merges.append(
                (merged.returncode, merged.stderr.strip(), files(home / "out").keys() - before.keys())
            )
        return fixed_answer(received)

    with ChatServer(answer) as server:
        words = ["run", server.spec(), "--task", "./even.jsonl", "--concurrency", "2"]
        assert status([*words, "--out", "whole"]) == 0
        assert status([*words, "--out", "out", "--shard", "1/2"]) == 0
        assert status([*words, "--out", "out", "--shard", "2/2"]) == 0
    ((code, said, made),) = merges
    assert code == 2
    assert made <= {"shards/lock"}
    assert re.fullmatch(rf"hemm: .*2-of-2.* process {os.getpid()} .*", said), said
    assert status(["merge", "out"]) == 0
    parts = [
        [(cell.folder / seal.file).read_bytes() for cell in cells(Path(out)) for seal in cell.parts]
        for out in ("out", "whole")
    ]
    assert parts[0] == parts[1]
    assert "hemm: " not in capsys.readouterr().err
