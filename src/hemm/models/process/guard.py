"""Runs a command and kills its whole process group once hemm is gone.

``python guard.py PID FOLDER COMMAND...``: PID is hemm's process; FOLDER, if not empty, is removed once it is
gone. hemm starts this file as the leader of a session of its own. A model in the middle of native code, or uv
in the middle of a download, would not notice by itself that nobody waits for it. It imports the standard
library alone, since it runs without installed packages.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

POLL_SECONDS = 0.5
GONE = 99
"""A worker's exit status when its input ends: it may notice before the guard, and its children live on."""


def watch(parent: int, folder: str) -> None:
    """Wait until this process has another parent than hemm, then end the group."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    end(folder)


def end(folder: str) -> None:
    """Remove the folder and kill the process group, this process included."""
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> int:
    parent, folder = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=watch, args=(parent, folder), daemon=True).start()
    status = subprocess.call(sys.argv[3:])
    if status == GONE or os.getppid() != parent:
        end(folder)
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
