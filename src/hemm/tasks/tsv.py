"""Tables in the TSV layout of VLMEvalKit: base64 pictures, question, hint, options A to Z, answer."""

from __future__ import annotations

import ast
import base64
import binascii
import string
import tempfile
import threading
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from hemm.core import BadData, Media, Sample
from hemm.data.readers.rows import csv_rows, objects
from hemm.tasks.user_rows import Rules, renamed, to_sample

LETTERS = tuple(string.ascii_uppercase)
_SHORT = 64
"""Most characters of a picture cell that is the ``index`` of the row with the picture."""


def read_tsv(path: Path, rules: Rules) -> Iterator[Sample]:
    """Samples of a TSV file; one row is in memory at a time.

    A first pass finds rows that use another row's picture, and stores these pictures in a temporary file.
    Raises BadData with file, line and field.
    """
    borrowed = _Borrowed(path)
    table = csv_rows(path, "\t", required=() if rules.columns else ("question",))
    for where, row in objects(table, f"{path}, line"):
        sample = to_sample(_fields(renamed(row, rules, where), borrowed, where), rules, where)
        if sample is not None:
            yield sample


def first_row(path: Path) -> dict[str, str]:
    """The first row, to see which columns are filled; empty for a table without rows."""
    return next((row for _, row in csv_rows(path, "\t")), {})


def _fields(row: dict[str, Any], borrowed: _Borrowed, where: str) -> dict[str, Any]:
    """A row of the TSV layout with hemm's names."""
    fields = {k: v for k, v in row.items() if k not in LETTERS and v != ""}
    letters = [letter for letter in LETTERS if row.get(letter, "") != ""]
    if letters:
        fields["choices"] = [row[letter] for letter in letters]
    index = fields.pop("index", "")
    if index:
        fields.setdefault("id", index)
    cell, paths = fields.pop("image", ""), fields.pop("image_path", "")
    if cell:
        fields["images"] = _pictures(cell, index, borrowed, where)
    elif paths:
        fields["images"] = text_list(paths)
    answer = fields.pop("answer", None)
    if answer is not None:
        fields["answers"] = _answers(answer, letters, row, where)
    if "category" in fields:
        fields.setdefault("stratum", fields["category"])
    return fields


def _answers(answer: str, letters: list[str], row: dict[str, Any], where: str) -> list[str]:
    if not letters:
        return text_list(answer)
    if answer in letters:
        return [row[answer]]
    if answer in [row[letter] for letter in letters]:
        return [answer]
    raise BadData(f"{where}: field 'answer' is {answer!r:.60}, no option of {', '.join(letters)}")


def text_list(cell: str) -> list[str]:
    """The texts of a cell: a list written as ``['a', 'b']``, or the cell itself."""
    if cell.startswith("[") and cell.endswith("]"):
        try:
            value = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [cell]
        if isinstance(value, list) and value and all(isinstance(v, str | int | float) for v in value):
            return [str(v) for v in value]
    return [cell]


def _pictures(cell: str, index: str, borrowed: _Borrowed, where: str) -> list[Media]:
    cells = text_list(cell)
    if len(cells) == 1 and len(cells[0]) <= _SHORT:
        return borrowed.of(cells[0], where)
    return [Media(_decode(c, where), name=f"{index}{f'-{n}' if n else ''}") for n, c in enumerate(cells)]


def _decode(cell: str, where: str) -> bytes:
    text = cell.partition(",")[2] if cell.startswith("data:") else cell
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadData(f"{where}: field 'image' is no valid base64") from None


class _Borrowed:
    """Pictures that other rows use, in a temporary file that is removed when no sample refers to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
        cells = (row.get("image", "") for _, row in csv_rows(self._path, "\t"))
        pointed = {cell for cell in cells if 0 < len(cell) <= _SHORT}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, self._file.close)
        places: dict[str, list[tuple[int, int]]] = {}
        for line, row in csv_rows(self._path, "\t"):
            if row.get("index", "") in pointed and len(row["image"]) > _SHORT:
                indices = places.setdefault(row["index"], [])
                for cell in text_list(row["image"]):
                    data = _decode(cell, f"{self._path}, line {line}")
                    indices.append((self._file.tell(), len(data)))
                    self._file.write(data)
        return places
