"""Pictures that people get by hand: finding them by name, and saying where to ask for them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from hemm.core import BadData, HemmError, Layout, Media, Progress

SUFFIXES = (".jpg", ".jpeg", ".png")
_LARGEST = 1 << 28  # bytes


class Pictures:
    """Finds pictures by name below ``folder``: in ``places``, then in its other subfolders, then in the zip
    archives that lie there.

    Copies of a data set keep the same files in different folders; the place that had one is asked first for
    the next.
    """

    def __init__(self, folder: Path, *places: str) -> None:
        named = [folder / place for place in places]
        others = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        self._places = [p for p in dict.fromkeys((*named, *others)) if p.is_dir()] or [folder]
        self._archives = [folder, *self._places]
        self._packed: dict[str, Media] | None = None

    def _find(self, names: tuple[str, ...]) -> Media | None:
        for place in self._places:
            for name in names:
                path = place / name
                if path.is_file():
                    if place is not self._places[0]:
                        self._places.remove(place)
                        self._places.insert(0, place)
                    return Media.at(path)
        if self._packed is None:
            files = [f.resolve() for place in self._archives for f in sorted(place.glob("*.zip"))]
            self._packed = _members(dict.fromkeys(files))
        return next((m for name in names if (m := self._packed.get(PurePosixPath(name).name))), None)

    def has(self, *names: str) -> bool:
        """Whether there is a picture with one of ``names``."""
        return self._find(names) is not None

    def at(self, *names: str) -> Media:
        """The picture with one of ``names``; where there is none, one at the place it should have."""
        return self._find(names) or Media.at(self._places[0] / names[0])


def _members(archives: Iterable[Path]) -> dict[str, Media]:
    """The files in zip archives by their names without folders; of equal names the first."""
    found: dict[str, Media] = {}
    for file in archives:
        stamp = file.stat().st_mtime_ns
        for member in _archive(file, stamp).namelist():
            name = PurePosixPath(member).name
            if name.lower().endswith((*SUFFIXES, ".webp")) and not name.startswith("._"):
                found.setdefault(name, Media(load=partial(_unpacked, file, stamp, member), name=name))
    return found


@lru_cache(maxsize=8)
def _archive(file: Path, stamp: int) -> zipfile.ZipFile:
    """The open archive; ``stamp`` is the time at which it was written: another one is another archive."""
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise BadData(f"{file} is no zip archive that can be read: {error}") from None


def _unpacked(file: Path, stamp: int, member: str) -> bytes:
    archive = _archive(file, stamp)
    size = archive.getinfo(member).file_size
    if size > _LARGEST:
        raise BadData(f"{file}: {member} has {size} bytes, too many for a picture")
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadData(f"{file}: {member} cannot be unpacked: {error}") from None


def spellings(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> tuple[str, ...]:
    """The file names that ``name`` may stand for: itself, and its stem with each of ``suffixes``."""
    stem = name
    for suffix in (*SUFFIXES, ".webp"):
        stem = stem.removesuffix(suffix)
    spelled = [stem + suffix for suffix in suffixes]
    return tuple(dict.fromkeys((name, *spelled) if stem != name else (*spelled, name)))


@dataclass(frozen=True)
class ByHand:
    """Files that nobody may fetch unasked: they are read with ``--from`` alone.

    where  the address at which people get them; why  what stands in the way
    """

    where: str
    why: str
    layout: Layout
    ids: str = ""

    @property
    def name(self) -> str:
        return self.where

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Raises HemmError: says why."""
        raise HemmError(self.why)
