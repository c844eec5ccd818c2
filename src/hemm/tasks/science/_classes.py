"""Lists of splits beside pictures that lie in one folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path


def by_list(listing: Path, top: Path, class_of: Callable[[str], str]) -> Iterator[tuple[str, Path]]:
    """(class, picture) of the file names in a list, one a line, whether they are there or not.

    ``class_of`` tells the class from a file name without its ending.
    """
    for line in listing.read_text("utf-8-sig").splitlines():
        if name := Path(line.strip()).name:
            label = class_of(Path(name).stem)
            yield label, top / label / name


def sample_id(label: str, stem: str) -> str:
    """The file's own name; with its class where that is no part of it: other classes may have it too."""
    return stem if stem.startswith(label) else f"{label}-{stem}"
