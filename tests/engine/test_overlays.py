"""What people say of samples lies over results that stay as they are, and whatever used it names it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import hemm
from commands import run_command
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.core import BadData, HemmError, digest_file
from hemm.engine.overlays.matching import overlaid
from hemm.results.read import cells
from stored_cells import task_row

COLUMNS = ("task", "sample", "sample_hash", "kind", "field", "value", "by")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on two tasks, all samples of the one and a part of the other."""
    out = tmp_path_factory.mktemp("overlays") / "results"
    hemm.run(["baseline/random", "baseline/oracle"], ["probe_shapes", "probe_charts"], limit=40, out=out)
    return out


def stored(results: Path, model: str = "baseline-random", task: str = "probe_shapes") -> pd.DataFrame:
    """The stored answers of one cell, read by pandas alone, with right answer and labels as plain values."""
    (folder,) = (results / model / task).iterdir()
    frame = pd.read_parquet(folder / "answers")
    frame["right"] = frame["references"].map(lambda r: r[0])
    return frame.assign(labels=frame["labels"].map(dict)).set_index("id", drop=False)


def written(path: Path, *rows: Mapping[str, str]) -> Path:
    with path.open("w", newline="") as target:
        writer = csv.DictWriter(target, COLUMNS)
        writer.writeheader()
        writer.writerows({"task": "probe_shapes", **row} for row in rows)
    return path


def gold(sample: pd.Series, value: str, field: str = "reference", by: str = "ann") -> dict[str, str]:
    named = {"sample": sample["id"], "sample_hash": sample["sample_hash"]}
    return {**named, "kind": "gold", "field": field, "value": value, "by": by}


def label(sample: pd.Series, field: str, value: str, by: str = "bob") -> dict[str, str]:
    return {**gold(sample, value, field, by), "kind": "label"}


def bytes_of(results: Path) -> dict[str, str]:
    return {str(p): digest_file(p) for p in sorted(results.rglob("*")) if p.is_file()}


@pytest.fixture
def two_people(results: Path, tmp_path: Path) -> Path:
    """What two people agreed on: of two wrong answers the gold was wrong, a sample is of no use, and another
    takes more reasoning than its label says."""
    answers = stored(results)
    wrong = answers[answers.raw != answers.right]
    less = answers[[own["reasoning"] == "less" for own in answers.labels]]
    moved = less[~less.id.isin([*wrong.id[:3]])].iloc[0]
    corrected = [gold(wrong.iloc[n], wrong.iloc[n].raw, by="ann; bob") for n in (0, 1)]
    also = gold(wrong.iloc[1], wrong.iloc[1].right, by="bob")  # the old one is right as well
    out = gold(wrong.iloc[2], "two shapes lie on one another, as both saw", "exclude")
    return written(tmp_path / "gold.csv", *corrected, also, out, label(moved, "Reasoning", "More"))


def changes(path: Path) -> tuple[dict[str, set[str]], set[str], dict[str, str]]:
    """Right answers, excluded samples, and reasoning of a file, read by pandas alone."""
    rows = pd.read_csv(path, dtype=str)
    right = rows[rows.field == "reference"].groupby("sample")["value"].agg(set).to_dict()
    moved = rows[rows.kind == "label"].set_index("sample")["value"].str.lower().to_dict()
    return right, set(rows[rows.field == "exclude"]["sample"]), moved


def test_a_corrected_answer_changes_the_score_and_stored_scores_stay(results: Path, two_people: Path) -> None:
    before = bytes_of(results)
    found = hemm.load(results, overlay=two_people).profile()
    right, out, moved = changes(two_people)
    for model in ("baseline-random", "baseline-oracle"):
        answers = stored(results, model)
        answers = answers[~answers.id.isin(out)]
        hits = [
            raw in right.get(name, {known}) for name, raw, known in answers[["id", "raw", "right"]].values
        ]
        row = task_row(
            found, "probe_shapes", f"{model.replace('-', '/')} · overlay gold.csv [{digits(two_people)}]"
        )
        assert row.headline.estimate.value == pytest.approx(sum(hits) / len(hits))
        assert row.headline.estimate.n == len(answers)
        more = sum(moved.get(n, own["reasoning"]) == "more" for n, own in answers[["id", "labels"]].values)
        other = stored(results, model, "probe_charts").labels
        asked = [c for c in found.categories if c.subject == row.subject and c.category == "more"]
        assert [c.units for c in asked] == [more + sum(own["reasoning"] == "more" for own in other)]
    assert bytes_of(results) == before


