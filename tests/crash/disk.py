"""A disk that loses power: of every file and folder it has what it was last told to keep, and no more.

``remember`` makes a process write down, at each fsync, what the file or folder holds at that moment.
``rebuild`` makes of these notes what stands after a power cut: names are those of the folder's last fsync,
contents those of the file's. A file system may have written more on its own; of a file that was appended to,
a seeded part of the rest is there, or zeros in its place.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from contextlib import suppress
from pathlib import Path


def remember(store: Path) -> None:
    """Make this process note in ``store`` what it has the disk keep."""
    store.mkdir(parents=True, exist_ok=True)

    def note(handle: int) -> None:
        kind, path = os.fstat(handle), Path(os.readlink(f"/proc/self/fd/{handle}"))
        into = store / str(kind.st_ino)
        new = into.with_name(f"{into.name}.new")
        if stat.S_ISDIR(kind.st_mode):
            new.write_text(json.dumps(_names(path)))
        else:
            with suppress(OSError):  # else another file could get its number
                os.link(path, into.with_name(f"{into.name}.held"))
            shutil.copyfile(f"/proc/self/fd/{handle}", new)
        os.replace(new, into)

    os.fsync = os.fdatasync = note  # type: ignore[assignment]


def rebuild(live: Path, store: Path, chance: random.Random) -> None:
    """Make of the folder ``live`` what a power cut leaves of it."""
    after = live.with_name(f"{live.name}.after")
    after.mkdir()
    contents = {entry.inode(): Path(entry.path) for entry in _files(live)}
    _folder(live.stat().st_ino, after, store, contents, chance)
    shutil.rmtree(live)
    after.rename(live)
    shutil.rmtree(store)  # the files have other numbers from here on: what stands is kept
    store.mkdir()
    for path in (live, *live.rglob("*")):
        if path.is_dir():
            (store / str(path.stat().st_ino)).write_text(json.dumps(_names(path)))
        else:
            shutil.copyfile(path, store / str(path.stat().st_ino))


def _names(folder: Path) -> dict[str, tuple[int, bool]]:
    """What is in a folder: its number, and whether it is a folder too. A file that is gone since, and was
    never synced, left nothing else to tell it by."""
    return {entry.name: (entry.inode(), entry.is_dir()) for entry in os.scandir(folder)}


def _files(folder: Path) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    for entry in os.scandir(folder):
        found += _files(Path(entry.path)) if entry.is_dir() else [entry]
    return found


def _folder(number: int, into: Path, store: Path, contents: dict[int, Path], chance: random.Random) -> None:
    noted = store / str(number)
    for name, (inner, is_folder) in (json.loads(noted.read_text()) if noted.exists() else {}).items():
        if is_folder:
            (into / name).mkdir()
            _folder(inner, into / name, store, contents, chance)
            continue
        kept = store / str(inner)
        data = kept.read_bytes() if kept.exists() else b""
        now = contents[inner].read_bytes() if inner in contents else data
        if len(now) > len(data) and now.startswith(data):  # appended to
            more = chance.randrange(len(now) - len(data) + 1)
            data = chance.choice((data, now[: len(data) + more], data + bytes(more)))
        (into / name).write_bytes(data)
