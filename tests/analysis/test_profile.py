"""The profile: its estimand, what it says beside the values, and how it is printed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from fake import FakePack, Served, go, sample
from hemm.analysis.profile import profile
from hemm.analysis.profile.rows import CategoryRow, Profile
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import ScoreColumn
from hemm.analysis.study.normalise import Scale, TaskSlice, normal_value
from hemm.cli import group
from hemm.core import HemmError, UnknownName
from hemm.parsing.formats import ShortAnswer
from hemm.report.tables.profile import COLUMNS, render
from hemm.stats.intervals import combine, mean_difference, mean_interval
from hemm.tasks import resolve
from stored_cells import Stored, question, questions, task_row

UNIT = (0.0, 1.0)


def category(found: Profile, dimension: str, name: str = "", subject: str = "") -> CategoryRow:
    rows = [
        r
        for r in found.categories
        if (r.dimension, r.category) == (dimension, name) and subject in ("", r.subject.label)
    ]
    assert len(rows) == 1, rows
    return rows[0]


def test_a_category_is_the_mean_of_its_tasks_normalised_headlines() -> None:
    cells = [Stored(questions(30, 10), task="a"), Stored(questions(10, 30), task="b")]
    found = profile(Study.of(cells))
    row = category(found, "use_case", "science")
    # chance is 1/4, the ceiling 1: 0.75 -> 2/3 and 0.25 -> 0
    assert row.estimate.value == pytest.approx((2 / 3 + 0) / 2)
    assert (row.tasks, row.units, row.estimate.n) == (("a", "b"), 80, 80)
    parts = []
    for cell in cells:
        own = mean_interval(
            [float(r["raw"] == "A") for r in cell.rows], [r["cluster"] for r in cell.rows], UNIT
        )
        parts.append(own.scaled(0.25, 0.75))
    wanted = combine(parts)
    assert (row.estimate.low, row.estimate.high) == pytest.approx((wanted.low, wanted.high))
    assert category(found, "overall").estimate == row.estimate
    assert task_row(found, "a").headline.estimate.value == 0.75
    assert (task_row(found, "a").floor, task_row(found, "a").ceiling) == (0.25, 1.0)


def test_tasks_weigh_the_same_whatever_their_size() -> None:
    found = profile(Study.of([Stored(questions(400, 0), task="a"), Stored(questions(0, 4), task="b")]))
    assert category(found, "overall").estimate.value == pytest.approx((1 + (0 - 0.25) / 0.75) / 2)


def test_samples_with_other_labels_are_a_part_of_their_task_of_their_own() -> None:
    rows = [
        *questions(8, 0, {"use_case": "science", "reasoning": "less"}),
        *questions(0, 8, {"use_case": "science", "reasoning": "more"}, first=100),
    ]
    found = profile(Study.of([Stored(rows)]))
    assert category(found, "reasoning", "less").estimate.value == pytest.approx(1.0)
    assert category(found, "reasoning", "more").estimate.value == pytest.approx(-1 / 3)
    assert category(found, "use_case", "science").units == 16
    assert category(found, "reasoning", "less").units == 8


def test_failures_count_as_the_worst_score_and_errors_not_at_all() -> None:
    rows = [*questions(2, 0), question(7, None), question(8, True, failure="server", raw="")]
    found = profile(Study.of([Stored(rows)]))
    row = category(found, "overall")
    assert row.estimate.value == pytest.approx((2 / 3 - 0.25) / 0.75)
    assert row.outcomes == {"ok": 2, "unparsable": 1, "refused": 0, "truncated": 0, "error": 1}
    assert sum(row.outcomes.values()) == 4
    assert "1 unparsable, 1 error" in render(found)


def test_where_chance_is_not_defined_zero_is_the_majority_answer() -> None:
    rows = [
        {**question(i, True), "choices": [], "references": ["cat" if i < 6 else "dog"], "raw": "cat"}
        for i in range(8)
    ]
    found = profile(Study.of([Stored(rows)]))
    assert task_row(found, "t").floor == pytest.approx(6 / 8)
    assert category(found, "overall").estimate.value == pytest.approx(0.0)


def scores_of(rows: list[dict[str, Any]]) -> ScoreColumn:
    return Study.of([Stored(rows)]).cells[0].headline


@pytest.mark.parametrize(("share", "right"), [(0.7, 0.5), (0.7, 0.9), (0.8, 0.7)])
def test_a_floor_that_is_estimated_is_not_known(share: float, right: float) -> None:
    """Yes-no questions without options: the floor is the share of the more frequent answer."""
    rng, n, hits = np.random.default_rng(11), 60, []
    truth = (right - share) / (1 - share)
    base = scores_of([question(i, True, choices=[]) for i in range(n)])
    for _ in range(400):
        x, most = (rng.random(n) < right).astype(float), (rng.random(n) < share).astype(float)
        column = replace(base, values=x, floor=most, ceiling=np.ones(n))
        found, _ = normal_value(column, Scale(), TaskSlice("", "t"))
        assert found is not None
        hits.append((found.low or 0.0) <= truth <= (found.high or 0.0))
    assert np.mean(hits) >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / 400)


def test_where_zero_and_one_are_the_same_the_task_is_listed_and_not_averaged() -> None:
    rows = [{**question(i, True), "choices": [], "references": ["cat"], "raw": "cat"} for i in range(4)]
    found = profile(Study.of([Stored(rows, task="sure"), Stored(questions(3, 1), task="b")]))
    assert task_row(found, "sure").normalised is None
    assert category(found, "overall").tasks == ("b",)
    assert any("sure" in note and "not averaged" in note for note in found.notes)


def test_models_are_compared_on_the_samples_that_all_of_them_were_asked() -> None:
    cells = [
        Stored(questions(8, 8), model="a"),
        Stored(questions(8, 0), model="b", selection={"seed": 0, "limit": 8}),
    ]
    found = profile(Study.of(cells))
    assert [task_row(found, "t", m).headline.estimate.value for m in "ab"] == [1.0, 1.0]
    assert any("8 of 16" in note for note in found.notes)
    each = profile(Study.of(cells), common=False)
    assert task_row(each, "t", "a").headline.estimate.value == 0.5


def test_a_model_without_a_score_of_a_task_is_named() -> None:
    found = profile(
        Study.of([Stored(questions(1, 1), model="a"), Stored(questions(1, 1), model="b", task="u")])
    )
    assert [n for n in found.notes if n.startswith("a has no score of u")]


def test_the_paper_scales_by_the_worst_model_and_the_references_own_score() -> None:
    cells = [Stored(questions(r, 10 - r), model=m) for m, r in (("a", 4), ("b", 6), ("c", 8))]
    found = profile(Study.of(cells), "paper")
    values = [category(found, "overall", subject=m).estimate.value for m in "abc"]
    assert values == pytest.approx([0.0, 0.2 / 0.6, 0.4 / 0.6])
    with pytest.raises(HemmError, match="only one"):
        profile(Study.of(cells[:1]), "paper")
    with pytest.raises(UnknownName, match="anchored"):
        profile(Study.of(cells), "ancored")


def test_the_difference_to_a_control_is_paired() -> None:
    plain, shuffled = questions(30, 10), questions(12, 28)
    cells = [Stored(plain), Stored(shuffled, control="shuffle", protocol="c")]
    found = profile(Study.of(cells))
    [row] = found.controls
    differences = [
        float(a["raw"] == "A") - float(b["raw"] == "A") for a, b in zip(plain, shuffled, strict=True)
    ]
    wanted = mean_difference(differences, [r["cluster"] for r in plain], 1.0).estimate
    assert row.difference == wanted
    assert row.difference.value == pytest.approx(18 / 40)
    assert row.normalised is not None
    assert row.normalised.value == pytest.approx(18 / 40 / 0.75)
    # a control is a subject of its own, never mixed with the plain one
    assert [s.control for s in found.subjects] == ["", "shuffle"]
    assert category(found, "overall", subject="m").units == 40
    shown = render(found)
    assert "does the picture matter?" in shown
    assert "another sample's picture" in shown
    assert "without" not in shown.partition("does the picture matter?")[2].partition("Category scores")[0]


@pytest.mark.parametrize(
    ("control", "words"),
    [("none", "the picture removed"), ("grey", "a grey picture"), ("shuffle", "another sample's picture")],
)
def test_the_table_says_what_a_control_shows_and_the_mean_is_on_the_scale_above_it(
    control: str, words: str
) -> None:
    cells = [Stored(questions(8, 8), task=t) for t in "ab"]
    cells += [
        Stored(questions(wrong, 16 - wrong), task=t, control=control) for t, wrong in (("a", 4), ("b", 6))
    ]
    found = profile(Study.of(cells))
    table = render(found, "markdown").partition("does the picture matter?")[2].partition("##")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "|" in line]
    of = {row[0]: row for row in rows}
    assert {of[name][1] for name in ("a", "b", "mean over tasks")} == {words}
    assert of["task"][2:6] == ["difference", "95% interval", "anchored", "95% interval"]
    assert (of["a"][2], of["b"][2], of["mean over tasks"][2:4]) == ("0.25", "0.12", ["", ""])
    mean = (float(of["a"][4]) + float(of["b"][4])) / 2
    assert float(of["mean over tasks"][4]) == pytest.approx(mean, abs=0.01)


def test_a_mean_over_tasks_of_the_differences() -> None:
    cells = [Stored(questions(8, 8), task=t) for t in "ab"]
    cells += [Stored(questions(4, 12), task=t, control="shuffle") for t in "ab"]
    rows = {r.task: r for r in profile(Study.of(cells)).controls}
    assert set(rows) == {"a", "b", ""}
    assert rows[""].difference.value == pytest.approx(0.25 / 0.75)


def test_two_protocols_of_a_task_are_two_subjects() -> None:
    cells = [
        Stored(questions(4, 0), protocol="a" * 12),
        Stored(questions(0, 4), protocol="b" * 12, template="!"),
    ]
    found = profile(Study.of(cells))
    assert [s.label for s in found.subjects] == ["m", "m [bbbbbb]"]
    assert any("several protocols" in note for note in found.notes)


def test_revisions_are_shown_where_a_name_has_several() -> None:
    cells = [Stored(questions(4, 0)), Stored(questions(0, 4), revision="abcdef0123456789")]
    assert sorted(s.label for s in profile(Study.of(cells)).subjects) == ["m@1", "m@abcdef01"]


def test_repeats_of_a_question_are_averaged_and_all_counted() -> None:
    rows = [question(i, i % 2 == k, repeat=k) for i in range(6) for k in range(2)]
    found = profile(Study.of([Stored(rows)]))
    head = task_row(found, "t").headline
    assert (head.estimate.value, head.estimate.n) == (0.5, 6)
    assert task_row(found, "t").outcomes["ok"] == 12
    assert {v.component for v in task_row(found, "t").values} == {"", "mean@2", "pass@1", "pass@2", "maj@2"}
    assert next(v for v in task_row(found, "t").values if v.component == "pass@2").estimate.value == 1.0


def test_corpus_values_are_listed_and_not_averaged() -> None:
    rows = [question(i, i < 6, references=["w" if i < 9 else "x"]) for i in range(12)]
    found = profile(
        Study.of([Stored(rows, metrics=("macro_f1", "multilabel_f1")), Stored(questions(3, 1), task="b")])
    )
    row = task_row(found, "t")
    # w: 6 right, 3 missed; x: 3 right (the answer to 9, 10, 11 is x), 3 extra
    assert row.headline.estimate.value == pytest.approx((12 / 15 + 6 / 9) / 2)
    assert row.headline.corpus
    assert row.normalised is None
    assert "micro" in {v.component for v in row.values}
    assert category(found, "overall").tasks == ("b",)


@pytest.mark.parametrize(
    ("names", "said"), [(4, "jackknife of 50 blocks"), (30, "30 classes, too few answers")]
)
def test_a_mean_over_classes_needs_answers_for_each(
    names: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred answers: fifty a class tell macro-F1, seven do not; micro-F1 is told by both."""
    from hemm.engine import stored_task

    monkeypatch.setattr(stored_task, "task_of", lambda cell: SimpleNamespace(answer=ShortAnswer()))
    rows = [
        question(i, True, references=[f"class {i % names}"], raw=f"class {(i + i % 3) % names}", choices=[])
        for i in range(200)
    ]
    row = task_row(profile(Study.of([Stored(rows, metrics=("macro_f1", "micro_f1"))])), "t")
    macro, micro = row.values[0].estimate, row.values[1].estimate
    assert said in macro.note
    assert (macro.low is None) == (names == 30)
    assert micro.low is not None