def digits(path: Path, length: int = 6) -> str:
    from hemm.engine.overlays.rows import read_overlay

    return read_overlay(path).digest[:length]


def test_whatever_used_it_names_it(results: Path, two_people: Path) -> None:
    command = lambda *words: run_command(words[0], str(results), "--overlay", str(two_people), *words[1:])  # noqa: E731
    words = f"overlay gold.csv [{digits(two_people, 12)}]"
    short = f"overlay gold.csv [{digits(two_people)}]"
    table = command("profile", "--overlay-beside").stdout
    headings = [line for line in table.splitlines() if line.startswith("baseline/") and "]: " in line]
    assert len(headings) == 6  # three tables of each model
    assert all(short in line for line in headings)
    assert "1 sample with other labels, 2 with other right answers, 1 left out" in " ".join(table.split())
    assert "two shapes lie on one another" in " ".join(table.split())
    told = json.loads(command("profile", "--format", "json").stdout)
    assert told["overlay"]["files"] == [{"name": "gold.csv", "digest": digits(two_people, 64)}]
    assert [told["overlay"][n] for n in ("relabelled", "corrected")] == [1, 2]
    assert [row["why"] for row in told["overlay"]["excluded"]] == [
        "two shapes lie on one another, as both saw"
    ]
    assert all(short in subject["label"] for subject in told["subjects"])
    rows = list(csv.DictReader(io.StringIO(command("profile", "--format", "csv").stdout)))
    assert {row["overlay"] for row in rows} == {words}
    markdown = command("profile", "--format", "markdown").stdout
    assert markdown.count("## ") == markdown.replace("\\", "").count(f"{short}: ")
    compared = command("compare", "--format", "markdown").stdout
    titles = [line for line in compared.splitlines() if line.startswith("## ")]
    assert len(titles) > 3
    assert all("overlay gold.csv [" in line for line in titles)


def test_both_are_shown_side_by_side(results: Path, two_people: Path) -> None:
    command = lambda *words: run_command(words[0], str(results), "--overlay", str(two_people), *words[1:])  # noqa: E731
    plain = json.loads(run_command("profile", str(results), "--format", "json").stdout)
    over = json.loads(command("profile", "--format", "json").stdout)
    told = json.loads(command("profile", "--format", "json", "--overlay-beside").stdout)
    random = next(s["key"] for s in told["subjects"] if s["model"] == "baseline/random")
    (row,) = (r for r in told["beside"] if r["subject"] == random and r["task"] == "probe_shapes")

    def headline(found: dict[str, Any]) -> float:
        keys = {s["key"] for s in found["subjects"] if s["model"] == "baseline/random"}
        rows = [t for t in found["tasks"] if t["subject"] in keys and t["task"] == "probe_shapes"]
        return float(rows[0]["metrics"][0]["value"])

    assert (row["without"], row["with"]) == pytest.approx((headline(plain), headline(over)))
    assert (row["changed"], row["n_without"], row["n_with"]) == (3, 40, 39)
    (moved,) = (r for r in told["beside"] if r["subject"] == random and r["category"] == "more")
    assert moved["n_with"] > moved["n_without"] - 3
    assert moved["changed"] >= 1
    csv_rows = list(
        csv.DictReader(io.StringIO(command("profile", "--format", "csv", "--overlay-beside").stdout))
    )
    (same,) = (r for r in csv_rows if r["task"] == "probe_shapes" and r["normalised"] == "False"
               and "random" in r["subject"])  # fmt: skip
    assert float(same["without"]) == pytest.approx(row["without"])
    assert float(same["difference"]) == pytest.approx(row["difference"])
    compared = command("compare", "--overlay-beside").stdout
    assert "Differences without and with the overlay gold.csv" in compared
    wrong = run_command("profile", str(results), "--overlay-beside")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "give --overlay FILE" in wrong.stderr


