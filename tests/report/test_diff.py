"""Answers that flipped between two models: counts, tests, examples."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import fake
from hemm import cli
from hemm.analysis.compare import Choice, compare
from hemm.analysis.diff import Flips, flips
from hemm.analysis.study import Study
from hemm.core import Failure, HemmError, Identity, Request, Response, UnknownName
from hemm.report.page.diff import write
from hemm.report.tables.diff import lines, values
from hemm.results.read import cells

SAMPLES = [fake.sample(n) for n in range(12)]
PACK = fake.FakePack(SAMPLES)
WRONG = {"yes": "no", "no": "yes"}


@dataclass
class Says(fake.Batched):
    """Right but for the answers it is told; ``errors`` get none."""

    said: dict[int, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        out = []
        for r in requests:
            n = int(r.sample_id[1:])
            failed = Failure("server", "500", permanent=True)
            out.append(
                Response(failure=failed) if n in self.errors else Response(self.said.get(n, fake.right(r)))
            )
        return out


def wrong(*numbers: int) -> dict[int, str]:
    return {n: WRONG[str(SAMPLES[n].references[0])] for n in numbers}


def two(out: Path, pack: fake.FakePack = PACK) -> Flips:
    """``a`` is wrong on 0 to 3, ``b`` on 0 and 6, and b's 1 cannot be read: 2, 3 are gained, 6 lost."""
    fake.go(out, Says(identity=Identity("a", "1"), said=wrong(0, 1, 2, 3)), PACK)
    fake.go(out, Says(identity=Identity("b", "1"), said=wrong(0, 6) | {1: "well"}, errors=(11,)), pack)
    return flips(Study.of(cells(out)), "a", "b")


def test_counts_of_what_both_were_asked(tmp_path: Path) -> None:
    (task,) = two(tmp_path).tasks
    assert {f.group: f.kind for f in task.flips} == {
        "s00001": "changed",
        "s00002": "gained",
        "s00003": "gained",
        "s00006": "lost",
    }
    assert (task.lost, task.gained, task.net) == (1, 2, 1)
    assert (task.common, task.errors, task.only, task.other) == (11, 1, (0, 0), 0)
    assert task.right + task.wrong + task.lost + task.gained == task.common


def test_only_common_and_unchanged_samples_count(tmp_path: Path) -> None:
    changed = [fake.changed(s, "Is 3 really even?") if n == 3 else s for n, s in enumerate(SAMPLES)]
    (task,) = two(tmp_path, fake.FakePack(changed[:9])).tasks
    assert task.only == (3, 0)
    assert task.other == 1
    assert task.common == 8
    assert task.gained == 1


def test_its_p_is_that_of_the_comparison(tmp_path: Path) -> None:
    found = two(tmp_path)
    compared = compare(Study.of(cells(tmp_path)), Choice(("a", "b"), resamples=0))
    (pair,) = [t.pair for t in compared.tasks]
    assert pair is not None
    assert compared.overall is not None
    assert (pair.lost, pair.won) == (2, 1)
    assert found.tasks[0].p == pair.p == pytest.approx(0.625)
    assert found.p == compared.overall.p
    other_way = flips(Study.of(cells(tmp_path)), "b", "a")
    assert other_way.p == found.p


def test_answers_that_share_a_picture_are_one_trial(tmp_path: Path) -> None:
    """Twelve answers that all turned, to three pictures: no more than three coins."""
    samples = [replace(s, cluster=f"picture {n % 3}") for n, s in enumerate(SAMPLES)]
    pack = fake.FakePack(samples)
    fake.go(tmp_path, Says(identity=Identity("a", "1"), said=wrong(*range(12))), pack)
    fake.go(tmp_path, Says(identity=Identity("b", "1")), pack)
    found = flips(Study.of(cells(tmp_path)), "a", "b")
    assert (found.lost, found.gained) == (0, 12)
    assert found.p == pytest.approx(2 * 0.5 * 0.125)


