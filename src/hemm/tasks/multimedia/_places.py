"""Where a picture lies, for data sets whose copies keep pictures in different folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG")


def picture_path(folder: Path, places: Sequence[str], stem: str, suffixes: Sequence[str] = SUFFIXES) -> Path:
    """The file ``stem`` with one of ``suffixes`` in the first of ``places`` below ``folder`` that has it.

    Where none has it: the path it should have, in the first of the places that is there at all.
    """
    for place in places:
        for suffix in suffixes:
            path = folder / place / f"{stem}{suffix}"
            if path.is_file():
                return path
    there = next((place for place in places if place and (folder / place).is_dir()), places[0])
    return folder / there / f"{stem}{suffixes[0]}"
