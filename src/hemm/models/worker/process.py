"""One worker process: messages to it and from it, and its last lines."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from hemm.core.outside import json_of
from hemm.core.secrets import is_path
from hemm.models.process.child import GRACE_SECONDS, ChildProcess, ProcessEnded
from hemm.models.worker import environment

LONGEST = 64 * 1024 * 1024
"""Most bytes of one line of the protocol."""
_DRAWN = re.compile(r"[\u2500-\u257f×╰▶]+")
_PLACE = re.compile(r'File "[^"]*?([^/"]+)", line (\d+)')


class WorkerProcess(ChildProcess):
    """A running worker. Threads read and write, so that neither side waits for a full pipe.

    ``folder`` has the files shared with the worker; it is private to this user and removed with the worker.
    """

    def __init__(self, spec: str, file: Path, runner: str, env: Sequence[str], silence: float) -> None:
        variables = environment.variables(runner, env)
        self.folder = Path(tempfile.mkdtemp(prefix="hemm-worker-"))
        super().__init__(
            environment.command(runner, file.resolve()),
            spec,
            environment={**variables, "HEMM_WORKER_FOLDER": str(self.folder)},
            secrets=tuple(v for name in env if not is_path(v := os.environ.get(name, ""))),
            folder=str(self.folder),
        )
        self._silence = silence
        self._inbox: queue.Queue[dict[str, Any] | ProcessEnded] = queue.Queue()
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._said_hello = False
        self._heard = time.monotonic()
        stdin, stdout = self.pipes
        _start_thread(self._read, stdout)
        _start_thread(self._write, stdin)

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message. ``receive`` raises if the worker has ended."""
        self._outbox.put(json.dumps(message).encode("ascii") + b"\n")

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message except heartbeats and log lines. Raises ProcessEnded, and TimeoutError at
        ``deadline``.

        After its hello, a worker that sends nothing for ``silence`` seconds is killed.
        """
        while True:
            now = time.monotonic()
            quiet = self._heard + self._silence if self._said_hello else deadline
            try:
                message = self._inbox.get(timeout=max(0.0, min(deadline, quiet) - now))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
                if time.monotonic() < self._heard + self._silence:
                    continue
                raise ProcessEnded(f"gave no sign of life for {self._silence:g} s") from None
            if isinstance(message, ProcessEnded):
                self._inbox.put(message)  # so that the next call raises it as well
                raise message
            if message["type"] == "log":
                self._note(str(message.get("text", "")))
            elif message["type"] != "beat":
                return message

    def why(self) -> str:
        """The last lines of stderr on one line; of a traceback its place and last line."""
        printed = self.last_lines(GRACE_SECONDS)
        lines = [t for line in printed if (t := " ".join(_DRAWN.sub(" ", line).split()))]
        places = [m for line in lines if (m := _PLACE.search(line))]
        errors = [line for line in lines if re.match(r"[A-Za-z_.]*(Error|Exception)\b", line)]
        if errors:
            place = f"{places[-1][1]}, line {places[-1][2]}: " if places else ""
            return f"{place}{errors[-1]}"[:500]
        return " ".join(lines[-8:])[:500]

    def wake(self, why: str) -> None:
        """Make ``receive`` in another thread raise ProcessEnded."""
        self._inbox.put(ProcessEnded(why))

    def kill(self) -> None:
        """Kill the process and its children at once, and remove its folder."""
        super().kill()
        self._outbox.put(None)

    def stop(self) -> None:
        """Tell the worker to end, and kill it if it does not."""
        if self.running:
            self.send({"type": "shutdown"})
            self.wait(GRACE_SECONDS)
        self.kill()

    def _read(self, pipe: IO[bytes]) -> None:
        why = ""
        with pipe:
            while not why and (line := _line(pipe)):
                self._heard = time.monotonic()
                message = _message(line)
                if message is not None:
                    self._said_hello = self._said_hello or message["type"] == "hello"
                    self._inbox.put(message)
                elif self._said_hello:
                    excerpt = " ".join(line[:80].decode("utf-8", "replace").split())
                    why = f"wrote something that is no message of the protocol: {excerpt!r}"
                else:  # printed before hemm_worker was imported
                    self._note(line.decode("utf-8", "replace"))
        self._inbox.put(ProcessEnded(why) if why else self.ended())

    def _write(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while (data := self._outbox.get()) is not None:
                pipe.write(data)
                pipe.flush()


def _line(pipe: IO[bytes]) -> bytes:
    """The next line; empty at the end, also if the process was killed within a line."""
    line = pipe.readline(LONGEST)
    return line if line.endswith(b"\n") or len(line) == LONGEST else b""


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json_of(line)
    except ValueError:  # also what is no UTF-8
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None


def _start_thread(work: Callable[[IO[bytes]], None], pipe: IO[bytes]) -> None:
    threading.Thread(target=work, args=(pipe,), name="hemm-worker", daemon=True).start()
