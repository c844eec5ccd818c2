"""A lock file with host, pid and the process's start time, so that each cell has one writer."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from hemm.core import CellLocked
from hemm.results.files import alive

try:
    import fcntl
except ImportError:  # not on Windows: the pid alone decides there
    fcntl = None  # type: ignore[assignment,unused-ignore]

WAIT_SECONDS = 0.1
"""Between two looks at a lock that another process holds."""


def process_start(pid: int) -> str:
    """Start time of process ``pid``, which tells it from a later process with the same pid.

    Empty where there is no such process, or the system does not say.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


class Lock:
    """Exclusive right to write below a folder. Raises CellLocked where another process has it.

    The kernel frees the lock of a killed process; host, pid and start time in the file decide where the
    kernel cannot know (another host on a shared disk).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

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

    def acquire(self) -> Lock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while self._file is None:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._take(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            if self._same_file(descriptor):
                self._file = descriptor
            else:  # the holder removed the file between our open and our lock
                os.close(descriptor)
        me = {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start(os.getpid())}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, orjson.dumps(me), 0)
        return self

    def release(self) -> None:
        if self._file is None:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._file)
        self._file = None

    def _take(self, descriptor: int) -> None:
        holder = _holder(descriptor)
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._locked(holder, alive=True) from None
            except OSError:  # a file system without locks: the pid decides
                pass
            holder = _holder(descriptor)
        if not holder:
            return
        if holder.get("host") != socket.gethostname():
            raise self._locked(holder)
        pid = int(holder.get("pid", 0))
        if alive(pid) and process_start(pid) == holder.get("started") and pid != os.getpid():
            raise self._locked(holder, alive=True)

    def _same_file(self, descriptor: int) -> bool:
        try:
            current = os.stat(self.path)
        except FileNotFoundError:
            return False
        held = os.fstat(descriptor)
        return (current.st_ino, current.st_dev) == (held.st_ino, held.st_dev)

    def _locked(self, holder: dict[str, Any], alive: bool = False) -> CellLocked:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
        return CellLocked(
            f"{self.path.parent} is being written by {who}: wait for it, "
            f"or delete {self.path} if that process is gone",
            who if alive else "",
        )

    def __enter__(self) -> Lock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _holder(descriptor: int) -> dict[str, Any]:
    try:
        holder = orjson.loads(os.pread(descriptor, 4096, 0))
    except orjson.JSONDecodeError:
        return {}
    return holder if isinstance(holder, dict) else {}
