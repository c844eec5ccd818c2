"""Files that a user's data name outside of what their source looks at: pictures of a ``.jsonl`` or ``.tsv``.

Their sizes, and when they were written and changed, are kept, so that one that is replaced, added or gone is
noticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from hemm.core import Sample, Task, digest
from hemm.data import cache
from hemm.data.files import write_atomic
from hemm.data.pack.schema import pictures
from hemm.data.readers.file_finder import spelled_otherwise

FACT = "named_files_changed"
"""In the index entry of a task: digest of the files' paths, sizes, and times of writing and change."""
_WITHOUT_CHANGES = "named_files"
"""The same without the times of change, in entries that earlier versions made."""
_LIST = "named_files.json"


class NamedFiles:
    """Notes the files that samples name, as they are when their samples are read.

    looked_at  the file or folder that the source looks at
    """

    def __init__(self, looked_at: Path) -> None:
        self._inside = os.path.join(os.path.abspath(looked_at), "")
        self._states: dict[str, str] = {}

    def restart(self) -> None:
        self._states.clear()

    def add(self, sample: Sample) -> None:
        for medium in pictures(sample):
            path = "" if medium.path is None else os.path.abspath(medium.path)
            if path and path not in self._states and not path.startswith(self._inside):
                self._states[path] = _state(path)

    def save(self, task: Task) -> dict[str, Any]:
        """Write the list; what the index entry is to say."""
        paths = sorted(self._states)
        write_atomic(cache.task_folder(task.name, task.origin) / _LIST, orjson.dumps(paths))
        return {FACT: _digest(self._states)}


def unchanged(task: Task, entry: Mapping[str, Any]) -> bool:
    """Whether all files that the data named are as they were when this entry was made.

    Entries of hemm 0.1.0 do not say it, and stay until their source changes.
    """
    fact = next((f for f in (FACT, _WITHOUT_CHANGES) if f in entry), None)
    if fact is None:
        return True
    try:
        paths = orjson.loads((cache.task_folder(task.name, task.origin) / _LIST).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return bool(entry[fact] == _digest({path: _state(path, changed=fact == FACT) for path in paths}))


def _digest(states: Mapping[str, str]) -> str:
    return digest(sorted(states.items()), 32)


def _state(path: str, changed: bool = True) -> str:
    for place in _spellings(path):
        try:
            stat = os.stat(place)
        except OSError:
            continue
        return f"{stat.st_size}:{stat.st_mtime_ns}" + (f":{stat.st_ctime_ns}" if changed else "")
    return "missing"


def _spellings(path: str) -> Iterable[str | Path]:
    yield path
    other = spelled_otherwise(Path(path))
    if other is not None:
        yield other
