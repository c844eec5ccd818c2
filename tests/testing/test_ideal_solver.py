"""The ideal solver with parts switched off shows exactly the pattern that the probes plant."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import hemm
from hemm.core import Sample, Task
from hemm.tasks import resolve
from hemm.tasks.probes.factorial.checker import SignCheck
from hemm.tasks.probes.factorial.samples import generate
from hemm.tasks.probes.factorial.signs import USE_CASES
from hemm.tasks.prompt import render
from hemm.testing import IdealSolver


def said(task: Task, sample: Sample) -> str:
    return "".join(p for m in render(task, sample) for p in m.parts if isinstance(p, str))


def in_picture(s: Sample) -> bool:
    return s.metadata["held"] in ("picture", "both")


def in_text(s: Sample) -> bool:
    return s.metadata["held"] in ("text", "both")


def given(s: Sample) -> bool:
    return s.labels["external_knowledge"] == "no"


PATTERNS: list[tuple[dict[str, Any], Any]] = [
    ({"picture": False}, in_text),
    ({"text": False}, in_picture),
    ({"picture": False, "text": False}, lambda s: False),
    ({"knowledge": False}, given),
    ({"steps": 1}, lambda s: s.labels["reasoning"] == "less"),
    ({"steps": 3}, lambda s: s.metadata["steps"] <= 3),
    ({"text": False, "knowledge": False}, lambda s: False),
    ({"picture": False, "knowledge": False, "steps": 2},
     lambda s: in_text(s) and given(s) and s.metadata["steps"] <= 2),
]  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> list[tuple[Sample, str]]:
    task = resolve("probe_v2_hci")
    return [(s, said(task, s)) for s in islice(generate("hci"), 144)]


@pytest.mark.parametrize(("off", "right"), PATTERNS, ids=lambda p: str(p) if isinstance(p, dict) else "")
def test_what_is_switched_off_is_what_fails(
    off: dict[str, Any], right: Any, asked: list[tuple[Sample, str]]
) -> None:
    solver = IdealSolver(**off)
    for s, text in asked:
        found = solver.solve(text, s.media)
        assert (found == s.references[0]) if right(s) else (found is None), (s.id, s.metadata)


@pytest.mark.parametrize("name", USE_CASES)
def test_the_whole_solver_solves_every_use_case(name: str) -> None:
    task = resolve(f"probe_v2_{name}")
    for s in islice(generate(name), 72):
        assert IdealSolver().solve(said(task, s), s.media) == s.references[0]


def test_drawn_answers() -> None:
    task = resolve("probe_v2_science:draw")
    for s in islice(generate("science", size=192, drawing=True), 20):
        text = said(task, s)
        assert SignCheck().value(IdealSolver().draw(text, s.media), s) == 1
        unknowing = IdealSolver(knowledge=False).draw(text, s.media)
        assert SignCheck().value(unknowing, s) == float(given(s))


@pytest.mark.parametrize("form", ["ladder", "one_of", "compare", "distractors"])
def test_the_other_forms(form: str) -> None:
    task = resolve(f"probe_v2_healthcare:{form}")
    for s in islice(task.sources[0].layout.read(Path()), 24):
        assert IdealSolver().solve(said(task, s), s.media) == s.references[0]
        if form == "ladder":
            blind = IdealSolver(picture=False).solve(said(task, s), s.media)
            assert blind == (s.references[0] if s.metadata["text_carries"] == 1 else None)


def test_by_way_of_a_run(cache: Path, tmp_path: Path) -> None:
    """A removed picture is as a solver without eyes: right where the text holds all, at chance elsewhere."""
    results = hemm.run(IdealSolver(), "probe_v2_multimedia", control="none", limit=96, out=tmp_path / "r")
    (item,) = results.study.cells
    held = [json.loads(m)["held"] for m in item.cell.answers(["metadata"])["metadata"].to_pylist()]
    order = item.cell.answers(["id"])["id"].to_pylist()
    values = dict(zip(item.headline.groups.tolist(), item.headline.values.tolist(), strict=True))
    told = [values[i] for i, h in zip(order, held, strict=True) if h in ("text", "both")]
    others = [values[i] for i, h in zip(order, held, strict=True) if h not in ("text", "both")]
    assert len(told) > 25
    assert set(told) == {1.0}
    assert 0.1 < sum(others) / len(others) < 0.42
    with pytest.raises(ValueError, match="steps 5"):
        IdealSolver(steps=5)
