"""Files of votes: what hemm writes in its docs, and what arenas publish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hemm.analysis.preferences.votes import Votes, votes
from hemm.core import BadData, HemmError
from hemm.data.readers.rows import csv_rows, json_items, jsonl_rows, objects, parquet_rows

FOLDER = "preferences"
"""Subfolder of a results folder with the votes."""
_ENDINGS = (".jsonl", ".csv", ".json", ".parquet")
_NAMED = ".jsonl, .csv, .json or .parquet"


def read_votes(path: Path) -> Votes:
    """Votes of a file, or of all such files in ``preferences/`` of a results folder: JSON lines, CSV, a JSON
    list, Parquet.

    Raises HemmError where there are none, BadData with file, line and field.
    """
    if path.is_dir():
        folder = path / FOLDER if (path / FOLDER).is_dir() else path
        files = sorted(p for p in folder.iterdir() if p.suffix in _ENDINGS)
        if not files:
            raise HemmError(f"{folder}: no votes here; put {_NAMED} files into {path / FOLDER}")
    elif path.is_file():
        files = [path]
    else:
        raise HemmError(f"{path}: there is no such file or folder")
    rows = (row for file in files for row in _rows(file))
    if (first := next(rows, None)) is None:
        raise BadData(f"{path}: there are no votes")
    return votes(chain([first], rows))


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file.suffix == ".json":
        yield from objects(json_items(file), f"{file}, entry")
    elif file.suffix == ".parquet":
        yield from objects(enumerate(parquet_rows([file]), 1), f"{file}, row")
    elif file.suffix in _ENDINGS:
        rows = jsonl_rows(file) if file.suffix == ".jsonl" else csv_rows(file)
        yield from objects(rows, f"{file}, line")
    else:
        raise HemmError(f"{file}: votes are {_NAMED} files")
