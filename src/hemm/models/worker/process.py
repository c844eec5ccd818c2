"""One worker process: messages to it and from it, its last lines, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from hemm.core import HemmError, redact, storable
from hemm.models.worker import environment

LINES = 50
"""Last lines of stderr that are kept."""
LONGEST = 64 * 1024 * 1024
"""Bytes of one protocol line; a longer one is a fault of the worker."""
GRACE_SECONDS = 5.0
"""How long a worker may take to end, or to give up a batch, before it is killed."""
_DRAWN = re.compile(r"[\u2500-\u257f×╰▶]+")
_PLACE = re.compile(r'File "[^"]*?([^/"]+)", line (\d+)')


class Ended(Exception):
    """The worker is no more, or has to be ended: why, in words.

    ``silent``: it ended without a word of its own, so that its last lines may tell why.
    ``signal``: the name of the signal that ended it.
    """

    def __init__(self, why: str, silent: bool = False, signal: str = "") -> None:
        super().__init__(why)
        self.silent, self.signal = silent, signal


class WorkerProcess:
    """A running worker. Reading and writing are done by threads, so that no side ever waits for a full pipe.

    Raises HemmError where the command cannot be run at all. ``folder`` is private to this user and holds the
    files shared with the worker; it goes with the process.
    """

    def __init__(self, spec: str, file: Path, runner: str, env: Sequence[str], silence: float) -> None:
        self._spec, self._silence = spec, silence
        self._secrets = tuple(os.environ.get(name, "") for name in env)
        variables = environment.variables(runner, Path(), env)
        self.folder = Path(tempfile.mkdtemp(prefix="hemm-worker-"))
        try:
            self._process = subprocess.Popen(
                environment.command(runner, file.resolve(), self.folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=variables | {"HEMM_WORKER_FOLDER": str(self.folder)},
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise HemmError(
                f"model {spec}: {environment.command(runner, file, Path())[5]}: {error}"
            ) from None
        self._lines: deque[str] = deque(maxlen=LINES)
        self._inbox: queue.Queue[dict[str, Any] | Ended] = queue.Queue()
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._greeted = False
        self._heard = time.monotonic()
        self._end = weakref.finalize(self, _kill, self._process, self.folder)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        self._stderr = _thread(self._keep, stderr)
        _thread(self._read, stdout)
        _thread(self._write, stdin)

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message; that the worker is gone is told by ``receive``."""
        self._outbox.put(json.dumps(message).encode("ascii") + b"\n")

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message but heartbeats and log lines. Raises Ended, TimeoutError at ``deadline``.

        A worker that has said hello and then says nothing for ``silence`` seconds is ended.
        """
        while True:
            now = time.monotonic()
            quiet = self._heard + self._silence if self._greeted else deadline
            try:
                message = self._inbox.get(timeout=max(0.0, min(deadline, quiet) - now))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
                if time.monotonic() < self._heard + self._silence:
                    continue
                raise Ended(f"gave no sign of life for {self._silence:g} s") from None
            if isinstance(message, Ended):
                self._inbox.put(message)  # whoever asks again hears it again
                raise message
            if message["type"] == "log":
                self._note(str(message.get("text", "")))
            elif message["type"] != "beat":
                return message

    def why(self) -> str:
        """The last lines of stderr in one: of a traceback its place and its last line."""
        self._stderr.join(GRACE_SECONDS)
        lines = [t for line in self._lines if (t := " ".join(_DRAWN.sub(" ", line).split()))]
        places = [m for line in lines if (m := _PLACE.search(line))]
        errors = [line for line in lines if re.match(r"[A-Za-z_.]*(Error|Exception)\b", line)]
        if errors:
            place = f"{places[-1][1]}, line {places[-1][2]}: " if places else ""
            return f"{place}{errors[-1]}"[:500]
        return " ".join(lines[-8:])[:500]

    def wake(self, why: str) -> None:
        """Let whoever waits for this worker know that it was ended."""
        self._inbox.put(Ended(why))

    def kill(self) -> None:
        """End the process, its children and its folder at once."""
        self._end()
        self._outbox.put(None)

    def stop(self) -> None:
        """Ask the worker to end, and end it where it does not."""
        if self._process.poll() is None:
            self.send({"type": "shutdown"})
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        self.kill()

    def _read(self, pipe: IO[bytes]) -> None:
        why = ""
        with pipe:
            while not why and (line := _line(pipe)):
                self._heard = time.monotonic()
                message = _message(line)
                if message is not None:
                    self._greeted = self._greeted or message["type"] == "hello"
                    self._inbox.put(message)
                elif self._greeted:
                    shown = " ".join(line[:80].decode("utf-8", "replace").split())
                    why = f"wrote something that is no message of the protocol: {shown!r}"
                else:  # printed before hemm_worker was imported
                    self._note(line.decode("utf-8", "replace"))
        self._inbox.put(Ended(why) if why else _status(self._process))

    def _write(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while (data := self._outbox.get()) is not None:
                pipe.write(data)
                pipe.flush()

    def _keep(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(64 * 1024):
                self._note(line.decode("utf-8", "replace"))

    def _note(self, text: str) -> None:
        line = storable(redact(text.rstrip(), self._secrets))[:2000]
        self._lines.append(line)
        if os.environ.get("HEMM_DEBUG"):
            print(f"[{self._spec}] {line}", file=sys.stderr)


def _line(pipe: IO[bytes]) -> bytes:
    """The next line; empty at the end, and where the process was killed within a line."""
    line = pipe.readline(LONGEST)
    return line if line.endswith(b"\n") or len(line) == LONGEST else b""


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:  # also what is no UTF-8
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def _status(process: subprocess.Popen[bytes]) -> Ended:
    try:
        status = process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return Ended("closed its output", silent=True)
    number = -status if status < 0 else status - 128
    if number in set(signal.Signals):
        name = signal.Signals(number).name
        return Ended(f"was ended by {name}", silent=True, signal=name)
    return Ended(f"ended with status {status}", silent=True)


def _thread(work: Any, pipe: IO[bytes]) -> threading.Thread:
    thread = threading.Thread(target=work, args=(pipe,), name="hemm-worker", daemon=True)
    thread.start()
    return thread


def _kill(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Nothing of the process group and nothing of the folder is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
