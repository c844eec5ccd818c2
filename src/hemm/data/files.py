"""Files and folders: atomic writes, locks between processes, temporary folders that are always removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hemm.core import BadData

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    import pyarrow as pa

_SMALL = 1 << 20
_STALE = 24 * 3600.0  # seconds; only where the system has no advisory locks


TEMPORARY = ".tmp"
"""Suffix of a file that is being written, after the number of the writing process."""

TEMPORARY_FOLDER = ".tmp-"
"""Prefix of a folder that is being written."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that is renamed to ``path`` when the block ends without an exception.

    The file is flushed to disk before it is renamed, and the rename before this returns: after any crash,
    readers see the old file or the new one. After an exception ``path`` is unchanged. Raises OSError naming
    ``path`` where the disk is full.
    """
    make_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:  # Arrow names no file
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    sync_folder(path.parent)


def write_atomic(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there, so that they survive a power loss."""
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in made:
        sync_folder(folder.parent)


def sync_data(handle: int) -> None:
    """Have the disk keep what was written to an open file. Raises OSError where it cannot."""
    getattr(os, "fdatasync", os.fsync)(handle)  # macOS and Windows have no fdatasync


def sync_folder(path: Path) -> None:
    """Make names created in this folder survive a power loss, if the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_tree(path: Path) -> None:
    """Flush every file below ``path`` to disk."""
    for file in sorted(path.rglob("*")):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        else:
            sync_folder(file)
    sync_folder(path)


def usable_cores() -> int:
    """The cores that this process may use, of those that the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _try_lock(handle: int, wait: bool) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock file ``path`` and hold it. It is released when its process ends in any way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        _try_lock(handle, wait=True)
        if _is_at(handle, path):
            break
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path`` (a cleaner may have removed it meanwhile)."""
    try:
        current, held = path.stat(), os.fstat(handle)
    except FileNotFoundError:
        return False
    return (current.st_dev, current.st_ino) == (held.st_dev, held.st_ino)


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent``, removed at the end unless it was renamed.

    Folders of ended processes are removed first; those of running ones are recognised by a lock file that the
    owner holds.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_stale(parent)
    folder = parent / f"{TEMPORARY_FOLDER}{uuid.uuid4().hex[:12]}"
    lock = folder.with_suffix(".lock")
    with locked(lock):
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def remove_stale(parent: Path) -> None:
    """Remove temporary folders of ended processes in ``parent``."""
    for entry in [*parent.glob(f"{TEMPORARY_FOLDER}*"), *parent.glob(".old-*")]:
        if entry.suffix == ".lock" and entry.with_suffix("").exists():
            continue
        lock = entry if entry.suffix == ".lock" else entry.with_suffix(".lock")
        _remove_if_dead(entry, lock)


def _remove_if_dead(entry: Path, lock: Path) -> None:
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        if entry.is_dir():  # the lock is made before its folder and removed after it
            shutil.rmtree(entry, ignore_errors=True)
        return
    try:
        young = sys.platform == "win32" and time.time() - lock.stat().st_mtime < _STALE
        if not young and _try_lock(handle, wait=False):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            lock.unlink(missing_ok=True)
    finally:
        os.close(handle)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file as a table. pyarrow's own ``read_table`` imports its data set module, and pandas.

    Raises FileNotFoundError, and BadData naming a file that is damaged: pages are checked by their checksums,
    where they have such.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            # for a small file, threads take longer than what they share
            return file.read(columns=columns, use_threads=path.stat().st_size > _SMALL)
    except FileNotFoundError:
        raise
    except Exception as error:  # Arrow raises many kinds for damaged files
        raise BadData(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error


def parquet_columns(path: Path) -> list[str]:
    """The names of a Parquet file's columns."""
    import pyarrow.parquet as pq

    return list(pq.read_schema(path).names)
