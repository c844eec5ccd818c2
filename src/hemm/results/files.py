"""Files of a result folder: JSON, and what killed processes left."""

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
    """Whether a process of this host has that number (taken as so where the system cannot be asked)."""
    if os.name == "nt":
        return True  # asking would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
