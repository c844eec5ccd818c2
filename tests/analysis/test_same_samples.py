"""Cells of one task that were judged against different data are named, and not compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fake import FakePack, Served, go, sample
from hemm.analysis.compare import compare
from hemm.analysis.diff import flips
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.cli import status
from hemm.core import HemmError, Identity
from hemm.report import write
from hemm.results.read import cells

SAMPLES = [sample(n) for n in range(10)]
MENDED = [replace(s, references=("no",)) if n in (0, 4, 8) else s for n, s in enumerate(SAMPLES)]
WORDS = "m on even is judged against other data than n: 3 of 10 common samples changed in between"


def asked(out: Path, model: str, samples: list, **options: str) -> None:
    go(out, Served(identity=Identity(model, "1")), FakePack(samples), **options)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    asked(tmp_path, "m", SAMPLES)
    asked(tmp_path, "n", MENDED)
    return tmp_path


def test_compare_refuses_in_one_line_that_says_what_to_run(
    mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["compare", str(mixed)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert WORDS in line
    assert "hemm.run(" in line or "hemm run " in line


def test_the_others_name_it(mixed: Path) -> None:
    study = Study.of(cells(mixed))
    assert any(note.startswith(WORDS) for note in profile(study).notes)
    found = flips(study, "m", "n")
    assert any(note.startswith(WORDS) for note in found.notes)
    assert (found.tasks[0].common, found.tasks[0].other) == (7, 3)  # those that changed are no flips
    assert WORDS in write(mixed, mixed / "report.html").read_text()


def test_a_control_of_other_data_is_named_too(tmp_path: Path) -> None:
    asked(tmp_path, "m", SAMPLES)
    asked(tmp_path, "m", MENDED, control="none")
    study = Study.of(cells(tmp_path))
    assert any("3 of 10 common samples" in note for note in profile(study).notes)
    with pytest.raises(HemmError, match="3 of 10 common samples"):
        compare(study)


def test_after_another_run_they_are_compared(mixed: Path) -> None:
    asked(mixed, "m", MENDED)
    study = Study.of(cells(mixed))
    assert not any("other data" in note for note in study.notes)
    assert compare(study).overall is not None


@pytest.mark.parametrize("control", ["", "none"])
def test_rows_that_came_or_went_are_no_other_data(control: str, tmp_path: Path) -> None:
    asked(tmp_path, "m", SAMPLES)
    options = {"control": control} if control else {}
    asked(tmp_path, "m" if control else "n", SAMPLES[2:] + [sample(n) for n in range(20, 24)], **options)
    study = Study.of(cells(tmp_path))
    assert not any("other data" in note for note in study.notes)
    compare(study)
