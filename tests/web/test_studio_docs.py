"""The study of docs/annotate.md, from a folder of cases to the page."""

from __future__ import annotations

from pathlib import Path

from pages import run_page

PAGE = Path(__file__).resolve().parents[2] / "docs/annotate.md"


def test_the_study_says_what_it_needs_and_how_its_server_ends() -> None:
    study = PAGE.read_text("utf-8").partition("## A study in an afternoon")[2]
    assert study.index("hemm[hf]") < study.index("hemm run tiny")
    assert "hemm annotate study --open\n\nVote as long as you like, then end it with Ctrl+C" in study


def test_the_study_runs_as_it_stands(cache: Path, tmp_path: Path) -> None:
    said = run_page("annotate.md", tmp_path)
    assert "72 votes added" in said
    assert "Win rates by section (ties as half)" in said
    assert "counting and colours" in said
    page = (tmp_path / "study.html").read_text("utf-8")
    assert page.count('class="both"') == 16
    assert "The line in the middle is 0.5" in page
    assert 'src="data:image/png' in page
    assert "not in these results" not in page
