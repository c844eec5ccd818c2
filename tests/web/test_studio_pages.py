"""The studio's pages: blind in every byte, changed by POST of their own alone, each form answered once."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

pytest.importorskip("starlette")

from studio_client import Person, Studio

import fake
from hemm.core import DIMENSIONS, Capabilities, Identity, Media, Response
from hemm.web.studio.blind import MARK
from hemm.web.studio.draws import Gold
from hemm.web.studio.plan import Plan

NAMES = ("openai/gpt-4o-mini", "gpt-4o-mini", "google/gemini-9", "gemini-9")
ALL = ("vote", "label", "gold", "error", "score")


def drawn(number: int, software: str) -> Media:
    """A picture as a program writes it, with its own name in the file."""
    out, told = io.BytesIO(), PngImagePlugin.PngInfo()
    told.add_text("Software", software)
    Image.new("RGB", (8, 8), (number, 40, 90)).save(out, "PNG", pnginfo=told)
    return Media(out.getvalue(), mime="image/png")


class Talks(fake.Batched):
    """Says of itself who it is, and draws."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(
            identity=Identity(name, "1"), capabilities=Capabilities(outputs=frozenset({"text", "image"}))
        )
        self.spec, self.words = name, words

    def generate_batch(self, requests: Any) -> list[Response]:
        return [
            Response(f"{self.words} {fake.right(r)} {n}", media=(drawn(n, self.spec),))
            for n, r in enumerate(requests)
        ]


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models that name themselves, over a folder that has their names too."""
    out = tmp_path_factory.mktemp("gpt-4o-mini-or-gemini-9")
    pack = fake.FakePack([fake.sample(n) for n in range(12)])
    for name, words in (
        ("openai/gpt-4o-mini", "I am GPT-4, a language model trained by OpenAI."),
        ("google/gemini-9", "As gemini-9 I say"),
    ):
        fake.go(out, Talks(name, words), pack)
    return out


@pytest.fixture
def fresh(results: Path, tmp_path: Path) -> Callable[..., Studio]:
    """A studio over results of its own."""
    shutil.copytree(results, tmp_path / "r", ignore=shutil.ignore_patterns("annotations*"))
    return lambda *args, **more: Studio(tmp_path / "r", *args, **more)


def pictures(one: Person, page: str) -> list[Any]:
    return [one.get(address) for address in re.findall(r'src="(/annotate/picture/[^"]+)"', page)]


def test_no_byte_that_is_sent_names_a_model(talking: Path, tmp_path: Path) -> None:
    """Pages, addresses, headers, pictures and errors of an annotator who does everything that there is."""
    shutil.copytree(talking, tmp_path / "gemini-9-study")
    studio = Studio(tmp_path / "gemini-9-study", Plan(queues=ALL, votes=5))
    ann = studio.annotator("ann")
    for address in (
        "/",
        "/annotate",
        "/annotate/instructions",
        "/annotate/yours",
        "/tasks",
        "/answers",
        "/sample",
    ):
        ann.get(address)
    for queue, fields in (
        ("vote", {"choice": "left", "note": "hm"}),
        ("label", {"reasoning": "less"}),
        ("gold", {"verdict": "right"}),
        ("error", {"type": ["perception", "reasoning"]}),
        ("score", {"value": "0.5"}),
    ):
        ann.start(queue)
        for _ in range(3):
            page = ann.page(queue)
            shown = pictures(ann, page)
            assert shown, queue
            if queue == "label":
                assert DIMENSIONS["interaction"].meanings["synergy"] in page
            ann.say(queue, **fields)
        ann.post(f"/annotate/{queue}", **ann.token(queue), choice="nobody", value="7", type="x", verdict="y")
    ann.get("/annotate/picture/none/a0")
    ann.get("/annotate/picture/none/x")
    sent = bytes(studio.recorder.sent).lower()
    assert len(sent) > 50_000
    for name in (*NAMES, "openai", "gpt-4"):
        assert name.encode() not in sent, name
    assert MARK.encode() in sent
    assert b"says which model wrote it" in sent


def test_what_models_drew_cannot_be_told_by_the_file(talking: Path, tmp_path: Path) -> None:
    """Pixels alone are sent, as one type, under a token of the form."""
    shutil.copytree(talking, tmp_path / "r")
    studio = Studio(tmp_path / "r")
    ann, ben = studio.annotator("ann"), studio.annotator("ben")
    ann.start()
    page = ann.page()
    addresses = re.findall(r'src="(/annotate/picture/[^"]+/[ab]0)"', page)
    assert len(addresses) == 2
    for address in addresses:
        answer = ann.get(address)
        assert answer.headers["content-type"] == "image/png"
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).info == {}
        assert ben.get(address).status_code == 400, "the form is another's"
    assert not re.search("[0-9a-f]{64}", page)


def test_names_can_be_left_in_and_are_flagged(talking: Path, tmp_path: Path) -> None:
    shutil.copytree(talking, tmp_path / "r")
    ann = Studio(tmp_path / "r", Plan(masked=False)).annotator("ann")
    ann.start()
    assert "This answer says which model wrote it: " in ann.page()
    assert MARK not in ann.page()


def test_a_vote_has_all_that_it_rests_on(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann = studio.annotator("ann")
    ann.start()
    ann.say(choice="right", note="=1+1 <b>")
    row = studio.study.store.rows("select * from votes")[0]
    assert (row["annotator"], row["choice"], row["version"], row["note"]) == (
        "ann",
        "right",
        "test",
        "=1+1 <b>",
    )
    asked = studio.study.pool.by_key[row["task"], row["sample"], row["sample_hash"]]
    stored = studio.study.sources.read(asked, [row["left_model"], row["right_model"]])
    assert [studio.study.sources.digest(r) for r in stored] == [row["left_answer"], row["right_answer"]]
    scores = studio.study.sources.cell(asked.answers[row["left_model"]]).cell
    key = scores.aggregates()["headline"]
    table = scores.scores(key).to_pylist()
    assert row["left_answer"] in {r["response_hash"] for r in table if r["group"] == row["sample"]}
    assert row["time"].endswith("Z")


def test_the_same_form_sent_again_is_one_vote(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann = studio.annotator("ann")
    ann.start()
    first = ann.say(choice="left")
    second = ann.token()
    assert second["form"] != first["form"]
    for choice in ("left", "right"):
        assert ann.post("/annotate/vote", **first, choice=choice).status_code == 303
    assert ann.token() == second, "nothing further was drawn"
    assert [r["choice"] for r in studio.study.store.rows("select choice from votes")] == ["left"]


def test_undo_goes_back_step_by_step(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann = studio.annotator("ann")
    ann.start()
    pages = [ann.page()]
    for choice in ("left", "tie", "skip"):
        ann.say(choice=choice, **({"reason": "cannot tell"} if choice == "skip" else {}))
        pages.append(ann.page())

    def texts(page: str) -> list[str]:
        return re.findall(r'<pre class="(?:prompt|said)"[^>]*>(.*?)</pre>', page, re.DOTALL)

    for back in (2, 1, 0):
        csrf = ann.token()["csrf"]
        last = re.search(r'undo" data-undo>.*?name="form" value="([^"]+)"', ann.page(), re.DOTALL)
        assert last is not None
        for _ in range(2):
            assert ann.post("/annotate/vote/undo", csrf=csrf, form=last[1]).status_code == 303
        assert texts(ann.page()) == texts(pages[back])
    assert studio.study.count("ann", "vote") == 0
    for _ in range(3):
        ann.say(choice="both_bad")
    assert texts(ann.page()) == texts(pages[3]), "what was open before comes again"
    assert studio.study.count("ann", "vote") == 3
    assert len(studio.study.store.rows("select * from votes")) == 6, "nothing is deleted"


def test_get_changes_nothing_and_posts_want_their_tokens(fresh: Callable[..., Studio]) -> None:
    studio = fresh(Plan(queues=ALL))
    ann = studio.annotator("ann")
    before = studio.study.store.rows("select count(*) as n from drawn")
    for queue in ALL:
        for address in (f"/annotate/{queue}", f"/annotate/{queue}/start", f"/annotate/{queue}/undo"):
            ann.get(address)
    assert studio.study.store.rows("select count(*) as n from drawn") == before
    csrf = ann.token()["csrf"]
    start = "/annotate/vote/start"
    assert ann.post(start).status_code == 403
    assert ann.post(start, csrf="0" * 40).status_code == 403
    assert studio.annotator("ben").post(start, csrf=csrf).status_code == 403
    assert studio.person().post(start, csrf=csrf).status_code == 403
    for origin in ("http://evil.example", "null", ""):
        assert ann.ask("POST", start, f"csrf={csrf}", origin=origin).status_code == 403
    sites = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ann.ask("POST", start, f"csrf={csrf}", **sites).status_code == 403
    assert ann.ask("POST", start, f"csrf={csrf}", host="evil.example").status_code == 421
    assert ann.ask("PUT", start, f"csrf={csrf}").status_code == 405
    assert ann.ask("POST", start, '{"a": 1}', **{"content-type": "application/json"}).status_code == 415
    assert ann.ask("POST", start, "a=" + "b" * 70_000).status_code == 413
    assert studio.study.store.rows("select count(*) as n from drawn") == before
    assert ann.post(start, csrf=csrf).status_code == 303


def test_cookies_are_for_this_server_alone(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    cookies = studio.person().post("/annotate/enter", name="ann").headers["set-cookie"]
    cookies += studio.person().get(f"/organise?key={studio.keys.organiser}").headers["set-cookie"]
    assert cookies.lower().count("httponly") == cookies.lower().count("samesite=strict") == 2
    forged = studio.person()
    forged.cookies["hemm_annotator"] = studio.keys.cookie("ann").replace(".", ".0")
    assert forged.get("/annotate/vote").headers["location"] == "/annotate"


def test_pages_with_names_are_the_organisers(fresh: Callable[..., Studio]) -> None:
    studio = fresh()
    ann, boss = studio.annotator("ann"), studio.organiser()
    for address in ("/tasks", "/answers", "/organise", "/organise/labels", "/runs", "/download/answers.csv"):
        assert ann.get(address).status_code == 403, address
        assert boss.get(address).status_code == 200, address
    assert studio.person().get("/organise?key=guess").status_code == 403
    assert "baseline/oracle" in boss.get("/organise").text


def test_personal_addresses(fresh: Callable[..., Studio]) -> None:
    studio = fresh(named=True, people=("Zoë", "ben"))
    one = studio.person()
    assert one.post("/annotate/enter", name="ann").status_code == 400, "no names are taken here"
    token = studio.keys.token("Zoë")
    assert "Hello, Zoë" in one.get(f"/annotate?token={token}").text
    assert one.cookies == {}
    assert one.post("/annotate/enter", token=token).status_code == 303
    one.start()
    assert studio.study.annotators() == ["Zoë"]
    assert one.get("/annotate?token=" + token[:-1] + "x").status_code == 400
    assert studio.keys.token("ben") in studio.organiser().get("/organise").text


def test_texts_are_texts(tmp_path: Path) -> None:
    evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>'

    class Evil(fake.Batched):
        def generate_batch(self, requests: Any) -> list[Response]:
            return [Response(f"{evil} \u202e {self.spec}") for _ in requests]

    pack = fake.FakePack([fake.sample(n, fields={"question": evil}) for n in range(3)])
    for name in ("one/m-1", "two/m-2"):
        model = Evil(spec=name, identity=Identity(name, "1"))
        fake.go(tmp_path, model, pack, fake.task())
    studio = Studio(tmp_path)
    ann = studio.annotator("<b>ann</b>")
    ann.start()
    page = ann.page()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>ann" not in page
    assert "\u202e" not in page
    ann.say(choice="tie", note=evil)
    assert "<script>alert" not in studio.organiser().get("/organise").text + ann.get("/annotate/yours").text


def test_names_are_revealed_to_those_who_are_done(fresh: Callable[..., Studio]) -> None:
    studio = fresh(Plan(votes=2, reveal=True))
    ann = studio.annotator("ann")
    ann.start()
    ann.say(choice="left")
    assert "baseline/" not in ann.get("/annotate/yours").text
    last = ann.say(choice="right")
    assert "baseline/" in ann.get("/annotate/yours").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', ann.get("/annotate/yours").text)
    assert csrf is not None
    answer = ann.post("/annotate/vote/undo", csrf=csrf[1], form=last["form"])
    assert answer.status_code == 400, "who has seen the names takes nothing back"


def test_gold_and_habits_are_on_the_organisers_page(fresh: Callable[..., Studio]) -> None:
    a, b = "baseline/oracle", "baseline/random"
    studio = fresh(Plan(gold_share=1.0, votes=30))
    sample = next(s.id for s in studio.study.pool.by_task["probe_shapes"])
    studio.study.gold = (Gold("probe_shapes", sample, a, b, a),)
    ann = studio.annotator("ann")
    ann.start()
    shown = studio.study.open("ann", "vote")
    assert shown is not None
    assert shown.purpose == "gold"
    ann.say(choice="left" if shown.item["left"] == a else "right")
    for _ in range(12):
        ann.say(choice="left")
    text = studio.organiser().get("/organise").text
    assert "1 of 1" in text
    assert 'class="range bad"' in text, "the left answer every time is a habit"
