"""Pictures that people get by hand: finding them by name, and saying where to ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hemm.core import HemmError, Layout, Media, Progress

SUFFIXES = (".jpg", ".jpeg", ".png")


class Pictures:
    """Finds pictures by name below ``folder``: in ``places``, then in its other subfolders.

    Copies of a data set keep the same files in different folders; the place that had one is asked first for
    the next.
    """

    def __init__(self, folder: Path, *places: str) -> None:
        named = [folder / place for place in places]
        others = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
        self._places = [p for p in dict.fromkeys((*named, *others)) if p.is_dir()] or [folder]

    def find(self, *names: str) -> Path | None:
        """The first file that is there under one of ``names``, or None."""
        for place in self._places:
            for name in names:
                path = place / name
                if path.is_file():
                    if place is not self._places[0]:
                        self._places.remove(place)
                        self._places.insert(0, place)
                    return path
        return None

    def at(self, *names: str) -> Media:
        """The picture with one of ``names``; where there is none, one at the place it should have."""
        return Media.at(self.find(*names) or self._places[0] / names[0])


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
