"""Runs a worker's command and ends its whole process group when hemm is gone.

``python hemm_guard.py PID FOLDER COMMAND...``: PID is hemm's process, FOLDER holds the files shared with the
worker. hemm starts it as the leader of a session of its own. A worker in the middle of native code, or uv in
the middle of a download, would not notice that nobody waits for it.
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
"""What a worker exits with when its input ends: it may notice before we do, and its children live on."""


def watch(parent: int, folder: str) -> None:
    """Wait until this process has another parent than hemm; then nothing of the group is left."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    end(folder)


def end(folder: str) -> None:
    """Nothing is left: not the folder, not the group, and so not this process."""
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
