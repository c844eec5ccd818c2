"""The explorer in a real browser: with keys, on a phone, in the dark, without scripts, and live."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from explorer_client import serving
from PIL import Image

from chrome import Chrome, Tab, chrome
from readable import AXE, UNNAMED, UNREADABLE

pytestmark = pytest.mark.browser

ADDRESSES = (
    "/",
    "/tasks",
    "/answers",
    "/answers?agree=differ&sort=score&dir=desc",
    "/slices?by=meta:template&across=model",
    "/curves",
    "/differences?a=baseline/random&b=baseline/oracle",
    "/runs",
    "/live",
)


@pytest.fixture
def tab(chromium: Chrome) -> Iterator[Tab]:
    with chromium.tab() as opened:
        opened.look()
        yield opened
        assert not opened.errors


def path_of(tab: Tab) -> str:
    parts = urlsplit(tab.js("location.href"))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_filter_sample_and_keys(tab: Tab, served: str) -> None:
    tab.open(f"{served}/answers")
    tab.js("window.stayed = true")
    tab.js("document.querySelector('input[name=task][value=probe_shapes]').click()")
    tab.js("document.querySelector('input[name=agree][value=differ]').click()")
    tab.js("document.querySelector('#filter button').click()")
    tab.until("location.search == '?task=probe_shapes&agree=differ'")
    total = tab.until("document.querySelector('h1').textContent")
    assert total.endswith("answers")
    assert tab.js("window.stayed"), "the page was loaded anew"
    tab.press("j")
    tab.press("j")
    assert tab.js("[...document.querySelectorAll('a[data-row]')].indexOf(document.activeElement)") == 1
    tab.press("k")
    tab.js("document.activeElement.click()")
    tab.until("location.pathname == '/sample'")
    first = tab.until("document.querySelector('h1').textContent")
    assert tab.js("document.querySelectorAll('article.said-by').length") == 3
    tab.until("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    tab.press("j")
    title = "document.querySelector('h1').textContent"
    second = tab.until(f"{title} != {first!r} && {title}")
    tab.press("ArrowLeft")
    tab.until(f"document.querySelector('h1').textContent == {first!r}")
    tab.js("history.back()")
    tab.until(f"document.querySelector('h1').textContent == {second!r}")
    tab.js("history.go(-2)")
    tab.until("location.pathname == '/answers' && !!document.getElementById('q')")
    tab.press("/")
    tab.until("document.activeElement.id == 'q'")
    assert tab.js("window.stayed")


def test_zoom_needs_no_script(tab: Tab, served: str) -> None:
    tab.open(f"{served}/answers?task=probe_shapes")
    tab.js("document.querySelector('a[data-row]').click()")
    tab.until("document.querySelector('.picture img')?.naturalWidth > 0")
    small = tab.js("document.querySelector('.picture img').getBoundingClientRect().width")
    tab.js("document.querySelector('.picture label').click()")
    assert tab.until("document.querySelector('.picture img').getBoundingClientRect().width") > 2 * small
    tab.js("document.querySelector('.picture label').click()")


def test_a_permanent_link_shows_the_same_in_a_fresh_browser(
    tab: Tab, served: str, browser: str, tmp_path: Path
) -> None:
    tab.open(f"{served}/answers?model=baseline/random&outcome=ok&sort=length&dir=desc&size=50")
    tab.js("document.querySelector('a[rel=next]')?.click()")
    tab.js("document.querySelectorAll('a[data-row]')[3].click()")
    tab.until("location.pathname == '/sample'")
    seen = tab.until("document.querySelector('main').innerText")
    link = tab.js("location.href")
    with chrome(browser, tmp_path / "other") as other, other.tab() as fresh:
        fresh.look()
        fresh.open(link)
        assert fresh.js("document.querySelector('main').innerText") == seen


def test_a_slice_is_a_filter(tab: Tab, served: str) -> None:
    tab.open(f"{served}/slices?by=meta:template&across=model")
    n = tab.js("document.querySelector('.heat td a small:last-child').textContent").split()[-1]
    tab.js("document.querySelector('.heat td a').click()")
    tab.until("location.pathname == '/answers'")
    assert tab.until("document.querySelector('h1#found').textContent").split()[0] == n


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_every_page_fits_and_can_be_read(
    tab: Tab, served: str, width: int, dark: bool, tmp_path: Path
) -> None:
    tab.look(width, dark)
    for address in ADDRESSES:
        tab.open(served + address)
        assert tab.js("document.documentElement.scrollWidth") <= width, address
        assert tab.js(UNREADABLE) == [], (address, width, dark)
        assert tab.js(UNNAMED) == [], address
    shown = Image.open(tab.picture(tmp_path / "page.png")).convert("L")
    assert (shown.resize((1, 1)).getpixel((0, 0)) < 100) == dark


def test_axe_finds_nothing(tab: Tab, served: str, axe: str) -> None:
    for address in ADDRESSES:
        tab.open(served + address)
        tab.js(f"{axe};0")
        assert tab.js(AXE) == [], address


def test_everything_is_there_without_scripts(tab: Tab, served: str) -> None:
    tab.look(scripts=False)
    tab.call("Page.navigate", url=f"{served}/answers?q=1")

    def node() -> int:
        return int(tab.call("DOM.getDocument")["root"]["nodeId"])

    def found(selector: str) -> list[int]:
        with suppress(AssertionError):  # another page comes in
            ids: list[int] = tab.call("DOM.querySelectorAll", nodeId=node(), selector=selector)["nodeIds"]
            return ids
        return []

    def click(selector: str, then: str) -> int:
        """Click the first such element, again while the page is still laid out, until ``then`` is there."""
        for step in range(1, 600):
            if reached := found(then):
                return len(reached)
            if step % 20 == 1 and (ids := found(selector)):
                with suppress(AssertionError):
                    box = tab.call("DOM.getBoxModel", nodeId=ids[0])["model"]["content"]
                    at = {"x": (box[0] + box[4]) / 2, "y": (box[1] + box[5]) / 2}
                    for kind in ("mousePressed", "mouseReleased"):
                        tab.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)
            time.sleep(0.05)
        raise AssertionError(then)

    assert click("a[data-row]", "article.said-by") == 3
    click(".pager a[rel=next]", ".pager a[rel=prev]")


RUN = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
import fake
class Slow(fake.Batched):
    def generate_batch(self, requests):
        time.sleep(0.4)
        return super().generate_batch(requests)
samples = [fake.sample(n) for n in range({samples})]
known = fake.task(name="probe_shapes")
fake.go(Path({out!r}), Slow(), fake.FakePack(samples, task="probe_shapes"), known)
"""


