"""What an annotator who means ill, a full disk or results that change do to a study: nothing is said that was
not meant, and nothing tells whose an answer is."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from studio_client import HOST, Studio

from hemm.core import BadData, HemmError
from hemm.results.annotations import CURRENT_VOTES, FILE, Annotations
from hemm.web.studio.blind import Blind
from hemm.web.studio.plan import Plan


@pytest.fixture
def fresh(results: Path, tmp_path: Path) -> Callable[..., Studio]:
    """A studio over results of its own."""
    shutil.copytree(results, tmp_path / "r", ignore=shutil.ignore_patterns("annotations*"))
    return lambda *args, **more: Studio(tmp_path / "r", *args, **more)


def votes(studio: Studio) -> list[str]:
    return [row["choice"] for row in studio.study.store.rows("select choice from votes order by n")]


@pytest.mark.parametrize("more", ["/annotate?", "/annotate/", "/annotate#", "\\annotate", "@x"])
def test_a_host_header_cannot_carry_a_path(fresh: Callable[..., Studio], more: str) -> None:
    """The address of a request is made with it: as /annotate, the organiser's pages would be open."""
    ann = fresh().annotator("ann")
    for page in ("/organise", "/answers"):
        answer = ann.ask("GET", page, host=HOST + more)
        assert answer.status_code == 421
        assert "baseline/" not in answer.text


def test_the_question_does_not_tell_the_sides(fresh: Callable[..., Studio]) -> None:
    """Models that were asked in other words, or shown other pictures."""
    study = fresh().study
    asked = study.pool.by_task["probe_shapes"][0]
    a, b = sorted(asked.answers)[:2]
    plain = study.sources.read

    def read(one: Any, models: Sequence[str]) -> list[dict[str, Any]]:
        return [{**row, "prompt": f"asked {m}"} for row, m in zip(plain(one, models), models, strict=True)]

    study.sources.read = read  # type: ignore[method-assign]
    prompts = {study.sources.form(asked, pair, study.blind, True).prompt.text for pair in ([a, b], [b, a])}
    assert prompts == {f"asked {a}"}


def test_a_vote_is_on_the_answers_that_were_shown(fresh: Callable[..., Studio]) -> None:
    """A sample that was asked again meanwhile: the vote is refused, and the pair is drawn anew."""
    studio = fresh()
    ann, sources = studio.annotator("ann"), studio.study.sources
    ann.start()
    known, plain = ann.token(), sources.digest
    sources.digest = lambda row: plain(row)[::-1]  # type: ignore[method-assign]
    assert ann.post("/annotate/vote", **known, choice="left").status_code == 400
    assert votes(studio) == []
    assert "not in the results any more" in ann.page()
    ann.start()
    assert ann.token()["form"] != known["form"]
    ann.say(choice="right")
    assert votes(studio) == ["right"]


