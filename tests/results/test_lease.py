"""One writer over a shared disk: processes that seem to be on several hosts, whose kernels know nothing of
each other's locks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from hemm.core import CellLocked
from hemm.results import lock
from hemm.results.lock import Lock

LEASE = 3.0

HOST = """
import os, socket, sys, time
from pathlib import Path
from hemm.core import CellLocked
from hemm.results import lock

path, host = Path(sys.argv[1]), sys.argv[2]
socket.gethostname = lambda: host
lock.fcntl, lock.LEASE_SECONDS = None, float(sys.argv[3])
mine = lock.Lock(path)
"""
HOLD = (
    HOST
    + """
mine.acquire()
print("held", flush=True)
for line in sys.stdin:
    try:
        mine.check()
        print("still held", flush=True)
    except CellLocked as error:
        print(error, flush=True)
    if line == "end\\n":
        mine.release()
        break
"""
)
CONTEND = (
    HOST
    + """
sys.stdin.readline()
try:
    mine.acquire()
    print("held", flush=True)
    time.sleep(4 * lock.LEASE_SECONDS)
except CellLocked as error:
    print("refused", flush=True)
"""
)


def _child(script: str, path: Path, host: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path), host, str(LEASE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _ask(child: subprocess.Popen[str], line: str) -> str:
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()
    return _line(child)


@contextlib.contextmanager
def _elsewhere(path: Path, host: str = "node1") -> Iterator[subprocess.Popen[str]]:
    child = _child(HOLD, path, host)
    try:
        assert _line(child) == "held"
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGCONT)
            child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture(autouse=True)
def _short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEASE_SECONDS", LEASE)
    monkeypatch.setattr(lock, "fcntl", None)  # flock is local to each node


def test_a_run_killed_on_one_host_goes_on_at_another(tmp_path: Path) -> None:
    told: list[str] = []
    with _elsewhere(tmp_path / "lock") as child:
        child.kill()
        child.wait()
        mine = Lock(tmp_path / "lock").acquire(told.append)
        (line,) = told
        assert f"process {child.pid} on node1" in line
        assert orjson.loads((tmp_path / "lock").read_bytes())["pid"] == os.getpid()
        mine.release()
    assert list(tmp_path.iterdir()) == []


def test_a_living_holder_on_another_host_is_found_by_its_signs_of_life(tmp_path: Path) -> None:
    with _elsewhere(tmp_path / "lock") as child:
        time.sleep(1.2 * LEASE)  # longer than the lease: it must have been renewed
        with pytest.raises(CellLocked, match=f"process {child.pid} on node1") as caught:
            Lock(tmp_path / "lock").acquire()
        assert caught.value.who
        assert _ask(child, "end") == "still held"
        with Lock(tmp_path / "lock"):
            pass


def test_a_suspended_holder_whose_lock_was_taken_writes_no_more(tmp_path: Path) -> None:
    with _elsewhere(tmp_path / "lock") as child:
        child.send_signal(signal.SIGSTOP)
        with Lock(tmp_path / "lock") as mine:
            child.send_signal(signal.SIGCONT)
            told = _ask(child, "end")
            assert f"by process {os.getpid()}" in told
            assert "run the same command again" in told
            child.wait()
            mine.check()  # its end did not remove the new holder's lock
            assert (tmp_path / "lock").exists()


def test_one_of_many_hosts_takes_over(tmp_path: Path) -> None:
    with _elsewhere(tmp_path / "lock") as child:
        child.kill()
        child.wait()
    others = [_child(CONTEND, tmp_path / "lock", f"node{n % 4 + 2}") for n in range(8)]
    try:
        for other in others:
            assert other.stdin is not None
            other.stdin.write("go\n")
            other.stdin.flush()
        found = sorted(map(_line, others))
    finally:
        for other in others:
            other.kill()
            other.communicate()
    assert found == ["held", *["refused"] * 7]


@pytest.mark.parametrize("content", [b"", b"null", b"{", b'{"host": 3, "pid": "x", "lease": "long"}'])
def test_a_lock_file_that_says_nothing_is_one_line_or_taken_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    with contextlib.suppress(CellLocked):
        Lock(tmp_path / "lock").acquire().release()


@pytest.mark.parametrize("at", ["pwrite", "fsync", "link"])
def test_a_lock_file_is_whole_or_not_there(tmp_path: Path, at: str) -> None:
    """A process that is killed while it makes one leaves nothing for which others would wait."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        setattr(os, at, lambda *given: os._exit(9))
        Lock(tmp_path / "lock").acquire()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (tmp_path / "lock").exists()
    told: list[str] = []
    Lock(tmp_path / "lock").acquire(told.append).release()
    assert told == []


def test_a_lock_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*given: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    one = Lock(tmp_path / "lock").acquire()
    assert orjson.loads((tmp_path / "lock").read_bytes())["pid"] == os.getpid()
    one.release()
    assert list(tmp_path.iterdir()) == []