def test_scores_are_kept_apart_and_made_anew_where_answers_are_others(tmp_path: Path) -> None:
    out = tmp_path / "results"
    hemm.run("baseline/random", "probe_shapes", limit=12, out=out)
    answers = stored(out)
    wrong = answers[answers.raw != answers.right].iloc[0]
    path = written(tmp_path / "gold.csv", gold(wrong, wrong.raw))
    before = bytes_of(out)
    done = run_command("score", str(out), "--overlay", str(path))
    assert f"gold.csv [{digits(path, 12)}]" in done.stdout
    kept = {name: content for name, content in bytes_of(out).items() if name not in before}
    assert {Path(name).parent.name for name in kept} == {f"overlay-{digits(path, 12)}"}
    assert {**before, **kept} == bytes_of(out)
    table = pd.read_parquet(next(Path(name) for name in kept if name.endswith(".parquet")))
    assert dict(table[["group", "value"]].values)[wrong.id] == 1.0
    hits = (answers.raw == answers.right).sum() + 1

    def value() -> tuple[float, int]:
        (row,) = hemm.load(out, overlay=path).profile().tasks
        return row.headline.estimate.value or 0.0, row.headline.estimate.n

    assert value() == (pytest.approx(hits / 12), 12)
    hemm.run("baseline/random", "probe_shapes", limit=20, out=out)  # what is kept is of twelve answers
    assert value()[1] == 20


def test_rows_that_cannot_be_are_all_named_at_once(results: Path, tmp_path: Path) -> None:
    answers = stored(results)
    one, two, three = (answers.iloc[n] for n in range(3))
    path = written(
        tmp_path / "wrong.csv",
        {**gold(one, one.right), "task": "probe_shape"},
        {**gold(one, one.right), "sample": "no, such"},
        gold(two, "a dodecahedron"),
        label(three, "reasoning", "more"),
    )
    with pytest.raises(BadData) as caught:
        overlaid(cells(results), [path])
    message = str(caught.value)
    assert message.startswith(f"{path}: 3 rows cannot be used: ")
    assert "an unknown task: row 2 ('probe_shape'; did you mean 'probe_shapes'?)" in message
    assert "an unknown sample of probe_shapes: row 3 ('no, such')" in message
    assert "a right answer that is none of the choices: row 4" in message
    done = run_command("profile", str(results), "--overlay", str(path))
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


def test_a_sample_that_changed_since_is_left_as_it_is(results: Path, tmp_path: Path) -> None:
    answers = stored(results)
    wrong = answers[answers.raw != answers.right]
    stale = {**gold(wrong.iloc[0], wrong.iloc[0].raw), "sample_hash": "0" * 32}
    path = written(tmp_path / "gold.csv", stale, gold(wrong.iloc[1], wrong.iloc[1].raw))
    found = profile(Study.of(overlaid(cells(results), [path])))
    row = task_row(found, "probe_shapes", f"baseline/random · overlay gold.csv [{digits(path)}]")
    assert row.headline.estimate.value == pytest.approx(
        ((answers.raw == answers.right).sum() + 1) / len(answers)
    )
    said = f"changed since they were labelled, not used: row 2 (probe_shapes {wrong.iloc[0].id!r})"
    assert any(said in note for note in found.notes)
    done = run_command("doctor", str(results), "--overlay", str(path))
    assert (done.returncode, "1 row about samples that have changed since: row 2" in done.stdout) == (0, True)
    with pytest.raises(HemmError, match="nothing of it applies to these results: all samples have changed"):
        overlaid(cells(results), [written(tmp_path / "old.csv", stale)])


def test_kept_scores_that_are_damaged_are_made_anew(tmp_path: Path) -> None:
    out = tmp_path / "results"
    hemm.run("baseline/random", "probe_shapes", limit=12, out=out)
    answers = stored(out)
    wrong = answers[answers.raw != answers.right].iloc[0]
    path = written(tmp_path / "gold.csv", gold(wrong, wrong.raw))
    run_command("score", str(out), "--overlay", str(path))
    (kept,) = out.rglob("overlay-*/*.parquet")
    kept.write_bytes(b"PAR1")
    (row,) = hemm.load(out, overlay=path).profile().tasks
    assert row.headline.estimate.value == pytest.approx(((answers.raw == answers.right).sum() + 1) / 12)


