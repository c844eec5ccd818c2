"""The store of votes: nothing is said twice, nothing that was said is lost by a kill, damage is one line."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hemm.core import BadData, HemmError
from hemm.results.annotations import FILE, Annotations, now

WRITES = """
import sys
from pathlib import Path
from hemm.results.annotations import Annotations, now
store = Annotations(Path(sys.argv[1]))
for n in range(100_000):
    with store.writing() as write:
        write("undone", {"form": f"f{n}", "time": now(), "annotator": "ann"})
    print(n, flush=True)
"""


def forms(folder: Path) -> list[str]:
    store = Annotations(folder, reading=True)
    try:
        return [row["form"] for row in store.rows("select form from undone order by n")]
    finally:
        store.close()


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WRITES, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(40):
            said = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")
        process.wait()
    said = max([said, *(int(line) for line in rest[:-1])])
    found = forms(tmp_path)
    assert found == [f"f{n}" for n in range(len(found))]
    assert said + 1 <= len(found) <= said + 2


def test_the_same_token_from_many_sides_is_said_once(tmp_path: Path) -> None:
    stores = [Annotations(tmp_path) for _ in range(3)]
    added: list[bool] = []

    def say(store: Annotations) -> None:
        for n in range(20):
            with store.writing() as write:
                added.append(write("undone", {"form": f"f{n}", "time": now(), "annotator": "ann"}))

    threads = [threading.Thread(target=say, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 20
    assert len(forms(tmp_path)) == 20


def test_it_is_journaled_and_flushed(tmp_path: Path) -> None:
    store = Annotations(tmp_path)
    assert store.rows("pragma journal_mode") == [{"journal_mode": "wal"}]
    assert store.rows("pragma synchronous") == [{"synchronous": 2}]


def test_what_is_no_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"votes, but in my own way " * 400)
    with pytest.raises(BadData, match="cannot be opened as a store of votes"):
        Annotations(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / FILE) as base:
        base.execute("create table mine (a)")
    with pytest.raises(BadData, match="no store of votes"):
        Annotations(other)


def test_a_link_and_a_newer_store_are_refused(tmp_path: Path) -> None:
    Annotations(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as base:
        base.execute("update about set value = '99'")
    with pytest.raises(HemmError, match="version 99"):
        Annotations(tmp_path)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / FILE).symlink_to(tmp_path / FILE)
    with pytest.raises(BadData, match="is a link"):
        Annotations(linked)
