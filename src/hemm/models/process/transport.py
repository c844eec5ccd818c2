"""The way to one replica: over the pipes of a child process. ``hemm.models.ray`` has the other way."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hemm.core import Media
from hemm.models.process import frames
from hemm.models.process.child import GRACE_SECONDS, ChildProcess, ProcessEnded

_MAIN = "import sys; from hemm.models.process.replica import main; sys.exit(main())"
"""The program of a replica. An import would make a circle, since ``replica`` imports ``specs``."""

Reply = tuple[dict[str, Any], list[bytes]]
"""A message of a replica: JSON, and the blobs that it names by number."""


class Transport(Protocol):
    """Starts one replica, talks to it, and ends it; after ``kill`` it may be opened again."""

    @property
    def place(self) -> Mapping[str, Any]:
        """Where the replica runs, as run.json has it; empty: nothing is known, or it is this machine."""
        ...

    @property
    def placed(self) -> bool:
        """Whether there is room for the replica: it starts, and does not wait for others to make room."""
        ...

    def open(self) -> None:
        """Start the process, which may take long. Raises ProcessEnded if it ends, HemmError where there is
        none to be had."""
        ...

    def exchange(self, message: Mapping[str, Any], media: Sequence[Media] = ()) -> Reply:
        """Send a message with the media that it names, and wait for the reply. Raises ProcessEnded."""
        ...

    def finish(self) -> None:
        """Let a replica that is idle close its model."""
        ...

    def kill(self) -> None:
        """End the replica at once, also from another thread in the middle of an exchange."""
        ...


class Pipe:
    """A transport to a child process.

    name  its name in error messages
    gpu   what it sees as CUDA_VISIBLE_DEVICES; empty: what hemm sees
    """

    def __init__(self, name: str, gpu: str = "") -> None:
        self._name, self._gpu = name, gpu
        self.place: Mapping[str, Any] = {"gpu": gpu}
        self._child: ChildProcess | None = None
        self.placed = True

    def open(self) -> None:
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        if self._gpu:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpu
        command = [sys.executable, "-P", "-c", _MAIN]
        self._child = ChildProcess(command, self._name, environment=variables)

    def exchange(self, message: Mapping[str, Any], media: Sequence[Media] = ()) -> Reply:
        blobs: list[bytes] = []
        records = [frames.media_out(m, blobs) for m in media]
        return self.send({**message, "media": records}, blobs)

    def send(self, value: Mapping[str, Any], blobs: Sequence[bytes]) -> Reply:
        """Send a message and wait for the reply. Raises ProcessEnded."""
        child = self._child
        if child is None:
            raise ProcessEnded("was closed")
        stdin, stdout = child.pipes
        try:
            frames.write(stdin, value, blobs)
            reply = frames.read(stdout)
        except (OSError, ValueError):  # the process has ended, or ``finish`` closed its pipes
            reply = None
        if reply is None:
            raise _ended(child)
        return reply

    def finish(self) -> None:
        if (child := self._child) is not None:
            with contextlib.suppress(OSError):
                child.pipes[0].close()
            child.wait(GRACE_SECONDS + 1)

    def kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in child.pipes:
                with contextlib.suppress(OSError):
                    pipe.close()


def _ended(child: ChildProcess) -> ProcessEnded:
    """How the process ended, with its last line about an error."""
    ended = child.ended()
    lines = [] if child.running else child.last_lines(1.0)
    errors = [" ".join(line.split()) for line in lines if "Error" in line or "error" in line]
    why = f": {errors[-1][:300]}" if errors else ""
    return ProcessEnded(f"{ended}{why}", signal=ended.signal)
