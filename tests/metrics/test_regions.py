"""Boxes and points: overlap beside an independent one, and dialects that do not fit named, never searched."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hemm
from hemm.core import (
    BatchModel,
    Capabilities,
    Card,
    HemmError,
    Identity,
    Judged,
    Layout,
    Outcome,
    Request,
    Response,
    Sample,
    Task,
    UnknownName,
)
from hemm.data import Local
from hemm.metrics import resolve
from hemm.metrics.images.regions import iou
from hemm.parsing import Box, Point
from hemm.parsing.coordinates import DIALECTS, as_reference
from hemm.parsing.outcome import judge
from hemm.testing import check_metric

CELLS = st.lists(st.integers(0, 12), min_size=4, max_size=4)


@given(CELLS, CELLS)
def test_overlap_is_what_counting_cells_gives(a: list[int], b: list[int]) -> None:
    def cells(box: list[int]) -> set[tuple[int, int]]:
        return set(itertools.product(range(box[0], box[2]), range(box[1], box[3])))

    mine, theirs = cells(a), cells(b)
    wanted = len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
    assert iou(a, b) == pytest.approx(wanted)


def asked(n: int = 12, size: tuple[int, int] = (640, 480)) -> list[Sample]:
    """Samples with a box each, another one for each."""
    found = []
    for k in range(n):
        box = [0.5 + 0.02 * k, 0.01 * k, 0.7 + 0.02 * k, 0.2 + 0.01 * k]
        found.append(
            Sample(str(k), references=(as_reference(box),), metadata={"width": size[0], "height": size[1]})
        )
    return found


@pytest.mark.parametrize("name", DIALECTS)
def test_the_right_box_is_right_in_every_dialect(name: str) -> None:
    for kind, metric in ((Box(name), "iou:at=0.5"), (Point(name), "point_in_box")):
        for sample in asked(3):
            judged = judge(sample, 0, Response(kind.render(str(sample.references[0]), sample)), kind)
            assert judged.outcome is Outcome.OK
            assert resolve(metric).score([[judged]]) == [{"": 1.0}]


def answers(said: Box, declared: Box) -> list[list[Judged]]:
    return [[judge(s, 0, Response(said.render(str(s.references[0]), s)), declared)] for s in asked()]


@pytest.mark.parametrize(
    ("said", "declared"),
    [
        ("pixels", "0-1000"),
        ("yx-0-1000", "0-1000"),
        ("0-1", "0-1000"),
        ("0-1000", "pixels"),
        ("0-1000", "yx-0-1000"),
    ],
)
def test_another_dialect_is_named_and_not_scored(said: str, declared: str) -> None:
    metric = resolve("iou:at=0.5")
    values = [v[""] or 0.0 for v in metric.score(answers(Box(said), Box(declared)))]
    assert sum(values) == 0
    (remark,) = metric.record()["remarks"]
    named = remark.partition("would meet it as ")[2].partition(" (")[0].split(" or ")
    assert said in named
    assert {name.replace("999", "1000") for name in named} == {
        said
    }  # 999ths are hardly told from thousandths
    assert "scored as declared" in remark


def test_answers_in_the_declared_dialect_have_no_remark() -> None:
    metric = resolve("iou:at=0.5")
    metric.score(answers(Box("0-1000"), Box("0-1000")))
    assert metric.record() == {"dialect": "0-1000"}
    few = resolve("iou:at=0.5")
    few.score(answers(Box("pixels"), Box("0-1000"))[:5])
    assert "remarks" not in few.record()


def test_the_threshold_and_what_is_no_box() -> None:
    sample = Sample("1", references=("0 0 0.5 0.5",))
    half = Box().parse("[0, 0, 500, 250]", sample)
    assert resolve("iou").value(half, sample) == pytest.approx(0.5)
    assert resolve("iou:at=0.5").value(half, sample) == 1.0
    assert resolve("iou:at=0.51").value(half, sample) == 0.0
    for at in ("0", "1.2", "half"):
        with pytest.raises(HemmError, match="at="):
            resolve(f"iou:at={at}")
    with pytest.raises(HemmError, match="box and point"):
        resolve("iou").value("a text", sample)
    with pytest.raises(UnknownName, match="0-1000"):
        Box("0-10000")


def test_screenspot_counts_the_edge_and_the_middle_of_a_box() -> None:
    sample = Sample("1", references=("0.2 0.2 0.4 0.4",))
    metric, point = resolve("point_in_box"), Point("0-1")
    assert [metric.value(point.parse(t, sample), sample) for t in ("[0.2, 0.4]", "[0.41, 0.3]")] == [1.0, 0.0]
    assert metric.value(point.parse("[0.1, 0.1, 0.5, 0.5]", sample), sample) == 1.0


def test_they_keep_the_contract() -> None:
    check_metric(resolve("iou:at=0.5"), samples=asked(4), answer=Box())
    check_metric(resolve("point_in_box"), samples=asked(4), answer=Point())


def test_the_remark_is_a_note_of_the_profile(tmp_path: Path, cache: Path) -> None:
    """A model that writes pixels is asked for thousandths: the score is 0, and the profile says why."""

    class WritesPixels(BatchModel):
        spec, identity, capabilities, batch_size = "pixels", Identity("pixels", "1"), Capabilities(), 8

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            samples = {s.id: s for s in asked()}
            of_each = [samples[r.sample_id] for r in requests]
            return [Response(Box("pixels").render(str(s.references[0]), s)) for s in of_each]

    task = Task(
        "places",
        Card("Places", labels={"use_case": "hci"}),
        (Local(tmp_path, Layout((), lambda folder: iter(asked()))),),
        "Where is it? {{ instruction }}",
        Box(),
        ("iou:at=0.5",),
    )
    results = hemm.run(WritesPixels(), tasks=[task], out=tmp_path / "results")
    notes = [note for note in results.profile().notes if "would meet it as pixels" in note]
    assert len(notes) == 1