def test_an_answer_that_cannot_be_read_stops_nobody(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann, sources = studio.annotator("ann"), studio.study.sources
    ann.start()
    now, plain = studio.study.open("ann", "vote"), sources.read
    assert now is not None

    def read(one: Any, models: Sequence[str]) -> list[dict[str, Any]]:
        if one.id != now.item["sample"]:
            raise BadData("part-0001.parquet is damaged")
        return plain(one, models)

    sources.read = read  # type: ignore[method-assign]
    ann.say(choice="left")
    assert votes(studio) == ["left"]
    sources.read = plain  # type: ignore[method-assign]
    ann.start()
    ann.say(choice="tie")
    assert votes(studio) == ["left", "tie"]


def test_a_full_disk_is_said_and_the_same_form_is_taken_later(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann, store = studio.annotator("ann"), studio.study.store
    ann.start()
    known = ann.token()
    pages = store.rows("pragma page_count")[0]["page_count"]
    store.rows(f"pragma max_page_count = {pages}")
    answer = ann.post("/annotate/vote", **known, choice="left", note="x" * 2000)
    for _ in range(9):
        answer = ann.post("/annotate/vote", **ann.token(), choice="left", note="x" * 2000)
        if answer.status_code != 303:
            break
    assert answer.status_code == 400
    assert "this was not stored" in answer.text
    before = len(votes(studio))
    with pytest.raises(HemmError, match="cannot be written to: database or disk is full"), store.writing():
        store._base.execute("create table big as select randomblob(9000000) as x")
    store.rows("pragma max_page_count = 1000000")
    ann.say(choice="right")
    assert len(votes(studio)) == before + 1


def test_a_form_is_for_what_it_asks(fresh: Callable[..., Studio]) -> None:
    """A vote's form is no label; and what was revealed is not taken back by the way of another queue."""
    studio = fresh(Plan(queues=("vote", "score", "label"), votes=1, reveal=True))
    ann = studio.annotator("ann")
    ann.start()
    known = ann.token()
    for fields in ({"value": "1"}, {"skip": "yes", "reason": "other"}):
        assert ann.post("/annotate/score", **known, **fields).status_code == 400
    assert studio.study.store.rows("select * from labels") == []
    assert ann.token() == known
    ann.say(choice="left")
    assert "baseline/" in ann.get("/annotate/yours").text
    for queue in ("vote", "score", "label"):
        assert ann.post(f"/annotate/{queue}/undo", **known).status_code == 400, queue
    assert studio.study.store.rows("select * from undone") == []


def test_newest_votes_are_not_left_out_where_the_folder_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal of a killed server has votes that the file has not, and SQLite wants to write there."""
    store = Annotations(tmp_path)
    with store.writing() as write:
        write("undone", {"form": "f", "time": "t", "annotator": "a"})
    plain = sqlite3.connect

    def connect(name: Any, **more: Any) -> sqlite3.Connection:
        if str(name).endswith("?mode=ro"):
            raise sqlite3.OperationalError("unable to open database file")
        return plain(name, **more)

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(BadData, match=r"its newest votes are in annotations\.sqlite-wal"):
        Annotations(tmp_path, reading=True)
    store.close()
    assert Annotations(tmp_path, reading=True).rows("select form from undone") == [{"form": "f"}]


@pytest.mark.parametrize(
    "said", ["GPT-4o-mini", "gpt 4o mini", "GPT\u20114o\u2011Mini", "gpt_4o_mini", "GPT4o mini"]
)
def test_a_name_is_found_however_it_is_spelled(said: str) -> None:
    found = Blind(["openai/gpt-4o-mini"])(f"Two, says {said}.")
    assert said not in found.text
    assert found.told == (said,)


def use(folder: Path) -> None:
    found = Annotations(folder)
    for table in ("votes", "drawn", "labels", "undone", "decisions", "settings"):
        found.rows(f"select * from {table}")
    with found.writing() as write:
        write("undone", {"form": "f", "time": "t", "annotator": "a"})


def test_damaged_stores_are_errors_in_a_line(tmp_path: Path) -> None:
    store = Annotations(tmp_path)
    store.close()
    whole = (tmp_path / FILE).read_bytes()
    for n, spoiled in enumerate((whole[:700], b"\xa5" * 4096, whole[:4096] + b"\xa5" * (len(whole) - 4096))):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / FILE).write_bytes(spoiled)
        with pytest.raises(HemmError) as caught:
            use(folder)
        assert str(folder / FILE) in str(caught.value)


def test_a_tab_that_was_left_open_votes_for_nothing_that_was_taken_back(
    fresh: Callable[..., Studio],
) -> None:
    """The vote is given in one tab and taken back there; the other one still shows its form."""
    studio = fresh()
    ann = studio.annotator("ann")
    ann.start()
    old = ann.token()  # in both tabs
    ann.say(choice="left")
    again = re.search(r'undo" data-undo>.*?name="form" value="([^"]+)"', ann.page(), re.DOTALL)
    assert again is not None
    assert ann.post("/annotate/vote/undo", csrf=old["csrf"], form=again[1]).status_code == 303
    assert ann.post("/annotate/vote", **old, choice="right").status_code == 303
    assert studio.study.count("ann", "vote") == 0
    ann.say(choice="tie")
    assert [r["choice"] for r in studio.study.store.rows(CURRENT_VOTES)] == ["tie"]
