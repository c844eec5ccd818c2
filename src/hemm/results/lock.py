"""A lock file with a lease, so that each cell has one writer: on one machine and over a shared disk.

Three things tell whether the holder of a lock lives. The kernel's ``flock``, which it frees when the process
ends: a shared disk may keep it to one host. On this host, pid and start time. On another host, the sign of
life that the holder gives every quarter of its lease by touching the file; one that gave none for a whole
lease is taken over. Ages are differences of two times that the file system gave, so that clocks may differ.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from hemm.core import CellLocked
from hemm.data.files import TEMPORARY, make_folder
from hemm.results.files import alive, refuse_link

try:
    import fcntl
except ImportError:  # not on Windows: pid and lease decide there
    fcntl = None  # type: ignore[assignment,unused-ignore]

WAIT_SECONDS = 0.1
"""Between two looks at a lock that another process holds."""

LEASE_SECONDS = 60.0
"""A holder on another host that gave no sign of life for so long is taken to be gone."""

TOLD_AFTER = 2.0
"""Seconds of waiting for a lock after which a line says so."""

_TAKING = ".taking"
"""Suffix of the file that one process at a time makes while it takes over a lock."""


def process_start(pid: int) -> str:
    """Start time of process ``pid``, which tells it from a later process with the same pid.

    Empty where there is no such process, or the system does not say.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


@dataclass(frozen=True)
class _Holder:
    """What a lock file says. ``touched``: its time on the file system, in nanoseconds."""

    facts: dict[str, Any]
    touched: int

    @classmethod
    def of(cls, descriptor: int) -> _Holder:
        try:
            facts = orjson.loads(os.pread(descriptor, 4096, 0))
        except orjson.JSONDecodeError:
            facts = {}
        return cls(facts if isinstance(facts, dict) else {}, os.fstat(descriptor).st_mtime_ns)

    @property
    def name(self) -> str:
        return f"process {self.facts.get('pid', '?')} on {self.facts.get('host', '?')}"

    @property
    def token(self) -> str:
        return str(self.facts.get("token", ""))

    @property
    def lease(self) -> float | None:
        """Seconds; None where the holder gives no signs of life (hemm 0.1.0)."""
        lease = self.facts.get("lease", LEASE_SECONDS if not self.facts else None)
        return float(lease) if isinstance(lease, int | float) and lease > 0 else None

    @property
    def here(self) -> bool:
        return bool(self.facts) and self.facts.get("host") == socket.gethostname()

    def lives(self) -> bool:
        """Whether the process, of this host, runs; this process itself counts as gone."""
        pid = self.facts.get("pid")
        if not isinstance(pid, int) or pid == os.getpid():
            return False
        return alive(pid) and process_start(pid) == self.facts.get("started")


