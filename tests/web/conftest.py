"""Results that the explorer shows: real runs of baselines, and a server in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer_client import Client, serving

import hemm

pytest.importorskip("starlette")

MODELS = ("baseline/oracle", "baseline/random", "baseline/majority")
TASKS = ("probe_shapes", "probe_charts")
LIMIT = 24


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, _own_cache: Path) -> Path:
    """Three models on two tasks; the packs with the pictures are in the cache."""
    out = tmp_path_factory.mktemp("explored") / "results"
    for model in MODELS:
        hemm.run(model, list(TASKS), limit=LIMIT, out=out)
    return out


Ask = Callable[[Path], Client]


@pytest.fixture
def ask() -> Ask:
    """The explorer over a folder, in this process."""
    from hemm.web.app import make_app

    return lambda folder: Client(make_app(folder))


@pytest.fixture(scope="session")
def client(results: Path) -> Client:
    from hemm.web.app import make_app

    return Client(make_app(results))


@pytest.fixture(scope="session")
def served(results: Path) -> Iterator[str]:
    """The address of ``hemm serve`` over ``results``, without the slash at its end."""
    with serving(results) as address:
        yield address.rstrip("/")


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, which finds what keeps people out; taken from npm, never kept here."""
    folder, npm = tmp_path_factory.mktemp("axe"), shutil.which("npm")
    if npm is None:
        pytest.skip("NO NPM FOUND: axe did not look at any page")
    words = [npm, "pack", "axe-core@4", "--pack-destination", str(folder), "--loglevel=error"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        (package,) = folder.glob("axe-core-*.tgz")
    except (subprocess.TimeoutExpired, ValueError):
        pytest.skip("AXE-CORE IS NOT TO BE HAD FROM NPM: axe did not look at any page")
    assert done.returncode == 0
    with tarfile.open(package) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()
