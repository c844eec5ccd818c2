"""The report opened from disk in a real browser without a network: by pointer and keys, without scripts, on
paper, on a phone, and with markup that got past every gate."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import fake
from chrome import Chrome, Tab
from hemm import report
from hemm.core import Identity, Request, Response
from readable import AXE, UNNAMED, UNREADABLE

pytestmark = pytest.mark.browser

LABELS = (
    {"use_case": "science", "reasoning": "less", "fine_grained": "yes"},
    {"use_case": "hci", "reasoning": "more", "fine_grained": "no"},
)
SAMPLES = [fake.sample(n, labels=LABELS[n // 2 % 2]) for n in range(24)]
PACK = fake.FakePack(SAMPLES)


@dataclass
class Says(fake.Batched):
    """Right but for every ``wrong``-th sample."""

    wrong: int = 2
    number: int = field(default=0)

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [self._answer(r) for r in requests]

    def _answer(self, request: Request) -> Response:
        right = fake.right(request)
        other = "no" if right == "yes" else "yes"
        return Response(other if int(request.sample_id[1:]) % self.wrong == 0 else right)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models, one of them without the picture too, in a report without examples."""
    out = tmp_path_factory.mktemp("report") / "r"
    for name, wrong in (("alpha", 9), ("beta", 3), ("gamma", 2)):
        fake.go(out, Says(identity=Identity(name, "1"), wrong=wrong), PACK)
    fake.go(out, Says(identity=Identity("alpha", "1"), wrong=2), PACK, control="none")
    return report.write(out, per_group=0)


@pytest.fixture
def tab(chromium: Chrome) -> Iterator[Tab]:
    with chromium.tab() as opened:
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        opened.call("Network.emulateNetworkConditions", **offline)
        opened.look()
        yield opened


def enter(tab: Tab, key: str, code: int, text: str = "") -> None:
    """Press a key as a keyboard does, so that it clicks what has the focus."""
    facts = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    tab.call("Input.dispatchKeyEvent", type="keyDown", **facts, **({"text": text} if text else {}))
    tab.call("Input.dispatchKeyEvent", type="keyUp", **facts)


TIP = "(t => t.hidden ? '' : t.textContent)(document.getElementById('tip'))"


def test_points_tell_their_numbers_by_pointer_and_keys(tab: Tab, file: Path) -> None:
    tab.open(file.as_uri())
    tab.js("document.querySelector('.spokes').scrollIntoView({block: 'center'})")
    at = tab.js(
        "(b => ({x: b.x + b.width / 2, y: b.y + b.height / 2}))"
        "([...document.querySelectorAll('.spokes .hit.m2')][0].getBoundingClientRect())"
    )
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", **at)
    told = tab.until(TIP)
    assert re.fullmatch(r"gamma · .+: [−\d.]+ \([−\d.]+ to [−\d.]+\), 1 task, n 12", told)
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
    tab.until(f"{TIP} == ''")
    assert tab.js("document.querySelectorAll('.spokes .hit[tabindex=\"0\"]').length") == 1, "one stop for Tab"
    tab.js("document.querySelector('.spokes .hit[tabindex=\"0\"]').focus()")
    first = tab.until(TIP)
    enter(tab, "ArrowRight", 39)
    second = tab.until(TIP)
    assert second != first
    assert tab.js("document.activeElement.getAttribute('aria-label')") == second
    enter(tab, "Escape", 27)
    tab.until(f"{TIP} == ''")
    assert not tab.errors


def test_models_are_switched_off_by_the_keyboard_but_not_on_paper(tab: Tab, file: Path) -> None:
    tab.open(file.as_uri())
    seen = (
        "[...document.querySelectorAll('svg.figure .m1')]"
        ".filter(e => getComputedStyle(e).display != 'none').length"
    )
    before = tab.js(seen)
    assert before > 10
    tab.js("document.querySelector('.legend button[data-model=\"1\"]').focus()")
    enter(tab, "Enter", 13, "\r")
    assert tab.js(seen) == 0
    assert tab.js("[...document.querySelectorAll('button[data-model=\"1\"]')].map(b => b.ariaPressed)") == [
        "false"
    ] * tab.js("document.querySelectorAll('button[data-model=\"1\"]').length")
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.js(seen) == before
    printed = base64.b64decode(tab.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    tab.call("Emulation.setEmulatedMedia", media="")
    enter(tab, "Enter", 13, "\r")
    assert tab.js(seen) == before
    assert not tab.errors


def test_all_is_there_without_scripts(tab: Tab, file: Path) -> None:
    tab.look(scripts=False)
    tab.call("Page.navigate", url=file.as_uri())

    tab.until_there("footer")
    count = tab.count
    assert count("button") == count("#tip") == 0
    assert count(".legend span[data-model]") >= 3
    assert count("svg.figure .hit > title") > 30
    assert count("svg.figure[role=img]") > 5


def test_only_its_own_script_and_style_count(tab: Tab, file: Path, tmp_path: Path) -> None:
    """Markup that got past every gate runs and loads nothing."""
    evil = "<script>document.title = 'owned'</script><p id=p style='display:none' onclick='x()'>p</p>"
    other = tmp_path / "other.html"
    other.write_text(file.read_text("utf-8").replace("<main>", f"<main>{evil}"), "utf-8")
    tab.open(other.as_uri())
    assert tab.js("document.title") != "owned"
    assert tab.js("getComputedStyle(document.getElementById('p')).display") == "block"
    assert tab.js("document.querySelectorAll('.legend button').length") >= 3, "its own script runs"
    assert "Content Security Policy" in " ".join(tab.errors)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_it_fits_can_be_read_and_named(tab: Tab, file: Path, axe: str, width: int, dark: bool) -> None:
    tab.look(width, dark)
    tab.open(file.as_uri())
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.js("document.querySelector('.value').getBoundingClientRect().bottom") < 700, (
        "the score in sight"
    )
    assert tab.js(UNREADABLE) == []
    assert tab.js(UNNAMED) == []
    tab.js(f"{axe};0")
    assert tab.js(AXE) == []
