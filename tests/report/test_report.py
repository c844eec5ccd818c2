"""The report: whole and partial results, hostile text, and what a real browser makes of it."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import io
import itertools
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fake
from browser_flags import QUIET
from hemm import cli, report
from hemm.core import Failure, HemmError, Identity, Media, Request, Response
from hemm.core.text import UNSEEN
from hemm.report import text
from hemm.report.figures import profile as figures
from hemm.report.pictures import Gallery
from hemm.results.read import Cell, cell

LABELS = (
    {"use_case": "science", "reasoning": "less", "fine_grained": "yes"},
    {"use_case": "hci", "reasoning": "more", "fine_grained": "no"},
)
SAMPLES = [fake.sample(n, labels=LABELS[n // 2 % 2]) for n in range(24)]
PACK = fake.FakePack(SAMPLES)

HOSTILE = [
    "<script>document.title='owned'</script>",
    "<svg onload=\"document.title='owned'\"><circle r=9></svg>",
    "--></pre></article><img src=x onerror=\"document.title='owned'\">",
    "\u202eno si rewsna eht\u2066",
    "\x1b[31mred\x00 \U000e0041",
    "lone \ud800 surrogate",
    "{{ 7*7 }}{% raw %} $x_1$ \\frac",
    "word " * 200_000,
    "x" * 1_000_000,
]


@dataclass
class Says(fake.Batched):
    """Gives the answers it is told, by sample id; the right ones else."""

    said: dict[str, str] = field(default_factory=dict)
    failing: bool = False

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        if self.failing:
            return [Response(failure=Failure("server", "it said 500", permanent=True)) for _ in requests]
        return [Response(self.said.get(r.sample_id, fake.right(r))) for r in requests]


class _Stops(fake.Batched):
    """Answers one batch, then is interrupted."""

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        if self.batches:
            raise KeyboardInterrupt
        return super().generate_batch(requests)


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples' pack is there."""
    monkeypatch.setattr("hemm.data.pack.reader.find_pack", lambda *_: PACK)


def half(start: int = 0) -> dict[str, str]:
    """Wrong answers to a third of the samples, one unparsable, one refused."""
    wrong = {s.id: "no" if s.references == ("yes",) else "yes" for s in SAMPLES[start::3]}
    return wrong | {SAMPLES[1].id: "hm, perhaps", SAMPLES[2].id: "I'm sorry, but I can't help with that."}


def page(out: Path, **options: Any) -> str:
    return report.write(out, **options).read_text("utf-8")


