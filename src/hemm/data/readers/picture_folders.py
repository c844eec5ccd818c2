"""Folders of pictures: with ``metadata`` as the hub's ImageFolder has it, or one folder for each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemm.data.readers.file_finder import is_own
from hemm.data.readers.webdataset import MEDIA_ENDINGS

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
SPLITS = ("test", "validation", "val", "valid", "dev", "eval", "train")
"""Names of folders that are splits, the one that is asked by default first."""


@dataclass(frozen=True)
class Part:
    """A folder of pictures, and the split that it is; empty: there are none."""

    folder: Path
    split: str = ""


def metadata_parts(folder: Path) -> list[tuple[Part, Path]]:
    """The metadata files of a folder's splits; empty where not every one has its own."""
    parts = _splits(folder)
    files = [next((p.folder / n for n in METADATA if (p.folder / n).is_file()), None) for p in parts]
    return [] if None in files else [(p, f) for p, f in zip(parts, files, strict=True) if f]


def class_parts(folder: Path) -> tuple[list[Part], tuple[str, ...]]:
    """The folders with a folder for each class, one for each split or one in all, and the classes' names;
    empty where pictures do not lie so."""
    parts = _splits(folder) or [Part(folder)]
    by_part = [(part, classes_in(part.folder)) for part in parts]
    names = sorted({name for _, classes in by_part for name in classes})
    return [part for part, classes in by_part if classes], tuple(names)


def classes_in(folder: Path) -> list[str]:
    """The names of the folders in ``folder`` that have pictures."""
    return [p.name for p in _folders(folder) if next(_pictures(p), None) is not None]


def class_rows(folder: Path, parts: Sequence[Part]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of each picture: ``image`` (below ``folder``), its class as ``answer``, its split."""
    for part in parts:
        for place in _folders(part.folder):
            for file in _pictures(place):
                name = file.relative_to(folder).as_posix()
                yield str(file), {"id": name, "image": name, "answer": place.name, "split": part.split}


def _splits(folder: Path) -> list[Part]:
    """The folders that are splits, where all are."""
    parts = [Part(p, p.name) for p in _folders(folder)]
    return parts if parts and all(p.split in SPLITS for p in parts) else []


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not is_own(p))


def _pictures(folder: Path) -> Iterator[Path]:
    files = (p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith("."))
    return (p for p in files if MEDIA_ENDINGS.get(p.suffix.lower()[1:]) == "image")
