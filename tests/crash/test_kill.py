"""Killed at any point of its life, a run loses little, repeats little, and ends in the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crash.harness import BATCH, CONCURRENCY, SAMPLES, Lives, Nursery, crash_task, parts
from hemm.data.pack.prepare import prepare
from servers import ChatServer


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMM_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepare(crash_task()).path


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as found:
        yield found


def _kill_often(tmp_path: Path, lives: Lives, kills: int) -> None:
    lives.live(tmp_path / "first")  # the first one warms up what the others share
    life = lives.live(tmp_path / "undisturbed")
    assert life is not None
    whole = parts(tmp_path / "undisturbed")
    assert len(whole) == 3
    number = 0
    while lives.kills < kills:
        out = tmp_path / str(number)
        lives.until_complete(out, life, kills)
        assert parts(out) == whole
        number += 1
    assert number >= kills / 25  # kills spread over many runs, not over the start of one


def _batched(tmp_path: Path, pack: Path, nursery: Nursery, kills: int) -> None:
    log = tmp_path / "asked"
    log.touch()
    asked: Callable[[], list[str]] = lambda: log.read_text().split()  # noqa: E731
    _kill_often(tmp_path, Lives(nursery, "batched", (str(pack), str(log)), asked, BATCH), kills)


def _served(tmp_path: Path, pack: Path, nursery: Nursery, kills: int) -> None:
    with ChatServer(latency=0.01) as server:

        def asked() -> list[str]:
            return [f"s{int(r.text.split('Is ')[1].split(' even')[0]):05d}" for r in server.requests]

        _kill_often(tmp_path, Lives(nursery, "served", (str(pack), server.spec()), asked, CONCURRENCY), kills)
        assert len(set(asked())) == SAMPLES


def test_a_local_model_killed_often(tmp_path: Path, pack: Path, nursery: Nursery) -> None:
    _batched(tmp_path, pack, nursery, 12)


def test_a_served_model_killed_often(tmp_path: Path, pack: Path, nursery: Nursery) -> None:
    _served(tmp_path, pack, nursery, 12)


def _checkpoint(tmp_path: Path, pack: Path, spec: str, kills: int) -> None:
    log = tmp_path / "asked"
    log.touch()
    modules = ("hemm.engine.score", "hemm.metrics.scoring", "torch", "transformers", "hemm.models.hf.adapter")
    with Nursery(modules) as nursery:
        lives = Lives(nursery, "local", (str(pack), f"{spec}|{log}"), lambda: log.read_text().split(), BATCH)
        _kill_often(tmp_path, lives, kills)


@pytest.mark.full(minutes=1)
def test_tiny_killed_25_times(tmp_path: Path, pack: Path) -> None:
    pytest.importorskip("torch")
    _checkpoint(tmp_path, pack, "tiny", 25)


@pytest.mark.full(minutes=2)
def test_a_local_model_killed_100_times(tmp_path: Path, pack: Path, nursery: Nursery) -> None:
    _batched(tmp_path, pack, nursery, 100)


@pytest.mark.full(minutes=2)
def test_a_served_model_killed_100_times(tmp_path: Path, pack: Path, nursery: Nursery) -> None:
    _served(tmp_path, pack, nursery, 100)
