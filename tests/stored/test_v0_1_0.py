"""Packs and results that version 0.1.0 wrote are recognised, say the same, and go on.

``v0_1_0/`` was written by that version: packs of three tasks in ``cache/``, sealed cells of three models in
``results/``, a cell whose process was killed in ``open/``, votes, and in ``said/`` what each command printed
as JSON. It is never written anew.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import hemm
from hemm.cli import group
from hemm.data.pack.prepare import prepare
from hemm.data.readers.layouts import fingerprint
from hemm.tasks import resolve
from layouts import write_layout

STORED = Path(__file__).resolve().parent / "v0_1_0"
COMMANDS = {
    "profile": ["profile", "results"],
    "compare": ["compare", "results"],
    "diff": ["diff", "results", "--model", "tiny", "--model", "baseline/random"],
    "preferences": ["preferences", "votes.jsonl", "--results", "results"],
}
UNCERTAINTY = {"low", "high", "df", "p", "p_holm", "p_clustered", "elo_low", "elo_high"}
WORDS = {"why", "notes", "conclusions"}


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what was stored; the packs know the original files, which lie there again."""
    folder = tmp_path / "old"
    shutil.copytree(STORED, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HEMM_CACHE", str(folder / "cache"))
    for task, name in (("vqa_rad", "original"), ("nlvr", "nlvr")):
        write_layout(task, folder / name, 24)
        index = folder / "cache/packs" / task / "current.json"
        entry = json.loads(index.read_text())
        entry["origin"] |= {"from": str(folder / name), "files": fingerprint(folder / name)}
        index.write_text(json.dumps(entry))
    return folder


def parts(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("part-*.parquet")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_said(name: str, old: Path) -> None:
    done = CliRunner().invoke(group, [*COMMANDS[name], "--format", "json"], catch_exceptions=False)
    said = json.loads((old / f"said/{name}.json").read_text())
    now = json.loads(done.stdout)
    assert differences(values(now), values(said)) == []


def values(said: Any) -> Any:
    """Without ends of intervals and tests, which have known clusters of unequal sizes, and votes by one
    person, for what they are since 0.1.0 (docs/statistics.md), and without sentences: scores, counts and
    differences stay, what is said of other samples moved."""
    if isinstance(said, dict):
        return {key: values(v) for key, v in said.items() if key not in UNCERTAINTY | WORDS}
    return [values(v) for v in said] if isinstance(said, list) else said


def differences(now: Any, then: Any, where: str = "") -> list[str]:
    """Where what was said then is another now, by more than the last digits of a number, which processors
    differ in. A member that is new is no difference."""
    if isinstance(now, float) and isinstance(then, float):
        return [] if math.isclose(now, then, rel_tol=1e-9, abs_tol=1e-12) else [f"{where}: {now}, was {then}"]
    if isinstance(now, dict) and isinstance(then, dict) and now.keys() >= then.keys():
        return [line for key in then for line in differences(now[key], then[key], f"{where}.{key}")]
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = enumerate(zip(now, then, strict=True))
        return [line for n, (a, b) in pairs for line in differences(a, b, f"{where}[{n}]")]
    return [] if now == then else [f"{where}: {now}, was {then}"]


def test_diff_and_compare_test_the_same(old: Path) -> None:
    models = ["--model", "tiny", "--model", "baseline/random", "--format", "json"]
    diff, compare = (
        json.loads(CliRunner().invoke(group, [name, "results", *models], catch_exceptions=False).stdout)
        for name in ("diff", "compare")
    )
    assert {t["task"]: t["p"] for t in diff["tasks"]} == {t["task"]: t["pair"]["p"] for t in compare["tasks"]}
    assert diff["p"] == compare["overall"]["p"]


def test_nothing_is_prepared_anew(old: Path) -> None:
    for task, name in (("vqa_rad", "original"), ("nlvr", "nlvr"), ("probe_shapes", None)):
        index = old / "cache/packs" / task / "current.json"
        was, when = index.read_bytes(), index.stat().st_mtime_ns
        folder = None if name is None else old / name
        pack = prepare(resolve(task), folder=folder, limit=16 if folder is None else None)
        assert pack.path.name == json.loads(was)["pack"]
        assert (index.read_bytes(), index.stat().st_mtime_ns) == (was, when)


def test_the_same_commands_ask_nothing(old: Path) -> None:
    before = parts(old / "results")
    runs = {p.parent: json.loads(p.read_text()) for p in Path("results").rglob("run.json")}
    tasks = ["vqa_rad", "nlvr", "probe_shapes"]
    cells = hemm.run(["tiny", "baseline/random", "baseline/oracle"], tasks, out="results", batch_size=4)
    assert len(cells) == 9
    for cell in cells:
        assert cell.run["commands"] == runs[cell.folder]["commands"], "a command that asks is added"
        assert cell.state == "sealed"
    assert parts(old / "results") == before


def test_a_cell_that_was_killed_goes_on_where_it_was(old: Path) -> None:
    journaled = (old / "open/tiny/vqa_rad/15cbb1d14c09/journal.jsonl").read_bytes().count(b"\n")
    assert journaled == 12
    (cell,) = hemm.run("tiny", "vqa_rad", out="open", batch_size=4)
    assert cell.run["commands"][-1]["asked"] == 24 - journaled
    assert list(parts(old / "open").values()) == [
        parts(old / "results/tiny/vqa_rad")["15cbb1d14c09/answers/part-00000.parquet"]
    ]


def test_scores_of_other_versions_are_made_anew_and_told(old: Path) -> None:
    """Stored scores of an older metric are read as that version's, and hemm score says what it renews."""
    files = {p.name for p in old.glob("results/*/*/*/scores/*.parquet")}
    assert "accuracy-v1.parquet" in files
    done = CliRunner().invoke(group, ["score", "results"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    cells = sum("accuracy" in p.read_text() for p in old.glob("results/*/*/*/run.json"))
    assert f"accuracy has version 2, was 1: {cells} cells scored anew\n" in done.stderr
    formats = {json.loads(p.read_text())["answer_format"]["name"] for p in old.glob("results/*/*/*/run.json")}
    for name in formats:  # what the answers say is read anew too
        assert f"answer format {name} has version 2, was 1: " in done.stderr
    again = CliRunner().invoke(group, ["score", "results"], catch_exceptions=False)
    assert "scored anew" not in again.stderr


def test_scores_of_two_versions_are_not_compared(old: Path) -> None:
    shutil.copytree("results/baseline-random", "newer/baseline-random")
    shutil.copytree("results/tiny", "newer/tiny")
    done = CliRunner().invoke(group, ["score", "newer/tiny"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(group, ["diff", "newer", "--model", "tiny", "--model", "baseline/random"])
    assert done.exit_code != 0
    assert "accuracy version 2" in str(done.exception)
    assert "hemm score makes them agree" in str(done.exception)


def test_scores_made_anew_are_as_they_were(old: Path) -> None:
    said = json.loads((old / "said/profile.json").read_text())
    for scores in old.glob("results/*/*/*/scores"):
        shutil.rmtree(scores)
    done = CliRunner().invoke(group, ["score", "results"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(group, ["profile", "results", "--format", "json"], catch_exceptions=False)
    assert differences(values(json.loads(done.stdout)), values(said)) == []
