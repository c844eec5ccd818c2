"""The share of a score that is owed to the picture, counted by hand on stored cells."""

from __future__ import annotations

from pathlib import Path

import pytest

import hemm
from hemm.analysis.profile.perceptual import perceptual_scores
from hemm.analysis.study import Study
from hemm.report.tables.profile import show
from stored_cells import Stored, questions


def test_the_share_is_what_is_lost_without_the_picture() -> None:
    """30 of 40 right with the picture, 12 of 40 without: .6 of the score."""
    cells = [Stored(questions(30, 10)), Stored(questions(12, 28), control="shuffle", protocol="c")]
    (row, *by_label) = perceptual_scores(Study.of(cells))
    assert (row.task, row.control, row.dimension) == ("t", "shuffle", "overall")
    assert (row.score, row.without) == (0.75, pytest.approx(0.3))
    assert row.share.value == pytest.approx(0.6)
    assert row.share.low < 0.6 < row.share.high
    assert [(r.dimension, r.category, r.share.value) for r in by_label] == [
        ("use_case", "science", row.share.value)
    ]


def test_a_question_that_is_replaced_says_nothing_of_the_picture() -> None:
    cells = [Stored(questions(30, 10)), Stored(questions(12, 28), control="question", protocol="c")]
    assert perceptual_scores(Study.of(cells)) == []


def test_what_is_scored_without_looking_is_shown_above_its_floor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = hemm.run("baseline/oracle", "probe_faces", limit=40, conditions="vl,l=grey", out=tmp_path)
    rows = perceptual_scores(run.study)
    (whole,) = [row for row in rows if row.task]
    assert whole.share.value == 0, "the oracle knows the answers without looking"
    assert whole.above_floor is not None
    assert whole.above_floor.low > 0.3
    profile = run.profile()
    assert profile.to_json()["perceptual"][0]["control"] == "grey"
    show(profile)
    assert "the share of scores that is owed to the picture" in capsys.readouterr().out
