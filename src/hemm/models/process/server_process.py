"""A server program that lives as long as a run: its process group, its log, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hemm.core import HemmError, redact, slug, storable
from hemm.data.cache import root
from hemm.models.worker.environment import LIBRARY

GRACE_SECONDS = 10.0
"""How long a server may take to end by itself."""
KEPT_LOGS = 20
LINE = 8192
"""Bytes of one log line; a longer one is cut into several."""
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD")


class ServerProcess:
    """A running server, the leader of a session of its own, behind the guard that ends it with hemm.

    Its output goes into a file in the cache folder, line by line and without secrets. Raises HemmError where
    the program cannot be run.
    """

    def __init__(self, command: Sequence[str], title: str) -> None:
        self.log = _log_file(title)
        self._program = Path(command[0]).name
        self._secrets = tuple(
            value for name, value in os.environ.items() if any(word in name.upper() for word in _SECRET_NAMES)
        )
        self._last: deque[str] = deque(maxlen=200)
        self._heard = False
        nothing = str(self.log.with_suffix(".none"))  # the guard removes a folder: here there is none
        guard = [sys.executable, "-S", "-E", str(LIBRARY / "hemm_guard.py"), str(os.getpid()), nothing]
        try:
            self._process = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise HemmError(f"{command[0]} cannot be run: {error}") from None
        self._end = weakref.finalize(self, _kill, self._process)
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._keep, args=(self._process.stdout,), name="hemm-serve", daemon=True
        )
        self._reader.start()

    def ended(self) -> bool:
        """Whether the server is no more."""
        return self._process.poll() is not None

    def end_words(self) -> str:
        """How it ended, what it said last, and where its log is."""
        status = self._process.poll()
        number = -status if status is not None and status < 0 else (status or 0) - 128
        if status is None:
            how = "was ended"
        elif number in set(signal.Signals):
            how = f"was ended by {signal.Signals(number).name}"
        else:
            how = f"ended with status {status}"
        said = self._why()
        return f"{how}{f': {said}' if said else ''}; its log: {self.log}"

    def show(self, count: int) -> None:
        """The last ``count`` lines of the log, on stderr."""
        self._reader.join(1.0)
        for line in list(self._last)[-count:]:
            print(f"  {self._program}: {line}", file=sys.stderr)

    def stop(self) -> None:
        """Ask the whole group to end, and end it where it does not. Nothing of it is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and self._alive():
            time.sleep(0.05)
        self.kill()
        self._reader.join(1.0)

    def kill(self) -> None:
        """End the whole group at once."""
        self._end()

    def _alive(self) -> bool:
        """Whether anything of the group still runs. What has ended and was not waited for does not count."""
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        states = [
            found[0]
            for found in map(_state_and_group, Path("/proc").glob("[0-9]*/stat"))
            if found[1] == str(self._process.pid)
        ]
        return not states or any(state not in "ZX" for state in states)

    def _keep(self, pipe: IO[bytes]) -> None:
        with pipe, self.log.open("w", encoding="utf-8") as out:
            while line := pipe.readline(LINE):
                text = storable(redact(line.decode("utf-8", "replace").rstrip(), self._secrets))
                out.write(text + "\n")
                out.flush()
                self._last.append(text)

    def _why(self) -> str:
        """The line that tells most: the last one of an error, else the last one."""
        if self.ended() and not self._heard:  # its last lines may be on their way, but not for long
            self._reader.join(0.3)
            self._heard = True
        lines = [" ".join(line.split()) for line in self._last if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        return (errors or lines or [""])[-1][:300]


def logs() -> Path:
    """The folder of the logs."""
    return root() / "serve"


def _log_file(title: str) -> Path:
    """A new file for the log; of the older ones the newest are kept."""
    folder = logs()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.glob("*.log"), key=lambda p: p.stat().st_mtime)
        for path in old[: max(0, len(old) + 1 - KEPT_LOGS)]:
            path.unlink(missing_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = folder / f"{stamp}-{slug(title)}-{os.getpid()}-{time.monotonic_ns() % 10**6}.log"
        path.touch(mode=0o600)
    except OSError as error:
        raise HemmError(f"no log can be written in {folder}: {error.strerror or error}") from None
    return path


def _state_and_group(stat: Path) -> tuple[str, str]:
    """State and process group of a process, on Linux; empty where it is no more."""
    try:
        words = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return words[0], words[2]


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