def words(page: str) -> str:
    """What a reader sees, without styles, markup and runs of blanks."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(markup.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_it_shows_scores_outcomes_pictures_and_the_way_to_make_it_again(
    tmp_path: Path, pictures: None
) -> None:
    fake.go(
        tmp_path,
        Says(said=half()),
        PACK,
        command=("hemm", "run", "x", "--set", "api_key=sk-12345678901234567890"),
    )
    fake.go(tmp_path, Says(said=half()), PACK, control="shuffle")
    found = page(tmp_path)
    seen = words(found)
    assert "fake-batched on even" in seen
    assert "1 unparsable" in seen
    assert "1 refused" in seen
    for heading in ("What it shows", "Profile", "Tasks", "Does the picture matter?", "Examples", "Method"):
        assert f">{heading}</h2>" in found
    assert found.count("data:image/png;base64,") >= 5
    assert "Is 1 even?" in seen
    assert "hm, perhaps" in seen
    assert "hemm run x --set api_key=[secret]" in found.replace("&#39;", "")
    assert "12345678901234567890" not in found
    picture = seen.partition("Does the picture matter?")[2].partition("Examples")[0]
    assert "once with the right picture, and once with another sample's picture" in picture
    assert "without" not in picture
    assert "--control shuffle" in seen, "the command of a call in Python is put together"


def test_the_page_holds_all_it_shows_and_may_run_nothing(tmp_path: Path, pictures: None) -> None:
    fake.go(tmp_path, Says(said=half()), PACK)
    found = page(tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', found)
    assert policy is not None
    (style,) = re.findall(r"<style>(.*?)</style>", found, flags=re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", found, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)]
    assert markup.unescape(policy[1]) == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digests[0]}'; "
        f"script-src 'sha256-{digests[1]}'; base-uri 'none'; form-action 'none'"
    )
    body = found.replace(f"<script>{script}</script>", "")
    assert not re.search(r"(?:src|href)=\"(?!data:image/|#)", found)
    assert not re.search(r"url\((?!#)", found)
    assert "<script" not in body
    assert not re.search(r"\s(?:style|on\w+)=", re.sub(r">[^<]*<", "><", body))
    ids = re.findall(r'\bid="([^"]+)"', found)
    assert len(ids) == len(set(ids))
    for drawn in re.findall(r'<svg class="figure.*?</svg>', found, flags=re.DOTALL):
        root = ElementTree.fromstring(drawn)
        title, description = root[0], root[1]
        assert title.text
        assert description.text


def test_headings_descend_without_gaps_and_every_picture_has_words(tmp_path: Path, pictures: None) -> None:
    fake.go(tmp_path, Says(said=half()), PACK)
    found = page(tmp_path)
    levels = [int(n) for n in re.findall(r"<h([1-6])", found)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    assert all('alt="' in tag for tag in re.findall(r"<img[^>]*>", found))


def test_several_models_stand_side_by_side(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(identity=Identity("alpha", "1")), PACK)
    fake.go(tmp_path, Says(identity=Identity("beta", "1"), said=half()), PACK)
    seen = words(page(tmp_path))
    assert "alpha and beta on even" in seen
    assert "alpha scores higher than beta" in seen
    assert "Models differ most" in seen
    assert "pictures are not here: hemm prepare even brings them back" in seen


def test_two_models_are_compared_and_one_is_not(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(identity=Identity("alpha", "1")), PACK)
    assert 'id="comparison"' not in page(tmp_path)
    fake.go(tmp_path, Says(identity=Identity("beta", "1"), said=half()), PACK)
    found = page(tmp_path)
    assert 'id="comparison"' in found
    compared = words(found[found.index('id="comparison"') :])
    for part in ("Ranks", "Tie group", "alpha less beta", "Holm", "BH", "Detectable", "odds ratio"):
        assert part in compared


def test_failures_are_read_in_three_ways_where_there_are_any(tmp_path: Path) -> None:
    fake.go(tmp_path / "fine", Says(), PACK)
    assert "What failures do to the scores" not in words(page(tmp_path / "fine"))
    mumbling = {s.id: "hm, perhaps" for s in SAMPLES[:6]}
    fake.go(tmp_path / "not", Says(said=mumbling), PACK)
    seen = words(page(tmp_path / "not"))
    part = seen[seen.index("What failures do to the scores") :]
    assert "0.75" in part  # 18 of 24 right
    assert "1.00" in part  # of those that were read


def test_hostile_text_is_text(tmp_path: Path, pictures: None) -> None:
    out = _hostile(tmp_path)
    found = page(out, per_group=9)
    assert len(found) < 3_000_000
    assert found.count("<script") == 1, "its own"
    assert "<img src=x" not in found
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b\U000e0000-\U000e007f\ud800-\udfff]", found)
    seen = words(found)
    for part in (
        "<script>document.title='owned'</script>",
        "{{ 7*7 }}{% raw %} $x_1$",
        "lone \\ud800 surrogate",
    ):
        assert part in seen
    for escaped in ("\\u202e", "\\u2066", "\\x1b", "\\x00", "\\U000e0041"):
        assert f'<span class="esc">{escaped}</span>' in found
    assert "Cut here: 1\u202f000\u202f000 characters in all." in found


def _hostile(tmp_path: Path) -> Path:
    """Results whose model name, question, reference and answers want to be more than text."""
    said = {s.id: HOSTILE[n % len(HOSTILE)] for n, s in enumerate(SAMPLES[:18])}
    evil = Identity("evil</title><script>document.title='owned'</script>$\u202e$", "1")
    fake.go(tmp_path / "r", Says(identity=evil, said=said), PACK)
    return tmp_path / "r"


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=60))
def test_visible_text_hides_and_loses_nothing(given_text: str) -> None:
    shown = str(text.visible(given_text))
    assert UNSEEN.search(shown) is None
    plain = markup.unescape(re.sub(r'<span class="esc">(.*?)</span>', r"\1", shown))
    assert plain == text.escape_unseen(given_text)
    assert "<" not in shown.replace('<span class="esc">', "").replace("</span>", "")


@given(st.text(max_size=300), st.integers(8, 80))
def test_names_fit_on_one_line(name: str, limit: int) -> None:
    line = text.one_line(name, limit)
    assert len(line) <= limit
    assert "\n" not in line


def test_numbers_line_up() -> None:
    assert text.number(-0.004) == "0.00"
    assert text.number(-0.125) == "−0.12"
    assert text.number(None) == text.number(float("nan")) == "–"
    assert text.count(1234567) == "1\u202f234\u202f567"


# partial results


def test_errors_only(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(failing=True), PACK)
    seen = words(page(tmp_path))
    assert "sealed with 24 errors" in seen
    assert "24 of 24 answers failed: 24 error" in seen
    assert "No answer has a score: there is nothing to draw." in seen
    assert "server: it said 500" in seen


def test_without_labels(tmp_path: Path) -> None:
    bare = fake.task(card=fake.Card("Even numbers"))
    pack = fake.FakePack([fake.sample(n, labels={}) for n in range(12)])
    fake.go(tmp_path, Says(), pack, bare)
    found = page(tmp_path)
    assert "These tasks carry no labels" in words(found)
    assert f"--out {tmp_path} --control none asks the same" in words(found), "the run's own command"
    assert 'class="radar"' not in found


def test_half_finished(tmp_path: Path) -> None:
    known = fake.task(name="probe_shapes")  # a task that scoring finds again by its name
    with pytest.raises(KeyboardInterrupt):
        fake.go(tmp_path, _Stops(), PACK, known)
    seen = words(page(tmp_path))
    assert "is not finished: 4 of 24 answers" in seen
    assert "Overall" in seen


def test_half_finished_and_nothing_to_score_with(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fake.go(tmp_path, _Stops(), PACK)
    seen = words(page(tmp_path))
    assert "There is no profile" in seen
    assert "its task is not known here" in seen
    assert "No command has finished yet." in seen


def test_one_damaged_cell_does_not_hide_the_others(tmp_path: Path) -> None:
    fake.go(tmp_path, Says(identity=Identity("good", "1")), PACK)
    bad = fake.go(tmp_path, Says(identity=Identity("bad", "1")), PACK)
    (bad.folder / "scores" / "accuracy-v2.parquet").unlink()
    seen = words(page(tmp_path))
    assert "good on" in seen
    assert "accuracy-v2.parquet is missing" in seen


def test_an_empty_folder_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(["report", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "holds no results" in said
    fake.go(tmp_path, Says(), PACK, limit=2)
    with pytest.raises(HemmError, match="is a folder"):
        report.write(tmp_path, tmp_path)


def test_radar_needs_three_categories(tmp_path: Path) -> None:
    pack = fake.FakePack([fake.sample(n, labels={"use_case": "science"}) for n in range(8)])
    fake.go(tmp_path, Says(), pack)
    assert 'class="radar"' not in page(tmp_path), "two categories: use case and interaction"


# pictures


def picture(size: tuple[int, int], kind: str, mode: str = "RGB") -> Media:
    out = io.BytesIO()
    Image.effect_noise(size, 90).convert(mode).save(out, kind)
    return Media(out.getvalue(), name=f"a.{kind}")


def test_small_pictures_are_the_original_bytes_and_large_ones_thumbnails() -> None:
    gallery = Gallery()
    small = picture((40, 30), "PNG")
    assert (
        gallery.picture(small).uri
        == "data:image/png;base64," + __import__("base64").b64encode(small.data).decode()
    )
    for media in (
        picture((3000, 2000), "JPEG"),
        picture((900, 900), "TIFF"),
        picture((900, 900), "PNG", "RGBA"),
    ):
        shown = gallery.picture(media)
        assert max(shown.width, shown.height) <= 512
        assert shown.uri.startswith(("data:image/jpeg", "data:image/png"))


def test_a_picture_may_not_be_markup_and_its_failure_is_said() -> None:
    gallery = Gallery()
    svg = Media(b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", name="a.svg", mime="image/svg+xml")
    assert gallery.picture(svg).uri == ""
    broken = gallery.picture(Media(b"\x89PNG\r\n\x1a\nnothing", name="b.png"))
    assert broken.uri == ""
    assert "does not open" in broken.note


def test_a_page_has_its_fill_of_pictures() -> None:
    gallery = Gallery(bytes_left=3_000)
    shown = [gallery.picture(picture((40 + n, 30), "JPEG")) for n in range(9)]
    assert shown[0].uri
    assert "left out" in shown[-1].note
    assert sum(len(p.uri) for p in shown) <= 3_000


def test_figures_take_any_name() -> None:
    rows = [
        figures.Row("$x_{", (figures.Bar(0.5, 0.4, 0.6), None), "<g>"),
        figures.Row("日本語 " * 9, (None, None)),
    ]
    drawn = figures.bars(rows, ["a$b_", "\u202e</svg>"], (-0.1, 1.0), "</title>").page()
    ElementTree.fromstring(drawn)
    assert "<g>" not in drawn.split("</desc>")[0].split("<desc")[1]


# commands


def test_report_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = fake.go(tmp_path / "r", Says(said=half()), PACK)
    target = tmp_path / "deep" / "page.html"
    assert cli.status(["report", str(tmp_path / "r"), "-o", str(target), "--examples", "0"]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert ">Examples</h2>" not in target.read_text("utf-8")
    assert report.write([cell(result.folder)], tmp_path / "one.html").is_file()
    assert cli.status(["report", str(tmp_path / "r"), "--normalise", "papr"]) == 2
    assert "did you mean 'paper'?" in capsys.readouterr().err


# a real browser

FLAGS = ("--headless", *QUIET, "--virtual-time-budget=4000", "--enable-logging=stderr", "--v=0")
Browse = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def browse(browser: str, tmp_path: Path) -> Browse:
    """Chromium with these arguments on a file."""

    def run(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        words = [browser, *FLAGS, profile, *arguments, file.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
        return done

    return run


def measured(browse: Browse, file: Path, width: int, page: str | None = None) -> dict[str, Any]:
    """What a page looks like from within, shown in a frame of ``width`` pixels."""
    inner = markup.escape(page if page is not None else file.read_text("utf-8"), quote=True)
    outer = file.with_name("frame.html")
    outer.write_text(
        f"""<!doctype html><meta charset=utf-8><iframe id=f style="width:{width}px;height:900px;border:0"
