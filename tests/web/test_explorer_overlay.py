"""The explorer under an overlay: its profile is with it, says so, and is shown without it on request."""

from __future__ import annotations

from pathlib import Path

import pytest
from explorer_client import Client, words

from hemm.results.read import cells


@pytest.fixture
def gold(results: Path, tmp_path: Path) -> Path:
    """The wrong answer of one model, as right."""
    (cell,) = (c for c in cells(results) if (c.model, c.task) == ("baseline/random", "probe_shapes"))
    rows = cell.answers(["id", "raw", "references"]).to_pylist()
    wrong = next(row for row in rows if [row["raw"]] != row["references"])
    path = tmp_path / "gold<b>.csv"
    line = f"probe_shapes,{wrong['id']},gold,reference,{wrong['raw']}"
    path.write_text(f"task,sample,kind,field,value\n{line}\n")
    return path


def test_the_profile_is_with_the_overlay_and_without_it(results: Path, gold: Path) -> None:
    from hemm.web.app import app_of
    from hemm.web.explorer import Explorer

    client = Client(app_of(Explorer(results, overlay=[gold])))
    page = client.get("/").text
    assert "1 with other right answers, 0 left out" in words(page)
    sections = page.count("</h2>") + page.count("</figcaption>")
    assert sections > 5
    assert words(page).count("with overlay gold<b>.csv [") == sections
    assert "gold<b>" not in page
    plain = client.get("/?overlay=off").text
    assert "gold" not in plain.replace("golden", "")
    assert "Without the overlay that hemm serve was given" in words(plain)
    assert page != plain
    assert client.get("/?overlay=on").status_code == 400
    other = client.get("/tasks").text
    assert "gold" not in other
