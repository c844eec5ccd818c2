"""The studio in a real browser: votes by keyboard over a killed server, two at once, on a phone, by axe."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chrome import Chrome, Tab, chrome
from hemm.results.annotations import CURRENT_VOTES, Annotations
from readable import UNNAMED, UNREADABLE

pytestmark = pytest.mark.browser
BALLOT = "document.querySelector('.ballot')?.dataset.form"


@pytest.fixture
def folder(results: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results, tmp_path / "r", ignore=shutil.ignore_patterns("annotations*")))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Running:
    """``hemm annotate`` in a process of its own, on one port over restarts."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._words = [sys.executable, "-m", "hemm.cli", "annotate", str(folder), *options]
        self._words += ["--port", str(free_port())]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.addresses: dict[str, str] = {}
        while "organiser" not in self.addresses:
            line = self.process.stdout.readline()
            assert line, "the server ended"
            who, address = line.split()
            self.addresses[who] = address

    @property
    def base(self) -> str:
        return self.addresses["organiser"].partition("/organise")[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    one = Running(folder, *options)
    try:
        yield one
    finally:
        one.kill()


def enter(tab: Tab, base: str, name: str) -> None:
    tab.open(f"{base}/annotate")
    tab.js(f"document.querySelector('#name').value = {json.dumps(name)}")
    tab.js("document.querySelector('form.enter').submit()")
    tab.until("location.pathname == '/annotate/instructions' && document.readyState == 'complete'")


def begin(tab: Tab, base: str, queue: str = "vote") -> None:
    tab.open(f"{base}/annotate/{queue}")
    tab.press("Enter")
    tab.until(BALLOT)


def vote(tab: Tab, key: str) -> None:
    form = tab.until(BALLOT)
    tab.press(key)
    tab.until(f"{BALLOT} != {json.dumps(form)}")


def stored(folder: Path) -> list[dict[str, Any]]:
    store = Annotations(folder, reading=True)
    try:
        return store.rows(CURRENT_VOTES)
    finally:
        store.close()


CHOICES = {"1": "left", "2": "tie", "3": "right", "4": "both_bad"}


def test_thirty_votes_by_keyboard_over_a_kill(chromium: Chrome, folder: Path) -> None:
    """The server is killed with a vote on its way, restarted, and killed between a vote and its undoing."""
    keys = [str(1 + (7 * n + n // 3) % 4) for n in range(30)]
    options = ("--votes", "30", "--repeats", "0.1", "--pause", "100")
    with chromium.tab() as tab, running(folder, *options) as server:
        tab.look()
        enter(tab, server.base, "Ann")
        begin(tab, server.base)
        tab.js("window.stayed = true")
        for key in keys[:15]:
            vote(tab, key)
        server.kill()
        form = tab.js(BALLOT)
        tab.press(keys[15])
        tab.until("!document.querySelector('#wait').hidden")
        server.start()
        tab.until(f"{BALLOT} && {BALLOT} != {json.dumps(form)}")
        for key in keys[16:20]:
            vote(tab, key)
        server.kill()
        server.start()
        shown = "document.querySelector('.ballot').innerText"
        open_form, before = tab.js(BALLOT), tab.js(shown)
        vote(tab, "u")
        vote(tab, keys[19])
        tab.until(f"{BALLOT} == {json.dumps(open_form)}")
        assert tab.js(shown) == before
        for key in keys[20:29]:
            vote(tab, key)
        tab.press(keys[29])
        tab.until("document.querySelector('h1').innerText.startsWith('Done')")
        assert tab.js("window.stayed"), "the page was loaded anew"
        said = stored(folder)
        assert [row["choice"] for row in said[:20]] == [CHOICES[key] for key in keys[:20]]
        assert [row["choice"] for row in said[20:]] == [CHOICES[key] for key in keys[20:]]
        assert len({row["form"] for row in said}) == 30
        assert (
            len({(row["task"], row["sample"], row["left_model"], row["right_model"]) for row in said}) == 30
        )
        everything = tab.js("document.documentElement.outerHTML")
        assert not re.search("oracle|majority|baseline", everything)


def test_two_annotators_at_once(chromium: Chrome, browser: str, folder: Path, tmp_path: Path) -> None:
    options = ("--votes", "12", "--overlap", "0.5", "--annotator", "Ann", "--annotator", "Ben")
    with (
        running(folder, *options) as server,
        chrome(browser, tmp_path / "other") as other,
        chromium.tab() as first,
        other.tab() as second,
    ):
        for tab, name in ((first, "Ann"), (second, "Ben")):
            tab.look()
            tab.open(server.addresses[name])
            tab.js("document.querySelector('main form').submit()")
            tab.until("location.pathname == '/annotate/instructions' && document.readyState == 'complete'")
            begin(tab, server.base)
        for n in range(8):
            vote(first, "1" if n % 2 else "3")
            vote(second, "2")
        said = stored(folder)
        by = {name: [row for row in said if row["annotator"] == name] for name in ("Ann", "Ben")}
        assert {row["choice"] for row in by["Ann"]} == {"left", "right"}
        assert [row["choice"] for row in by["Ben"]] == ["tie"] * 8
        assert len(by["Ann"]) == 8
        shared = [row for row in said if row["purpose"] == "shared"]
        assert shared
        first.call("Page.navigate", url=server.addresses["organiser"])
        first.until("document.title.startsWith('Annotation') && document.readyState == 'complete'")
        assert "Krippendorff" in first.js("document.querySelector('main').innerText")


PAGES = ("/annotate", "/annotate/instructions", "/annotate/vote", "/annotate/label", "/annotate/gold")
PAGES += ("/annotate/error", "/annotate/score", "/annotate/yours", "/organise", "/organise/labels?all=yes")


@pytest.fixture(scope="module")
def asked(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(
        shutil.copytree(
            results, tmp_path_factory.mktemp("asked") / "r", ignore=shutil.ignore_patterns("annotations*")
        )
    )
    with running(folder, "--ask", "vote,label,gold,error,score") as server:
        yield server


@pytest.fixture
def annotator(chromium: Chrome, asked: Running) -> Iterator[Tab]:
    """Somebody with an open form of each kind and the organiser's cookie."""
    with chromium.tab() as tab:
        tab.look()
        enter(tab, asked.base, "Ann")
        for queue in ("vote", "label", "gold", "error", "score"):
            tab.open(f"{asked.base}/annotate/{queue}")
            if not tab.js(BALLOT):
                tab.press("Enter")
                tab.until(BALLOT)
        tab.open(f"{asked.base}/annotate/gold")
        tab.press("1")
        tab.press("Enter")
        tab.until("document.querySelector('.progress-line b').innerText != '0'")
        tab.call("Page.navigate", url=asked.addresses["organiser"])
        tab.until("location.search == '' && document.title.startsWith('Annotation')")
        yield tab
        assert not tab.errors


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_every_page_fits_and_can_be_read(annotator: Tab, asked: Running, width: int, dark: bool) -> None:
    annotator.look(width, dark)
    for address in PAGES:
        annotator.open(asked.base + address)
        assert annotator.js("document.documentElement.scrollWidth") <= width, address
        assert annotator.js(UNREADABLE) == [], (address, width, dark)
        assert annotator.js(UNNAMED) == [], address


def test_axe_finds_nothing(annotator: Tab, asked: Running, axe: str) -> None:
    for address in PAGES:
        annotator.open(asked.base + address)
        annotator.js(f"{axe};0")
        found = annotator.js(
            "axe.run(document).then(r => r.violations.map(v => `${v.id} ${v.nodes[0].html}`))"
        )
        assert found == [], address
