"""The documentation as a site: built without a warning, whole, and usable from disk without network."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from markdown_it import MarkdownIt

from chrome import chrome
from hemm.core import DIMENSIONS
from hemm.metrics import METRICS
from hemm.report.tables.metrics import describe as describe_metric
from hemm.tasks import TASKS
from hemm.tasks.selection import registered

ROOT = Path(__file__).resolve().parents[2]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
STRUCTURE = {"li", "pre", "tr", "td", "th", "h1", "h2", "h3", "h4", "blockquote", "img"}
ELSEWHERE = {"contributing.md": "CONTRIBUTING.md", "changes.md": "CHANGELOG.md"}


class Page(HTMLParser):
    """What a page loads, where it leads, what can be led to in it, and how its article is built."""

    def __init__(self, text: str, *, article: bool = False) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.structure: Counter[str] = Counter()
        self.text: list[str] = []
        self._article = article
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._article |= tag == "article"
        if tag in LOADING and LOADING[tag] in has:
            self.loads.append(has[LOADING[tag]])
        if tag == "link" and has.get("rel") not in ("next", "prev", "canonical"):
            self.loads.append(has["href"])
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        self.ids |= {has[name] for name in ("id", "name") if name in has}
        if self._article and tag in STRUCTURE:
            self.structure[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._article = False

    def handle_data(self, data: str) -> None:
        if self._article:
            self.text.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The site's folder, and what the building said."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("THE DOCUMENTATION WAS NOT BUILT: pip install -c constraints.txt -e '.[docs]'")
    out = tmp_path_factory.mktemp("documentation") / "site"
    words = [sys.executable, str(ROOT / "tools/docs_site.py"), "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(built: tuple[Path, str]) -> dict[str, Page]:
    """The built pages by their path."""
    folder = built[0]
    return {
        p.relative_to(folder).as_posix(): Page(p.read_text("utf-8")) for p in sorted(folder.rglob("*.html"))
    }


def test_it_builds_without_a_warning(built: tuple[Path, str]) -> None:
    assert "No issues found" in built[1]
    assert "arning" not in built[1]


def test_every_page_is_in_the_navigation() -> None:
    settings = (ROOT / "docs/site.yml").read_text("utf-8")
    named = set(re.findall(r"[\w./-]+\.md", str(yaml.safe_load(settings)["nav"])))
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    assert pages <= named, f"docs/site.yml has no entry for {sorted(pages - named)}"


def test_nothing_is_loaded_from_elsewhere(built: tuple[Path, str], site: dict[str, Page]) -> None:
    for name, page in site.items():
        outside = [address for address in page.loads if urlsplit(address).netloc or ":" in address]
        assert not outside, f"{name} loads {outside}"
    for sheet in built[0].rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text("utf-8")), sheet
    for page in built[0].rglob("*.html"):
        assert not re.findall(r"class=\"?(?:mermaid|glightbox)", page.read_text("utf-8")), (
            f"{page.name}: the site's script fetches what draws this from an address outside"
        )


def test_links_and_anchors_lead_somewhere(built: tuple[Path, str], site: dict[str, Page]) -> None:
    broken = []
    for name, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or name == "404.html":
                continue
            target = (built[0] / name).parent / unquote(parts.path) if parts.path else built[0] / name
            there = target.resolve().relative_to(built[0].resolve()).as_posix()
            if not target.exists():
                broken.append(f"{name}: {link}")
            elif parts.fragment and there in site and unquote(parts.fragment) not in site[there].ids:
                broken.append(f"{name}: {link} (no such place)")
    assert not broken


def test_each_page_begins_with_what_its_reader_can_do_after_it(site: dict[str, Page]) -> None:
    """All but the list of changes, and the page that says that there is none."""
    first = {name: "".join(page.text).partition("¶")[2].strip() for name, page in site.items()}
    others = {name for name, text in first.items() if not text.startswith("After this page ")}
    assert others == {"changes.html", "404.html"}


def test_pages_are_built_as_other_readers_of_markdown_build_them(site: dict[str, Page]) -> None:
    """A list or a block of code that one reader sees and another does not is a paragraph on one of both."""
    reader = MarkdownIt("commonmark").enable("table")
    pages = {p.relative_to(ROOT / "docs").as_posix(): p for p in (ROOT / "docs").rglob("*.md")}
    pages |= {name: ROOT / file for name, file in ELSEWHERE.items()}
    for name, file in pages.items():
        plain = Page(reader.render(file.read_text("utf-8")), article=True)
        assert site[f"{name.removesuffix('.md')}.html"].structure == plain.structure, name


def test_tasks_and_metrics_are_told_from_their_cards(site: dict[str, Page]) -> None:
    for name in TASKS.names():
        task, text = registered(name), "".join(site[f"tasks/{name}.html"].text)
        for said in (task.card.title, task.card.licence, task.answer.name, f"--task {name}"):
            assert said in text, f"{name}: {said}"
        assert f"tasks/{name}.html" in {f"tasks/{link}" for link in site["tasks/index.html"].links}
    metrics = site["metrics/all.html"]
    assert set(METRICS.names()) <= metrics.ids
    text = "".join(metrics.text)
    assert all(describe_metric(name)["about"] in text for name in METRICS.names())


def test_the_taxonomy_defines_every_category_with_an_example(site: dict[str, Page]) -> None:
    page = site["taxonomy.html"]
    text = " ".join("".join(page.text).split())
    papers = [
        "use_case",
        "interaction",
        "fine_grained",
        "reasoning",
        "external_knowledge",
        "information_flow",
    ]
    categories = [(DIMENSIONS[name], c) for name in papers for c in DIMENSIONS[name].categories]
    for dimension, category in categories:
        assert dimension.meanings[category] in text
    assert page.structure["img"] == len(categories) + 1, "one each, and the picture that editing leads to"


OPENED = """const was = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) { return was.call(this, {...how, mode: "open"}); };"""
"""The search box is closed to scripts of the page; the test looks into it."""
INPUT = "document.activeElement.shadowRoot?.activeElement?.tagName == 'INPUT'"
FOUND = """[...document.querySelectorAll('*')].filter(e => e.shadowRoot)
    .flatMap(e => [...e.shadowRoot.querySelectorAll('a')]).map(a => a.href)
    .find(a => a.includes('statistics.html'))"""


@pytest.mark.browser
def test_the_search_works_from_disk(built: tuple[Path, str], browser: str, tmp_path: Path) -> None:
    with chrome(browser, tmp_path / "profile") as program, program.tab() as tab:
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=OPENED)
        tab.open((built[0] / "tasks/vqa_rad.html").as_uri())
        tab.until("document.querySelector('iframe[hidden]') !== null")  # the search has started
        tab.js("document.querySelector('.md-search__button').click()")
        tab.until(INPUT)
        tab.call("Input.insertText", text="clusters")
        assert tab.until(FOUND).startswith("file:")
        assert tab.errors == [], "what the page asks of anybody outside fails here and is told"
