"""Where a picture lies, for data sets whose copies keep pictures in different folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG")


class Places:
    """The folders below ``folder`` in which copies of a data set keep its files, as far as they are there.

    suffixes  endings that copies give the files; ``("",)`` where names are whole
    """

    def __init__(self, folder: Path, places: Sequence[str], suffixes: Sequence[str] = SUFFIXES) -> None:
        there = [place for place in places if (folder / place).is_dir()]
        self._folders = [os.path.join(folder, place) for place in there]
        named = next((place for place in there if place != "."), places[0])
        self._expected = folder / named
        self._suffixes = tuple(suffixes)

    def find(self, stem: str) -> Path:
        """The file of this name in the first folder that has it, else where it should be."""
        for folder in self._folders:
            for suffix in self._suffixes:
                path = os.path.join(folder, stem + suffix)
                if os.path.isfile(path):
                    return Path(path)
        return self._expected / (stem + self._suffixes[0])
