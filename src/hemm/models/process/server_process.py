"""A server program that runs during a run, and its log."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from hemm.core import HemmError, slug
from hemm.core.terminal import log_line
from hemm.data.cache import root
from hemm.models.process.child import ChildProcess

GRACE_SECONDS = 10.0
"""Seconds for a server to end by itself."""
KEPT_LOGS = 20


class ServerProcess(ChildProcess):
    """A running server. Its output is written to a file in the cache folder, without secrets."""

    def __init__(self, command: Sequence[str], title: str) -> None:
        super().__init__(command, Path(command[0]).name, log=_log_file(title))
        self._waited = False

    def end_words(self) -> str:
        """How the server ended, its last line about an error (else its last line), and the path of its
        log."""
        wait = 0.0 if self._waited else 0.3  # the last lines may arrive a moment after the end
        self._waited = True
        lines = [" ".join(line.split()) for line in self.last_lines(wait) if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        why = (errors or lines or [""])[-1][:300]
        return f"{self.ended()}{f': {why}' if why else ''}; its log: {self.log}"

    def print_last_lines(self, count: int) -> None:
        """Print the last ``count`` lines of the log on stderr."""
        for line in self.last_lines(1.0)[-count:]:
            log_line(f"  {self.name}: {line}")

    def stop(self) -> None:
        """Terminate the server and its children; kill those that do not end."""
        self.terminate(GRACE_SECONDS)
        self.last_lines(1.0)  # wait until the log is complete


def logs() -> Path:
    return root() / "serve"


def _log_file(title: str) -> Path:
    """A new file for the log. Removes all but the newest ``KEPT_LOGS``."""
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
