"""The results folder as the explorer sees it: the cells below it, read without following a link.

Results may be somebody else's. A link in them could lead to any file of the user: a folder that is a link is
not entered, and a cell that holds one is not shown. Both are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hemm.core import BadData, HemmError, digest, storable
from hemm.results import layout
from hemm.results.read import Cell, cell

Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of the last change and size of each file of a cell that says what it holds."""

_LINKED = "is a link to somewhere else: the explorer does not follow it"


@dataclass(frozen=True)
class FoundCell:
    """A cell below the folder, or why it is not shown.

    place    its folder, as seen from the results folder
    key      of the place, for addresses: 12 hex digits
    problem  empty: it is shown
    """

    place: str
    key: str
    cell: Cell | None
    problem: str = ""


class ResultsFolder:
    """``root`` with its cells. ``cells()`` looks anew and reads again what changed."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._known: dict[Path, tuple[Stamp, FoundCell]] = {}

    def cells(self) -> tuple[list[FoundCell], list[str]]:
        """The cells, ordered by folder, and notes on what was not entered."""
        links: list[str] = []
        found: list[FoundCell] = []
        known: dict[Path, tuple[Stamp, FoundCell]] = {}
        for folder in self._folders(links):
            stamp = _stamp(folder)
            earlier = self._known.get(folder)
            known[folder] = earlier if earlier and earlier[0] == stamp else (stamp, self._read(folder))
            found.append(known[folder][1])
        self._known = known
        return found, links

    def known(self) -> list[tuple[Path, FoundCell]]:
        """The cells of the last look, with their folders."""
        return [(folder, found) for folder, (_, found) in self._known.items()]

    def _folders(self, links: list[str]) -> Iterator[Path]:
        for here, names, files in os.walk(self.root):
            folder = Path(here)
            links += [f"{self._place(folder / n)} {_LINKED}" for n in names if (folder / n).is_symlink()]
            if layout.RUN in files:
                names.clear()
                yield folder
            names[:] = sorted(n for n in names if n != layout.SHARDS and not n.startswith("."))

    def _place(self, path: Path) -> str:
        return storable(path.relative_to(self.root).as_posix())

    def _read(self, folder: Path) -> FoundCell:
        place = self._place(folder)
        key = digest(place, 12)
        try:
            for path in _files(folder):
                if path.is_symlink():
                    raise BadData(f"{self._place(path)} {_LINKED}")
            return FoundCell(place, key, cell(folder))
        except (HemmError, OSError) as error:
            return FoundCell(place, key, None, self.words(error))

    def words(self, error: Exception) -> str:
        """An error with paths as seen from the folder, as a page may show it."""
        return storable(str(error)).replace(f"{storable(str(self.root))}{os.sep}", "")


def _files(folder: Path) -> Iterator[Path]:
    """What a cell holds, but for the pictures in ``media``."""
    for path in sorted(folder.iterdir()):
        yield path
        if path.name in (layout.ANSWERS, layout.SCORES, layout.MEDIA) and not path.is_symlink():
            yield from path.iterdir()


def _stamp(folder: Path) -> Stamp:
    found = []
    for name in (
        layout.RUN,
        f"{layout.SCORES}/{layout.AGGREGATES}",
        layout.UNSCORED,
        layout.ANSWERS,
        layout.SCORES,
    ):
        try:
            facts = os.lstat(folder / name)
        except OSError:
            continue
        found.append((name, facts.st_mtime_ns, facts.st_size))
    return tuple(found)
