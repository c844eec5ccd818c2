"""Scores by a field: the means of the scores of those samples, whatever the field is."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake import FakePack, Served, go, sample, task
from hemm import cli
from hemm.analysis.profile.by_field import NOTHING, SEVERAL, by_field
from hemm.analysis.study import Study
from hemm.core import UnknownName
from hemm.results.read import cells


def kind(number: int) -> dict[str, Any]:
    """Number -> metadata: a kind for two of three, and a length of which each differs."""
    kinds = ("what is it", "how many", None)
    return {"question_type": kinds[number % 3], "length": number * 1.5, "odd": bool(number % 2)}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    pack = FakePack(
        [sample(n, metadata=kind(n), labels={"reasoning": ("less", "more")[n % 2]}) for n in range(30)]
    )
    go(folder, Served(), pack)
    return folder


def by_hand(out: Path, key: str) -> dict[str, list[float]]:
    (cell,) = cells(out)
    values: dict[str, float] = {}
    for row in cell.scores(next(iter(cell.aggregates()["metrics"]))).to_pylist():
        values[row["group"]] = 0.0 if row["value"] is None else row["value"]
    found = defaultdict(list)
    for row in cell.answers(["id", "metadata"]).to_pylist():
        found[str(json.loads(row["metadata"])[key])].append(values[row["id"]])
    return found


def test_a_value_has_the_mean_and_the_number_of_its_samples(out: Path) -> None:
    found = by_field(Study.of(cells(out)), "question_type")
    wanted = by_hand(out, "question_type")
    assert [row.value for row in found.rows] == ["how many", "what is it", NOTHING]
    for row in found.rows:
        own = wanted[row.value if row.value != NOTHING else "None"]
        assert row.estimate.value == pytest.approx(np.mean(own))
        assert row.estimate.n == len(own) == 10
        assert sum(row.outcomes.values()) == 10


def test_labels_booleans_and_many_numbers_are_fields_too(out: Path) -> None:
    study = Study.of(cells(out))
    assert [(r.value, r.estimate.n) for r in by_field(study, "reasoning").rows] == [
        ("less", 15),
        ("more", 15),
    ]
    assert [(r.value, r.estimate.n) for r in by_field(study, "odd").rows] == [("no", 15), ("yes", 15)]
    ranges = by_field(study, "length").rows
    assert 2 < len(ranges) <= 12
    assert sum(r.estimate.n for r in ranges) == 30
    starts = [float(r.value.split(" to ")[0]) for r in ranges]
    assert starts == sorted(starts)


def test_a_field_that_is_nowhere_is_one_line(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'question_type'"):
        by_field(Study.of(cells(out)), "questiontype")
    assert cli.status(["profile", str(out), "--by", "questiontype"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("hemm: unknown field of these samples 'questiontype'; did you mean")
    assert cli.status(["profile", str(out), "--by", "odd", "--normalise", "paper"]) == 2
    assert "leave out --normalise" in capsys.readouterr().err


def test_table_csv_and_json_agree(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["profile", str(out), "--by", "question_type"]
    assert cli.status(words) == 0
    text = capsys.readouterr().out
    assert "even by question_type: accuracy" in text
    assert "10 scores of samples without the field: (none)" in text
    assert cli.status([*words, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert cli.status([*words, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [r["value_of_field"] for r in rows] == [r["value_of_field"] for r in told["rows"]]
    assert [float(r["value"]) for r in rows] == [r["value"] for r in told["rows"]]
    assert all(row["value_of_field"] in text for row in rows)


def test_samples_of_one_unit_with_several_values_are_told_apart(tmp_path: Path) -> None:
    pack = FakePack(
        [sample(n, unit=f"u{n // 2}", metadata={"turn": n % 2, "page": n // 4}) for n in range(8)]
    )
    go(tmp_path, Served(), pack, task(metrics=("consistency",)))
    study = Study.of(cells(tmp_path))
    assert [(r.value, r.estimate.n) for r in by_field(study, "turn").rows] == [(SEVERAL, 4)]
    assert [(r.value, r.estimate.n) for r in by_field(study, "page").rows] == [("0", 2), ("1", 2)]
