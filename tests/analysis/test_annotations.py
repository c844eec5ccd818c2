"""What was said in the studio, as ``hemm preferences``, ``hemm judge-check`` and exports have it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import hemm
from hemm.analysis.annotations.labels import agreement, labelled
from hemm.cli import status
from hemm.results.annotations import Annotations, now

Row = dict[str, Any]


def say(store: Annotations, *rows: Row) -> None:
    """Add votes: of x (left) and y (right), of one new question each unless told otherwise."""
    known = store.rows("select count(*) as n from votes")[0]["n"]
    with store.writing() as write:
        for n, row in enumerate(rows, known):
            base: Row = dict.fromkeys(
                ("of", "reason", "note", "expected", "left_protocol", "right_protocol", "left_answer"), ""
            )
            base |= {"right_answer": "", "form": f"f{n}", "time": now(), "annotator": "ann", "purpose": "new"}
            base |= {"task": "t", "sample": f"s{n}", "sample_hash": "c", "repeat": 0, "version": "1"}
            assert write("votes", {**base, "left_model": "x", "right_model": "y", "choice": "left", **row})


def label(store: Annotations, annotator: str, sample: str, what: str, value: str, **more: Any) -> None:
    """Add a label; ``what`` is its kind and field."""
    kind, field = what.split()
    with store.writing() as write:
        base = {"model": "", "protocol": "", "repeat": 0, "answer": "", "note": "", "version": "1"}
        row = {"annotator": annotator, "sample": sample, "kind": kind, "field": field, "value": value, **more}
        form = f"{annotator}-{sample}-{kind}"
        write("labels", {**base, "form": form, "time": now(), "task": "t", "sample_hash": "c", **row})


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert status(["preferences", *words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_votes_of_the_store_are_preferences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ties and both bad apart; skipped and taken back votes, repetitions and gold questions are none."""
    store = Annotations(tmp_path)
    say(store, *[{"annotator": f"a{n % 4}", "choice": ("left", "right", "left")[n % 3]} for n in range(24)])
    say(store, {"choice": "tie"}, {"choice": "both_bad", "annotator": "a1"}, {"choice": "skip"})
    say(store, {"form": "back"})
    say(store, {"purpose": "repeat", "of": "f0", "sample": "s0", "left_model": "y", "right_model": "x",
                "choice": "right", "annotator": "a0"})  # fmt: skip
    say(store, {"purpose": "gold", "expected": "y", "annotator": "a0"})
    with store.writing() as write:
        write("undone", {"form": "back", "time": now(), "annotator": "ann"})
    store.close()
    for place in (tmp_path, tmp_path / "annotations.sqlite"):
        found = told(capsys, str(place))
        assert (found["votes"], found["questions"], found["annotators"]) == (26, 26, 5)
        rows = {m["model"]: (m["wins"], m["ties"], m["losses"]) for m in found["models"]}
        assert rows == {"x": (16, 2, 8), "y": (8, 2, 16)}
        notes = "\n".join(found["notes"])
        for words in (
            "1 vote calls both answers bad",
            "1 pair was skipped",
            "1 vote was taken back",
            "1 repetition of an annotator's own pair",
            "1 answer to gold questions",
            "a0 said the same of 1 of 1 pair seen again with sides swapped",
            "a0 answered 0 of 1 gold question as known",
        ):
            assert words in notes, words


