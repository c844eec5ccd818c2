"""Scores of a part of a data set: nine tenths of it are answered with yes, and a model that always says yes
must have about .90 whatever the limit, or the output says what its score is of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import hemm
from fake import Batched, FakePack, go, sample
from fake import task as task_of
from hemm.analysis.compare import Choice, compare
from hemm.analysis.diff import flips
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.analysis.study.normalise import own_scale
from hemm.cli import group
from hemm.core import Identity, Request, Response
from hemm.report.page.method import selection
from hemm.report.tables.selection_words import selections
from hemm.results.checked import write_checked
from hemm.results.read import cells
from packs import png

PACK = FakePack(
    [
        sample(n, references=("no" if n % 10 == 0 else "yes",), stratum="no" if n % 10 == 0 else "yes")
        for n in range(1000)
    ]
)


class Constant(Batched):
    """Gives one answer to every question."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(identity=Identity(name or text, "1"), spec=name or text)
        self.text = text

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response(self.text) for _ in requests]


def study(out: Path) -> Study:
    return Study.of(cells(out))


def row(out: Path, **options: Any) -> Any:
    (found,) = profile(study(out), **options).tasks
    return found


def cli(*words: str) -> Any:
    done = CliRunner().invoke(group, [*words, "--format", "json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("limit", [100, 300])
def test_a_limit_has_the_score_of_the_data(limit: int, tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, limit=limit)
    found = row(tmp_path)
    e = found.headline.estimate
    assert e.value == pytest.approx(0.9)  # what is right depends on the stratum alone
    assert e.low < 0.9 < e.high < 0.95
    assert found.selection["order"] == "random"
    assert found.selection["weights"] == "weighted by 2 strata"
    assert found.normalised.value == pytest.approx(0.8)  # chance is a half


def test_balanced_says_what_its_score_is_of(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, limit=100, balanced=True)
    result = profile(study(tmp_path))
    (found,) = result.tasks
    assert found.headline.estimate.value == 0.5
    assert found.headline.estimate.note == "balanced over strata"
    whole = own_scale(study(tmp_path).cells[0].headline.as_whole())  # what verify compares
    assert (whole.value, whole.note) == (pytest.approx(0.9), "")
    assert found.selection["weights"] == "balanced over strata"
    assert any("balanced over strata: means are over strata in equal parts" in n for n in result.notes)
    shown = CliRunner().invoke(group, ["profile", str(tmp_path)], catch_exceptions=False).stdout
    assert "balanced over strata." in " ".join(shown.split())
    assert CliRunner().invoke(group, ["report", str(tmp_path)], catch_exceptions=False).exit_code == 0
    assert "balanced over strata" in next(Path(tmp_path).rglob("report.html")).read_text()


def test_a_stratum_that_is_used_up_has_no_equal_part(tmp_path: Path) -> None:
    few = FakePack(
        [
            sample(n, references=("no" if n < 20 else "yes",), stratum="no" if n < 20 else "yes")
            for n in range(200)
        ]
    )
    go(tmp_path, Constant("yes"), few, limit=50, balanced=True)
    result = profile(study(tmp_path))
    assert result.tasks[0].headline.estimate.value == pytest.approx(0.6)
    (note,) = (n for n in result.notes if "balanced over strata" in n)
    assert "20 to 30 of each: means are plain ones over these samples, neither over strata in equal" in note


def test_a_note_that_several_cells_have_is_one_line(tmp_path: Path) -> None:
    for answer in ("yes", "no", "perhaps"):
        go(tmp_path, Constant(answer), PACK, limit=100, balanced=True)
    (note,) = (n for n in study(tmp_path).notes if "balanced over strata" in n)
    assert note.startswith("every model on every task: ")
    go(tmp_path, Constant("never"), PACK, limit=100)
    (note,) = (
        n
        for n in study(tmp_path).notes
        if "balanced over strata, " not in n and "are balanced over strata" in n
    )
    names, _, task = note.partition(":")[0].partition(" on ")
    assert (set(names.split(", ")), task) == ({"yes", "no", "perhaps"}, "even")


def test_a_category_within_a_task_keeps_the_weights(tmp_path: Path) -> None:
    """Half of the data is of each use case; 100 balanced and 100 random ones know each nearly as well."""
    halves = FakePack(
        [
            sample(
                n,
                references=("no" if n % 10 == 0 else "yes",),
                stratum="no" if n % 10 == 0 else "yes",
                labels={"use_case": "hci" if n % 20 < 10 else "science"},
            )
            for n in range(1000)
        ]
    )
    go(tmp_path, Constant("yes"), halves, limit=100)
    go(tmp_path, Constant("yes"), halves, limit=100, balanced=True)
    rows = {c.category: c.estimate for c in profile(study(tmp_path)).categories if c.dimension == "use_case"}
    assert rows.keys() == {"hci", "science"}
    for e in rows.values():
        assert e.low < 0.8 < e.high  # normalised: .9 of chance .5
        assert abs(e.value - 0.8) < 0.1


def test_a_score_of_units_is_weighted_by_units(tmp_path: Path) -> None:
    pairs = FakePack(
        [
            sample(n, unit=f"u{n // 2}", references=("yes",), stratum="hard" if n // 2 % 4 == 0 else "easy")
            for n in range(400)
        ]
    )

    class KnowsEasy(Constant):
        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            numbers = [int(r.sample_id[1:]) for r in requests]
            return [Response("no" if n // 2 % 4 == 0 else "yes") for n in numbers]

    both = task_of(metrics=("consistency", "accuracy"))
    go(tmp_path, KnowsEasy("units"), pairs, both, limit=60)
    values = {v.metric: v.estimate.value for v in row(tmp_path).values if not v.component}
    assert values == {"accuracy": pytest.approx(0.75), "consistency": pytest.approx(0.75)}
    assert row(tmp_path).selection["units"] == 60


def test_strata_that_cannot_be_weighted_by_are_told(tmp_path: Path) -> None:
    many = FakePack(
        [sample(n, references=("yes",), stratum=f"type {n % 40 if n < 300 else 0}") for n in range(600)]
    )
    go(tmp_path, Constant("yes"), many, limit=60)
    result = profile(study(tmp_path))
    assert result.tasks[0].selection["weights"] == "weighted by 2 strata (39 of 40 that have too few are one)"
    assert any("39 of 40 that have too few are one" in note for note in result.notes)
    each = FakePack([sample(n, stratum=f"type {n}") for n in range(600)])
    go(tmp_path / "each", Constant("yes"), each, limit=60)
    result = profile(study(tmp_path / "each"))
    assert result.tasks[0].selection["weights"] == "unweighted, since no two strata have enough"
    assert any("unweighted, since no two strata have enough" in note for note in result.notes)


def test_a_value_that_is_no_mean_is_that_of_the_sample(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, task_of(metrics=("macro_f1",)), limit=100)
    found = row(tmp_path)
    assert found.selection["weights"] == "unweighted, since macro_f1 is no mean"


def test_both_selections_together_are_weighted_by_their_chance(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, limit=100, balanced=True)
    go(tmp_path, Constant("yes"), PACK, limit=200)
    found = row(tmp_path)
    assert found.headline.estimate.value == pytest.approx(0.9)
    assert found.selection["order"] == "mixed"
    assert not found.headline.estimate.note


def begun_earlier(out: Path) -> Path:
    """What hemm 0.1.0 left: it always balanced, its selections say no order, and there are no strata."""
    folder = go(out, Constant("yes"), PACK, limit=100, balanced=True).folder
    without_strata(folder, ("order",))
    return folder


def without_strata(folder: Path, also: Sequence[str] = ()) -> None:
    """Take the strata from a cell, and members from its selections, as if they had never been there."""
    text = json.loads((folder / "run.json").read_text())
    for name in ("sha256", "files"):
        text.pop(name)
    for record, name in product(text["selections"], also):
        record.pop(name)
    write_checked(folder / "run.json", text)
    (folder / "strata.parquet").unlink()


def test_results_of_an_earlier_version_are_labelled(tmp_path: Path) -> None:
    begun_earlier(tmp_path)
    for _ in range(2):  # as it lies there, and gone on
        found = row(tmp_path)
        assert found.headline.estimate.value == 0.5
        assert found.selection["weights"] == "balanced over strata"
        assert go(tmp_path, Constant("yes"), PACK, limit=100).asked == 0


def test_one_stratum_is_balanced_over_nothing(tmp_path: Path) -> None:
    plain = FakePack([sample(n, stratum="") for n in range(50)])
    go(tmp_path, Constant("yes"), plain, limit=20, balanced=True)
    result = profile(study(tmp_path))
    assert not result.tasks[0].headline.estimate.note
    assert not any("balanced" in note for note in result.notes)


def test_balanced_and_random_are_compared_aloud_and_weighted(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, limit=300, balanced=True)
    go(tmp_path, Constant("no"), PACK, limit=300)
    found = compare(study(tmp_path), Choice(resamples=0))
    (task,) = found.tasks
    assert task.common < 300
    assert {round(task.pair.a, 9), round(task.pair.b, 9)} == {0.1, 0.9}
    assert any("yes are balanced over strata, those of no are not" in note for note in found.notes)
    shown = profile(study(tmp_path))
    assert {t.subject.label: round(t.headline.estimate.value, 9) for t in shown.tasks} == {
        "yes": 0.9,
        "no": 0.1,
    }
    assert any("balanced over strata, those of" in note for note in shown.notes)


def test_an_unlabelled_earlier_one_is_not_compared_in_silence(tmp_path: Path) -> None:
    begun_earlier(tmp_path)
    go(tmp_path, Constant("no"), PACK, limit=300)
    (folder,) = (c.folder for c in cells(tmp_path) if c.model == "no")
    without_strata(folder)
    found = compare(study(tmp_path), Choice(resamples=0))
    (task,) = found.tasks
    assert "unweighted" in task.pair.difference.note
    assert any("are balanced over strata" in note for note in found.notes)


def test_a_whole_and_a_part_are_compared_on_the_weighted_part(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK)
    go(tmp_path, Constant("no"), PACK, limit=150)
    (task,) = compare(study(tmp_path), Choice(resamples=200)).tasks
    assert task.common == 150
    assert (task.pair.a, task.pair.b) == (pytest.approx(0.1), pytest.approx(0.9))
    assert task.pair.test == "t"
    assert task.pair.difference.low < -0.8 < task.pair.difference.high
    assert task.pair.bootstrap.low < -0.8 < task.pair.bootstrap.high


def test_diff_tests_what_compare_tests(tmp_path: Path) -> None:
    for balanced in (False, True):
        out = tmp_path / str(balanced)
        go(out, Constant("yes"), PACK, limit=200)
        go(out, Constant("no"), PACK, limit=150, balanced=balanced)
        (task,) = compare(study(out), Choice(resamples=0)).tasks
        found = flips(study(out), "yes", "no")
        assert found.tasks[0].p == task.pair.p
        assert any("are balanced over strata" in note for note in found.notes) == balanced


def test_controls_and_readings_of_failures_are_weighted_too(tmp_path: Path) -> None:
    go(tmp_path, Constant("yes"), PACK, limit=100)
    go(tmp_path, Constant("no", "yes"), PACK, limit=100, control="grey")
    result = profile(study(tmp_path))
    (control,) = result.controls
    assert control.difference.value == pytest.approx(0.8)
    plain = next(t for t in result.tasks if not t.subject.control)
    assert plain.by_policy.exclude == pytest.approx(0.9)


def test_own_data_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From files to figures: the run, the profile, hemm.load, and verify with the whole data's score."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    for n in range(600):
        (data / f"{n}.png").write_bytes(png(n, size=4))
    rows = [
        {
            "id": f"q{n}",
            "image": f"{n}.png",
            "question": f"Is it {n}?",
            "choices": ["yes", "no"],
            "answer": "no" if n % 10 == 3 else "yes",
            "stratum": "no" if n % 10 == 3 else "yes",
        }
        for n in range(600)
    ]
    (data / "samples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    run = ["run", "baseline/majority", "--task", "./data", "--limit", "100"]
    done = CliRunner().invoke(group, [*run, "--out", "a"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "weighted by 2 strata" in " ".join(done.stdout.split())
    (task,) = cli("profile", "a")["tasks"]
    assert task["metrics"][0]["value"] == pytest.approx(0.9)
    assert hemm.load("a").profile().tasks[0].headline.estimate.value == pytest.approx(0.9)

    done = CliRunner().invoke(group, [*run, "--out", "b", "--balanced"], catch_exceptions=False)
    assert cli("profile", "b")["tasks"][0]["metrics"][0]["value"] == 0.5
    assert "balanced over strata" in " ".join(done.stdout.split())

    (tmp_path / "figures.toml").write_text(
        '[[figures]]\nmodels = ["baseline/majority"]\ntask = "./data"\nvalue = 0.9\ntolerance = 0.0\n'
        'source = "counted"\n'
    )
    words = [
        "verify",
        "baseline/majority",
        "--reference",
        "figures.toml",
        "--limit",
        "100",
        "--format",
        "json",
    ]
    said = json.loads(CliRunner().invoke(group, words, catch_exceptions=False).stdout)
    assert [f["verdict"] for f in said["figures"]] != ["differs"]
    assert said["figures"][0]["here"] == pytest.approx(0.9)


def test_what_was_asked_is_what_is_said(tmp_path: Path) -> None:
    """A smaller limit changes no score, a larger one than there are takes all, two selections are two."""

    def said(out: Path, **options: Any) -> str:
        go(out, Constant("yes"), PACK, **options)
        (sentence,) = selections(profile(study(out)))
        return sentence

    assert "the first 100 units" in said(tmp_path / "down", limit=100)
    assert "the first 100 units" in said(tmp_path / "down", limit=20)
    assert said(tmp_path / "all", limit=5000) == "Selection: all samples."
    said(tmp_path / "both", limit=6, balanced=True)
    ordered = "units in the order of seed 0"
    text = f"the first 6 {ordered} balanced over strata and the first 50 {ordered}, weighted by 2 strata"
    assert said(tmp_path / "both", limit=50) == f"Selection: {text}."
    (cell,) = cells(tmp_path / "both")
    assert selection(cell.run) == "6 units drawn by seed 0 balanced over strata and 50 units drawn by seed 0"
    assert [r["limit"] for r in row(tmp_path / "both").selection["asked"]] == [6, 50]
    said(tmp_path / "seeds", limit=100, seed=7)
    assert f"of seed 7 and the first 50 {ordered}" in said(tmp_path / "seeds", limit=50)


def test_a_run_that_stopped_early_says_its_clusters(tmp_path: Path, cache: Path) -> None:
    results = hemm.run("baseline/random", "probe_charts", until_ci=20, out=tmp_path)
    (found,) = results.profile().tasks
    chosen = found.selection
    (sentence,) = selections(results.profile())
    assert chosen["order"] == "clusters"
    assert f"the first {chosen['clusters']} clusters ({chosen['units']} units) in the order" in sentence


def test_no_interval_leaves_the_scale(tmp_path: Path) -> None:
    """Three tasks of one, two and three answers that share a picture: means over them are wide, and no wider
    than what such scores can be."""
    for number, name in enumerate(("one", "two", "three"), 1):
        pack = FakePack([sample(n, references=("yes",)) for n in range(number)])
        go(tmp_path, Constant("yes"), pack, task_of(name=name))
        go(tmp_path, Constant("no"), pack, task_of(name=name))
    found = profile(study(tmp_path))
    assert any("share" in note for note in found.notes)
    for category in found.categories:
        assert category.estimate.low is not None
        assert -1 <= category.estimate.low < category.estimate.high <= 1
