"""Slices: one number for answers of several tasks is on one scale, and dark is good."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from explorer_client import words

import hemm
from hemm.results.read import cells

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


@pytest.fixture
def read_aloud(tmp_path: Path) -> Path:
    """A task of one's own whose metric is better the lower, and has no worst score."""
    folder = tmp_path / "read_aloud"
    folder.mkdir()
    rows = [
        {"id": str(n), "image": f"data:image/png;base64,{PNG}", "question": f"Read {n}.", "answer": "a b"}
        for n in range(4)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "card.yaml").write_text("metrics: [wer]\n")
    return folder


def _shades(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<td class="q(\w+)"><a[^>]*><b>([^<]*)</b>', page)


def test_scores_of_several_scales_are_shares_of_the_way(tmp_path: Path, ask: Any, read_aloud: Path) -> None:
    out = tmp_path / "r"
    hemm.run("baseline/oracle", ["probe_shapes", f"{read_aloud}"], limit=4, out=out)
    hemm.run("baseline/random", ["probe_shapes"], limit=24, out=out)
    page = ask(out).get("/slices?by=outcome&across=model").text
    scores = [
        row["value"]
        for cell in cells(out)
        if cell.model == "baseline/random"
        for row in cell.scores("accuracy-v2").to_pylist()
    ]
    assert ("10", "1.00") in _shades(page)  # the oracle: what has no worst score is in no mean
    mean = sum(scores) / len(scores)
    assert any(math.isclose(float(value), mean, abs_tol=0.006) for _, value in _shades(page))
    assert "In no mean: scores of wer, which has no worst or no best." in words(page)
    alone = ask(out).get("/slices?by=task&across=model&task=probe_shapes").text
    assert "on the metric's own scale" in words(alone)
