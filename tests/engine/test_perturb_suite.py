"""A suite of perturbations: one command, a cell each, what cannot be perturbed counted and named."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from fake import Batched, FakePack, sample, task
from fake import go as asked
from hemm.core import HemmError, Sample, Task
from hemm.core.errors import CannotTake
from hemm.engine.options import CellResult, RunOptions, Silent
from hemm.engine.overlays.effect import effect_of
from hemm.engine.overlays.rows import GOLD, REFERENCE, Overlay, OverlayRow
from hemm.engine.perturbing import perturb_of, variants
from hemm.engine.refusals import Refusals
from hemm.engine.run import run_cells
from hemm.engine.setup import model_options
from hemm.models import resolve
from hemm.results.read import cell

LISTED = task(prompt="{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}")
BIRDS = ("heron", "gull", "owl", "coot")


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def go(
    out: Path, of: Task, samples: list[Sample], perturb: str, model: str = "baseline/oracle", **more: object
) -> tuple[list[CellResult], list[str]]:
    options = RunOptions(models=(model,), out=out, perturb=perturb, **more)  # type: ignore[arg-type]
    heard, packs = Heard(), [(of, FakePack(samples))]
    models = [resolve(model, model_options(options))]
    refusals = Refusals.of(options, models, packs, None)
    return asyncio.run(run_cells(options, models, packs, heard, None, refusals)), heard.lines


def _refused(out: Path, samples: list[Sample], perturb: str) -> Refusals:
    options = RunOptions(models=("baseline/oracle",), out=out, perturb=perturb)
    return Refusals.of(options, [Batched()], [(LISTED, FakePack(samples))], None)


def _mixed() -> list[Sample]:
    """Questions of four options, of two, of none, and one without a picture."""
    four = [sample(n, choices=BIRDS, references=(BIRDS[n % 4],)) for n in range(4)]
    two = [sample(n) for n in range(4, 8)]
    return [*four, *two, sample(8, media=())]


def test_a_suite_is_a_cell_each_and_resumes(tmp_path: Path) -> None:
    suite = "c/contrast:2,text/options:1,text/negation,overlay:0.2"
    results, lines = go(tmp_path, LISTED, _mixed(), suite)
    assert [r.perturb for r in results] == ["", *suite.replace("negation", "negation:1").split(",")]
    assert len({r.folder for r in results}) == 5
    assert [len(r.errors) for r in results] == [0, 1, 0, 4, 1]
    reasons = {why for r in results for _, _, why in r.errors}
    assert reasons == {
        "perturb: cannot be perturbed: it has no picture",
        "perturb: cannot be perturbed: it has more than two options, of which several are wrong",
    }
    plan = [line for line in lines if "answers" in line]
    assert plan == ["4 perturbations and the samples as they are: 5 cells, about 45 answers"]
    assert any("1 of 9 samples cannot be perturbed" in line and "no picture" in line for line in lines)
    again, _ = go(tmp_path, LISTED, _mixed(), suite)
    assert [r.asked for r in again] == [0] * 5
    more, _ = go(tmp_path, LISTED, _mixed(), suite + ",text/case:upper")
    assert [r.asked for r in more] == [0] * 5 + [9]


def test_the_right_answer_goes_with_options_and_question(tmp_path: Path) -> None:
    results, _ = go(tmp_path, LISTED, _mixed(), "text/options:1,text/negation")
    clean, turned, denied = (cell(r.folder).answers().to_pylist() for r in results)
    by_id = {row["id"]: row for row in clean}
    for row in turned:
        was = by_id[row["id"]]
        assert row["references"] == was["references"]
        assert sorted(row["choices"]) == sorted(was["choices"])
        assert row["choices"] != was["choices"]
        assert f"{row['raw']}. {row['references'][0]}" in row["prompt"]  # the letter shown before it
        assert row["sample_hash"] == was["sample_hash"]
    for row in denied:
        if row["failure"] is None:
            assert row["references"] == ["no" if by_id[row["id"]]["references"] == ["yes"] else "yes"]
            assert "wrong answer" in row["prompt"]


def test_answers_that_take_over_changed_data_keep_the_order_that_was_shown(tmp_path: Path) -> None:
    rows = [sample(n) for n in range(8)]
    first = asked(tmp_path, Batched(), FakePack(rows), LISTED, perturb="text/options:1")
    before = {row["id"]: row for row in cell(first.folder).answers().to_pylist()}
    changed = [replace(row, metadata={"number": 99}) for row in rows]
    second = asked(tmp_path, Batched(), FakePack(changed), LISTED, perturb="text/options:1")
    assert (second.folder, second.asked) == (first.folder, 0)
    for row in cell(second.folder).answers().to_pylist():
        assert row["metadata"] == '{"number":99}'
        assert row["choices"] == before[row["id"]]["choices"] == ["no", "yes"]


def test_what_changes_no_sample_is_refused_by_name_and_left_out_of_a_suite(tmp_path: Path) -> None:
    bare = [sample(n, media=()) for n in range(4)]
    with pytest.raises(
        CannotTake, match=r"--perturb c/fog changes no sample of task even: it has no picture"
    ):
        go(tmp_path, LISTED, bare, "c/fog:1")
    with pytest.raises(CannotTake, match=r"^--perturb c/fog, c/frost changes no sample[^;]*no picture$"):
        raise CannotTake.all_of(_refused(tmp_path, bare, "c/fog:1,c/frost:2,text/case:upper").found.values())
    results, _ = go(tmp_path, LISTED, bare, "c/fog:1,text/case:upper")
    assert [r.perturb for r in results] == ["", "text/case:upper"]
    unlisted = task()
    with pytest.raises(CannotTake, match="does not list its options"):
        go(tmp_path, unlisted, [sample(1)], "text/options:1")


def test_the_first_six_leave_samples_without_pictures_and_say_so(tmp_path: Path) -> None:
    results, lines = go(tmp_path, LISTED, _mixed(), "noise:20")
    assert [len(r.errors) for r in results] == [0]
    assert any("1 of 9 samples have no picture and are asked as they are" in line for line in lines)


def test_variants() -> None:
    one = RunOptions(perturb="c/fog:3.0")
    assert [o.perturb for o in variants(one)] == ["c/fog:3"]
    assert [o.perturb for o in variants(RunOptions(perturb="text/negation"))] == ["text/negation:1"]
    assert [o.perturb for o in variants(RunOptions())] == [""]
    assert len(variants(RunOptions(perturb="c/all"))) == 76
    assert [o.perturb for o in variants(RunOptions(perturb="c/fo*:1"))] == ["", "c/fog:1"]
    with pytest.raises(HemmError, match="did you mean 'c/fog'"):
        variants(RunOptions(perturb="c/fgo:1"))


def test_what_is_shown_decides_which_text_is_changed() -> None:
    other = task(prompt="{{ hint }} {{ instruction }}")
    perturb = perturb_of(RunOptions(perturb="text/case:upper"), other)
    assert perturb is not None
    fields = {"question": "unseen", "hint": "seen"}
    assert perturb(Sample("s", fields=fields)).fields == {"question": "unseen", "hint": "SEEN"}


def test_right_answers_by_people_leave_a_negated_sample_out(tmp_path: Path) -> None:
    """Its stored right answer is that to the question turned round, which theirs is not."""
    results, _ = go(tmp_path, LISTED, [sample(n) for n in range(6)], "text/options:1,text/negation")
    row = OverlayRow("people.csv", 2, "even", "s00002", "", GOLD, REFERENCE, "no")
    clean, turned, denied = (effect_of(cell(r.folder), Overlay.of("people.csv", [row])) for r in results)
    assert clean.references == turned.references == {"s00002": ("no",)}
    assert denied.references == {}
    assert "text/negation" in denied.excluded["s00002"]
