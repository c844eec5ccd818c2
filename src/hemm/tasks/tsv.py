"""Tables in the TSV layout of VLMEvalKit: base64 pictures, question, hint, options A to Z, answer."""

from __future__ import annotations

import base64
import binascii
import re
import string
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

from hemm.core import BadData, Media
from hemm.data.readers.inline import inline_bytes
from hemm.data.readers.rows import csv_rows, objects
from hemm.tasks.cells import text_list
from hemm.tasks.columns import holds_media
from hemm.tasks.empty_cells import SPELLINGS
from hemm.tasks.user_tables import Table

LETTERS = tuple(string.ascii_uppercase)
_LOOK = 200
"""Rows that are looked at to see which columns are filled."""
_WEB = re.compile(r"\[?['\"]?(?:https?|file)://", re.IGNORECASE)
_SHORT = 64
"""Most characters of a picture cell that is the ``index`` of the row with the picture."""


def tsv_table(path: Path, picture: str = "image") -> Table:
    """A table in the TSV layout; one row of it is in memory at a time. ``picture``: the column of pictures.

    Pictures that other rows use are found by a pass before, and stored in a temporary file.
    """

    def rows() -> Iterator[tuple[str, dict[str, Any]]]:
        return objects(csv_rows(path, "\t"), f"{path}, line")

    cells = partial(_cells, borrowed=_Borrowed(path, picture))
    look = lambda: (row for _, row in islice(rows(), _LOOK))  # noqa: E731 (a reader of the first rows)
    return Table(rows, str(path), cells, "letter", look, empty=SPELLINGS)


def tsv_layout(columns: Iterable[str], said: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """What the TSV layout says of the columns of a table, but for those that its card maps."""
    mapped = {name for names in said.values() for name in names}
    parts = {"id": ("index",), "image": ("image", "image_path"), "choices": LETTERS, "stratum": ("category",)}
    found = {
        ours: tuple(name for name in theirs if name in columns and name not in mapped)
        for ours, theirs in parts.items()
    }
    return {ours: names for ours, names in found.items() if names}


def _cells(taken: dict[str, Any], rest: dict[str, Any], where: str, *, borrowed: _Borrowed) -> None:
    """Bring the cells of a row of the TSV layout into hemm's form."""
    for name in [name for name, value in rest.items() if value in ("", None)]:
        del rest[name]
    options = {letter: taken.pop(letter) for letter in LETTERS if letter in taken}
    if filled := {letter: text for letter, text in options.items() if text not in ("", None)}:
        taken["choices"] = filled
    index = taken.pop("index", "")
    if index:
        taken.setdefault("id", index)
    cell, paths = taken.pop("image", ""), taken.pop("image_path", "")
    if cell and not isinstance(cell, str):
        taken["images"] = cell
    elif cell and not _WEB.match(cell) and not holds_media(text_list(cell)):
        taken["images"] = _pictures(cell, index, borrowed, where)
    elif cell or paths:
        taken["images"] = text_list(cell or paths)
    answer = taken.pop("answer", None)
    if isinstance(answer, str) and answer:
        taken["answer"] = [answer] if taken.get("choices") else text_list(answer)
    category = taken.pop("category", "")
    if category:
        rest["category"] = category
        taken.setdefault("stratum", category)


def _pictures(cell: str, index: str, borrowed: _Borrowed, where: str) -> list[Media]:
    cells = text_list(cell)
    if len(cells) == 1 and _points(cells[0]):
        return borrowed.of(cells[0], where)
    return [Media(_decode(c, where), name=f"{index}{f'-{n}' if n else ''}") for n, c in enumerate(cells)]


def _points(cell: str) -> bool:
    """Whether a picture cell is the ``index`` of another row: short, and no picture itself."""
    return 0 < len(cell) <= _SHORT and not cell.startswith("data:") and inline_bytes(cell) is None


def _decode(cell: str, where: str) -> bytes:
    try:
        data = inline_bytes(cell)
        return base64.b64decode("".join(cell.split()), validate=True) if data is None else data
    except (binascii.Error, ValueError):
        raise BadData(f"{where}: field 'image' is no valid base64") from None


class _Borrowed:
    """Pictures that other rows use, in a temporary file that is removed when no sample refers to it."""

    def __init__(self, path: Path, column: str) -> None:
        self._path, self._column = path, column
        self._places: dict[str, list[tuple[int, int]]] | None = None
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def of(self, index: str, where: str) -> list[Media]:
        """The pictures of the row ``index``. Raises BadData where there is none."""
        if self._places is None:
            self._places = self._collect()
        if index not in self._places:
            raise BadData(f"{where}: field 'image' points to row {index!r}, which has no picture")
        return [
            Media(load=partial(self._read, *at), name=f"{index}{f'-{n}' if n else ''}")
            for n, at in enumerate(self._places[index])
        ]

    def _read(self, offset: int, size: int) -> bytes:
        assert self._file is not None
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def _collect(self) -> dict[str, list[tuple[int, int]]]:
        """Store every picture that another row uses, in two passes over the file."""
        cells = (row.get(self._column, "") for _, row in csv_rows(self._path, "\t"))
        pointed = {cell for cell in cells if _points(cell)}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, self._file.close)
        places: dict[str, list[tuple[int, int]]] = {}
        for line, row in csv_rows(self._path, "\t"):
            own = row.get(self._column, "")
            if row.get("index", "") in pointed and own and not _points(own):
                indices = places.setdefault(row["index"], [])
                for cell in text_list(own):
                    data = _decode(cell, f"{self._path}, line {line}")
                    indices.append((self._file.tell(), len(data)))
                    self._file.write(data)
        return places
