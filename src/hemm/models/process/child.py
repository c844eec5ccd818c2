"""A program that hemm starts and ends: the base of workers, replicas and servers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from hemm.core import HemmError, OutOfMemory, redact
from hemm.core.terminal import log_line, printable

GUARD = Path(__file__).with_name("guard.py")
GRACE_SECONDS = 5.0
"""Seconds for a process to end by itself, or to stop a batch, before it is killed."""
LINE = 64 * 1024
"""Bytes of one printed line; a longer one is cut into several."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LIVES = 2
"""How many processes may end over the same batch."""
GIVE_UP = 6
"""Processes that end in a row, without an answer between them, before no other is started."""


class ProcessEnded(Exception):
    """A process has ended or must be killed. The message continues a sentence that begins with its name.

    silent  the process gave no reason, so that its last lines may show it
    signal  name of the signal that ended it
    lost    its machine is gone, so that no request is to blame
    """

    def __init__(self, why: str, silent: bool = False, signal: str = "", lost: bool = False) -> None:
        super().__init__(why)
        self.silent, self.signal, self.lost = silent, signal, lost

    def give_up(self, who: str, count: int, last_line: str = "") -> str:
        """The message for a request over which processes ended ``LIVES`` times.

        If there are several requests, the batcher has to find the one at fault. So this raises OutOfMemory
        where SIGKILL ended the process, as the kernel does when memory runs out: the batcher then halves the
        batch. Else it raises HemmError: the batcher then sends the requests one by one.
        """
        message = f"the {who} {self}, twice over the same request{'s' * (count > 1)}{last_line}"
        if count == 1:
            return message
        raise OutOfMemory(message) if self.signal == "SIGKILL" else HemmError(message)


class ChildProcess:
    """A running program, behind the guard that kills it and its children when hemm is gone.

    name         its name in error messages
    environment  its variables; None: those of hemm
    secrets      texts to remove from the lines that it prints, in addition to what looks like a key
    folder       removed when the process is killed; empty: none
    log          file for its output; it then has no pipes. None: hemm talks to it over stdin and stdout, and
                 it prints to stderr

    The last printed lines are kept. Raises HemmError where the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        *,
        environment: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        folder: str = "",
        log: Path | None = None,
    ) -> None:
        self.name, self.log = name, log
        self._secrets = secrets
        most_lines, self._longest = (50, 2000) if log is None else (200, LINE)
        self._lines: deque[str] = deque(maxlen=most_lines)
        guard = [sys.executable, "-S", "-E", "-P", str(GUARD), str(os.getpid()), folder]
        try:
            self._process = subprocess.Popen(
                [*guard, *command],
                stdin=subprocess.PIPE if log is None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if log is None else subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # a process group of its own, which can be killed as a whole
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise HemmError(f"{name}: it cannot be started: {error}") from None
        self._end = weakref.finalize(self, _kill, self._process, folder)
        printed = self._process.stdout if log else self._process.stderr
        assert printed is not None
        self._reader = threading.Thread(target=self._keep, args=(printed,), name="hemm-child", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """Its stdin and stdout, if it has no log."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        return stdin, stdout

    def last_lines(self, seconds: float) -> list[str]:
        """The last lines that it printed; waits up to ``seconds`` until it has closed its output."""
        self._reader.join(seconds)
        return list(self._lines)

    def ended(self) -> ProcessEnded:
        """How the process ended; waits ``GRACE_SECONDS`` if it has only closed its pipes."""
        try:
            status = self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return ProcessEnded("closed its output", silent=True)
        number = -status if status < 0 else status - 128  # the guard reports a signal as a shell does
        if number in set(signal.Signals):
            name = signal.Signals(number).name
            return ProcessEnded(f"was ended by {name}", silent=True, signal=name)
        return ProcessEnded(f"ended with status {status}", silent=True)

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, for at most ``seconds``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def terminate(self, seconds: float) -> None:
        """Send SIGTERM to the process group, wait up to ``seconds`` until it has ended, and kill the rest."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._group_runs():
            time.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children at once, and remove its folder."""
        self._end()

    def _group_runs(self) -> bool:
        """Whether a process of the group still runs: the guard may end before the program that it started."""
        self._process.poll()
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        processes = map(_state_and_group, Path("/proc").glob("[0-9]*/stat"))
        states = [state for state, group in processes if group == str(self._process.pid)]
        # a zombie (Z) does not run; without /proc this is unknown
        return not states or any(state not in "ZX" for state in states)

    def _keep(self, pipe: IO[bytes]) -> None:
        log = self.log.open("w", encoding="utf-8") if self.log else contextlib.nullcontext()
        with pipe, log as file:
            while line := pipe.readline(LINE):
                text = self._note(line.decode("utf-8", "replace"))
                if file is not None:
                    file.write(text + "\n")
                    file.flush()

    def _note(self, text: str) -> str:
        """Keep a printed line without secrets, and print it if ``HEMM_DEBUG`` is set."""
        line = printable(redact(_COLOUR.sub("", text.rstrip()), self._secrets))[: self._longest]
        self._lines.append(line)
        if self.log is None and os.environ.get("HEMM_DEBUG"):
            log_line(f"[{self.name}] {line}")
        return line


def _state_and_group(stat: Path) -> tuple[str, str]:
    """State and process group of a process on Linux; empty if it has ended meanwhile."""
    try:
        words = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return words[0], words[2]


def _kill(process: subprocess.Popen[bytes], folder: str) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
