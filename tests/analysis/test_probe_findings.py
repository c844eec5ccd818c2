"""What the factorial probes say: planted falls are found where they were planted, planted costs too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import hemm
from hemm import cli
from hemm.analysis.curves import curves
from hemm.analysis.probe_findings import probe_findings
from hemm.core import BatchModel, Capabilities, HemmError, Identity, Request, Response, Sample, keyed_number
from hemm.tasks.probes.factorial.sweeps import DIALS, sweep
from hemm.testing import IdealSolver


class Planted(BatchModel):
    """Right with a given probability for each sample, else the next option."""

    spec = "planted"
    identity = Identity("planted", "1")
    capabilities = Capabilities()
    batch_size = 64

    def __init__(self, samples: Sequence[Sample], share: Callable[[Mapping[str, Any]], float]) -> None:
        self.known = {s.id: (s.choices.index(str(s.references[0])), share(s.metadata)) for s in samples}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        out = []
        for r in requests:
            place, share = self.known[r.sample_id]
            right = keyed_number("planted", r.sample_id) % 10_000 < share * 10_000
            out.append(Response(text="ABCD"[place if right else (place + 1) % 4]))
        return out


def test_what_was_planted_to_break_breaks_first(cache: Path, tmp_path: Path) -> None:
    """Resolution falls from 0.95 to 0.25 between 64 and 32 pixels, clutter late, objects never."""

    def share(m: Mapping[str, Any]) -> float:
        return 0.25 if m["resolution"] < 50 or m["clutter"] > 300 else 0.95

    names = ("resolution", "clutter", "objects")
    samples = [s for name in names for s in sweep("hci", name)]
    tasks = [f"probe_v2_hci:{name}" for name in names]
    results = hemm.run(Planted(samples, share), tasks, out=tmp_path)
    (found,) = probe_findings(results.study).models
    fits = {fit.dial: fit for fit in found.fits}
    low, high = fits["resolution"].ends
    assert low is not None
    assert high is not None
    assert 30 < low < high < 66
    assert fits["resolution"].passed == pytest.approx(
        0.6, abs=0.15
    )  # 64 is half of the way, 32 three quarters
    assert fits["clutter"].at is not None
    assert 180 < fits["clutter"].at < 410
    assert fits["objects"].at is None
    first, second, rest = found.sentences
    assert first.startswith("planted: resolution breaks first: at a picture of ")
    assert second.startswith("planted: clutter comes next")
    assert "no measurable fall up to 16 objects" in rest
    (curve,) = [c for c in curves(results.study.cells, "resolution") if c.task == "probe_v2_hci:resolution"]
    assert {p.low: p.estimate.value for p in curve.points} == pytest.approx(
        {lv.level: lv.score for lv in fits["resolution"].levels}
    )
    assert [lv.level for lv in fits["resolution"].levels] == [*DIALS["resolution"].levels]


def test_parts_that_are_off_cost_what_they_cost(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without knowledge and with one step: the two costs are one, nothing is left where either is needed."""
    hemm.run(IdealSolver(knowledge=False, steps=1), "probe_v2_hci", out=tmp_path / "r")
    assert cli.status(["probes", str(tmp_path / "r"), "--format", "json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    effects = {(e["dimension"], e["a"], e["b"]): e for e in model["effects"]["effects"]}
    wanted = {"reasoning": 0.5, "external_knowledge": -0.25}
    for (dimension, *_), e in effects.items():
        assert e["low"] - 0.02 <= wanted.get(dimension, 0.0) <= e["high"] + 0.02, e
    (both,) = [
        r
        for r in model["interactions"]["rows"]
        if {r["dimension"], r["other"]} == {"reasoning", "external_knowledge"}
    ]
    assert both["low"] <= -1 <= both["high"]
    assert both["p_holm"] < 0.001
    for format_ in ("table", "csv", "markdown"):
        assert cli.status(["probes", str(tmp_path / "r"), "--format", format_]) == 0
        assert "external_knowledge" in capsys.readouterr().out


def test_ladders_and_drawn_answers_are_told_apart_and_nothing_is_dropped_in_silence(
    cache: Path, tmp_path: Path
) -> None:
    solver = IdealSolver(picture=False)
    tasks = ["probe_v2_hci:ladder", "probe_v2_hci:compare", "probe_v2_hci:draw"]
    found = probe_findings(hemm.run(solver, tasks, out=tmp_path, limit=96).study)
    words, drawn = found.models
    assert (words.label, drawn.label) == ("ideal-no-picture", "ideal-no-picture, drawn answers")
    assert [rung.level for rung in words.ladder] == [1.0, 0.5, 0.0]
    assert words.ladder[0].score == 1.0
    assert words.ladder[2].score < 0.6
    assert "by what the text carries of them: all 1.00, half " in words.sentences[0]
    assert words.effects is None
    assert drawn.effects is not None
    assert any("probe_v2_hci:compare: nothing is found from it here" in note for note in found.notes)
    assert not any("forms of one task" in note for note in found.notes)


def test_a_model_with_one_score_for_all_has_no_effects(cache: Path, tmp_path: Path) -> None:
    study = hemm.run("baseline/oracle", "probe_v2_hci", limit=72, out=tmp_path).study
    (model,) = probe_findings(study).models
    for part in (model.effects, model.interactions):
        assert part is not None
        assert part.why == "all samples of a task have one score, which no label changes"


def test_the_design_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(["probes"]) == 0
    text = capsys.readouterr().out
    assert "144 cells" in text
    assert "a text that is put into words is not translated" in text
    assert cli.status(["probes", "--format", "json"]) == 0
    for design in json.loads(capsys.readouterr().out)["designs"]:
        labels = [p for p in design["correlations"] if "held" not in (p["a"], p["b"])]
        apart = [p for p in labels if {p["a"], p["b"]} != {"reasoning", "steps"}]
        assert max(p["cramers_v"] for p in apart) < 0.05


def test_results_without_these_probes_are_one_line(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = hemm.run("baseline/random", "probe_shapes", limit=4, out=tmp_path / "r").study
    with pytest.raises(HemmError, match="no results of the probes of version 2 here"):
        probe_findings(study)
    capsys.readouterr()
    assert cli.status(["probes", str(tmp_path / "nowhere")]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"hemm: no folder of results at .*nowhere.*\n", error)
