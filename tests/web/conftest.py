"""Results that the explorer shows: real runs of baselines, and a server in a process of its own."""

from __future__ import annotations

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