def test_votes_on_answers_that_were_given_anew_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repetition after its sample was asked again is on other answers, and says nothing of the voter."""
    store, old = Annotations(tmp_path), {"sample": "s0", "left_answer": "x1", "right_answer": "y1"}
    say(store, {**old, "form": "first"}, {**old, "annotator": "ben", "left_answer": "x2"}, {"sample": "s1"})
    swapped = {"left_model": "y", "right_model": "x", "left_answer": "y1", "right_answer": "x2"}
    say(store, {**swapped, "sample": "s0", "purpose": "repeat", "of": "first"})
    notes = "\n".join(told(capsys, str(tmp_path))["notes"])
    assert "1 answer was another in some votes than in others, since samples were asked again" in notes
    assert "seen again with sides swapped" not in notes


def test_files_and_the_store_are_read_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(Annotations(tmp_path), {}, {"choice": "right"})
    (tmp_path / "preferences").mkdir()
    (tmp_path / "preferences/more.jsonl").write_text('{"sample": "9", "a": "x", "b": "y", "winner": "b"}\n')
    assert told(capsys, str(tmp_path))["votes"] == 3


def test_votes_from_elsewhere_are_imported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "votes.csv"
    file.write_text(
        "task,question_id,model_a,model_b,winner,judge\n"
        "t,1,x,y,model_a,ann\nt,1,x,y,model_a,ann\nt,2,y,x,tie (bothbad),ben\nt,3,x,y,y,\n"
    )
    for line in ("4 votes added", "0 votes added, 4 were there already"):
        assert status(["annotate", str(tmp_path), "--import", str(file)]) == 0
        assert line in capsys.readouterr().out
    assert told(capsys, str(tmp_path / "annotations.sqlite"))["votes"] == 4
    out = tmp_path / "out.csv"
    assert status(["annotate", str(tmp_path), "--export", str(out), "--of", "votes"]) == 0
    rows = list(csv.DictReader(out.open()))
    assert [(r["winner"], r["annotator"], r["purpose"]) for r in rows] == [
        ("x", "ann", "imported"), ("x", "ann", "imported"), ("both_bad", "ben", "imported"),
        ("y", "", "imported"),
    ]  # fmt: skip
    file.write_text("question_id,model_a,model_b,winner\n1,x,y,model_a\n")
    assert status(["annotate", str(tmp_path), "--import", str(file)]) == 2
    assert "names its task" in capsys.readouterr().err


def test_what_imported_votes_name_and_the_results_lack_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model's name with a typing error would be a model of its own. Votes that leave one pair of ties to be
    fitted are not all ties."""
    hemm.run("baseline/random", "probe_shapes", limit=2, out=tmp_path)
    file = tmp_path / "votes.csv"
    file.write_text(
        "task,question_id,model_a,model_b,winner,judge\n"
        "probe_shapes,1,baseline/random,baseline/randm,model_a,ann\nnone,3,gpt,baseline/random,tie,ann\n"
    )
    capsys.readouterr()
    assert status(["annotate", str(tmp_path), "--import", str(file)]) == 0
    line = capsys.readouterr().out.strip()
    assert line.endswith("models without results here: baseline/randm, gpt; tasks without results here: none")
    assert status(["preferences", str(tmp_path)]) == 0
    assert "every vote between models of which neither always won is a tie" in capsys.readouterr().out


def test_an_export_of_votes_is_read_as_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into another folder, and by the preferences; what is no vote between models is counted."""
    say(Annotations(tmp_path), {}, {"choice": "both_bad"}, {"choice": "skip"}, {"purpose": "gold"})
    out, other = tmp_path / "votes.csv", tmp_path / "other"
    other.mkdir()
    assert status(["annotate", str(tmp_path), "--export", str(out), "--of", "votes"]) == 0
    capsys.readouterr()
    assert status(["annotate", str(other), "--import", str(out)]) == 0
    no_vote = "2 rows are no vote between models (skipped, repetitions, gold questions)"
    assert f"2 votes added; {no_vote}" in capsys.readouterr().out
    rows = Annotations(other).rows("select left_model, choice from votes order by n")
    assert [tuple(row.values()) for row in rows] == [("x", "left"), ("x", "both_bad")]
    found = told(capsys, str(out))
    assert (found["votes"], no_vote in found["notes"]) == (2, True)


def test_all_rows_that_are_no_votes_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "votes.csv"
    file.write_text(
        "task,sample,a,b,winner\nt,1,x,y,x\nt,1,x,y,nobody\n,2,x,y,tie\nt,,x,y,tie\nt,3,x,x,tie\n"
        + "t,4,x,,tie\n" * 20
    )
    for words in (["annotate", str(tmp_path), "--import", str(file)], ["preferences", str(file)]):
        assert status(words) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        for part in ("line 3: field 'winner' is 'nobody'", "line 5: field 'sample'", "line 6: a and b are"):
            assert part in line
        assert ("line 4: a vote in the store names its task" in line) == (words[0] == "annotate")
        assert line.rstrip().endswith(f"and {12 if words[0] == 'annotate' else 11} more")
    assert Annotations(tmp_path).rows("select * from votes") == []


def test_agreement_on_labels_and_what_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two annotators on ten samples: 4 both yes, 3 both no, 3 apart; kappa by hand."""
    store = Annotations(tmp_path)
    first, second = "yyyyyynnnn", "yyyynnnnny"
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        label(store, "ann", f"s{n}", "label fine_grained", {"y": "yes", "n": "no"}[a])
        label(store, "ben", f"s{n}", "label fine_grained", {"y": "yes", "n": "no"}[b])
    label(store, "ann", "s0", "gold verdict", "wrong", note="see the hat")
    label(store, "ann", "s1", "label skip", "cannot tell", form="skipped")
    (gold, own) = agreement(labelled(store))
    assert (gold.field, gold.items) == ("verdict", 0)
    assert (own.units, own.items, own.differ) == (10, 10, 3)
    expected = 0.6 * 0.5 + 0.4 * 0.5
    assert own.pairs == (("ann", "ben", pytest.approx((0.7 - expected) / (1 - expected)), 10),)
    with store.writing() as write:
        for token, value in (("d1", "no"), ("d2", "yes")):
            write("decisions", {"token": token, "time": now(), "by": "eva", "kind": "label", "model": "",
                                "task": "t", "sample": "s4", "sample_hash": "c", "field": "fine_grained",
                                "value": value, "note": "", "version": "1"})  # fmt: skip
    store.close()
    out = tmp_path / "final.parquet"
    assert status(["annotate", str(tmp_path), "--export", str(out), "--of", "adjudicated"]) == 0
    assert "2 labels on which annotators differ are left out" in capsys.readouterr().out
    rows = {(r["sample"], r["field"]): (r["value"], r["by"]) for r in pq.read_table(out).to_pylist()}
    names = "task sample sample_hash kind field value by model repeat"
    assert pq.read_table(out).column_names == names.split()
    assert rows["s4", "fine_grained"] == ("yes", "eva")
    assert rows["s0", "fine_grained"] == ("yes", "ann, ben")
    assert rows["s0", "exclude"] == ("its right answer is wrong", "ann")
    assert len(rows) == 9
    every = tmp_path / "labels.csv"
    assert status(["annotate", str(tmp_path), "--export", str(every)]) == 0
    found = list(csv.DictReader(every.open()))
    assert len(found) == 21
    assert [r["note"] for r in found if r["kind"] == "gold"] == ["see the hat"]