def test_labels_are_optional() -> None:
    found = profile(Study.of([Stored([question(i, True) | {"labels": []} for i in range(3)])]))
    assert {r.dimension for r in found.categories} == {"overall"}


def test_unfinished_and_unscored_cells() -> None:
    empty = Stored([], task="nlvr", model="x")
    found = profile(Study.of([Stored(questions(3, 1)), empty]))
    assert any("no answers yet" in note for note in found.notes)
    unknown = Stored([], task="nosuchtask")
    assert any("nosuchtask" in note for note in profile(Study.of([Stored(questions(3, 1)), unknown])).notes)
    with pytest.raises(HemmError, match="no answers yet"):
        profile(Study.of([empty]))


def test_only_errors() -> None:
    found = profile(Study.of([Stored([question(i, True, failure="server", raw="") for i in range(3)])]))
    row = category(found, "overall")
    assert row.estimate.value is None
    assert row.outcomes["error"] == 3
    assert "3 error" in render(found)
    assert json.loads(render(found, "json"))["categories"][0]["value"] is None


# how it is shown


def many() -> Profile:
    cells: list[Any] = []
    for model in ("tiny", "hf/some-organisation/some-very-long-model-name-7b-instruct"):
        for task in ("probes_scenes", "vqa_rad"):
            labels = {"use_case": "affective_computing", "external_knowledge": "yes"}
            rows = [*questions(30, 10, labels), question(99, None, labels)]
            cells.append(Stored(rows, model=model, task=task, metrics=("accuracy", "exact_match:strict=yes")))
    cells.append(replace(cells[0], control="shuffle"))
    return profile(Study.of(cells))


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    text = render(many(), "table", width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "affective computing" in text
    assert "1 unparsable" in text
    assert width == 80 or "exact_match:strict=yes" in text


def test_json_is_plain_and_complete() -> None:
    found = json.loads(render(many(), "json"))
    assert found["schema_version"] == 1
    assert set(found) == {
        "schema_version", "normaliser", "failures", "level", "subjects", "categories", "tasks", "controls",
        "notes", "model_dimensions", "perceptual",
    }  # fmt: skip
    keys = {s["key"] for s in found["subjects"]}
    for rows in (found["categories"], found["tasks"], found["controls"]):
        assert rows
        assert {r["subject"] for r in rows} <= keys
    assert set(found["categories"][0]) == {
        "subject", "dimension", "category", "value", "low", "high", "n", "clusters", "anytime", "note",
        "tasks", "tasks_like_these", "units", "outcomes", "cut", "readings",
    }  # fmt: skip


def test_csv_has_a_row_for_each_value() -> None:
    found = many()
    rows = list(csv.DictReader(io.StringIO(render(found, "csv"))))
    assert tuple(rows[0]) == COLUMNS
    assert {r["kind"] for r in rows} == {"category", "task", "control"}
    category_ = next(r for r in rows if r["dimension"] == "overall")
    assert float(category_["value"]) == found.categories[0].estimate.value
    assert len([r for r in rows if r["kind"] == "category"]) == len(found.categories)


def test_markdown_escapes_what_would_be_markup() -> None:
    found = profile(Study.of([Stored(questions(3, 1), model="<b>|m|*", task="a`b")]))
    text = render(found, "markdown")
    assert "\\<b\\>\\|m\\|\\*" in text
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UnknownName, match="markdown"):
        render(many(), "markdwn")


