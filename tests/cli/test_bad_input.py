"""Bad input, as users give it: one clear line that names the thing and what to do, and exit status 2."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hemm import cli
from servers import ChatServer

PROBE = "probe_shapes"
ORACLE = ["run", "baseline/oracle"]


def png(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 12), colour).save(out, "PNG")
    return out.getvalue()


def row(number: int, **changes: object) -> str:
    """A line of a user's JSONL."""
    base = {"id": f"r{number}", "image": f"{number}.png", "question": "Which colour?", "answer": "red"}
    return json.dumps({k: v for k, v in {**base, **changes}.items() if v is not None})


def folder(root: Path, lines: list[str], pictures: int = 3) -> Path:
    """A plain folder of pictures with a JSONL."""
    made = root / "mine"
    made.mkdir()
    for i in range(pictures):
        (made / f"{i}.png").write_bytes(png())
    (made / "rows.jsonl").write_text("\n".join(lines) + "\n")
    return made


def tsv(root: Path, *cells: tuple[str, ...]) -> Path:
    """A table in the layout of VLMEvalKit."""
    path = root / "mine.tsv"
    header = ("index", "image", "question", "A", "B", "C", "D", "answer")
    path.write_text("\n".join("\t".join(c) for c in (header, *cells)) + "\n")
    return path


def cells(number: int, **changes: str) -> tuple[str, ...]:
    values = {"index": str(number), "image": base64.b64encode(png()).decode(), "question": "Which colour?"}
    values |= {"A": "red", "B": "green", "C": "blue", "D": "black", "answer": "A"}
    return tuple({**values, **changes}.values())


@pytest.fixture
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with an empty cache."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def refused(capsys: pytest.CaptureFixture[str], args: list[str], *, progress: bool = False) -> str:
    """Run ``args``, which must be refused with status 2 and one line: that line.

    ``progress``: the work had begun, and lines of progress come first.
    """
    capsys.readouterr()
    status = cli.status(args)
    shown = capsys.readouterr()
    assert status == 2, (status, shown.out, shown.err)
    *before, line = shown.err.splitlines()
    assert line.startswith("hemm: "), shown.err
    assert not any(b.startswith(("hemm:", "Traceback")) for b in before), shown.err
    assert before == [] or progress, shown.err
    return line


NAMES: list[tuple[list[str], list[str]]] = [
    (["runn"], ["command 'runn'", "'run'"]),
    (["run", "--limt", "3"], ["option '--limt'", "'--limit'"]),
    (["run", "tinny"], ["model 'tinny'", "'tiny'"]),
    (["run", "baseline/oracel", "--task", PROBE], ["model 'baseline/oracel'", "'baseline/oracle'"]),
    ([*ORACLE, "--task", "vqarad"], ["task 'vqarad'", "'vqa_rad'"]),
    ([*ORACLE, "--suite", "prob"], ["suite 'prob'", "'probes'"]),
    ([*ORACLE, "--task", PROBE, "--metric", "acuracy"], ["metric 'acuracy'", "'accuracy'"]),
    ([*ORACLE, "--task", PROBE, "--control", "gray"], ["control 'gray'", "'grey'"]),
    ([*ORACLE, "--task", PROBE, "--perturb", "nois:20"], ["'nois'", "'noise'"]),
    ([*ORACLE, "--where", "use_cse=hci"], ["dimension 'use_cse'", "'use_case'"]),
    ([*ORACLE, "--where", "use_case=hcii"], ["'hcii'", "'hci'"]),
    ([*ORACLE, "--task", "nlvr:permuted-not"], ["variant of task nlvr"]),
    (["prepare", "uc_mercd"], ["task 'uc_mercd'", "'uc_merced'"]),
    (["tasks", "nlrv"], ["task 'nlrv'", "'nlvr'"]),
    (["metrics", "token_f"], ["metric 'token_f'", "'token_f1'"]),
    (["models", "tinny"], ["model 'tinny'", "'tiny'"]),
    (["tasks", "--format", "jsn"], ["format 'jsn'", "'json'"]),
]


@pytest.mark.parametrize(("args", "said"), NAMES, ids=lambda v: " ".join(v))
def test_mistyped_names(
    args: list[str], said: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, args)
    assert all(part in line for part in said), line
    assert [p for p in place.rglob("*") if p.is_file()] == []