def test_win_rates_by_section_and_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r"
    models = ("baseline/oracle", "baseline/random")
    for model in models:
        hemm.run(model, "probe_shapes", limit=24, out=out)
    from hemm.results.read import cells

    table = cells(out)[0].answers(["id", "metadata"]).to_pylist()
    template = {row["id"]: json.loads(row["metadata"])["template"] for row in table}
    store, wins = Annotations(out), dict[str, list[float]]()
    for n, (name, section) in enumerate(sorted(template.items())):
        choice = ("left", "left", "tie", "right")[n % 4]
        wins.setdefault(section, []).append({"left": 1.0, "tie": 0.5, "right": 0.0}[choice])
        for annotator in ("ann", "ben", "eva"):
            say(store, {"task": "probe_shapes", "sample": name, "left_model": models[0],
                        "right_model": models[1], "choice": choice, "annotator": annotator})  # fmt: skip
    store.close()
    page = tmp_path / "study.html"
    found = told(capsys, str(out), "--by", "template", "--page", str(page))
    rates = {(r["section"], r["model"]): r for r in found["sections"]}
    for section, won in wins.items():
        one = rates[section, models[0]]
        assert one["rate"]["value"] == pytest.approx(sum(won) / len(won))
        assert one["rate"]["low"] <= one["rate"]["value"] <= one["rate"]["high"]
        assert (one["wins"] + one["ties"] + one["losses"], one["questions"]) == (3 * len(won), len(won))
    overall = rates["", models[0]]["rate"]
    assert overall["value"] == pytest.approx(0.625)
    text = page.read_text()
    assert text.count('class="both"') == len(template)
    assert text.count("data:image/") >= len(template)
    assert "<script" not in text
    assert 'href="http' not in text
    assert status(["preferences", str(out), "--by", "templat"]) == 2
    assert "did you mean 'template'?" in capsys.readouterr().err


def test_what_people_agree_on_is_an_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two people find a right answer wrong, and say which is right: the score moves, and names the file."""
    out = tmp_path / "r"
    hemm.run("baseline/oracle", "probe_shapes", limit=12, out=out)
    from hemm.results.read import cells

    rows = cells(out)[0].answers(["id", "sample_hash", "choices", "references"]).to_pylist()
    one = next(row for row in rows if row["choices"])
    other = next(c for c in one["choices"] if c not in one["references"])
    store, about = Annotations(out), {"task": "probe_shapes", "sample_hash": one["sample_hash"]}
    for who in ("ann", "ben"):
        label(store, who, one["id"], "gold verdict", "wrong", **about)
        label(store, who, one["id"], "gold answer", other, **about)
        label(store, who, rows[1]["id"], "error type", "none", **about, model="baseline/oracle")
    store.close()
    file = tmp_path / "final.csv"
    assert status(["annotate", str(out), "--export", str(file), "--of", "adjudicated"]) == 0
    capsys.readouterr()
    scores = {}
    for more in ([], ["--overlay", str(file)]):
        assert status(["profile", str(out), "--format", "json", *more]) == 0
        scores[bool(more)] = json.loads(capsys.readouterr().out)
    assert "overlay final.csv" in json.dumps(scores[True])
    means = {with_it: _mean(found) for with_it, found in scores.items()}
    assert means == {False: 1.0, True: pytest.approx(11 / 12)}


def _mean(profile: Any) -> float:
    """The mean of the one model on the one task, on the metric's own scale."""
    (row,) = profile["tasks"]
    return float(row["metrics"][0]["value"])
