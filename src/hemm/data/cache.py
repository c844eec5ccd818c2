"""The cache folder (``HEMM_CACHE``): prepared packs, the index that says which one is current, downloads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from hemm.core import slug
from hemm.data.files import write_atomic

INDEX = "current.json"
PACK_FILE = "pack.json"


def root() -> Path:
    """``HEMM_CACHE``, else ``hemm`` in the user's cache folder (``~/.cache``)."""
    named = os.environ.get("HEMM_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "hemm"


def task_folder(task: str) -> Path:
    """Where the packs of a task lie: one folder a pack, and the index file."""
    return root() / "packs" / slug(task)


def download_folder(source: str) -> Path:
    """Where the files of a source are downloaded to; tasks and variants that share a source share it."""
    return root() / "downloads" / slug(source)


def entry(task: str) -> Mapping[str, Any] | None:
    """The index entry of a task: ``pack`` (folder name), ``origin`` (what it was made from), or None."""
    try:
        found = orjson.loads((task_folder(task) / INDEX).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("pack"), str) else None


def current(task: str) -> Path | None:
    """The folder of the current pack of a task, or None."""
    found = entry(task)
    if found is None:
        return None
    folder = task_folder(task) / str(found["pack"])
    return folder if folder.is_dir() else None


def set_current(task: str, pack: str, origin: Mapping[str, Any]) -> None:
    """Make the pack in folder ``pack`` the task's current one; readers see the old entry or the new one."""
    value = {"task": task, "pack": pack, "origin": dict(origin)}
    write_atomic(task_folder(task) / INDEX, orjson.dumps(value, option=orjson.OPT_INDENT_2))
