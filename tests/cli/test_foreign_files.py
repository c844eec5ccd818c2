"""Results, cards and data sets from a stranger: what they name is not renamed, shown, run or fetched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from commands import run_command
from hemm.core import BadData
from hemm.results.cell import read_run
from hemm.results.read import cell

BYSTANDER = "not yours\n"


@dataclass
class Home:
    """A user's folder with a stranger's results in it, and files of the user that nobody may touch."""

    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def cell(self) -> Path:
        return next(self.results.rglob("run.json")).parent

    def hemm(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command as a user types it, in a process of its own; it ends without a fault of hemm itself."""
        env = {**os.environ, "HEMM_CACHE": str(self.folder / "cache"), "HF_HUB_OFFLINE": "0"}
        done = run_command(*words, cwd=self.folder, env=env)
        assert done.returncode in (0, 2, 3), done.stderr
        assert "fault of hemm" not in done.stderr
        return done

    def edit(self, name: str, change: Callable[[Any], Any]) -> None:
        file = self.cell / name
        value = json.loads(file.read_text())
        value.pop("sha256", None)  # who edits takes the checksum out, or writes a true one
        change(value)
        file.write_text(json.dumps(value))

    def say(self, **columns: Any) -> None:
        """Every answer gets these values, and run.json the seal of the new part."""
        part = self.cell / "answers/part-00000.parquet"
        table = pq.read_table(part)
        for name, value in columns.items():
            at = table.schema.get_field_index(name)
            values = pa.array([value] * table.num_rows, table.schema.field(at).type)
            table = table.set_column(at, table.schema.field(at), values)
        pq.write_table(table, part)
        seal = hashlib.sha256(part.read_bytes()).hexdigest()
        self.edit("run.json", lambda run: run["parts"][0].update(sha256=seal))

    def state(self) -> dict[str, bytes]:
        """The user's own files: all but results, cache and what reports are written to."""
        own = (p for p in self.folder.rglob("*") if p.is_file() and not p.is_symlink())
        return {
            str(p.relative_to(self.folder)): p.read_bytes()
            for p in own
            if p.relative_to(self.folder).parts[0] not in ("results", "cache")
        }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the results of one run, sealed and scored."""
    home = Home(tmp_path_factory.mktemp("home"))
    data = home.folder / "birds"
    data.mkdir()
    for number in range(4):
        Image.new("RGB", (8, 8), (60 * number, 9, 9)).save(data / f"{number}.png")
    rows = [
        {
            "id": f"b{n}",
            "image": f"{n}.png",
            "question": "Is it red?",
            "choices": ["yes", "no"],
            "answer": "no",
        }
        for n in range(4)
    ]
    (data / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home.folder / "private.txt").write_text(BYSTANDER)
    Image.new("RGB", (8, 8), "purple").save(home.folder / "private.png")
    done = home.hemm("run", "baseline/majority", "--task", "./birds", "--out", "results")
    assert done.returncode == 0, done.stderr
    return home.folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Home:
    shutil.copytree(made, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


COMMANDS = (
    ("report", "results", "-o", "results/report.html"),
    ("score", "results", "--task", "./birds", "--again"),
    ("run", "baseline/majority", "--task", "./birds", "--out", "results", "--dry-run"),
    ("run", "baseline/majority", "--task", "./birds", "--out", "results"),
)


@pytest.mark.parametrize(
    ("file", "entry"),
    [
        ("../../../../private.txt", "parts"),
        ("{home}/private.txt", "parts"),
        ("../../../../private.txt", "calls"),
    ],
)
def test_the_parts_in_a_foreign_run_json_touch_no_other_file(home: Home, file: str, entry: str) -> None:
    named = file.format(home=home.folder)
    seal = {"file": named, "rows": 4, "sha256": "0" * 64}
    home.edit(
        "run.json", lambda run: run.update(parts=[seal]) if entry == "parts" else run.update(calls=seal)
    )
    before = home.state()
    for command in COMMANDS:
        done = home.hemm(*command)
        assert done.returncode == 2, command
        assert "run.json" in done.stderr.splitlines()[-1], command
        assert home.state() == before, command


@pytest.mark.parametrize(
    "change",
    [
        {"file": "answers/../../../../../private.txt"},
        {"file": "answers/part-00000.parquet/../../../../../../private.txt"},
        {"file": "answers\\..\\private.txt"},
        {"file": "answers/part-00000.parquet\n"},
        {"file": "answers/part-00000\x00.parquet"},
        {"file": "answers/part-٠٠٠٠٠.parquet"},
        {"file": 7},
        {"file": None},
        {"sha256": "0" * 63},
        {"sha256": ["0" * 64]},
        {"rows": -1},
        {"rows": True},
        {"rows": 2**70},
        {"more": 1},
    ],
)
def test_a_part_has_its_form_or_is_refused(home: Home, change: dict[str, Any]) -> None:
    home.edit("run.json", lambda run: run["parts"][0].update(change))
    with pytest.raises(BadData, match=r"run\.json\b"):
        read_run(home.cell)
    home.edit("run.json", lambda run: run.update(parts=[[]]))
    with pytest.raises(BadData, match=r"run\.json\b"):
        read_run(home.cell)


@pytest.mark.parametrize("name", ["lock", "journal.jsonl", "scores.lock"])
def test_nothing_is_written_through_a_link_to_a_file(home: Home, name: str) -> None:
    home.edit("run.json", lambda run: run.update(state="open"))
    (home.cell / name).unlink(missing_ok=True)
    (home.cell / name).symlink_to(home.folder / "private.txt")
    before = home.state()
    for command in (COMMANDS[1], COMMANDS[3]):
        home.hemm(*command)
        assert home.state() == before, command


@pytest.mark.parametrize("name", ["scores", "media", "answers"])
def test_nothing_is_written_through_a_link_to_a_folder(home: Home, name: str) -> None:
    elsewhere = home.folder / "elsewhere"
    if (home.cell / name).is_dir():
        shutil.move(home.cell / name, elsewhere)
    elsewhere.mkdir(exist_ok=True)
    (home.cell / name).symlink_to(elsewhere)
    home.edit("run.json", lambda run: run.update(parts=[], calls=None))  # so that there is something to write
    before = home.state()
    done = home.hemm("run", "baseline/majority", "--task", "./birds", "--out", "results")
    assert done.returncode == 2
    assert "link" in done.stderr
    home.hemm("score", "results", "--task", "./birds", "--again")
    assert home.state() == before


def _bytes_shown(page: str) -> list[bytes]:
    import base64
    import re

    return [
        base64.b64decode(code) for code in re.findall(r"data:image/[a-z]+;base64,([A-Za-z0-9+/=]+)", page)
    ]


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("column", ["produced", "references", "media"])
def test_a_foreign_answer_puts_no_file_of_the_user_into_the_report(
    home: Home, column: str, link: bool
) -> None:
    private = home.folder / "private.png"
    named = str(private)
    if link:  # a name of the right form that leads elsewhere
        named = "ab" * 32
        (home.cell / "media" / "ab").mkdir(parents=True)
        (home.cell / "media" / "ab" / named).symlink_to(private)
    home.say(**{column: [f"media:{named}" if column == "references" else named]})
    done = home.hemm("report", "results", "-o", "results/report.html")
    page = home.results / "report.html"
    if done.returncode == 0:
        assert private.read_bytes() not in _bytes_shown(page.read_text())
        assert column != "produced" or "not opened" in page.read_text() or "damaged" in page.read_text()


EVIL = "from pathlib import Path\nPath({mark!r}).touch()\nTASK = METRIC = None\n"


def _metric_row(home: Home) -> tuple[str, dict[str, Any]]:
    rows = json.loads((home.cell / "scores/aggregates.json").read_text())["metrics"]
    return next(iter(rows.items()))


@pytest.mark.parametrize(
    "place", ["spec", "own", "own elsewhere", "pending", "task", "origin", "ORIGIN", "origin part"]
)
def test_no_python_file_runs_because_results_name_it(home: Home, place: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    near, far = home.results / "evil.py", home.folder / "elsewhere.py"
    for file in (near, far, far.with_suffix(".PY")):
        file.write_text(EVIL.format(mark=str(mark)))
    key, row = _metric_row(home)
    own = {"from": f"{far if 'elsewhere' in place else near}:METRIC", "code": "", "group": "sample"}
    own |= {"needs": [], "unanchored": "", "corpus": False}

    def aggregates(value: Any) -> None:
        if place == "spec":
            value["metrics"][key]["spec"] = "results/evil.py:METRIC"
        if place.startswith("own"):
            value["metrics"][key] |= {"own": own}
        if place == "pending":
            value["pending"] = [f"{far}:METRIC", "results/evil.py:METRIC"]

    def run(value: Any) -> None:
        origin: dict[str, Any] = {"kind": "task file", "file": str(far), "task": "birds"}
        if place == "ORIGIN":
            origin["file"] = str(far.with_suffix(".PY"))
        if place == "origin part":
            (home.folder / "rows.jsonl:").mkdir()
            (home.folder / "rows.jsonl:" / "x.py").write_text(EVIL.format(mark=str(mark)))
            (home.folder / "rows.jsonl").write_text("")
            origin |= {"file": str(home.folder / "rows.jsonl"), "task": "/x.py"}
        if place.lower().startswith("origin"):
            value["origin"] = origin
        if place == "task":
            value["task"] = "results/evil.py"
            value["commands"] = []

    home.edit("scores/aggregates.json", aggregates)
    home.edit("run.json", run)
    task = () if place == "task" or "origin" in place.lower() else ("--task", "./birds")
    for command in (COMMANDS[0], ("score", "results", "--again", *task)):
        home.hemm(*command)
        assert not mark.exists(), command
    assert row["spec"] == "accuracy"


def test_consent_to_download_is_not_taken_from_results(home: Home) -> None:
    """The hub must not be asked: the address is one that answers nobody, and the line is not about it."""
    key, _ = _metric_row(home)

    def ask(value: Any) -> None:
        value["metrics"][key]["spec"] = "clipscore:model=stranger/weights,download=yes"
        value["pending"] = ["clipscore:model=stranger/weights,download=yes"]
        value["basis"] = "0" * 32

    home.edit("scores/aggregates.json", ask)
    for command in COMMANDS[:2]:
        done = home.hemm(*command)
        assert "could not be downloaded" not in done.stderr, command
        assert "no model" not in done.stderr, command


@pytest.mark.parametrize("key", ["../../../../../private", "/private"])
def test_the_names_of_scores_lead_nowhere_else(home: Home, key: str) -> None:
    first, row = _metric_row(home)
    shutil.copy(home.cell / f"scores/{first}.parquet", home.folder / "private.parquet")
    home.edit("scores/aggregates.json", lambda value: value.update(metrics={key: row}, headline=key))
    with pytest.raises(BadData, match="hemm never writes"):
        cell(home.cell).scores(key)
    before = home.state()
    home.hemm("report", "results", "-o", "results/report.html")
    assert home.state() == before


@pytest.mark.parametrize("change", ["files", "index"])
def test_a_foreign_pack_opens_nothing_outside_its_folder(home: Home, change: str) -> None:
    pack = next((home.folder / "cache/packs").rglob("pack.json"))
    shutil.copytree(pack.parent, home.folder / "elsewhere")
    if change == "files":
        info = json.loads(pack.read_text())
        size = (home.folder / "private.txt").stat().st_size
        info["files"] = {"../../../../../private.txt": size}
        pack.write_text(json.dumps(info))
    else:
        index = next((home.folder / "cache/packs").rglob("current.json"))
        entry = json.loads(index.read_text())
        index.write_text(json.dumps({**entry, "pack": str(home.folder / "elsewhere")}))
    before = home.state()
    done = home.hemm("run", "baseline/majority", "--task", "./birds", "--out", "results", "--limit", "2")
    assert done.returncode == 0, done.stderr  # the pack is made anew from the user's own files
    assert home.state() == before


@pytest.mark.parametrize(
    ("card", "key"),
    [
        ("file: ../private.jsonl", "file"),
        ("file: {home}/private.jsonl", "file"),
        ("images: ..", "images"),
        ("images: /", "images"),
        ("images: [., linked]", "images"),
        ("placeholders: [../private.txt]", "placeholders"),
        ("placeholders: [linked/private.txt]", "placeholders"),
    ],
)
def test_a_card_that_lies_beside_data_opens_nothing_outside_its_folder(
    home: Home, card: str, key: str
) -> None:
    (home.folder / "private.jsonl").write_text('{"question": "my secret diary", "answer": "yes"}\n')
    (home.folder / "other").mkdir()
    shutil.copy(home.folder / "private.txt", home.folder / "other")
    (home.folder / "birds/linked").symlink_to(home.folder / "other")
    (home.folder / "birds/card.yaml").write_text(card.format(home=home.folder))
    done = home.hemm("prepare", "./birds")
    assert done.returncode == 2
    assert f"card.yaml: {key}: " in done.stderr
    assert "--card" in done.stderr
    assert "diary" not in done.stderr
    named = home.hemm("prepare", "./birds", "--card", "birds/card.yaml")  # the user says that it is meant
    assert "outside the card's folder" not in named.stderr


def test_a_row_names_no_picture_outside_its_folder(home: Home) -> None:
    rows = [
        {"id": "x", "image": name, "question": "?", "choices": ["a", "b"], "answer": "a"}
        for name in ("../private.png", str(home.folder / "private.png"), f"file://{home.folder}/private.png")
    ]
    for row in rows:
        (home.folder / "birds/rows.jsonl").write_text(json.dumps(row) + "\n")
        done = home.hemm("prepare", "./birds")
        assert done.returncode == 2
        assert "lies outside" in done.stderr
