"""Power cuts, signals and full disks at random points of a run: little is lost, the same bytes come out."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.disk import rebuild
from crash.harness import CONCURRENCY, SAMPLES, Nursery, crash_task, kept_ids, parts
from hemm.data.pack.prepare import prepare
from hemm.results.journal import FLUSH_LINES
from servers import ChatServer


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMM_CACHE", str(tmp_path_factory.mktemp("cache")))
        modules = ("hemm.cli.run", "hemm.analysis.early_stopping", "hemm.analysis.profile")
        with Nursery((*Nursery.preload, *modules, "hemm.report.tables.profile")) as found:
            yield found


def _asked(server: ChatServer) -> Counter[str]:
    return Counter(r.text.split("Is ")[1].split(" even")[0] for r in server.requests)


def _power_cuts(tmp_path: Path, nursery: Nursery, cuts: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
        pack = str(prepare(crash_task()).path)
    chance = random.Random(seed)
    done = kept_early = number = 0
    with ChatServer(latency=0.05) as server:
        nursery.live("served", str(tmp_path / "undisturbed"), pack, server.spec(), seconds=None)
        _, life = nursery.live("served", str(tmp_path / "again"), pack, server.spec(), seconds=None)
        whole = parts(tmp_path / "undisturbed")
        while done < cuts or (not kept_early and done < 4 * cuts):
            base, store = tmp_path / f"disk{number}", tmp_path / f"store{number}"
            base.mkdir()
            number += 1
            code = -signal.SIGKILL
            while code == -signal.SIGKILL:
                seconds = chance.uniform(0, life * 1.1) if done < cuts or not kept_early else None
                told = f"{server.spec()}|{store}"
                code, _ = nursery.live("unplugged", str(base / "r"), pack, told, seconds=seconds)
                if code == -signal.SIGKILL:
                    done += 1
                    store.mkdir(exist_ok=True)
                    rebuild(base, store, chance)
                    early = not list(base.rglob("part-*"))
                    kept_early += early and bool(kept_ids(base))
            assert code == 0
            assert parts(base / "r") == whole
    assert kept_early  # the journal alone kept something through a cut


def test_power_cuts(tmp_path: Path, nursery: Nursery) -> None:
    _power_cuts(tmp_path, nursery, 10, seed=1)


@pytest.mark.full(minutes=3)
def test_many_power_cuts(tmp_path: Path, nursery: Nursery) -> None:
    _power_cuts(tmp_path, nursery, 200, seed=2)


class Commands:
    """``hemm run`` on a file of questions, in children, with an undisturbed run to compare with."""

    def __init__(self, tmp_path: Path, nursery: Nursery, server: ChatServer) -> None:
        self.home, self.nursery, self.server = tmp_path, nursery, server
        rows = [f"{i}\tIs {i} even?{' Think.' * (i * 37 % 11)}\tyes\n" for i in range(SAMPLES)]
        (tmp_path / "even.tsv").write_text("id\tquestion\tanswer\n" + "".join(rows))
        self.live("first")
        code, self.length = self.live("undisturbed")
        assert code == 0, self.log()
        self.whole = parts(tmp_path / "undisturbed")

    def live(self, out: str, seconds: float | None = None, by: int = 0, most: int = 0) -> tuple[int, float]:
        words = ["run", self.server.spec(), "--task", str(self.home / "even.tsv")]
        told = json.dumps({"words": [*words, "--concurrency", str(CONCURRENCY)], "most": most})
        log = str(self.home / "log")
        return self.nursery.live("command", str(self.home / out), log, told, seconds=seconds, by=by)

    def log(self) -> str:
        return (self.home / "log").read_text()


def _signals(tmp_path: Path, nursery: Nursery, count: int, seed: int) -> None:
    chance, came, number = random.Random(seed), Counter[int](), 0
    with ChatServer(latency=0.01) as server:
        commands = Commands(tmp_path, nursery, server)
        while came.total() < count:
            out, before = f"r{number}", _asked(server)
            number += 1
            code = -1
            while code:
                by = chance.choice((signal.SIGTERM, signal.SIGHUP))
                seconds = chance.uniform(commands.length * 0.2, commands.length * 1.05)
                code, _ = commands.live(out, seconds if came.total() < count else None, by)
                assert code in (0, 128 + by, -by), commands.log()  # -by: before the command took its signals
                if code != 0:
                    came[code] += 1
                if code == 128 + by and (asked := _asked(server) - before):
                    lost = len(asked) - len(kept_ids(tmp_path / out))
                    assert lost <= CONCURRENCY  # what was answered is kept, with no flush window
                    assert f"ended by {signal.Signals(by).name}" in commands.log()
            assert parts(tmp_path / out) == commands.whole
    assert {129, 143} <= set(came)


def test_sigterm_and_sighup_end_as_ctrl_c_does(tmp_path: Path, nursery: Nursery) -> None:
    _signals(tmp_path, nursery, 6, seed=1)


@pytest.mark.full(minutes=4)
def test_many_signals(tmp_path: Path, nursery: Nursery) -> None:
    _signals(tmp_path, nursery, 100, seed=2)


def _full_disks(tmp_path: Path, nursery: Nursery, count: int, seed: int) -> None:
    chance, full, number = random.Random(seed), 0, 0
    with ChatServer(latency=0.002) as server:
        commands = Commands(tmp_path, nursery, server)
        files = [p.stat().st_size for p in (tmp_path / "undisturbed").rglob("*") if p.is_file()]
        largest = max(files) + 200 * FLUSH_LINES
        while full < count:
            out = f"r{number}"
            number += 1
            for _ in range(chance.randrange(1, 4)):
                code, _ = commands.live(out, most=int(largest ** chance.uniform(0.3, 1.0)))
                if code != 0:
                    full += 1
                    assert code == 2, commands.log()  # its line may be cut off: the log is on that disk too
                    assert "a fault of hemm" not in commands.log()
            code, _ = commands.live(out)
            assert code == 0, commands.log()
            assert parts(tmp_path / out) == commands.whole


def test_full_disks(tmp_path: Path, nursery: Nursery) -> None:
    _full_disks(tmp_path, nursery, 6, seed=1)


@pytest.mark.full(minutes=5)
def test_many_full_disks(tmp_path: Path, nursery: Nursery) -> None:
    _full_disks(tmp_path, nursery, 100, seed=2)
