"""Interactions against what is planted, counted by hand, and refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hemm
from hemm import cli
from hemm.analysis.interactions import interactions
from hemm.analysis.interactions.information import information
from hemm.analysis.interactions.option_scores import Options, OptionScores, why_left
from hemm.core import BatchModel, Capabilities, HemmError, Identity, Request, Response, keyed_number
from hemm.testing import PlantedInteractions

CHOICES = ("heron", "gull", "owl", "wren")


def _birds(folder: Path, count: int = 240) -> str:
    """Questions with four options whose right one is even over all, two to each picture."""
    folder.mkdir()
    rows = []
    for number in range(count):
        picture = f"{number // 2}.png"
        Image.new("RGB", (2, 2), (number // 2 % 256, number // 512, 3)).save(folder / picture)
        row = {"id": f"q{number}", "image": picture, "question": f"Who sings song {number}?"}
        rows.append(row | {"choices": CHOICES, "answer": CHOICES[number % 4]})
    (folder / "birds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder)


@pytest.mark.parametrize(
    "planted",
    [
        {"redundant": 0.37, "text": 0.23, "picture": 0.11, "synergy": 0.53},
        {"redundant": 0.64, "text": 0.08, "picture": 0.71, "synergy": -0.59},
    ],
)
def test_planted_bits_are_found_again(
    planted: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    task = _birds(tmp_path / "birds")
    model = PlantedInteractions(**planted)
    run = hemm.run(
        model, task, conditions="vl,l,v,prior", settings={"scoring": "likelihood"}, out=tmp_path / "out"
    )
    (found,) = interactions(run.study).tasks
    information = found.information
    assert information is not None
    assert (information.n, information.clusters) == (240, 120)
    means = information.stored.means
    wanted = {"redundant": "redundant", "text": "unique to text", "picture": "unique to picture"}
    for name, quantity in {**wanted, "synergy": "synergy"}.items():
        # the prior is counted from 238 answers, so near 1/4 and not quite it
        low, high = means[quantity].low, means[quantity].high
        assert low - 0.01 <= planted[name] <= high + 0.01, (name, means[quantity])
        assert high - low < 0.3
    assert means["neither"].value == pytest.approx(0, abs=0.02)
    total = means["with both"].value
    assert total == pytest.approx(sum(means[q].value for q in (*wanted.values(), "synergy")))
    assert (information.stored.interference.value > 0.9) == (planted["synergy"] < 0)
    assert "500 clusters" in information.refused
    # each alone makes the right option the likeliest one of four: decisions are copies of the right answer
    monkeypatch.setattr("hemm.analysis.interactions.information.LEAST_CLUSTERS", 100)
    (again,) = interactions(run.study).tasks
    decisions = again.information.decisions
    assert (decisions.categories, decisions.options, decisions.n) == ("texts", 4, 240)
    for parts in decisions.targets.values():
        by_name = {part.name: part.plain for part in parts}
        assert by_name["redundancy"] == pytest.approx(2, abs=0.02)
        assert by_name["synergy"] == pytest.approx(0, abs=0.02)
    assert found.conditions.controls == {"vl": "", "l": "none", "v": "question", "prior": "prior"}


class Fickle(BatchModel):
    """Prefers an option by a hash of what it is shown: right or wrong anew in each condition."""

    spec = "fickle"
    identity = Identity("fickle", "1")
    capabilities = Capabilities(likelihood=True)
    batch_size = 64

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Response:
        count = len(request.options)
        best = keyed_number(request.prompt, *(m.digest for m in request.media)) % count
        scores = tuple(math.log(0.6 if n == best else 0.4 / (count - 1)) for n in range(count))
        return Response(text=request.options[best], options=scores)


FACES = ("probe_faces",)


def _run(tmp_path: Path, model: str | Fickle = "baseline/random", **more: Any) -> hemm.api.results.Results:
    return hemm.run(model, FACES, conditions="vl,l,v=question-none", out=tmp_path, **more)


def test_the_table_counts_what_was_right_where(tmp_path: Path) -> None:
    run = _run(tmp_path, Fickle(), settings={"scoring": "likelihood"})
    found = interactions(run.study)
    (task,) = found.tasks
    right = {}
    for item in run.study.cells:
        values = dict(zip(item.headline.groups.tolist(), item.headline.values.tolist(), strict=True))
        right[item.control] = {name: value == 1 for name, value in values.items()}
    both, text, picture = right[""], right["none"], right["question-none"]
    assert len(both) == task.behaviour.n == 144
    expected = {
        "redundant": sum(both[s] and text[s] and picture[s] for s in both),
        "unique to text": sum(both[s] and text[s] and not picture[s] for s in both),
        "unique to picture": sum(both[s] and not text[s] and picture[s] for s in both),
        "synergy": sum(both[s] and not text[s] and not picture[s] for s in both),
        "never right": sum(not (both[s] or text[s] or picture[s]) for s in both),
    }
    kinds = {name: count for name, (count, _) in task.behaviour.kinds.items()}
    assert {name: kinds[name] for name in expected} == expected
    assert sum(kinds.values()) == 144
    assert all(kinds.values()), "all eight were met"
    assert task.information is not None
    labels = {row.label: row.n for row in found.labels}
    assert sum(labels.values()) == 144
    assert set(labels) == {"redundancy", "uniqueness", "synergy"}
    assert [test.model for test in found.tests] == ["fickle · likelihood (v=question-none)"]
    said = {"redundancy": "redundant", "uniqueness": "unique", "synergy": "synergy"}
    plain = run.study.cells[0].headline
    label_of = dict(zip(plain.groups.tolist(), plain.labels["interaction"].tolist(), strict=True))
    wrong = [s for s in both if both[s] and not _kind(text[s], picture[s]).startswith(said[label_of[s]])]
    assert found.contradicting == len(wrong)
    assert {row.sample for row in found.contradictions} <= set(wrong)


def _kind(text: bool, picture: bool) -> str:
    return {(True, True): "redundant", (False, False): "synergy"}.get((text, picture), "unique")


def test_what_cannot_be_told_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only = hemm.run("baseline/random", FACES, limit=6, out=tmp_path / "a", control="none")
    with pytest.raises(HemmError, match=r"nothing was asked .*not asked in condition vl, v: baseline"):
        interactions(only.study)
    hemm.run("baseline/random", FACES, limit=6, out=tmp_path / "a")
    two = hemm.load(tmp_path / "a")
    with pytest.raises(HemmError, match="not asked in condition v: baseline/random on probe_faces"):
        interactions(two.study)
    hemm.run("baseline/random", FACES, limit=4, out=tmp_path / "a", control="question-none")
    (fewer,) = interactions(hemm.load(tmp_path / "a").study).tasks
    assert (fewer.behaviour.n, fewer.behaviour.left_out) == (4, 2)
    hemm.run(
        "baseline/random", "probe_scenes", limit=6, conditions="vl,l,v=question-none", out=tmp_path / "b"
    )
    assert cli.status(["interactions", str(tmp_path / "b")]) == 0
    shown = capsys.readouterr().out
    assert "no information, since its answers are open" in shown
    _run(tmp_path / "c", limit=6)
    (task,) = interactions(hemm.load(tmp_path / "c").study).tasks
    assert "scoring=likelihood" in task.refused, "generated answers have no probabilities"


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([-1.0, -2.0], ""),
        ([math.nan, -2.0], "whose log-probability is no number"),
        ([math.inf, -2.0], "whose log-probability is no number"),
        ([0.0, -math.inf], "of probability 0"),
        ([-0.1, -9999.0], "of probability 0"),  # what OpenAI's and vLLM's servers write for it
        ([-1.0], "with other options"),
    ],
)
def test_options_without_a_probability_are_left_out_for_what_they_lack(scores: list[float], why: str) -> None:
    found = why_left([{"options": [-1.0, -1.0]}, {"options": scores}], Options((0, 1), ("a", "b"), (0,)))
    assert why in found
    assert bool(why) == bool(found)


def test_the_command_writes_tables_markdown_csv_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, limit=12, settings={"scoring": "likelihood"})
    shown = {}
    for form in ("table", "markdown", "csv", "json"):
        assert cli.status(["interactions", str(tmp_path), "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    assert "what it gets right" in shown["table"]
    assert shown["markdown"].startswith("## ")
    assert shown["csv"].startswith("model,task,kind,name,reading,value")
    found = json.loads(shown["json"])
    (task,) = found["tasks"]
    assert task["information"]["scored"] == "texts"
    assert sum(kind["samples"] for kind in task["behaviour"]["kinds"].values()) == 12


def test_a_model_that_knows_nothing_has_what_equal_probabilities_give() -> None:
    """Options in sets of three samples: how often an answer is right is counted from two, and parts that are
    no information appear; the reading beside them has the same."""
    rng = np.random.default_rng(3)
    n = 180
    right = np.eye(4, dtype=bool)[rng.integers(0, 4, n)]
    scores = {c: rng.normal(0, 1e-6, (n, 4)) for c in ("vl", "l", "v")}
    sets, names = [f"set {i // 3}" for i in range(n)], [f"s{i}" for i in range(n)]
    scored = OptionScores(names, np.array(names), scores, right, np.full(n, 4), sets, (), "letters", {})
    found = information(scored)
    seeming, nothing = (r.means["synergy"] for r in (found.calibrated, found.equal))
    assert seeming.low > 0.05
    assert nothing.value == pytest.approx(seeming.value, abs=0.02)
    whole = replace(scored, sets=["one"] * n)
    assert abs(information(whole).equal.means["synergy"].value) < 0.03
