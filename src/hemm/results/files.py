"""Files of a result folder: writing JSON, and removing the temporary files of killed processes."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from hemm.data.files import TEMPORARY, write_atomic


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_atomic(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def sweep(folder: Path) -> None:
    """Remove temporary files below ``folder`` whose process is gone."""
    for leftover in folder.rglob(f"*{TEMPORARY}"):
        pid = leftover.name.split(".")[-2]
        if not (pid.isdigit() and alive(int(pid))):
            leftover.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether this host has a process ``pid``; True on Windows, where this cannot be known."""
    if os.name == "nt":
        return True  # os.kill would end the process there, whatever the signal
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
