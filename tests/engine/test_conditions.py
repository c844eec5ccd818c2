"""``--conditions``: four cells of the same samples in one command, and what cannot be asked so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fake import Batched, FakePack, sample, task
from hemm.core import HemmError, UnknownName
from hemm.core.errors import CannotTake
from hemm.engine.conditions import controls_of
from hemm.engine.options import CellResult, RunOptions, Silent
from hemm.engine.refusals import Refusals
from hemm.engine.run import run_cells
from hemm.engine.setup import told_of_control

PACK = FakePack([sample(i) for i in range(24)])


def _go(out: Path, model: Batched, pack: FakePack = PACK, **options) -> list[CellResult]:
    return asyncio.run(run_cells(RunOptions(out=out, **options), [model], [(task(), pack)], Silent()))


def test_four_cells_of_the_same_samples_by_one_model_that_starts_once(tmp_path: Path) -> None:
    model = Batched()
    found = _go(tmp_path, model, conditions="prior, vl,l=grey,v", limit=8)
    specs = [json.loads((r.folder / "run.json").read_text())["protocol_spec"] for r in found]
    assert [s["control"] for s in specs] == ["", "grey", "question", "prior"]
    assert [s["seed"] for s in specs] == [None, None, 0, 0], "the seed counts where something is drawn"
    assert len({r.folder for r in found}) == 4
    shown = [model.requests[start : start + 8] for start in range(0, 32, 8)]
    assert len({frozenset(r.sample_id for r in cell) for cell in shown}) == 1
    by_id = [{r.sample_id: (r.prompt, r.media) for r in cell} for cell in shown]
    for name, (prompt, media) in by_id[0].items():
        assert by_id[1][name][0] == prompt
        assert by_id[2][name][0] != prompt
        assert by_id[2][name][1] == media
        assert by_id[3][name][0] != prompt
        assert by_id[3][name][1] != media
        number = int(by_id[3][name][0].split("Is ")[1].split()[0])
        assert sample(number).media != by_id[3][name][1], "picture and question are of two donors"
    again = Batched()
    assert [r.asked for r in _go(tmp_path, again, conditions="vl,l=grey,v,prior", limit=8)] == [0] * 4
    single = Batched()
    assert _go(tmp_path, single, control="question", limit=8)[0].asked == 0, "a control is the same cell"


def test_pictures_cannot_be_taken_from_what_has_none(tmp_path: Path) -> None:
    bare = FakePack([sample(n, media=()) for n in range(4)])
    options = RunOptions(conditions="vl,l", out=tmp_path)
    with pytest.raises(CannotTake, match=r"no sample of task even has a picture that control none"):
        Refusals.of(options, [Batched()], [(task(), bare)], None)
    mixed = FakePack([*bare.samples(), sample(9)])
    Refusals.of(options, [Batched()], [(task(), mixed)], None)
    one = replace(options, conditions="", control="none")
    assert told_of_control(one, task(), mixed) == (
        "even, --control none: 4 of 5 samples have no picture for it to change"
    )
    assert told_of_control(replace(one, control="question"), task(), mixed) == ""


def test_a_sample_without_a_donor_is_a_permanent_error_of_its_own(tmp_path: Path) -> None:
    alone = sample(30, choices=("left", "right"), references=("left",))
    model = Batched()
    (result,) = _go(tmp_path, model, FakePack([*PACK.samples(), alone]), control="question")
    assert result.errors == [
        (
            "s00030",
            0,
            "donor: no sample of another cluster has these options and another question: left, right",
        )
    ]
    assert result.permanent == 1
    assert len(model.requests) == 24


def test_a_donor_that_changes_makes_its_sample_asked_again(tmp_path: Path) -> None:
    model = Batched()
    _go(tmp_path, model, control="question")
    donors = {r.sample_id: r.prompt.split("Is ")[1].split()[0] for r in model.requests}
    fewer = FakePack([s for s in PACK.samples() if s.id != "s00009"])
    again = Batched()
    _go(tmp_path, again, fewer, control="question")
    assert set(again.asked) == {k for k, number in donors.items() if number == "9" and k != "s00009"}


def test_what_is_wrong_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    assert controls_of("v=question-none, prior=prior-none") == ("question-none", "prior-none")
    for text in ("vl,vl", "vl,l=question", "v=shuffle", ",", "vl=none", "l=nothing", "x"):
        with pytest.raises((HemmError, UnknownName), match=r"condition"):
            RunOptions(conditions=text)
    for more in ({"control": "none"}, {"until_ci": 3}):
        with pytest.raises(HemmError, match="--conditions does not go with"):
            RunOptions(conditions="vl,l", **more)
    fixed = task(prompt="{{ image }}Which? {{ options }}", name="fixed")
    options = RunOptions(conditions="vl,v", suite="hemm")
    found = Refusals.of(options, [Batched()], [(fixed, PACK), (task(), PACK)], None)
    assert [name for _, name, _ in found.found] == ["fixed"]
    with pytest.raises(CannotTake, match="task fixed asks the same of every sample"):
        Refusals.of(RunOptions(conditions="vl,v", tasks=("fixed",)), [Batched()], [(fixed, PACK)], None)
