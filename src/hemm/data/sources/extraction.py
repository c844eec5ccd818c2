"""Unpacks downloaded archives safely: nothing is written outside the target folder."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from hemm.core import BadData, HemmError, storable
from hemm.data.files import replacing, sync_folder, temporary_folder
from hemm.data.tar import open_tar
from hemm.data.zips import MOST, open_zip

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold: one that holds more is not unpacked (BadData).

    max_bytes   of all its files together
    max_ratio   unpacked bytes for each packed byte; looked at from ``free_bytes`` on
    free_bytes  what may be unpacked at any ratio
    max_files   number of its files and folders (of a zip at most 4,000,000)

    >>> small = Limits(max_bytes=4 << 30, max_files=20_000)  # 4 GiB
    >>> small.max_ratio
    250.0
    """

    max_bytes: int = 2 << 40
    max_ratio: float = 250.0
    free_bytes: int = 256 << 20
    max_files: int = 20_000_000


def extract(archive: Path, into: Path, limits: Limits | None = None, password: str = "") -> Path:
    """Unpack a zip or tar (also gzip, bzip2, xz) as the folder ``into``; returns it.

    ``into`` appears complete or not at all; where it exists, nothing is done. Raises BadData for a damaged
    archive, an absolute path, ``..``, a link or a device, or too much content; HemmError where the disk is
    too full.
    """
    if into.is_dir():
        return into
    limits = limits or Limits()
    into.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(into.parent) as work:
        target = work / "x"
        target.mkdir()
        try:
            if zipfile.is_zipfile(archive):
                _unzip(archive, target, limits, password)
            else:
                _untar(archive, target, limits)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == 28:
                raise HemmError(f"the disk is full: {archive.name} cannot be unpacked to {into}") from error
            raise BadData(f"{archive} cannot be unpacked: {storable(str(error))}") from error
        except Exception as error:  # zlib.error and lzma.LZMAError have no common base
            if isinstance(error, HemmError):
                raise
            raise BadData(f"{archive} cannot be unpacked: {storable(str(error))}") from error
        target.replace(into)
    sync_folder(into.parent)
    return into


def merge(unpacked: Path, into: Path) -> None:
    """Add all files below ``unpacked`` to ``into``, as hard links (or copies if the disk has no links)."""
    for folder, _, names in os.walk(unpacked):
        for name in names:
            place = Path(folder) / name
            merge_file(place, into / place.relative_to(unpacked))


def merge_file(file: Path, place: Path) -> None:
    """Add ``file`` at ``place`` unless there is one already."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except FileExistsError:
        return
    except OSError:
        with replacing(place) as work:
            shutil.copyfile(file, work)


def _unzip(archive: Path, target: Path, limits: Limits, password: str) -> None:
    with open_zip(archive, min(limits.max_files, MOST)) as packed:
        entries = packed.infolist()
        count = _Count(archive, limits, target)
        count.announce(len(entries), sum(e.file_size for e in entries))
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadData(f"{archive}: {entry.filename!r} is a link or a device; not unpacked")
            place = _place(archive, target, entry.filename)
            if entry.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            with packed.open(entry, pwd=password.encode() or None) as source:
                _write(source, place, count)


def _untar(archive: Path, target: Path, limits: Limits) -> None:
    count = _Count(archive, limits, target)
    try:
        opened = open_tar(archive, count.unpack)
    except tarfile.ReadError:
        raise BadData(f"{archive} is neither a zip nor a tar archive") from None
    number = 0
    with opened as packed:
        while (entry := packed.next()) is not None:
            packed.members = []  # type: ignore[attr-defined]  # else it keeps every header
            number += 1
            count.announce(number, entry.size)
            place = _place(archive, target, entry.name)
            if entry.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            if not entry.isreg():
                raise BadData(f"{archive}: {entry.name!r} is a link or a device; not unpacked")
            source = packed.extractfile(entry)
            assert source is not None
            _write(source, place, count)


class _Count:
    """Counts the bytes and files written, to check the limits; sizes in headers may be wrong."""

    def __init__(self, archive: Path, limits: Limits, target: Path) -> None:
        self.archive, self.limits, self.target = archive, limits, target
        self.packed = archive.stat().st_size
        self.written = self.unpacked = 0

    def unpack(self, size: int) -> None:
        """Count what was unpacked of a tar, its headers too."""
        self.unpacked += size
        self._check(self.unpacked)

    def announce(self, files: int, size: int) -> None:
        if files > self.limits.max_files:
            raise BadData(f"{self.archive} holds more than {self.limits.max_files} files; not unpacked")
        self._check(self.written + size)
        if size > shutil.disk_usage(self.target).free:
            raise HemmError(
                f"{self.archive.name} needs {size / 1e9:.1f} GB; {self.target.parent.parent} has less free"
            )

    def add(self, size: int) -> None:
        self.written += size
        self._check(self.written)

    def _check(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise BadData(f"{self.archive} unpacks to more than {self.limits.max_bytes} bytes; not unpacked")
        if size > max(self.limits.free_bytes, self.limits.max_ratio * self.packed):
            raise BadData(
                f"{self.archive} unpacks to more than {self.limits.max_ratio:g} times its size; not unpacked"
            )


def _place(archive: Path, target: Path, name: str) -> Path:
    """The path of a member. Raises BadData for a name that leads out of ``target``."""
    posix = name.replace("\\", "/")
    path = PurePosixPath(posix)
    drive = len(posix) > 1 and posix[1] == ":"
    if path.is_absolute() or drive or ".." in path.parts or "\0" in name:
        raise BadData(f"{archive}: the path {storable(name)!r} leads out of the archive; not unpacked")
    return target.joinpath(*path.parts)


def _write(source: IO[bytes], place: Path, count: _Count) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as out:
        for chunk in _chunks(source):
            count.add(len(chunk))
            out.write(chunk)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
