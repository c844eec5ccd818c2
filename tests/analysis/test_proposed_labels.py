"""Tasks whose labels hemm proposes stand beside the others, in no mean with them unless a suite has both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hemm
from hemm.analysis.compare import Choice, compare
from hemm.analysis.interactions import interactions
from hemm.analysis.profile import Profile, profile
from hemm.analysis.profile.perceptual import perceptual_scores
from hemm.analysis.study import Study
from hemm.cli import status
from hemm.core import HemmError
from hemm.data.pack.prepare import prepare
from hemm.report.tables.profile import render
from hemm.results.read import Cell, cells
from hemm.tasks import resolve
from hemm.tasks.registry import suite_of
from suites import held

MODELS = ["baseline/random", "baseline/majority"]
OURS, TODAY = ("probe_shapes", "probe_charts"), ("mmstar", "ai2d")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proposed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMM_CACHE", str(folder / "cache"))
        for name in TODAY:
            held()[name].write(folder / name, 40)
            prepare(resolve(name), folder=folder / name)
        hemm.run(MODELS, [*OURS, *TODAY], limit=40, out=folder / "results")
    return folder / "results"


def of(out: Path, *tasks: str) -> list[Cell]:
    return [cell for cell in cells(out) if cell.task in tasks]


def values(found: Profile, proposed: bool = False) -> dict[tuple[str, str, str], tuple[object, ...]]:
    rows = found.proposed if proposed else found.categories
    return {(r.subject.key, r.dimension, r.category): (r.estimate.value, r.tasks, r.units) for r in rows}


def test_no_mean_has_both(out: Path) -> None:
    both, ours, today = (profile(Study.of(of(out, *t))) for t in ((*OURS, *TODAY), OURS, TODAY))
    assert values(both) == values(ours)
    assert values(both, proposed=True) == values(today)
    assert not ours.proposed
    assert not today.proposed  # alone, they are what the profile is of
    assert {row.task for row in both.tasks} == {*OURS, *TODAY}
    note = "the labels of ai2d, mmstar are hemm's proposals: their scores stand beside the others"
    assert any(n.startswith(note) for n in both.notes), both.notes
    assert "the labels of ai2d, mmstar are hemm's proposals" in today.notes


def test_tables_and_files_say_so(out: Path) -> None:
    found = profile(Study.of(cells(out)))
    text = render(found, wide=200)
    heading = "baseline/random: beside them, tasks whose labels are hemm's proposals"
    assert heading in text
    assert "stand beside the others and are in no mean with them" in " ".join(text.split())
    told = json.loads(render(found, "json"))
    assert {row["dimension"] for row in told["proposed"]} >= {"overall", "reasoning"}
    kinds = [line.partition(",")[0] for line in render(found, "csv").splitlines()]
    assert {"category", "proposed", "task"} <= {*kinds}
    assert f"## {heading}" in render(found, "markdown").replace("\\", "")


def test_the_report_says_so(out: Path, tmp_path: Path) -> None:
    from hemm.report import write

    page = write(cells(out), tmp_path / "report.html").read_text()
    assert "Beside them: tasks whose labels are proposals of hemm" in page
    assert "The labels of ai2d, mmstar are hemm's" in page
    plain = write(of(out, *OURS), tmp_path / "plain.html").read_text()
    assert "proposals of hemm" not in plain


def test_comparisons_and_what_the_picture_adds_too(out: Path) -> None:
    choice = Choice(resamples=0)
    both, ours = (compare(Study.of(of(out, *t)), choice) for t in ((*OURS, *TODAY), OURS))
    assert both.overall is not None
    assert ours.overall is not None
    assert both.overall.difference == ours.overall.difference
    assert both.ranked_tasks == ours.ranked_tasks
    assert {t.task for t in both.tasks} == {*OURS, *TODAY}
    assert any("hemm's proposals" in note for note in both.notes)


def test_a_suite_takes_both_by_its_weights(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("tasks: {probe_shapes: 3, mmstar: 1, mmmu: 5}")
    assert status(["profile", str(out), "--suite", str(file), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    scores = {(row["subject"], row["task"]): row["normalised"] for row in told["tasks"]}
    assert {task for _, task in scores} == {"probe_shapes", "mmstar"}
    for row in told["suites"]:
        parts = [scores[row["subject"], task] for task in ("probe_shapes", "mmstar")]
        assert row["value"] == pytest.approx((3 * parts[0]["value"] + parts[1]["value"]) / 4)
        assert (row["weights"], row["lacking"]) == ({"mmstar": 1, "probe_shapes": 3}, ["mmmu"])
        # of independent tasks the squares of the distances add up, each times its weight
        for end, sign in (("low", -1), ("high", 1)):
            ends = [w * (p[end] - p["value"]) / 4 for w, p in zip((3, 1), parts, strict=True)]
            assert row[end] == pytest.approx(
                row["value"] + sign * (ends[0] ** 2 + ends[1] ** 2) ** 0.5, abs=1e-9
            )
    overall = next(r for r in told["categories"] if r["dimension"] == "overall")
    assert sorted(overall["tasks"]) == ["mmstar", "probe_shapes"]
    assert status(["profile", str(out), "--suite", "healthcare"]) == 2
    assert (
        "--suite healthcare: none of its tasks is in these results; tasks here: " in capsys.readouterr().err
    )
    assert status(["compare", str(out), "--suite", str(file)]) == 0


def test_gain_and_leakage_of_mmstar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MG is the score less that without pictures, ML what is above another model's without pictures."""
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    held()["mmstar"].write(tmp_path / "mmstar", 40)
    prepare(resolve("mmstar"), folder=tmp_path / "mmstar")
    results = tmp_path / "results"
    hemm.run(["baseline/oracle", "baseline/majority"], "mmstar", out=results)
    hemm.run(["baseline/oracle", "baseline/majority"], "mmstar", out=results, control="none")
    score = {(c.model, bool(c.run["protocol_spec"]["control"])): c for c in cells(results)}
    assert len(score) == 4
    study = Study.of(cells(results))
    value = {i.label: i.headline.mean_of(i.headline.values) for i in study.cells}
    gains = {r.subject.label: r.difference.value for r in profile(study).controls if r.task == "mmstar"}
    for model in ("baseline/oracle", "baseline/majority"):
        assert gains[model] == pytest.approx(value[model] - value[f"{model} (picture removed)"])
    pair = ("baseline/oracle (picture removed)", "baseline/majority (picture removed)")
    found = compare(study, Choice(models=pair, resamples=0))
    (row,) = found.tasks
    assert row.pair is not None
    assert row.pair.difference.value == pytest.approx(value[pair[0]] - value[pair[1]])


def test_older_results_name_nobody(out: Path) -> None:
    (cell,) = [c for c in cells(out) if c.task == "mmstar" and "random" in c.model]
    assert cell.run["card"]["labels_by"] == "hemm"
    plain = next(c for c in cells(out) if c.task == "probe_shapes")
    assert "labels_by" not in plain.run["card"]
    with pytest.raises(HemmError, match="unknown suite"):
        suite_of("reported")


def test_tests_of_labels_and_shares_of_the_picture_keep_them_apart(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(out.parent / "cache"))
    both = ("probe_faces", "mmstar")
    hemm.run("baseline/random", list(both), limit=24, out=tmp_path, conditions="vl,l,v=question-none")
    every, ours = (Study.of(of(tmp_path, *tasks)) for tasks in (both, both[:1]))
    found, alone = interactions(every, bits=False), interactions(ours, bits=False)
    assert found.tests == alone.tests
    assert {row.task for row in found.labels} == {*both}
    assert "the labels of mmstar are proposals: in no test of labels with the others" in found.notes
    shares = [row for row in perceptual_scores(every) if not row.task]
    assert all(row.tasks == ("probe_faces",) for row in shares)
