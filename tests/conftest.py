"""What holds for every test: an own cache, no network but this machine, the same examples in CI."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from fake_web import online, web  # noqa: F401 (fixtures)

if TYPE_CHECKING:
    from chrome import Chrome

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with a thread for every core starve one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a background job: children would, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
WATCHED = {ROOT, *(here for here in [Path.cwd()] if here.is_relative_to(ROOT))}
"""Folders in which no test may leave anything: the checkout, and the folder of it that pytest runs in."""

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that processes end at about the same time."""
    items.sort(key=_minutes, reverse=True)


def _minutes(item: pytest.Item) -> float:
    mark = item.get_closest_marker("full")
    return float(mark.kwargs.get("minutes", 0)) if mark else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to tell although they passed: their property ``told``."""
    passed = terminalreporter.getreports("passed")
    for line in [text for report in passed for name, text in report.user_properties if name == "told"]:
        terminalreporter.write_line(line)


def realdata_folder() -> Path | None:
    """The original files of real data sets: ``HEMM_REALDATA``, or ``shared/realdata`` beside the checkout."""
    named = os.environ.get("HEMM_REALDATA")
    places = [Path(named)] if named else [ROOT.parent / "shared/realdata", ROOT / "shared/realdata"]
    return next((place for place in places if place.is_dir()), None)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """HEMM_CACHE in a temporary folder: no test reads or writes the user's packs."""
    folder = tmp_path_factory.mktemp("hemm-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMM_CACHE", str(folder))
        for name in list(os.environ):
            if name.endswith(("_API_KEY", "_PROXY", "_proxy")) or name == "HF_TOKEN":
                patch.delenv(name)
        yield folder


def _left() -> set[Path]:
    """What lies in the watched folders, and in the results folder that commands write to by default; hidden
    files are those of tools and editors."""
    places = [place for folder in WATCHED for place in (folder, folder / "results") if place.is_dir()]
    return {path for place in places for path in place.iterdir() if path.name[0] not in "._"}


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """A test that writes into the checkout fails: it forgot ``tmp_path``."""
    before = _left()
    yield
    left = sorted(map(str, _left() - before))
    assert not left, f"this test leaves {', '.join(left)}: let it write to tmp_path"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HEMM_CACHE for one test."""
    folder = tmp_path / "hemm-cache"
    monkeypatch.setenv("HEMM_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with the original files of real data sets; skips where there is none."""
    folder = realdata_folder()
    if folder is None:
        pytest.skip("no real data: put it in ../shared/realdata or set HEMM_REALDATA")
    return folder


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of a Chromium; skips where there is none."""
    from hemm.report.browser import find_browser

    if (found := find_browser()) is None:
        pytest.skip("NO CHROMIUM FOUND: browser tests did not run (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, which finds what keeps people out; taken from npm, never kept here."""
    folder, npm = tmp_path_factory.mktemp("axe"), shutil.which("npm")
    if npm is None:
        pytest.skip("NO NPM FOUND: axe looked at no page")
    words = [npm, "pack", "axe-core@4", "--pack-destination", str(folder), "--loglevel=error"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        (package,) = folder.glob("axe-core-*.tgz")
    except (subprocess.TimeoutExpired, ValueError):
        pytest.skip("AXE-CORE IS NOT TO BE HAD FROM NPM: axe looked at no page")
    assert done.returncode == 0
    with tarfile.open(package) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def _is_here(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0])
    return host in ("localhost", "::1", "") or host.startswith("127.")


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Only this machine may be reached from tests."""

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "socket.connect" and not _is_here(arguments[1]):
            raise OSError(f"tests reach this machine only, not {arguments[1]}")
        if active and event == "socket.getaddrinfo":
            host = arguments[0]
            name = host.decode() if isinstance(host, bytes) else str(host or "")
            if not _is_here((name,)) and name != socket.gethostname():
                raise socket.gaierror(socket.EAI_NONAME, f"tests reach this machine only, not {name}")

    active = True
    sys.addaudithook(refuse)
    yield
    active = False


@pytest.fixture(scope="module")
def chromium(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A running Chromium, for the tests of one file."""
    from chrome import chrome

    with chrome(browser, tmp_path_factory.mktemp("profile")) as running:
        yield running