VALUES: list[tuple[list[str], list[str]]] = [
    ([*ORACLE, "--task", PROBE, "--limit", "0"], ["--limit", "0"]),
    ([*ORACLE, "--task", PROBE, "--limit", "many"], ["--limit", "many"]),
    ([*ORACLE, "--task", PROBE, "--set", "temperature=hot"], ["temperature=hot"]),
    ([*ORACLE, "--task", PROBE, "--set", "temperature=nan"], ["temperature=nan", "give a number"]),
    ([*ORACLE, "--task", PROBE, "--set", "temperature=inf"], ["temperature=inf", "give a number"]),
    ([*ORACLE, "--task", PROBE, "--set", "temperature=-1"], ["temperature=-1", "0 or more"]),
    ([*ORACLE, "--task", PROBE, "--set", "top_p=nan"], ["top_p=nan", "above 0, at most 1"]),
    ([*ORACLE, "--task", PROBE, "--set", "thinking_budget=-5"], ["thinking_budget=-5", "0 or more"]),
    ([*ORACLE, "--task", PROBE, "--set", "max_new_tokens=0"], ["max_new_tokens=0", "1 or more"]),
    ([*ORACLE, "--task", PROBE, "--max-cost", "nan"], ["--max-cost nan", "give a number"]),
    ([*ORACLE, "--task", PROBE, "--max-cost", "-1"], ["--max-cost -1", "0 or more"]),
    ([*ORACLE, "--task", PROBE, "--until-ci", "nan"], ["--until-ci nan", "give a number"]),
    ([*ORACLE, "--task", PROBE, "--until-ci", "inf"], ["--until-ci inf", "give a number"]),
    ([*ORACLE, "--task", PROBE, "--perturb", "noise:nan"], ["noise:nan", "0 or more"]),
    ([*ORACLE, "--task", PROBE, "--perturb", "noise:0.0"], ["noise:0", "changes nothing"]),
    ([*ORACLE, "--task", PROBE, "--prompt", ""], ["--prompt", "'' is empty", "text:"]),
    ([*ORACLE, "--task", PROBE, "--set", "stop="], ["--set stop=", "give the text"]),
    (["run", "http://127.0.0.1:1/v1#m", "--task", PROBE, "--set", "timeout=nan"], ["timeout=nan"]),
    (["run", "http://127.0.0.1:1/v1#m", "--task", PROBE, "--set", "timeout=-3"], ["timeout=-3", "0 up"]),
    (["run", "http://127.0.0.1:1/v1#m", "--task", PROBE, "--set", "max_retries=-3"], ["max_retries=-3"]),
    ([*ORACLE, "--task", PROBE, "--seed", "-1"], ["--seed", "-1"]),
    ([*ORACLE, "--task", PROBE, "--set", "temperature"], ["--set", "KEY=VALUE"]),
    ([*ORACLE, "--task", PROBE, "--set", "colour=red"], ["colour"]),
    ([*ORACLE, "--task", PROBE, "--set", "scoring=liklihood"], ["liklihood", "likelihood"]),
    ([*ORACLE, "--task", PROBE, "--prompt", "gone.txt"], ["gone.txt"]),
    ([*ORACLE, "--task", PROBE, "--config", "gone.yaml"], ["gone.yaml"]),
    ([*ORACLE, "--task", "./gone.py"], ["gone.py"]),
    ([*ORACLE, "--task", "./gone"], ["gone"]),
    ([*ORACLE, "--task", "gone.tsv"], ["gone.tsv"]),
    ([*ORACLE, "--task", "vqa_rad"], ["vqa_rad", "hemm prepare vqa_rad"]),
    (["run", "hf/./gone", "--task", PROBE], ["gone"]),
    (["run", "hf/", "--task", PROBE], ["hf/"]),
    (["run", "http://127.0.0.1:1", "--task", PROBE], ["#NAME"]),
    (["score", "gone"], ["gone"]),
    (["profile", "gone"], ["gone"]),
    (["profile", "."], ["result"]),
    (["prepare", "vqa_rad", "--from", "gone"], ["gone"]),
    (["prepare", "--limit", "0", PROBE], ["limit"]),
]


@pytest.mark.parametrize(("args", "said"), VALUES, ids=lambda v: " ".join(v))
def test_values_and_places(
    args: list[str], said: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, args)
    assert all(part in line for part in said), line