srcdoc="{inner}"></iframe><pre id=out></pre><script>
const frame = document.getElementById('f');
frame.onload = () => setTimeout(() => {{
  const d = frame.contentDocument, e = d.documentElement;
  document.getElementById('out').textContent = JSON.stringify({{
    title: d.title, scroll: e.scrollWidth, client: e.clientWidth, height: e.scrollHeight,
    scripts: d.querySelectorAll('script').length, handlers: d.querySelectorAll('[onload],[onerror]').length,
    broken: [...d.images].filter(i => !(i.complete && i.naturalWidth)).length, images: d.images.length,
    figures: [...d.querySelectorAll('svg.figure')].filter(s => s.getBoundingClientRect().height > 20).length,
    text: d.body.innerText.slice(0, 400000)}});
}}, 300);
</script>""",
        "utf-8",
    )
    dumped = browse(outer, "--dump-dom", "--window-size=1300,1000").stdout
    found = re.search(r'<pre id="out">(.*?)</pre>', dumped, flags=re.DOTALL)
    assert found is not None
    seen: dict[str, Any] = json.loads(markup.unescape(found[1]))
    return seen


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1200])
def test_browser_shows_it_without_sideways_scrolling(
    browse: Browse, tmp_path: Path, pictures: None, width: int
) -> None:
    names = ["alpha", "beta-with-a-rather-long-name/" + "x" * 60, "gamma"]
    for n, name in enumerate(names):
        fake.go(tmp_path / "r", Says(identity=Identity(name, "1"), said=half(n)), PACK)
    fake.go(tmp_path / "r", Says(identity=Identity("alpha", "1")), PACK, control="shuffle")
    file = report.write(tmp_path / "r")
    seen = measured(browse, file, width)
    assert seen["scroll"] <= seen["client"] == width
    assert seen["broken"] == 0
    assert seen["images"] > 5
    assert seen["figures"] >= 4
    assert seen["scripts"] == 1


@pytest.mark.browser
def test_browser_takes_hostile_text_as_text(browse: Browse, tmp_path: Path, pictures: None) -> None:
    file = report.write(_hostile(tmp_path), per_group=9)
    safe = file.read_text("utf-8")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", safe)
    assert bare != safe
    for page_ in (safe, bare):  # escaping alone holds, without the policy too
        seen = measured(browse, file, 375, page_)
        assert seen["title"].endswith("hemm report")
        assert "owned" not in seen["title"].replace("document.title='owned'", "")
        assert (seen["scripts"], seen["handlers"]) == (1, 0)
        assert seen["scroll"] <= 375
        assert "<script>document.title='owned'</script>" in seen["text"]
        assert "1\u202f000\u202f000 characters in all" in seen["text"]


@pytest.mark.browser
def test_browser_draws_and_prints_it(browse: Browse, tmp_path: Path, pictures: None) -> None:
    fake.go(tmp_path / "r", Says(said=half()), PACK)
    file = report.write(tmp_path / "r")
    shot, paper = tmp_path / "shot.png", tmp_path / "page.pdf"
    browse(file, f"--screenshot={shot}", "--window-size=1200,1600")
    picture = Image.open(shot).convert("RGB")
    assert picture.size == (1200, 1600)
    colours = picture.getcolors(1 << 24) or []
    assert len(colours) > 50
    assert max(n for n, _ in colours) < 0.97 * 1200 * 1600
    browse(file, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) >= 2


def test_scores_are_read_once_for_the_whole_page(
    tmp_path: Path, pictures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profile, comparison and examples of three models read one study."""
    for name, start in (("alpha", 0), ("beta", 1), ("gamma", 2)):
        fake.go(tmp_path, Says(identity=Identity(name, "1"), said=half(start)), PACK)
    read: list[tuple[Path, str]] = []
    scores = Cell.scores

    def counted(self: Cell, metric_key: str) -> pa.Table:
        read.append((self.folder, metric_key))
        return scores(self, metric_key)

    monkeypatch.setattr(Cell, "scores", counted)
    found = page(tmp_path)
    assert ">Examples</h2>" in found
    assert len({folder for folder, _ in read}) == 3
    assert len(read) == len(set(read))
