"""Screens of RICO (Deka et al. 2017), which the HCI data sets annotate: their ids, tables and screenshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hemm.core import BadData, Media
from hemm.data.rows import csv_rows


def screen_id(value: object, where: str) -> str:
    """A screen's number as text without blanks; ``12``, ``"12"`` and ``12.0`` are the same screen."""
    text = str(value).strip().removesuffix(".0")
    if not text.isdecimal():
        raise BadData(f"{where}: {str(value)!r} is not a screen's number")
    return text


def table_rows(path: Path, required: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(file and line, for messages; row) of a CSV file, blanks around names and cells removed; empty rows are
    passed over. Raises BadData where a required column is missing."""
    wanted = tuple(required)
    for line, cells in csv_rows(path):
        row = {name.strip(): value.strip() for name, value in cells.items()}
        lacking = [name for name in wanted if name not in row]
        if lacking:
            raise BadData(f"{path}, line 1: no column {lacking[0]!r}; there are {', '.join(row)}")
        if any(row.values()):
            yield f"{path}, line {line}", row


class Screenshots:
    """Pictures of screens (JPEG as published, else PNG), in those of ``places`` below ``folder`` that exist.

    A screen without a picture gets the path where it should be.
    """

    def __init__(self, folder: Path, places: Sequence[str]) -> None:
        self._roots = [folder / place for place in places if (folder / place).is_dir()]
        self._default = next((root for root in self._roots if root != folder), folder / places[0])

    def of(self, screen: str) -> Media:
        for kind in ("jpg", "jpeg", "png"):
            for root in self._roots:
                file = root / f"{screen}.{kind}"
                if file.is_file():
                    return Media.at(file)
        return Media.at(self._default / f"{screen}.jpg")