def test_a_run_is_seen_live_and_not_disturbed(tab: Tab, tmp_path: Path) -> None:
    out = tmp_path / "r"
    out.mkdir()
    tests = Path(__file__).resolve().parents[1]
    code = textwrap.dedent(RUN).format(paths=[str(tests)], out=str(out), samples=120)
    with serving(out) as address, subprocess.Popen([sys.executable, "-c", code]) as run:
        base = address.rstrip("/")
        tab.open(f"{base}/live")
        for _ in range(400):  # the page says so once the run has made its folder
            tab.open(f"{base}/live")
            if tab.js("!!document.querySelector('article.run')"):
                break
            assert run.poll() is None
            time.sleep(0.1)
        tab.js("window.stayed = true")
        done = "+document.querySelector('article.run progress').value"
        first: Any = tab.until(f"{done} > 0 && {done}")
        tab.until(f"{done} > {first}")
        seen = tab.js("document.querySelector('article.run').innerText")
        assert "of 120 answers" in seen
        assert "First answers" in seen
        assert tab.js("window.stayed")
        assert run.wait(120) == 0
        tab.until("document.querySelector('#live').innerText.includes('No run is in progress')")
        tab.open(f"{base}/answers")
        tab.until("document.querySelector('h1').textContent.startsWith('120')")