FILES: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "no JSON": (
        lambda p: folder(p, [row(0), "{'id': 1}", row(2)]),
        ["rows.jsonl", "line 2", "no valid JSON"],
    ),
    "cut off": (
        lambda p: folder(p, [row(0), row(1), row(2)[:30]]),
        ["rows.jsonl", "line 3", "no valid JSON"],
    ),
    "no object": (lambda p: folder(p, [row(0), "[1, 2]"]), ["rows.jsonl", "line 2", "object"]),
    "wrong type": (lambda p: folder(p, [row(0), row(1, question=[3])]), ["rows.jsonl", "line 2", "question"]),
    "same id": (lambda p: folder(p, [row(0), row(1), row(2, id="r0")]), ["r0"]),
    "no rows": (lambda p: folder(p, []), ["no sample"]),
    "tsv answer": (lambda p: tsv(p, cells(0), cells(1, answer="E")), ["mine.tsv", "line 3", "answer"]),
    "tsv base64": (lambda p: tsv(p, cells(0), cells(1, image="%%%")), ["mine.tsv", "line 3", "image"]),
    "tsv cells": (lambda p: tsv(p, cells(0), cells(1)[:4]), ["mine.tsv", "line 3"]),
    "tsv twice": (
        lambda p: _write(p / "mine.tsv", "index\tquestion\tquestion\n1\twhat?\twho?\n"),
        ["mine.tsv", "line 1", "question"],
    ),
    "tsv empty": (lambda p: _write(p / "mine.tsv", ""), ["mine.tsv", "empty"]),
    "python": (
        lambda p: _write(p / "t.py", "x = 1\nTASK = undefined_name\n"),
        ["t.py", "line 2", "undefined_name"],
    ),
    "python syntax": (lambda p: _write(p / "t.py", "x = 1\n\ndef f(:\n"), ["t.py", "line 3"]),
    "python task": (lambda p: _write(p / "t.py", "x = 1\n"), ["t.py", "TASK"]),
}


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("case", FILES)
def test_broken_files_are_named_with_line_and_field(
    case: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = FILES[case]
    line = refused(capsys, ["prepare", str(make(tmp_path))])
    assert all(part in line for part in said), line


CONFIGS = {
    "key": ("task: nlvr\nlimt: 3\n", ["limt", "limit"]),
    "no task": ("task: []\n", ["run.yaml", "task is empty"]),
    "type": ("task: nlvr\nlimit: many\n", ["limit", "many"]),
    "not a number": ("task: nlvr\nmax-cost: .nan\n", ["--max-cost nan", "give a number"]),
    "setting": ("task: nlvr\nset: {temperature: .inf}\n", ["temperature=inf", "give a number"]),
    "yaml": ("task: [nlvr\n", ["run.yaml", "line"]),
    "no mapping": ("- nlvr\n", ["run.yaml"]),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_config_files(case: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = CONFIGS[case]
    (place / "run.yaml").write_text(text)
    line = refused(capsys, [*ORACLE, "--config", "run.yaml"])
    assert all(part in line for part in said), line


@pytest.mark.parametrize(("task", "files"), [("vqa_rad", 1), ("nlvr", 1), ("uc_merced", 1)])
def test_a_folder_without_the_files_names_what_is_missing(
    task: str, files: int, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hemm.tasks import TASKS

    (place / "empty").mkdir()
    line = refused(capsys, ["prepare", task, "--from", "empty"])
    wanted = {name for s in TASKS.get(task).sources for name in s.layout.required}
    assert "empty" in line
    assert any(name in line for name in wanted), (line, wanted)


def test_prompt_templates_name_the_placeholder(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "p.txt").write_text("{{ image }}{{ qestion }}")
    line = refused(capsys, [*ORACLE, "--task", PROBE, "--limit", "3", "--prompt", "p.txt"], progress=True)
    assert "qestion" in line
    assert "question" in line


def test_a_server_that_is_not_there(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["run", "http://127.0.0.1:1/v1#m", "--task", PROBE, "--limit", "3"]
    line = refused(capsys, args, progress=True)
    assert "127.0.0.1:1" in line


def test_a_server_that_wants_a_key(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer(key="sk-abcdefghijklmnopqrstuvwx") as server:
        args = ["run", server.spec(), "--task", PROBE, "--limit", "3"]
        line = refused(capsys, args, progress=True)
    assert "401" in line or "key" in line
    assert "sk-abc" not in line


def hemm(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hemm.cli", *args],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **env},
    )


BARE = """
import sys

class Bare:
    names = ("torch", "transformers", "safetensors", "tokenizers")
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Bare())
"""


def test_a_bare_install_says_which_extra_is_missing(place: Path) -> None:
    (place / "sitecustomize.py").write_text(BARE)
    done = hemm("run", PYTHONPATH=str(place))
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("hemm: ")
    assert done.stderr.count("\n") == 1
    assert "pip install 'hemm[hf]'" in done.stderr
    other = hemm(*ORACLE, "--task", PROBE, "--limit", "3", PYTHONPATH=str(place))
    assert other.returncode == 0, other.stderr


def test_a_second_process_on_the_same_cell(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer(always="hang") as server:
        args = ["run", server.spec(), "--task", PROBE, "--limit", "2"]
        first = subprocess.Popen(
            [sys.executable, "-m", "hemm.cli", *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not server.asked:
                assert first.poll() is None
                time.sleep(0.02)
            line = refused(capsys, args, progress=True)
            assert str(first.pid) in line
        finally:
            first.send_signal(signal.SIGINT)
            assert first.wait(60) == 130


def test_a_picture_that_does_not_open_is_no_reason_to_stop(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = folder(tmp_path, [row(0), row(1), row(2)])
    (mine / "1.png").write_bytes(png()[:40])
    assert cli.status(["prepare", str(mine)]) == 3
    shown = capsys.readouterr()
    assert "r1" in shown.err
    assert "does not open" in shown.err
    assert "3 samples" in shown.out
    for _ in range(2):  # a permanent error: the same command asks nothing and says it again
        assert cli.status(["run", "baseline/oracle", "--task", str(mine)]) == 3
        shown = capsys.readouterr()
        assert "r1" in shown.err
        assert "does not open" in shown.err