def test_two_ways_to_ask_one_model(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(said=wrong(5)), PACK)
    fake.go(tmp_path, Says(), PACK, control="grey")
    other = fake.go(
        tmp_path, Says(said=wrong(1, 2)), PACK, prompt="{{ question }} Say it.", prompt_name="p.txt"
    )
    found = cells(tmp_path)
    assert flips(Study.of(found), "fake-batched", "fake-batched (picture grey)").gained == 1
    by_hash = flips(Study.of(found), "fake-batched (picture grey)", other.protocol[:8])
    assert by_hash.lost == 2
    with pytest.raises(HemmError, match="several ways: name one of"):
        flips(Study.of(found), "fake-batched@1", "fake-batched")


def test_bad_names_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two(tmp_path)
    with pytest.raises(UnknownName):
        flips(Study.of(cells(tmp_path)), "a", "c")
    with pytest.raises(HemmError, match="the same results"):
        flips(Study.of(cells(tmp_path)), "a", "a@1")
    with pytest.raises(UnknownName, match="did you mean 'even'"):
        flips(Study.of(cells(tmp_path)), "a", "b", ["evn"])
    assert cli.status(["diff", str(tmp_path), "--model", "a"]) == 2
    assert "give --model twice" in capsys.readouterr().err


def test_the_terminal_shows_text_and_where_the_picture_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hemm.data.pack.reader.find_pack", lambda *_: PACK)
    name = "org/" + "a-long-name-" * 9 + "7b"
    fake.go(tmp_path, Says(identity=Identity(name, "1")), PACK)
    fake.go(tmp_path, Says(identity=Identity("b", "1"), said={4: "\x1b[2Jno\u202e " + "x" * 9_999}), PACK)
    assert cli.status(["diff", str(tmp_path), "--model", name, "--model", "b"]) == 0
    said = capsys.readouterr().out
    assert f"    {name}: " in said
    assert " more characters)" in said
    assert "even: right, then wrong, 1" in said
    assert "picture    4.png sha256" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b[2Jno\\u202e" in said
    assert max(map(len, said.splitlines())) < 300


def test_json_has_every_flip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two(tmp_path)
    assert cli.status(["diff", str(tmp_path), "--model", "a", "--model", "b", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema_version"] == 1
    assert (found["a"], found["b"], found["gained"], found["lost"]) == ("a", "b", 2, 1)
    flip = next(f for f in found["flips"] if f["id"] == "s00001")
    assert flip["outcomes"] == ["ok", "unparsable"]
    assert flip["answers"] == ["yes", "well"]
    assert flip["references"] == ["no"]


def test_html_shows_both_answers_with_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.data.pack.reader.find_pack", lambda *_: PACK)
    found = two(tmp_path)
    page = write(found, tmp_path / "d.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "<script" not in page
    assert "2 answers became right, 1 became wrong" in re.sub(r"\s+", " ", page)
    assert "Wrong both times, in another way" in page


def test_repeats_are_compared_one_by_one(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(identity=Identity("a", "1")), PACK, repeats=2)
    fake.go(tmp_path, Says(identity=Identity("b", "1"), said=wrong(4)), PACK, repeats=2)
    found = flips(Study.of(cells(tmp_path)), "a", "b")
    assert [(f.group, f.repeat) for f in found.tasks[0].flips] == [("s00004", 0), ("s00004", 1)]
    assert found.tasks[0].common == 24
    assert len(values(found)["flips"]) == 2
    assert any("(answer 2)" in line for line in lines(found, 4))


def test_nothing_flipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        fake.go(tmp_path, Says(identity=Identity(name, "1")), PACK)
    found = flips(Study.of(cells(tmp_path)), "a", "b")
    assert found.p == pytest.approx(1.0)
    assert "Nothing flipped." in write(found, tmp_path / "d.html").read_text("utf-8")