def test_a_task_that_is_left_out_as_a_whole_is_counted(results: Path, tmp_path: Path) -> None:
    every = [gold(row, "of no\nuse", "exclude") for _, row in stored(results).iterrows()]
    found = hemm.load(results, overlay=written(tmp_path / "gold.csv", *every))
    shown = found.profile()
    assert {row.task for row in shown.tasks} == {"probe_charts"}
    assert "0 with other right answers, 40 left out" in shown.notes[0]
    assert "(of no use)" in shown.notes[1]
    assert not any("\n" in note for note in shown.notes)
    alone = hemm.load(results / "baseline-random" / "probe_shapes", overlay=tmp_path / "gold.csv")
    with pytest.raises(HemmError, match="all answers are left out by it"):
        alone.profile()
    assert ", with the overlay gold.csv [" in repr(found).splitlines()[0]


def test_the_same_results_with_and_without_it_are_two_subjects(results: Path, two_people: Path) -> None:
    """Nothing with an overlay is averaged, or taken, for what is without."""
    found = hemm.compare(hemm.load(results, overlay=two_people), results)
    over = f" · overlay gold.csv [{digits(two_people)}]"
    assert sorted(found.labels.values()) == sorted(
        f"baseline/{name}{more}" for name in ("oracle", "random") for more in ("", over)
    )


def test_a_run_that_stopped_early_has_no_interval_under_other_answers(tmp_path: Path) -> None:
    """Its interval is of the scores that it looked at."""
    hemm.run("baseline/random", "probe_shapes", until_ci=15, out=tmp_path / "results")
    answers = stored(tmp_path / "results")
    wrong = answers[answers.raw != answers.right].iloc[0]

    def interval(*rows: Mapping[str, str]) -> tuple[float | None, bool]:
        path = written(tmp_path / "over.csv", *rows)
        (row,) = hemm.load(tmp_path / "results", overlay=path).profile().tasks
        return row.headline.estimate.low, row.headline.estimate.anytime

    assert interval(gold(wrong, wrong.raw)) == (None, False)
    low, anytime = interval(label(wrong, "difficulty", "hard"))
    assert low is not None
    assert anytime


def test_labels_alone_leave_scores_and_move_samples(results: Path, tmp_path: Path) -> None:
    answers = stored(results)
    rows = [label(answers.iloc[n], "difficulty", "hard" if n % 2 else "easy") for n in range(10)]
    found = hemm.load(results, overlay=written(tmp_path / "labels.csv", *rows))
    plain = hemm.load(results).profile()
    shown = found.profile()
    assert [t.headline.estimate for t in shown.tasks] == [t.headline.estimate for t in plain.tasks]
    units = {c.category: c.units for c in shown.categories if c.dimension == "difficulty"}
    assert units == {"easy": 5, "hard": 5}
    frame = found.to_pandas()
    assert set(frame["subject"].str.partition(" · ")[2]) == {shown.subjects[0].label.partition(" · ")[2]}
    with pytest.raises(HemmError, match="the paper's figures are of the right answers as published"):
        found.compare(published="100")


def test_a_unit_goes_with_its_sample(tmp_path: Path) -> None:
    """What is scored together is left out together: a unit that lacks a sample would be another one."""
    from fake import Batched, FakePack, go, sample

    samples = [sample(n, unit=f"u{n // 2}") for n in range(8)]
    go(tmp_path / "results", Batched(), FakePack(samples))
    path = tmp_path / "out.jsonl"
    row = {"task": "even", "sample": "s00003", "kind": "gold", "field": "exclude", "value": "blurred"}
    path.write_text(json.dumps(row) + "\n")
    (cell,) = overlaid(cells(tmp_path / "results"), [path])
    assert cell.answers(["id"])["id"].to_pylist() == [f"s{n:05d}" for n in (0, 1, 4, 5, 6, 7)]
    assert cell.unscored().num_rows == 2


def test_labels_of_ones_own_are_columns_of_these_results_alone(results: Path, tmp_path: Path) -> None:
    """Whatever else was opened in the same process."""
    plain = hemm.load(results).to_arrow().column_names
    sample = stored(results).iloc[0]
    moods, levels = (
        hemm.load(results, overlay=written(tmp_path / f"{name}.csv", label(sample, name, "some")))
        for name in ("mood", "level")
    )
    assert hemm.load(results).to_arrow().column_names == plain
    assert set(moods.to_arrow().column_names) == {*plain, "mood"}
    assert set(levels.to_arrow().column_names) == {*plain, "level"}
    assert "mood" in {row.dimension for row in moods.profile().categories}