class Lock:
    """Exclusive right to write below a folder. Raises CellLocked where another process has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._token = ""
        self._seen = 0.0
        self._taken_by = ""

    def wait(self, told: Callable[[str], None]) -> Lock:
        """Acquire the lock when the process that holds it, here or elsewhere, lets go of it.

        ``told`` gets the name of that process once. Raises CellLocked where nobody can tell whether it lives.
        """
        first = True
        while True:
            try:
                return self.acquire()
            except CellLocked as error:
                if not error.who:
                    raise
                if first:
                    told(error.who)
                first = False
            time.sleep(WAIT_SECONDS)

    def acquire(self, told: Callable[[str], None] = lambda line: None) -> Lock:
        """Take the lock, or raise CellLocked.

        Where the holder is on another host and gave no sign of life yet, this waits for one, for its lease
        at most, and ``told`` gets one line about it.
        """
        if self._file is not None:
            return self
        make_folder(self.path.parent)
        refuse_link(self.path)
        first: _Holder | None = None
        began, silent = _now(), True
        while (file := self._create(self.path)) is None:
            holder = self._take_over(first)
            if isinstance(holder, int):
                file = holder
                break
            if silent and _now() - began > TOLD_AFTER:
                told(f"{self.path} has no holder yet that can be told: waiting up to {LEASE_SECONDS:.0f} s")
                silent = False
            if holder is not None and first is None and holder.facts and holder.lease is not None:
                silent = False
                told(
                    f"{self.path.parent} was being written by {holder.name}: "
                    f"waiting up to {holder.lease:.0f} s for a sign that it still is"
                )
            if holder is not None and (first is None or first.token != holder.token):
                first = holder
            time.sleep(WAIT_SECONDS)
        self._file, self._seen, self._taken_by = file, _now(), ""
        _BEATS.add(self)
        return self

    def release(self) -> None:
        if self._file is None:
            return
        _BEATS.remove(self)
        if self._is_ours():
            self.path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = None

    def check(self) -> None:
        """Raise CellLocked where another host took the lock over, since this process gave no sign of life (it
        was suspended, or its disk was away). Cheap: called before everything that is written.
        """
        if self._taken_by or (_now() - self._seen > LEASE_SECONDS / 2 and not self.beat()):
            raise CellLocked(
                f"{self.path.parent} is being written by {self._taken_by}, which took over since this "
                "process gave no sign of life: what was answered is kept, run the same command again",
                self._taken_by,
            )

    def beat(self) -> bool:
        """Give a sign of life; False where the lock is another's now."""
        try:
            if not self._is_ours():
                with suppress(OSError):
                    descriptor = os.open(self.path, os.O_RDONLY)
                    self._taken_by = _Holder.of(descriptor).name
                    os.close(descriptor)
                self._taken_by = self._taken_by or "another process"
                return False
            os.utime(self.path)
        except OSError:  # the disk is away for the moment: the next sign of life tells
            return True
        self._seen = _now()
        return True

    def _is_ours(self) -> bool:
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return _Holder.of(descriptor).token == self._token
        finally:
            os.close(descriptor)

    def _create(self, path: Path) -> int | None:
        """The new lock file, open and locked; None where there is one.

        It gets its name when it is whole: a kill in between leaves no file that says nothing.
        """
        if path.exists():
            return None
        self._token = uuid.uuid4().hex
        me = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "lease": LEASE_SECONDS,
            "token": self._token,
        }
        made = path.with_name(f"{path.name}.{self._token[:12]}.{os.getpid()}{TEMPORARY}")
        descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            if fcntl is not None:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.pwrite(descriptor, orjson.dumps(me), 0)
            os.fsync(descriptor)  # other hosts see what the server has
            if _named(made, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        finally:
            made.unlink(missing_ok=True)
        os.close(descriptor)
        return None

    def _take_over(self, before: _Holder | None) -> int | _Holder | None:
        """The lock, taken from a holder that is gone; the holder where only time can tell; None: look again.

        before  the holder as it was at the first look. Raises CellLocked where the holder lives.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            free = _flock(descriptor)
            holder = _Holder.of(descriptor)
            if not free and holder.facts:
                raise self._locked(holder, lives=True)
            if holder.here:
                if holder.lives():
                    raise self._locked(holder, lives=True)
            elif holder.lease is None:
                raise self._locked(holder)
            elif before is not None and before.token == holder.token and holder.touched > before.touched:
                raise self._locked(holder, lives=True)
            elif not free or self._age(holder) < holder.lease:
                return holder
            return self._replace(holder)
        finally:
            os.close(descriptor)

    def _replace(self, gone: _Holder) -> int | None:
        """Put this process's file in the place of a holder's that is gone; None where another did so."""
        taking = self.path.with_name(self.path.name + _TAKING)
        descriptor = self._create(taking)
        if descriptor is None:
            with suppress(FileNotFoundError):
                if self._age(taking.stat().st_mtime_ns) > LEASE_SECONDS:
                    taking.unlink()
            return None
        try:
            current = os.open(self.path, os.O_RDONLY)
            try:
                now = _Holder.of(current)
            finally:
                os.close(current)
            if now != gone:
                raise FileNotFoundError
            os.replace(taking, self.path)
        except FileNotFoundError:
            taking.unlink(missing_ok=True)
            os.close(descriptor)
            return None
        return descriptor

    def _age(self, holder: _Holder | int) -> float:
        """Seconds since the last sign of life, by the clock of the file system."""
        touched = holder if isinstance(holder, int) else holder.touched
        probe = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex[:8]}")
        try:
            probe.write_bytes(b"?")
            return (probe.stat().st_mtime_ns - touched) / 1e9
        finally:
            probe.unlink(missing_ok=True)

    def _locked(self, holder: _Holder, lives: bool = False) -> CellLocked:
        return CellLocked(
            f"{self.path.parent} is being written by {holder.name}: wait for it, "
            f"or delete {self.path} if that process is gone",
            holder.name if lives else "",
        )

    def __enter__(self) -> Lock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _named(made: Path, path: Path) -> bool:
    """Give a file its name; False where another one has it."""
    try:
        os.link(made, path)
    except FileExistsError:
        return made.stat().st_nlink > 1  # a file server that lost its reply was asked twice
    except OSError:  # a file system without hard links
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        os.replace(made, path)
    return True


def _flock(descriptor: int) -> bool:
    """Whether no process that this kernel, or its file server, knows of holds the file."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: pid and lease decide
            pass
    return True


def _now() -> float:
    """Seconds, those in which the machine slept included, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class _Beats:
    """One thread that gives signs of life for all locks that this process holds."""

    def __init__(self) -> None:
        self._held: set[Lock] = set()
        self._guard = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, lock: Lock) -> None:
        with self._guard:
            self._held.add(lock)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def remove(self, lock: Lock) -> None:
        with self._guard:
            self._held.discard(lock)
            self._guard.notify()

    def _run(self) -> None:
        while True:
            with self._guard:
                self._guard.wait(LEASE_SECONDS / 4)
                if not self._held:
                    self._thread = None
                    return
                for lock in self._held:
                    lock.beat()


_BEATS = _Beats()
