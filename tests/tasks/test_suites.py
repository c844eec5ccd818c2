"""Every data set of today's suites, from its hub files in small: prepared, answered, scored as officially."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

import hemm
from hemm.core import (
    BatchModel,
    Capabilities,
    CorpusMetric,
    HemmError,
    Identity,
    Request,
    Response,
    Task,
)
from hemm.core.taxonomy import taxonomy
from hemm.data.pack.prepare import prepare
from hemm.metrics import metric_key
from hemm.metrics import resolve as metric_of
from hemm.tasks import REPORTED, SUITES, resolve, select
from hemm.tasks.registry import suite_of
from hemm.tasks.suite_lists import Suite
from hemm.testing import check_task
from suites import held

HELD = held()
N = 24
TABLE = Path(__file__).resolve().parents[2] / "docs/suites.md"
LARGE = 150
"""Rows for what guessing scores."""


class Says(BatchModel):
    """A model that says what it was given for each sample."""

    spec, identity, capabilities, batch_size = "says", Identity("says", "1"), Capabilities(), 64

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response(text=self.texts[r.sample_id]) for r in requests]


def test_a_task_is_listed_where_its_official_score_is_held() -> None:
    forms = [f for name in REPORTED for f in (name, *(f"{name}:{v}" for v in resolve(name).variants))]
    lacking = [form for form in forms if form not in HELD]
    assert not lacking, f"tests/suites holds no official score of {', '.join(lacking)}"
    assert sorted(HELD) == sorted(forms)


def test_cards_say_whose_the_labels_are() -> None:
    for name in REPORTED:
        card = resolve(name).card
        assert card.labels_by == "hemm", name
        assert set(card.labels) == set(taxonomy()), name
        assert len(card.notes) > 100, name
    assert all(not resolve(name).card.labels_by for name in SUITES["hemm"])


HOSTILE: tuple[Any, ...] = (
    "",
    math.nan,
    10**18,
    "[1,",
    b"\xff",
    ["a"],
    {"bytes": b"no picture", "path": None},
)


@pytest.mark.parametrize("name", sorted(HELD))
def test_hostile_columns_are_one_line_each(name: str, tmp_path: Path) -> None:
    HELD[name].write(tmp_path, 2)
    layout = resolve(name).sources[0].layout
    for file in sorted(tmp_path.rglob("*.parquet"))[:1]:
        table = pq.read_table(file)
        for number, column in enumerate(table.column_names):
            for value in HOSTILE:
                hostile = pa.array([value] * table.num_rows)
                pq.write_table(table.set_column(number, column, hostile), file)
                said = ""
                try:
                    list(layout.read(tmp_path))
                except HemmError as error:
                    said = str(error)
                assert "\n" not in said, (column, value)
        pq.write_table(table, file)


def test_the_table_of_todays_suites_is_whole_and_true() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    rows = {c[0].strip("`"): c[1:] for line in lines if len(c := line.strip("| ").split(" | ")) == 5}
    lacking = [f"| `{name}` |" for name in REPORTED if name not in rows]
    assert not lacking, f"docs/suites.md has no row that begins with {', '.join(lacking)}"
    assert sorted(rows) == sorted(REPORTED)
    for name, (_, forms, metric, _) in rows.items():
        assert set(re.findall(r"`:(\w+)`", forms)) == set(resolve(name).variants), name
        assert metric.strip("`") == resolve(name).metrics[0], name


def test_every_task_of_a_suite_is_one() -> None:
    for suite, names in SUITES.items():
        assert [task.name for task in select(suite=suite)] == names
    members = {name for suite, names in SUITES.items() if suite not in ("hemm", "probes") for name in names}
    assert members >= set(REPORTED)


def test_a_suite_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("tasks:\n  vqa_rad: 2\n  probe_shapes: 0.5\n")
    assert dict(suite_of(str(file)).weights) == {"vqa_rad": 2.0, "probe_shapes": 0.5}
    assert [task.name for task in select(suite=str(file))] == ["vqa_rad", "probe_shapes"]
    file.write_text("tasks: [vqa_rad, slake]\nname: radiology")
    assert suite_of(str(file)) == Suite("radiology", {"vqa_rad": 1.0, "slake": 1.0})


WRONG = {
    "": "no tasks; give a list of tasks, or 'TASK: WEIGHT' lines",
    "tasks: 3": "tasks is 3; give a list of tasks, or 'TASK: WEIGHT' lines",
    "tasks: []": "give a list of tasks",
    "tasks: [1, 2]": "give a list of tasks",
    "tasks: {vqa_rad: 0}": "tasks: the weight of vqa_rad is 0; give a number above 0",
    "tasks: {vqa_rad: yes}": "the weight of vqa_rad is True; give a number above 0",
    "tasks: {vqa_rad: .inf}": "the weight of vqa_rad is inf; give a number above 0",
    "tasks: [vqa_rad, vqa_rad]": "tasks names vqa_rad twice",
    "tasks: [vqa_rad]\nname: hemm": "the name 'hemm' is a suite of hemm",
    "tasks: [vqa_rads]": "unknown task 'vqa_rads'; did you mean 'vqa_rad'",
    "task: [vqa_rad]": "unknown key in .*'task'; did you mean 'tasks'",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_suite_is_named_with_its_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(text)
    with pytest.raises(HemmError, match=WRONG[text]) as error:
        select(suite=str(tmp_path / "ours.yaml"))
    assert "\n" not in str(error.value)
    with pytest.raises(HemmError, match="there is no such file"):
        select(suite=str(tmp_path / "theirs.yaml"))


def aggregates(folder: Path, task: Task) -> dict[str, Any]:
    stored = json.loads((folder / "scores/aggregates.json").read_text())["metrics"]
    specs = {metric_key(metric_of(spec)): str(spec) for spec in task.metrics}
    return {
        spec if not component else f"{spec}/{component}": value["value"]
        for key, spec in specs.items()
        if key in stored
        for component, value in stored[key]["components"].items()
    }


def score_rows(folder: Path, spec: str) -> list[dict[str, Any]]:
    table = pq.read_table(folder / "scores" / f"{metric_key(metric_of(spec))}.parquet").to_pylist()
    return [row for row in table if row["component"] == ""]


@pytest.mark.parametrize("name", HELD)
def test_it_is_read_answered_and_scored_as_officially(name: str, cache: Path, tmp_path: Path) -> None:
    how, task, folder = HELD[name], resolve(name), tmp_path / "hub"
    how.write(folder, N)
    check_task(task, folder=folder)
    pack = prepare(task, folder=folder)
    assert (pack.info["missing"]["count"], len(pack)) == (0, how.samples)
    texts = {s.id: how.says(s, number) for number, s in enumerate(pack.samples())}
    oracle, said = hemm.run(["baseline/oracle", Says(texts)], name, out=tmp_path / "results")
    for spec in map(str, task.metrics):
        metric = metric_of(spec)
        if not metric.needs and spec not in how.loose and not isinstance(metric, CorpusMetric):
            rows = score_rows(oracle.folder, spec)
            ceiling = math.fsum(row["ceiling"] for row in rows) / len(rows)
            assert math.fsum(row["value"] for row in rows) / len(rows) == pytest.approx(ceiling), spec
    ours, theirs = aggregates(said.folder, task), how.official(folder, texts)
    assert theirs, "the official scorer gives nothing"
    assert {key: ours.get(key) for key in theirs} == pytest.approx(theirs)


@pytest.mark.parametrize("name", [n for n in HELD if resolve(n).answer.name in ("yes_no", "one_of")])
def test_guessing_scores_chance(name: str, cache: Path, tmp_path: Path) -> None:
    task = resolve(name)
    HELD[name].write(tmp_path / "hub", LARGE)
    prepare(task, folder=tmp_path / "hub")
    (cell,) = hemm.run("baseline/random", name, out=tmp_path / "results")
    rows = [row for row in score_rows(cell.folder, str(task.metrics[0])) if row["value"] is not None]
    assert len(rows) > 20
    assert all(row["chance"] is not None for row in rows)
    chance = [row["chance"] for row in rows]
    spread = math.sqrt(math.fsum(c * (1 - c) for c in chance)) / len(rows)
    z = stats.norm.isf(0.001 / len(HELD) / 2)
    found = math.fsum(row["value"] for row in rows) / len(rows)
    assert abs(found - math.fsum(chance) / len(rows)) <= z * spread
