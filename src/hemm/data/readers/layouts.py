"""Finds the layout of a folder with original files, and recognises changes of files and readers."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from hemm.core import HemmError, Layout, Source, Task, digest
from hemm.core.code_digest import of_reader
from hemm.data.cache import CHANGED, PACK_FILE
from hemm.data.readers.file_finder import archives, below, is_own

_LOOKED_AT = 1000
"""Files that match a pattern, of which the folders are compared with those of other copies."""


def missing(folder: Path, layout: Layout) -> list[str]:
    """The layout's required paths and patterns that ``folder`` lacks."""
    return [pattern for pattern in layout.required if not _is_there(folder, pattern)]


def _is_there(folder: Path, pattern: str) -> bool:
    if any(c in pattern for c in "*?["):
        return next(below(folder, pattern), None) is not None
    return (folder / pattern).exists()


def match(task: Task, folder: Path) -> tuple[Path, Layout, Source]:
    """The folder to read, its layout and the source that has this layout.

    The files may be in ``folder``, one level below it, or (if ``folder`` is the top folder that the layout
    names) beside it. Layouts with specific names come before those with a pattern at any depth
    (``**/*.parquet``), which other data sets may match as well. Raises HemmError that names what is missing.
    """
    if not folder.is_dir():
        raise HemmError(f"--from {folder}: there is no such folder")
    lacking = []
    for source in sorted(task.sources, key=lambda s: any(r.startswith("**") for r in s.layout.required)):
        if not source.layout.required:
            continue
        place = find(folder, source.layout)
        if place is not None:
            return place, source.layout, source
        lacks = ", ".join(missing(folder, source.layout))
        if lacks not in lacking:
            lacking.append(lacks)
    if not lacking:
        raise HemmError(f"task {task.name} is not read from a folder: hemm prepare {task.name}")
    options = "; or ".join(lacking)
    message = f"--from {folder}: these are not the files of {task.name}: missing {options}"
    raise HemmError("; ".join(filter(None, (message, not_unpacked(folder)))))


def other_copies(task: Task, folder: Path, place: Path, layout: Layout) -> str:
    """What else below ``folder`` could have been read in place of ``layout`` in ``place``, and was not: a
    sentence; empty where there is nothing.

    Another copy shares no file or folder that its layout names with the one that is read.
    """
    read = _named(place, layout)
    others: dict[str, None] = {}
    for source in task.sources:
        for other in _places(folder, source.layout.required) if source.layout.required else ():
            if missing(other, source.layout):
                continue
            named = _named(other, source.layout)
            if not any(_overlap(one, two) for one in named for two in read):
                others[_shown(min(named), folder)] = None
    if not others:
        return ""
    return f"of several copies below {folder}, {_shown(min(read), folder)} is read, not {', '.join(others)}"


def _named(place: Path, layout: Layout) -> set[Path]:
    """The files and folders that the layout names; for a pattern, the folders with what it matches."""
    found: set[Path] = set()
    for pattern in layout.required:
        if any(c in pattern for c in "*?["):
            found |= {path.parent.resolve() for path in islice(below(place, pattern), _LOOKED_AT)}
        else:
            found.add((place / pattern).resolve())
    return found


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents


def _shown(path: Path, folder: Path) -> str:
    top = folder.resolve()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else str(path)


def not_unpacked(folder: Path) -> str:
    """A sentence on archives that may contain the missing files; empty without archives."""
    names = archives(folder)
    if not names:
        return ""
    more = f" or {len(names) - 3} more" if len(names) > 3 else ""
    return f"if they are in {' or '.join(names[:3])}{more}, unpack that first"


def find(folder: Path, layout: Layout) -> Path | None:
    """The folder at, beside or one level below ``folder`` that has everything the layout requires; None if
    none."""
    return next((p for p in _places(folder, layout.required) if not missing(p, layout)), None)


def _places(folder: Path, required: tuple[str, ...]) -> Iterator[Path]:
    yield folder
    if required and all(r.split("/")[0] == folder.resolve().name for r in required):
        yield folder.resolve().parent
    if folder.is_dir() and not (folder / PACK_FILE).is_file():
        yield from sorted(p for p in folder.iterdir() if p.is_dir() and not is_own(p))


def fingerprint(path: Path) -> str:
    """A digest that changes when a file at or below ``path`` is added, removed, resized or written.

    It ignores packs, hemm's cache and hidden folders.
    """
    return file_marks(path)["files"]


def file_marks(path: Path) -> dict[str, str]:
    """``files``: the digest of ``fingerprint``; ``cache.CHANGED``: one that changes as well
    with a file that came in the place of another and has its size and time of writing (from an archive)."""
    total, changed = hashlib.sha256(), hashlib.sha256()
    if path.is_file():
        stat = path.stat()
        total.update(f"{stat.st_size}:{stat.st_mtime_ns}".encode())
        changed.update(f"{stat.st_ctime_ns}".encode())
        return {"files": total.hexdigest()[:32], CHANGED: changed.hexdigest()[:32]}
    stack = [path]
    while stack:
        here = stack.pop()
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.is_dir(follow_symlinks=True):
                    if entry.name != "__pycache__" and not is_own(Path(entry.path)):
                        stack.append(Path(entry.path))
                    continue
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                line = f"{entry.path[len(str(path)) :]}:{stat.st_size}:{stat.st_mtime_ns}\n"
                total.update(line.encode("utf-8", "surrogateescape"))
                changed.update(f"{stat.st_ctime_ns}\n".encode())
    return {"files": total.hexdigest()[:32], CHANGED: changed.hexdigest()[:32]}


def reader_digest(layout: Layout) -> str:
    """Digest of the source file that defines the layout's reader: a changed reader makes a new pack."""
    read: object = layout.read
    arguments = ""
    while isinstance(read, functools.partial):
        arguments += repr((read.args, sorted(read.keywords.items())))
        read = read.func
    code = getattr(read, "__code__", None) or getattr(type(read).__call__, "__code__", None)
    version = _own_version(code.co_filename) if code else None
    if version is None:
        version = of_reader(read, code.co_filename if code else "")
    arguments = re.sub(r" at 0x[0-9a-fA-F]+", "", arguments)  # addresses differ from run to run
    return digest([version, arguments], 16)


@functools.cache
def _own_version(file: str) -> str | None:
    """The version of one of hemm's own reader files; None for any other file.

    A version is the digest that the file had in hemm 0.1.0, so that packs of 0.1.0 are current. A change in a
    reader's samples needs a change of its row in ``reader_versions.json``: packs are then prepared again.
    """
    home = Path(__file__).resolve().parents[2] / "tasks"
    path = Path(file).resolve()
    if not path.is_relative_to(home):
        return None
    versions: dict[str, str] = orjson.loads(Path(__file__).with_name("reader_versions.json").read_bytes())
    return versions.get(path.relative_to(home).with_suffix("").as_posix())
