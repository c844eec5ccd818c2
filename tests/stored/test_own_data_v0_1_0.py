"""Packs and results that version 0.1.0 made of a user's own data are recognised, and taken for no other data.

``v0_1_0_own/`` was written by that version: a folder, a JSON lines file, a table, a hub data set with a card
and a task file, each prepared and asked of ``baseline/random``. It is never written anew.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hemm.cli import status
from hemm.core import HemmError
from hemm.data.pack.prepare import ensure
from hemm.data.readers.layouts import fingerprint
from hemm.results.read import cell
from hemm.tasks import resolve

STORED = Path(__file__).resolve().parent / "v0_1_0_own"
HUB = ("hub:example/colours", "map.yaml")
TASKS = {
    "garden_birds": ("./birds", None),
    "quiz": ("lines/quiz.jsonl", None),
    "table": ("table.tsv", None),
    "capitals": ("./own.py", None),
    "example--colours": HUB,
}
FILES = {"garden_birds": "birds", "quiz": "lines/quiz.jsonl", "table": "table.tsv"}


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what was stored; the packs know the files as they are written now."""
    folder = tmp_path / "old"
    shutil.copytree(STORED, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HEMM_CACHE", str(folder / "cache"))
    for task, name in FILES.items():
        index = folder / f"cache/packs/{task}/current.json"
        entry = json.loads(index.read_text())
        entry["origin"]["files"] = fingerprint(Path(name))
        index.write_text(json.dumps(entry))
    return folder


def options(name: str) -> list[str]:
    spec, card = TASKS[name]
    return ["--task", spec, *(["--card", card] if card else [])]


@pytest.mark.parametrize("name", TASKS)
def test_its_pack_is_found_and_its_cell_goes_on(name: str, old: Path) -> None:
    spec, card = TASKS[name]
    pack = ensure(resolve(spec, Path(card) if card else None))
    assert pack.path.parent == old / "cache/packs" / name
    assert [p.name for p in (old / "cache/packs").iterdir() if p.name.startswith(f"{name}-")] == []
    (folder,) = (old / f"results/baseline-random/{name}").iterdir()
    before = cell(folder)
    assert before.run["pack"]["hash"] == pack.hash
    assert status(["run", "baseline/random", *options(name)]) == 0
    assert cell(folder).run["commands"] == before.run["commands"], "a command that asks is added"
    assert cell(folder).run["parts"] == before.run["parts"]
    assert list((old / f"results/baseline-random/{name}").iterdir()) == [folder]


def test_a_row_may_be_edited(old: Path) -> None:
    """The cell does not say whose data it holds; most of its samples are those of the file."""
    rows = Path("lines/quiz.jsonl").read_text().replace("What is 3?", "What is three?")
    Path("lines/quiz.jsonl").write_text(rows)
    assert status(["run", "baseline/random", *options("quiz")]) == 0
    (folder,) = (old / "results/baseline-random/quiz").iterdir()
    stored = cell(folder)
    assert stored.run["commands"][-1]["asked"] in (1, 4)  # baselines answer from the pack
    assert stored.run["origin"]["file"] == str(old / "lines/quiz.jsonl")
    prompts = stored.answers(["prompt"])["prompt"].to_pylist()
    assert sum("three" in prompt for prompt in prompts) == 1


OTHERS = {
    "quiz": ("other/quiz.jsonl", '{"id": "0", "question": "Why?", "answer": "so"}\n'),
    "table": ("other/table.tsv", "index\tquestion\tA\tB\tanswer\n0\tWhy?\tone\ttwo\tA\n"),
    "garden_birds": ("other/garden_birds.jsonl", '{"id": "b0", "question": "Why?", "answer": "so"}\n'),
}


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_taken_for_no_other_data(name: str, old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, text = OTHERS[name]
    Path("other").mkdir()
    Path(file).write_text(text)
    pack = ensure(resolve(f"./{file}"))
    assert len(pack) == 1
    assert pack.path.parent != old / "cache/packs" / name
    assert status(["run", "baseline/random", "--task", f"./{file}"]) == 2
    assert f"holds answers of task {name!r} to local:" in capsys.readouterr().err


def test_a_hub_pack_is_taken_for_no_other_part_of_the_repository(old: Path) -> None:
    card = Path("map.yaml")
    said = card.read_text()
    for other in (said.replace("validation", "test"), f"{said}config: b\n", said.replace("query", "quest")):
        card.write_text(other)
        with pytest.raises(HemmError, match="not prepared: hemm prepare hub:example/colours --card FILE"):
            ensure(resolve("hub:example/colours", card))
    card.write_text(said)
    with pytest.raises(HemmError, match="not prepared: hemm prepare hub:example/colours@v1 --card FILE"):
        ensure(resolve("hub:example/colours@v1", card))
    info = json.loads(next(Path("cache/packs/example--colours").glob("*/pack.json")).read_text())
    commit = info["revision"].partition("@")[2]
    assert len(ensure(resolve(f"hub:example/colours@{commit[:8]}", card))) == 3


def test_the_pack_of_a_task_file_does_not_answer_for_hemm_s_own(old: Path) -> None:
    """Version 0.1.0 let a task file take the name, and the pack, of one of hemm's data sets."""
    shutil.move("cache/packs/capitals", "cache/packs/vqa_rad")
    index = Path("cache/packs/vqa_rad/current.json")
    index.write_text(index.read_text().replace('"capitals"', '"vqa_rad"', 1))
    with pytest.raises(HemmError, match="vqa_rad is not prepared"):
        ensure(resolve("vqa_rad"))


def test_its_answers_are_scored_again_by_their_own_task(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = [word for name in TASKS if name != "example--colours" for word in options(name)]
    shutil.rmtree("results/baseline-random/example--colours")
    assert status(["score", "results", "--again", *specs]) == 0
    capsys.readouterr()
    text = Path("own.py").read_text().replace('"capitals",\n    card', '"quiz",\n    card')
    Path("quiz.py").write_text(text)
    assert status(["score", "results/baseline-random/quiz", "--task", "./quiz.py"]) == 2
    assert "holds answers of task 'quiz' to local:quiz.jsonl, not to " in capsys.readouterr().err
