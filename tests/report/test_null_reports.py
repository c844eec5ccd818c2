"""Reports on data in which nothing differs: at most one in twenty says that something does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import CellScores
from hemm.published import published
from hemm.report.page.comparison import comparison
from hemm.report.page.findings import findings, kinds
from hemm.report.page.overview import main_subjects
from hemm.tasks import resolve
from stored_cells import Stored, question

Floats = NDArray[np.float64]
SAMPLES = 40
CLAIMS = re.compile(
    r"is above|scores higher|is better|picture matters\b(?<!no sign that the picture matters)|does better|"
    r"(?<!raw difference of )[+-]\d\.\d+ \(.*with the other labels equal"
)
"""Sentences that say that something differs."""
HERE = re.compile(r"^On (these \d+ tasks|\S+) |corrected for \d+ tests|(matters|picture) on these tasks")
"""Those that say it of these tasks alone."""


@pytest.fixture(scope="module")
def cells() -> list[CellScores]:
    """Two models and a control of one, on the paper's tasks with their labels."""
    rows = {
        task: [question(i, True, dict(resolve(task).card.labels)) for i in range(SAMPLES)]
        for task in published("100").tasks
    }
    stored = [
        Stored(of_task, task=task, model=model, control=control, protocol=f"{model}{control}")
        for task, of_task in rows.items()
        for model, control in (("model-one", ""), ("model-two", ""), ("model-one", "none"))
    ]
    return list(Study.of(stored).cells)


def sentences(
    cells: list[CellScores], chances: dict[tuple[str, str, str], float], seed: int
) -> Iterator[str]:
    """What a report says of answers that are right with these chances (by task, model, control)."""
    rng = np.random.default_rng(seed)
    drawn = []
    for item in cells:
        right = (rng.random(SAMPLES) < chances[item.task, item.cell.model, item.control]).astype(float)
        drawn.append(replace(item, headline=replace(item.headline, values=right, answered=right)))
    study = Study(drawn, ())
    found = profile(study)
    subjects = main_subjects(found)
    compared = comparison(study, subjects, "anchored", kinds(found, subjects))
    assert compared is not None
    yield from findings(found, subjects, compared.verdict, compared.error)
    yield from compared.conclusions
    for level in compared.levels:
        yield from level.sentences


def false_reports(cells: list[CellScores], same: bool, count: int) -> float:
    """The share of reports with a false sentence.

    same  both models, with the picture and without, are equally good at each task; else each has tasks that
          it is good at, at random, so that on these tasks models do differ
    """
    false = 0
    for seed in range(count):
        rng = np.random.default_rng([seed, 5])
        keys = {(i.task, i.cell.model, i.control) for i in cells}
        hard = {task: rng.uniform(0.2, 0.95) for task in dict.fromkeys(i.task for i in cells)}
        chances = {
            key: hard[key[0]] if same else float(np.clip(hard[key[0]] + rng.normal(0, 0.1), 0, 1))
            for key in sorted(keys)
        }
        claims = [line for line in sentences(cells, chances, seed) if CLAIMS.search(line)]
        false += any(same or not HERE.search(line) for line in claims)
    return false / count


@pytest.mark.parametrize("same", [True, False])
def test_null_data_give_a_false_sentence_in_one_report_of_twenty_at_most(
    cells: list[CellScores], same: bool
) -> None:
    count = 6
    assert false_reports(cells, same, count) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / count)


@pytest.mark.full(minutes=3)
@pytest.mark.parametrize("same", [True, False])
def test_null_data_give_a_false_sentence_in_one_report_of_twenty_at_most_in_many(
    cells: list[CellScores], same: bool
) -> None:
    count = 300
    assert false_reports(cells, same, count) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / count)


def test_what_differs_is_said(cells: list[CellScores]) -> None:
    chances = {
        (i.task, i.cell.model, i.control): 0.95
        - 0.35 * (i.cell.model == "model-two")
        - 0.5 * (i.control == "none")
        - 0.3 * (dict(resolve(i.task).card.labels)["fine_grained"] == "yes")
        for i in cells
    }
    said = list(sentences(cells, chances, 1))
    for words in (
        r"On tasks like these model-one scores higher than model-two, over 28 tasks by 0\.\d+ \(p < 0\.001\)",
        r"fine-grained, on tasks like these: no 0\.\d+ \(.* is above yes",
        r"model-one: the picture matters on tasks like these",
    ):
        assert any(re.search(words, line) for line in said), (words, said)
