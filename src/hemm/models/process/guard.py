"""Runs a command, and kills its process group when hemm has ended.

``python guard.py PID FOLDER COMMAND...``: PID is hemm's process; FOLDER, if not empty, is removed when hemm
has ended. hemm starts this file as the leader of a new session. A model in native code, or uv in a download,
would not notice by itself that hemm has ended. The file runs without installed packages, so it imports the
standard library alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.5
GONE = 99
"""A worker's exit status when its input ends: the worker may notice before the guard, and leave children."""


def watch(parent: int, folder: str) -> None:
    """Wait until hemm is no longer the parent of this process, then kill the group."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    end(folder)


def end(folder: str) -> None:
    """Remove the folder and kill the process group, this process included."""
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def bound() -> Callable[[], object] | None:
    """What has the kernel kill the new process when this one ends, though it is stopped or hangs: Ray kills
    the children of a process that it ends by SIGKILL, guards among them. None where the kernel is not Linux.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    return partial(ctypes.CDLL(None).prctl, PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    parent, folder = int(sys.argv[1]), sys.argv[2]
    # started before the thread, since a fork beside threads may not call what ``bound`` gives
    child = subprocess.Popen(sys.argv[3:], preexec_fn=bound())
    threading.Thread(target=watch, args=(parent, folder), daemon=True).start()
    status = child.wait()
    if status == GONE or os.getppid() != parent:
        end(folder)
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