# with real cells on disk


def test_profile_and_score_of_a_real_cell(tmp_path: Path) -> None:
    pack = FakePack([sample(i) for i in range(12)])
    own = tmp_path / "even.py"
    own.write_text("from fake import task\n\nTASK = task()\n")
    result = go(tmp_path, Served(), pack, resolve(str(own)))
    from hemm.results.read import cells

    found = profile(Study.of(cells(tmp_path)))
    assert category(found, "overall").estimate.value == 1.0
    assert category(found, "use_case", "science").units == 12
    assert category(found, "interaction", "uniqueness").units == 12
    out = CliRunner().invoke(group, ["profile", str(tmp_path), "--format", "json"], catch_exceptions=False)
    assert json.loads(out.output)["tasks"][0]["units"] == 12
    again = ["score", str(tmp_path), "--task", str(own), "-m", "exact_match", "--format", "json"]
    said = CliRunner().invoke(group, again, catch_exceptions=False)
    assert {r["metric"]: r["value"] for r in json.loads(said.output)} == {"accuracy": 1.0, "exact_match": 1.0}
    stored = orjson.loads((Path(result.folder) / "scores" / "aggregates.json").read_bytes())
    assert set(stored["metrics"]) == {"accuracy-v2", "exact_match-v2"}
    assert len(task_row(profile(Study.of(cells(tmp_path))), "even").values) == 2


@pytest.mark.parametrize("command", ["profile", "score"])
def test_a_folder_without_results_is_one_clear_line(tmp_path: Path, command: str) -> None:
    for folder, says in ((tmp_path / "nothing", "no folder of results"), (tmp_path, "holds no results")):
        with pytest.raises(HemmError, match=says):
            CliRunner().invoke(group, [command, str(folder)], catch_exceptions=False)


def test_the_list_of_metrics() -> None:
    out = CliRunner().invoke(group, ["metrics", "--format", "json"], catch_exceptions=False)
    rows = {r["name"]: r for r in json.loads(out.output)}
    assert rows["consistency"]["group"] == "unit"
    assert rows["vqa_accuracy"]["takes"] == {"normalise": "disagreement"}
    one = CliRunner().invoke(group, ["metrics", "token_f1"], catch_exceptions=False)
    assert "harmonic mean" in one.output


def test_large_cells_are_profiled_whole() -> None:
    rng = np.random.default_rng(0)
    rows = [question(i, bool(r), cluster=f"c{i // 5}") for i, r in enumerate(rng.integers(0, 2, 3000))]
    assert category(profile(Study.of([Stored(rows)])), "overall").estimate.clusters == 600
