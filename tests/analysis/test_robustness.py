"""Perturbed against clean: drops, corruption errors by the published formula, what is no model of its own."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import pytest
from PIL import Image

from fake import Batched, FakePack, sample, task
from hemm.analysis.compare import Choice, compare
from hemm.analysis.compare.perturbation_curves import perturbation_curves
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.core import HemmError, Identity, Media, Request, Response, UnknownName, keyed_number
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.report.page.document import html
from hemm.report.page.drawings import level_figures
from hemm.report.tables.comparison import lines, tables
from hemm.results.read import Cell, cells

SUITE = "c/contrast,c/brightness,text/case:upper,noise:30"
LISTED = task(prompt="{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}")


@dataclass
class Guesser(Batched):
    """Right by a hash of what it sees, and less often where the darkest blue is no longer 0."""

    skill: int = 80

    def generate_batch(self, requests: list[Request]) -> list[Response]:
        return [Response(self._said(r)) for r in requests]

    def _said(self, request: Request) -> str:
        number = int(request.prompt.upper().split("IS ")[1].split(" EVEN")[0])
        right, wrong = ("no", "yes") if number % 2 else ("yes", "no")
        seen = "".join(m.digest for m in request.media) + request.prompt
        changed = any(m.pixels().getextrema()[2][0] > 0 for m in request.media)
        return right if keyed_number(seen) % 100 < self.skill - 25 * changed else wrong


def _halves(number: int) -> Media:
    """A picture of two colours, one of them without blue."""
    out, image = io.BytesIO(), Image.new("RGB", (6, 4), (number, 90, 0))
    image.paste((30, number, 200), (0, 0, 3, 4))
    image.save(out, "PNG")
    return Media(out.getvalue(), mime="image/png", name=f"{number}.png")


def _asked(out: Path, name: str, skill: int, perturb: str = SUITE) -> None:
    model = Guesser(identity=Identity(name, "1"), skill=skill)
    rows = [sample(n, media=(_halves(7 * n + 40),)) for n in range(24)] + [sample(99, media=())]
    options = RunOptions(out=out, perturb=perturb)
    asyncio.run(run_cells(options, [model], [(LISTED, FakePack(rows))], Silent()))  # type: ignore[list-item]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("robust")
    _asked(out, "strong", 85)
    _asked(out, "weak", 60)
    return out


def _right(cell: Cell) -> dict[str, float]:
    """Sample -> 1 for a right answer, from the stored answers alone; without errors."""
    return {
        row["id"]: float(row["raw"] in row["references"])
        for row in cell.answers().to_pylist()
        if row["failure"] is None
    }


def _by_hand(results: Path, model: str) -> dict[str, dict[str, float]]:
    return {str(c.run["protocol_spec"]["perturb"]): _right(c) for c in cells(results) if c.model == model}


def _error(found: dict[str, float], of: set[str]) -> float:
    return 1 - mean(found[name] for name in of)


def test_drops_are_paired_over_the_samples_that_were_changed(results: Path) -> None:
    found = compare(Study.of(cells(results)), Choice(resamples=0)).robustness
    assert found is not None
    assert len(found.drops) == 2 * 12
    for drop in found.drops:
        hand = _by_hand(results, drop.label)
        clean, changed = hand[""], hand[f"{drop.name}:{drop.level}"]
        # the sample without a picture: no corruption changes it, and noise left it as it was
        both = (clean.keys() & changed.keys()) - (set() if drop.name.startswith("text/") else {"s00099"})
        pair = drop.pair.pair
        assert pair is not None
        assert pair.difference.n == len(both) == (25 if drop.name.startswith("text/") else 24)
        assert pair.a == pytest.approx(mean(clean[n] for n in both))
        assert pair.difference.value == pytest.approx(mean(clean[n] - changed[n] for n in both))
        assert pair.difference.low < pair.difference.value < pair.difference.high
    rows = {(m.label, m.name): m for m in found.means}
    assert {name for _, name in rows} == {"c/*", "c/contrast", "c/brightness", "text/case", "noise"}
    own = [d.pair.pair.difference.value for d in found.drops if d.label == "weak" and d.name == "c/contrast"]
    assert rows["weak", "c/contrast"].drop.value == pytest.approx(mean(own))
    assert rows["weak", "c/contrast"].worst.pair.pair.difference.value == max(own)


def test_corruption_errors_are_the_published_ratios(results: Path) -> None:
    study = Study.of(cells(results))
    plain = compare(study, Choice(resamples=0)).robustness
    found = compare(study, Choice(resamples=0, reference="weak")).robustness
    assert plain is not None
    assert found is not None
    assert found.reference == "weak"
    of = {f"s{n:05d}" for n in range(24)}
    strong, weak = (_by_hand(results, name) for name in ("strong", "weak"))
    ce, relative, errors = [], [], []
    for name in ("brightness", "contrast"):
        own = [_error(strong[f"c/{name}:{s}"], of) for s in range(1, 6)]
        other = [_error(weak[f"c/{name}:{s}"], of) for s in range(1, 6)]
        ce.append(sum(own) / sum(other))
        clean, other_clean = _error(strong[""], of), _error(weak[""], of)
        relative.append(sum(e - clean for e in own) / sum(e - other_clean for e in other))
        errors.append(mean(own))
    row = next(e for e in found.errors if e.label == "strong")
    assert row.names == ("brightness", "contrast")
    assert row.mean.value == pytest.approx(mean(ce))
    assert row.relative.value == pytest.approx(mean(relative))
    assert list(row.by_name.values()) == pytest.approx(ce)
    assert row.mean.low < row.mean.value < row.mean.high
    itself = next(e for e in found.errors if e.label == "weak")
    assert itself.mean.value == pytest.approx(1.0)
    assert itself.mean.low is None  # it is 1 whatever the samples
    bare = next(e for e in plain.errors if e.label == "strong")
    assert bare.mean.value == pytest.approx(mean(errors))
    assert bare.relative.value == pytest.approx(mean(errors) - clean)
    assert not bare.normalised
    assert not bare.complete


def test_suites_are_no_models_and_their_figures_are_told(results: Path) -> None:
    study = Study.of(cells(results))
    assert len(study.subjects) == 2 * 13
    assert [s.label for s in study.plain.subjects.values()] == ["strong", "weak"]
    assert study.plain.whole is study
    found = compare(study, Choice(resamples=0))
    assert sorted(found.labels.values()) == ["strong", "weak"]
    assert any("24 cells of perturbed samples are no models of their own" in note for note in found.notes)
    assert len(profile(study).tasks) == 2
    titles = [title for title, _, _ in tables(found)]
    assert "Corruption errors in %, without a reference" in titles
    said = " ".join(lines(found))
    assert "--reference MODEL" in said
    assert "Over 2 of the 15 corruptions" in said
    shown = found.to_json()["robustness"]
    assert (len(shown["drops"]), shown["reference"]) == (24, None)


def test_curves_have_the_clean_score_and_the_mean_at_each_level(results: Path) -> None:
    study = Study.of(cells(results))
    keys = {s.label: s.key for s in study.plain.subjects.values()}
    found = {key: curves for curves, key in perturbation_curves(study, keys.values())}
    assert list(found) == [f"level of {n} (0: as it is)" for n in ("c/*", "c/brightness", "c/contrast")]
    hand = _by_hand(results, "weak")
    of = {f"s{n:05d}" for n in range(24)}
    curve = next(c for c in found["level of c/* (0: as it is)"] if c.label == "weak")
    assert [p.at for p in curve.points] == [0, 1, 2, 3, 4, 5]
    names = ("c/brightness", "c/contrast")
    means = [mean(1 - _error(hand[f"{n}:{s}"], of) for n in names) for s in range(1, 6)]
    assert [p.estimate.value for p in curve.points] == pytest.approx([1 - _error(hand[""], of), *means])
    assert curve.without == 1
    # a model without a curve keeps its place, and so the others their colours
    nobody = replace(study.subjects[keys["weak"]], key="none", label="nobody")
    figures, more = level_figures(study.plain, [nobody, study.subjects[keys["weak"]]])
    assert (len(figures), more) == (3, 0)
    assert [(c.label, len(c.points)) for c in figures[0].curves] == [("nobody", 0), ("weak", 6)]
    assert "level of c/*" in html(cells(results))


def test_one_perturbed_cell_is_compared_as_before(tmp_path: Path) -> None:
    _asked(tmp_path, "strong", 85, "")
    _asked(tmp_path, "strong", 85, "noise:30")
    study = Study.of(cells(tmp_path))
    assert study.plain is study
    found = compare(study, Choice(resamples=0))
    assert found.pair is not None
    assert found.robustness is not None
    assert [d.name for d in found.robustness.drops] == ["noise"]


def test_a_reference_that_cannot_be_one(results: Path, tmp_path: Path) -> None:
    study = Study.of(cells(results))
    with pytest.raises(UnknownName, match="'strang'"):
        compare(study, Choice(resamples=0, reference="strang"))
    _asked(tmp_path, "strong", 85, "")
    with pytest.raises(HemmError, match="no samples were asked perturbed"):
        compare(Study.of(cells(tmp_path)), Choice(resamples=0, reference="strong"))
    _asked(tmp_path, "strong", 85, "c/contrast:1")
    with pytest.raises(HemmError, match="all five levels"):
        compare(Study.of(cells(tmp_path)), Choice(resamples=0, reference="strong"))
