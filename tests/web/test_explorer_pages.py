"""What pages and downloads show is what the stored answers say, and what is not known is one line."""

from __future__ import annotations

import html
import io
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from explorer_client import Client, words
from PIL import Image

import fake
import hemm
from hemm.core import Failure, Identity, Media, Response
from hemm.core.text import UNSEEN
from hemm.results.read import cells

pytestmark = pytest.mark.usefixtures("results")


def stored(folder: Path) -> list[dict[str, Any]]:
    """Every answer of the folder with its headline score and outcome, joined without the explorer."""
    rows = []
    for cell in cells(folder):
        aggregates = cell.aggregates()
        scores = cell.scores(aggregates["headline"]).to_pylist()
        by_id = {s["group"]: s for s in scores if s["component"] == ""}
        for answer in cell.answers().to_pylist():
            score = by_id[answer["id"]]
            facts = {"model": cell.model, "task": cell.task, "score": score["value"] or 0.0}
            rows.append({**answer, **facts, "outcome": score["outcome"], "labels": dict(answer["labels"])})
    return rows


def downloaded(client: Client, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/download/answers.jsonl?{query}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


FILTERS = {
    "task=probe_shapes": lambda r: r["task"] == "probe_shapes",
    "model=baseline/oracle&model=baseline/random": lambda r: r["model"] != "baseline/majority",
    "outcome=ok&task=probe_charts": lambda r: r["outcome"] == "ok" and r["task"] == "probe_charts",
    "min=0.5": lambda r: r["score"] >= 0.5,
    "max=0.5&model=baseline/random": lambda r: r["score"] <= 0.5 and r["model"] == "baseline/random",
    "label=reasoning:more": lambda r: r["labels"].get("reasoning") == "more",
    "label=reasoning:more&label=reasoning:less&label=fine_grained:yes": lambda r: (
        r["labels"].get("reasoning") in ("more", "less") and r["labels"].get("fine_grained") == "yes"
    ),
    "meta=template:count": lambda r: json.loads(r["metadata"]).get("template") == "count",
    "q=1": lambda r: "1" in r["raw"],
    "q=PICTURE&in=prompt": lambda r: "picture" in r["prompt"].lower(),
    "id=00001": lambda r: "00001" in r["id"],
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_chooses_what_it_says(client: Client, results: Path, query: str) -> None:
    wanted = {(r["model"], r["task"], r["id"]) for r in stored(results) if FILTERS[query](r)}
    found = [(r["model"], r["task"], r["id"]) for r in downloaded(client, query)]
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_agreement_and_flips(client: Client, results: Path) -> None:
    right: dict[str, dict[str, bool]] = {}
    for row in stored(results):
        right.setdefault(row["id"], {})[row["model"]] = row["score"] == 1
    differ = {i for i, by in right.items() if len(set(by.values())) > 1}
    assert differ
    assert {r["id"] for r in downloaded(client, "agree=differ")} == differ
    lost = {i for i, by in right.items() if by["baseline/oracle"] and not by["baseline/random"]}
    found = downloaded(client, "flip=lost&a=baseline/oracle&b=baseline/random")
    assert {r["id"] for r in found} == lost
    assert {r["model"] for r in found} == {"baseline/oracle", "baseline/random"}


@pytest.mark.parametrize(
    "order", ["sort=score", "sort=score&dir=desc", "sort=length&dir=desc", "q=a&in=prompt", ""]
)
def test_pages_hold_every_answer_once_in_order_and_go_back(client: Client, order: str) -> None:
    address, seen, pages = f"/answers?{order}", list[str](), list[list[str]]()
    for _ in range(30):
        text = client.get(address).text
        pages.append([html.unescape(a) for a in re.findall(r'data-row href="([^"]+)"', text)])
        seen += pages[-1]
        following = re.search(r'rel="next"[^>]*href="([^"]+)"', text)
        if following is None:
            break
        address = html.unescape(following[1])
    places = [re.search(r"after=([^&]+)", a)[1] for a in seen]  # type: ignore[index]
    assert len(places) == len(set(places)) == len(downloaded(client, order))
    values = [(float(p.split("~")[0]), int(p.split("~")[1])) for p in places]
    falling = "desc" in order
    keys = [(-v if falling else v, n) for v, n in values]
    assert keys == sorted(keys)
    before = re.search(r'rel="prev"[^>]*href="([^"]+)"', client.get(address).text)
    assert before is not None
    back = client.get(html.unescape(before[1])).text
    assert [html.unescape(a) for a in re.findall(r'data-row href="([^"]+)"', back)] == pages[-2]


def test_downloads_are_the_same_in_all_forms(client: Client) -> None:
    rows = downloaded(client, "task=probe_charts&sort=score")
    table = pq.read_table(
        io.BytesIO(client.get("/download/answers.parquet?task=probe_charts&sort=score").content)
    )
    assert table.to_pylist() == rows
    text = client.get("/download/answers.csv?task=probe_charts&sort=score").text
    assert text.count("\n") >= len(rows) + 1
    assert text.splitlines()[0].split(",")[:5] == ["model", "task", "control", "cell", "id"]
    assert client.get("/download/answers.xlsx").status_code == 400


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/answers?modle=x", "unknown parameter 'modle'; did you mean 'model'?"),
        ("/answers?model=baseline/oracel", "did you mean 'baseline/oracle'?"),
        ("/answers?outcome=fine", "unknown outcome"),
        ("/answers?min=low", "min is 'low', which is no number"),
        ("/answers?sort=score;drop table answers", "unknown sort"),
        ("/answers?after=1", "take the links"),
        ("/answers?flip=lost", "give both a and b"),
        ("/answers?sort=score&sort=length", "sort is there twice"),
        ("/answers?label=colour:red", "unknown dimension"),
        ("/answers?meta=template", "write KEY:VALUE"),
        ("/slices?by=task&across=task", "two different dimensions"),
        ("/slices?by=pg_class", "unknown dimension"),
        ("/sample?of=probe_shapes&sample=nobody", "no answer to a sample"),
        ("/sample", "choose it among the answers"),
        ("/curves?task=nothing", "unknown task"),
        ("/differences?a=x&b=y", "unknown model"),
        ("/tasks?x=1", "takes no"),
    ],
)
def test_what_is_not_known_is_one_line(client: Client, address: str, said: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert said in words(answer.text)
    assert "Traceback" not in answer.text


def test_pages_show_what_they_are_for(client: Client) -> None:
    for address, parts in {
        "/": ("3 models on 2 tasks", "The numbers", "Comparison", "baseline/oracle scores"),
        "/tasks": ("probe_shapes", "all right", "24"),
        "/runs": ("6 cells", "sealed", "Prompt", "Settings"),
        "/slices?by=meta:template&across=model": ("to 0.", "baseline/random", "template (metadata)"),
        "/differences?a=baseline/random&b=baseline/oracle": (
            "became right",
            "compared",
            "the answer is another",
        ),
        "/answers?q=1": ("among 144 answers of the filter",),
        "/live": ("No run is in progress",),
    }.items():
        seen = words(client.get(address).text)
        for part in parts:
            assert part in seen, (address, part)


def test_one_sample_over_all_models(client: Client) -> None:
    first = re.search(r'data-row href="([^"]+)"', client.get("/answers?agree=differ&task=probe_shapes").text)
    assert first is not None
    page = client.get(html.unescape(first[1])).text
    assert page.count('<article class="said-by') == 3
    assert "read by" in page
    picture = re.search(r'src="(/picture/[^"]+)"', page)
    assert picture is not None
    answer = client.get(html.unescape(picture[1]))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    following = re.search(r'rel="next"[^>]*href="([^"]+)"', page)
    assert following is not None
    other = client.get(html.unescape(following[1])).text
    assert re.search(r"<h1>(.*?)</h1>", other)[1] != re.search(r"<h1>(.*?)</h1>", page)[1]  # type: ignore[index]
    back = re.search(r'rel="prev"[^>]*href="([^"]+)"', other)
    assert back is not None
    assert (
        re.search(r"<h1>(.*?)</h1>", client.get(html.unescape(back[1])).text)[1]
        == re.search(r"<h1>(.*?)</h1>", page)[1]
    )  # type: ignore[index]


def test_the_way_by_key_reaches_every_sample_of_a_filter(client: Client) -> None:
    wanted = [r["id"] for r in downloaded(client, "task=probe_charts&model=baseline/random&max=0")]
    link = re.search(
        r'data-row href="([^"]+)"', client.get("/answers?task=probe_charts&model=baseline/random&max=0").text
    )
    seen = []
    while link is not None:
        page = client.get(html.unescape(link[1])).text
        seen.append(words(re.search(r"<h1>(.*?)</h1>", page)[1]))  # type: ignore[index]
        link = re.search(r'rel="next"[^>]*href="([^"]+)"', page)
    assert seen == wanted


HOSTILE = [
    "<script>document.title='owned'</script>",
    "[click](javascript:alert(1)) ![x](http://elsewhere/x.png)",
    "\u202eno si rewsna eht\u2066 \x1b[31m",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "x" * 1_000_000,
    "=HYPERLINK(0)",
]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results in which everything that somebody else may choose wants to be more than text."""
    from dataclasses import dataclass, field

    @dataclass
    class Says(fake.Batched):
        identity: Identity = field(
            default_factory=lambda: Identity("evil</title><script>x()</script>\u202e'\"&", "<em>rev")
        )

        def generate_batch(self, requests: Any) -> list[Response]:
            out = []
            for request in requests:
                n = int(request.sample_id[-1]) if request.sample_id[-1].isdigit() else 0
                failed = Failure("server", "<i>500</i>\u202e", permanent=True) if n == 8 else None
                out.append(Response(HOSTILE[n % len(HOSTILE)], reasoning="<u>hm</u>", failure=failed))
            return out

    out = tmp_path_factory.mktemp("hostile")
    samples = [
        fake.sample(
            n,
            id=f"<em>{n}</em>/../../{n}?&#%\u202e{n}",
            metadata={"<k>": "<v>\u202e", "n": n, "a:b": "c:d", "long": "y" * 5_000, "deep": {"x": ["<p>"]}},
        )
        for n in range(12)
    ]
    fake.go(out, Says(), fake.FakePack(samples, task="<t>"), fake.task(name="ev'il<t>"))
    return out


def test_everything_from_models_and_data_is_text(hostile: Path, ask: Any) -> None:
    client = ask(hostile)
    addresses = ["/", "/tasks", "/runs", "/slices", "/slices?by=meta:n&across=task", "/curves", "/answers"]
    addresses += [
        html.unescape(a) for a in re.findall(r'data-row href="([^"]+)"', client.get("/answers").text)
    ]
    assert len(addresses) == 7 + 12
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, (address, words(answer.text)[:300])
        assert len(answer.text) < 300_000
        for bad in (
            "<script>d",
            "<script>x",
            "<img src=x",
            "<em>",
            "<i>500",
            "<u>hm",
            "<v>",
            "<k>",
            "<t>",
            "</title><s",
        ):
            assert bad not in answer.text, (address, bad)
        assert 'href="javascript' not in answer.text
        assert UNSEEN.search(answer.text) is None
    shown = "".join(client.get(a).text for a in addresses[7:])
    assert "Cut here: 1\u202f000\u202f000 characters in all." in shown
    assert '<span class="esc">\\u202e</span>' in shown
    assert client.get(f"/answers?{quote('meta')}={quote('a:b:c:d')}").status_code == 200
    table = client.get("/download/answers.csv").text
    assert "'=HYPERLINK(0)" in table


def test_numbers_in_the_metadata_make_curves(hostile: Path, ask: Any) -> None:
    page = ask(hostile).get("/curves?key=n").text
    assert page.count('<g class="hit m0"><title>') >= 8
    assert "n 1" in words(page)


def test_it_shows_a_folder_without_results(tmp_path: Path, ask: Any) -> None:
    client = ask(tmp_path)
    for address in ("/", "/tasks", "/runs", "/answers", "/slices", "/curves", "/differences", "/live"):
        assert client.get(address).status_code == 200, address
    assert "Nothing to show yet" in client.get("/").text


def test_headings_descend_and_fields_have_names(client: Client) -> None:
    sample = html.unescape(re.search(r'data-row href="([^"]+)"', client.get("/answers").text)[1])  # type: ignore[index]
    for address in ("/", "/tasks", "/runs", "/answers", "/slices", "/curves", "/live", sample):
        page = client.get(address).text
        levels = [int(n) for n in re.findall(r"<h([1-6])", page)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), address
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", page))
        assert not re.search(r"\sstyle=|\son\w+=|<style", page), address
        assert "http://" not in page.replace("http://www.w3.org/", "").replace("http://elsewhere", "")


def test_a_picture_that_was_made_ready_is_shown_as_sent_and_as_in_the_data(
    tmp_path: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transparent picture is sent as opaque RGB: its bytes are not stored, and are made again."""
    file = io.BytesIO()
    Image.new("RGBA", (24, 16), (200, 0, 0, 90)).save(file, "PNG")
    clear = Media(file.getvalue(), mime="image/png", name="clear.png")
    samples = [fake.sample(n, media=(clear,) if n else (fake.picture(n),)) for n in range(4)]
    pack = fake.FakePack(samples)
    monkeypatch.setattr("hemm.data.pack.reader.find_pack", lambda *_: pack)
    fake.go(tmp_path, fake.Batched(), pack)
    client = ask(tmp_path)
    page = client.get("/sample?of=even&sample=s00001").text
    sent, own = (html.unescape(a) for a in re.findall(r'(?:src|href)="(/picture/[^"]+)"', page)[::2][:2])
    shown, original = (Image.open(io.BytesIO(client.get(a).content)) for a in (sent, own))
    assert (shown.mode, original.mode) == ("RGB", "RGBA")
    assert client.get(own).content == clear.data
    assert "as in the data" in words(page)
    assert "as in the data" not in words(client.get("/sample?of=even&sample=s00000").text)


def test_a_cell_that_comes_in_while_a_page_is_made_is_no_fault(
    tmp_path: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = fake.FakePack([fake.sample(n) for n in range(6)])
    fake.go(tmp_path, fake.Batched(identity=Identity("alpha", "1")), pack)
    client = ask(tmp_path)
    index = client.app.state.explorer.index
    before = index.catalog
    fake.go(tmp_path, fake.Batched(identity=Identity("beta", "1")), pack)
    index.refresh()
    index.catalog = before
    for address in (
        "/answers",
        "/answers?q=e",
        "/sample?of=even&sample=s00001",
        "/slices",
        "/tasks",
        "/runs",
    ):
        answer = client.get(address)
        assert answer.status_code == 200, (address, words(answer.text)[:300])
        assert "beta" not in answer.text


def test_what_is_in_progress_is_not_in_the_profile(tmp_path: Path, ask: Any, results: Path) -> None:
    stored_open = Path(__file__).resolve().parents[1] / "stored/v0_1_0/open"
    alone = words(ask(stored_open).get("/").text)
    assert "no cell is scored yet" in alone
    both = Path(shutil.copytree(results, tmp_path / "r"))
    shutil.copytree(stored_open / "tiny", both / "tiny")
    client = ask(both)
    seen = words(client.get("/").text)
    assert "3 models on 2 tasks" in seen
    assert "1 cell in progress, not in these numbers" in seen
    live = words(client.get("/live").text)
    assert "vqa_rad" in live
    assert "First answers" in live
    for page in ("/tasks", "/runs", "/answers", "/slices", "/curves", "/differences"):
        assert client.get(page).status_code == 200, page
    assert "not counted yet" in words(client.get("/runs").text)


def test_the_profile_shows_what_picture_and_text_do_together(tmp_path: Path, ask: Any) -> None:
    hemm.run("baseline/random", "probe_faces", limit=8, conditions="vl,l,v", out=tmp_path)
    page = ask(tmp_path).get("/").text
    section = page.partition('id="together"')[2].partition("</section>")[0]
    assert "Picture and text, together and alone" in section
    assert "probe_faces, redundant:" in section
    assert "Bits about the right answer" not in section, "which would look for the task"


def test_levels_of_perturbations_make_curves_as_in_the_report(tmp_path: Path, ask: Any) -> None:
    hemm.run("baseline/random", "probe_shapes", limit=12, out=tmp_path, perturb="noise:10,noise:60,text/case")
    client = ask(tmp_path)
    page = client.get("/curves?task=probe_shapes&key=--perturb+noise").text
    assert page.count('<g class="hit m0"><title>') == 3
    assert "level of noise (0: as it is)" in page
    assert "--perturb text/case" not in page, "its levels are no degrees"
    assert 'class="hit m1"' not in client.get("/curves?task=probe_shapes&key=circles").text, (
        "they are no models"
    )
    assert client.get("/curves?task=probe_shapes&key=--perturb+fog").status_code == 400
