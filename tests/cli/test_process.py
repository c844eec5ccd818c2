"""The log is not the run: closed and full streams end nothing. A dry run changes no file."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hemm.cli import status

ROWS = "id\tquestion\tanswer\n" + "".join(
    f"{i}\tIs {i} even?\t{'no' if i % 2 else 'yes'}\n" for i in range(9)
)


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "even.tsv").write_text(ROWS)
    return tmp_path


WORDS = ["run", "baseline/oracle", "--task", "even.tsv", "--out", "r"]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and shells are Linux's")
@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        ("2>&-", 0),
        ("2>/dev/full", 0),
        (">&-", 0),
        ("<&- >&- 2>&-", 0),
        (">/dev/full", 2),
        (">/dev/full 2>/dev/full", 2),
        ("2> >(exec true)", 0),
        ("> >(exec true)", 141),
    ],
)
def test_streams_do_not_end_a_run(home: Path, streams: str, expected: int) -> None:
    """A command whose reader is gone before it writes, and one with no room for its output."""
    wait = "sleep 0.1; " if "true" in streams else ""
    command = f'{wait}exec "$0" -c "from hemm.cli import main; main()" "$@" {streams}'
    done = subprocess.run(["bash", "-c", command, sys.executable, *WORDS], capture_output=True, timeout=120)
    assert done.returncode == expected, done
    (run,) = home.glob("r/*/*/*/run.json")
    assert json.loads(run.read_bytes())["state"] == "sealed"
    assert json.loads((run.parent / "scores/aggregates.json").read_bytes())["outcomes"]["ok"] == 9
    assert b"Traceback" not in done.stderr
    if streams == ">/dev/full":
        assert b"hemm: the output could not be written: No space left on device" in done.stderr


def test_output_is_shown_in_full_where_it_can_be(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-u", "-c", "from hemm.cli import main; main()", *WORDS],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        timeout=120,
    )
    assert done.returncode == 0
    assert b"9 answers, 9 asked now" in done.stdout
    assert b"even \\xb7 baseline/oracle: 9 of 9" in done.stderr  # what ASCII lacks is written out


def _tree(*folders: Path) -> dict[str, tuple[int, int, str]]:
    """Every file and folder with its time, its length, and a digest of its bytes."""
    found = {}
    for path in (p for folder in folders for p in (folder, *sorted(folder.rglob("*")))):
        facts = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (facts.st_mtime_ns, facts.st_size, content)
    return found


@pytest.mark.parametrize("state", ["none", "open", "torn", "damaged", "sealed", "left over"])
def test_a_dry_run_changes_no_file(home: Path, cache: Path, state: str) -> None:
    (home / "own.py").write_text(
        "from hemm.core import BatchModel, Capabilities, Identity, Response\n"
        "class Yes(BatchModel):\n"
        "    spec = 'own/yes'\n    batch_size = 4\n    identity = Identity('yes', '1')\n"
        "    capabilities = Capabilities()\n"
        "    def generate_batch(self, requests):\n        return [Response('yes') for _ in requests]\n"
    )
    assert status([*WORDS, "--limit", "1", "--out", "elsewhere"]) == 0  # the pack is there
    if state != "none":
        assert status(WORDS) == 0
        (cell,) = home.glob("r/*/*/*")
        if state in ("open", "torn"):
            _reopen(cell, torn=state == "torn")
        if state == "damaged":
            (cell / "answers/part-00000.parquet").write_bytes(b"PAR1")
        if state == "left over":
            (cell / "run.json.999999.tmp").write_bytes(b"")
            (cell / "lock").write_bytes(b"{}")
    before = _tree(home, cache)
    for more in ([], ["--limit", "3"], ["--until-ci", "3"], ["--retry-errors"], ["--set", "temperature=1"]):
        assert status([*WORDS, "--dry-run", *more]) == 0, more
    assert status(["run", "./own.py:Yes", *WORDS[2:], "--dry-run"]) == 0
    assert _tree(home, cache) == before


def _reopen(cell: Path, torn: bool) -> None:
    """Make of a sealed cell one whose answers are in the journal yet."""
    from hemm.results.files import write_json
    from hemm.results.journal import encode
    from hemm.results.read import cell as read

    found = read(cell)
    calls = {c["id"]: [c[n] for n in c if n not in ("id", "repeat")] for c in found.calls().to_pylist()}
    lines = [
        encode({**row, "labels": dict(row["labels"]), "call": calls[row["id"]]})
        for row in found.answers().to_pylist()
    ]
    (cell / "journal.jsonl").write_bytes(b"".join(lines)[: -20 if torn else None])
    run = {**found.run, "state": "open", "parts": [], "calls": None}
    write_json(cell / "run.json", run)
    (cell / "calls.parquet").unlink()
    (cell / "answers/part-00000.parquet").unlink()


def test_dropped_lines_of_the_journal_are_told(
    home: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(WORDS) == 0
    (cell,) = home.glob("r/*/*/*")
    _reopen(cell, torn=True)
    journal = cell / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"yes", b"yez", 1).replace(b"no", b"np", 1)
    journal.write_bytes(b"".join(lines))
    told = "2 lines are torn or damaged (the first at byte"
    for words in (["profile", "r"], [*WORDS, "--dry-run"], WORDS):
        capsys.readouterr()
        assert status(words) == 0
        shown = capsys.readouterr()
        assert told in " ".join((shown.out + shown.err).split()), words
    assert "2 asked now" in shown.out
    assert status(["profile", "r"]) == 0
    assert told not in capsys.readouterr().out


def test_ctrl_c_while_imports_run_is_one_line(tmp_path: Path) -> None:
    """The first second of a command is imports: at whatever moment of it Ctrl-C comes, no traceback does."""
    child = "import os; from hemm.cli import main; os.write(3, b'.'); main()"
    words = ["run", "baseline/majority", "--task", "probe_shapes", "--out", str(tmp_path / "r")]
    chance = random.Random(5)
    for _ in range(20):
        begun, begins = os.pipe()
        done = subprocess.Popen(
            ["bash", "-c", f'exec "{sys.executable}" -c "$0" "$@" 3>&{begins}', child, *words],
            pass_fds=[begins],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            restore_signals=True,
        )
        os.close(begins)
        os.read(begun, 1)
        time.sleep(chance.uniform(0, 0.6))
        done.send_signal(signal.SIGINT)
        out, error = done.communicate(timeout=120)
        os.close(begun)
        assert done.returncode == 130, error
        told = [line for line in error.splitlines() if line.startswith("hemm: ")]
        assert len(told) == 1, error  # what comes before it is the progress of a run that had begun
        assert error.splitlines()[-1:] == told
        assert "Traceback" not in out + error
