"""The cache folder (``HEMM_CACHE``): prepared packs, the index that says which one is current, downloads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from hemm.core import Task, digest, redact, slug
from hemm.core.from_files import PLAIN
from hemm.core.secrets import refuse_in_name
from hemm.data.files import write_atomic

INDEX = "current.json"
PACK_FILE = "pack.json"
CODE = "code"
"""The folder that says which Python files the user named."""
OWN: Mapping[str, Any] = {}
"""The origin of hemm's own data sets, which their name tells."""

COLUMNS_TOLD = "columns_told"
"""The key of the index entry of a user's task whose columns with hemm's names are read as its card says."""
CHOICES = "choices"
"""The key that says whether every row of a user's data has choices."""

CHANGED = "changed"
"""In what a pack was made from: when its files last changed. Entries of hemm 0.1.0 do not say it."""


def root() -> Path:
    """``HEMM_CACHE``, else ``hemm`` in the user's cache folder (``~/.cache``)."""
    named = os.environ.get("HEMM_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "hemm"


def task_folder(task: str, origin: Mapping[str, Any] = OWN) -> Path:
    """Where the packs of a task lie: one folder a pack, and the index file.

    Tasks of one name and other origins (``Task.origin``) have folders of their own; hemm's own data sets,
    whose origin is empty, have the one of their name.
    """
    if origin:  # those of hemm's own are no secret
        refuse_in_name(task, "the name of a task")
    name = slug(task)
    return root() / "packs" / (f"{name}-{digest(dict(origin), 12)}" if origin else name)


def remember_code(file: Path) -> None:
    """Keep that the user named this Python file on this machine: results that name it may run it again."""
    place = str(file.expanduser().resolve())
    kept = root() / CODE / digest(place, 32)
    if not kept.exists():
        with suppress(OSError):  # a cache that cannot be written to: the user names it again
            write_atomic(kept, place.encode())


def knows_code(file: Path) -> bool:
    """Whether the user named this Python file on this machine before. Results and run.json may be somebody
    else's: what they name is not run for that alone."""
    return (root() / CODE / digest(str(file.expanduser().resolve()), 32)).is_file()


def packs_of_content(task: str, content: str) -> list[Path]:
    """Folders of packs of this name, of any origin, that should have this hash of their content."""
    folders = [task_folder(task), *(root() / "packs").glob(f"{slug(task)}-{'[0-9a-f]' * 12}")]
    return sorted(pack for folder in folders for pack in folder.glob(f"{content[:16]}-*"))


def download_folder(source: str) -> Path:
    """The folder for a source's downloads, which tasks and variants with this source share."""
    return root() / "downloads" / slug(redact(source))  # an address may be signed


def entry(task: str, origin: Mapping[str, Any] = OWN) -> Mapping[str, Any] | None:
    """The index entry of a task: ``pack`` (folder name), ``origin`` (what it was made from), or None."""
    try:
        found = orjson.loads((task_folder(task, origin) / INDEX).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    if not isinstance(found, dict) or not PLAIN.fullmatch(str(found.get("pack"))):
        return None
    return found if found.get("task") == task else None  # of two names that fold to one folder


def as_kept(now: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """``now``, what is seen of files, to be compared with the origin of the index entry ``found``: without
    what that entry does not keep."""
    kept = found.get("origin") or {}
    return {key: value for key, value in now.items() if key != CHANGED or key in kept}


def current(task: str, origin: Mapping[str, Any] = OWN) -> Path | None:
    """The folder of the current pack of a task, or None."""
    found = entry(task, origin)
    if found is None:
        return None
    folder = task_folder(task, origin) / str(found["pack"])
    return folder if folder.is_dir() else None


def set_current(
    task: Task, pack: str, made_from: Mapping[str, Any], made_how: Mapping[str, Any], **facts: Any
) -> None:
    """Make the pack in folder ``pack`` the task's current one; readers see the old entry or the new one.

    ``made_how`` is kept in every entry, ``facts`` in that of a user's task.
    """
    value = {"task": task.name, "pack": pack, "origin": dict(made_from), **made_how}
    if task.origin:
        value |= {"task_origin": dict(task.origin), **facts}
    index = task_folder(task.name, task.origin) / INDEX
    write_atomic(index, orjson.dumps(value, option=orjson.OPT_INDENT_2))
