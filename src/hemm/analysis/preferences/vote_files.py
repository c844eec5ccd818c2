"""Files of votes: what hemm writes in its docs, what arenas publish, and the store of ``hemm annotate``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from hemm.analysis.annotations.votes import notes_on_voters, stored_votes, voters
from hemm.analysis.preferences.votes import Vote, Votes, each_vote, votes
from hemm.core import BadData, HemmError
from hemm.data.readers.rows import csv_rows, json_items, jsonl_rows, objects, parquet_rows
from hemm.results.annotations import FILE, Annotations, has_votes

FOLDER = "preferences"
"""Subfolder of a results folder with the votes."""
_ENDINGS = (".jsonl", ".csv", ".json", ".parquet")
_NAMED = ".jsonl, .csv, .json or .parquet"


def read_votes(path: Path) -> Votes:
    """Votes of a file, or of all such files in ``preferences/`` of a results folder (JSON lines, CSV, a JSON
    list, Parquet) and of its store, in which ``hemm annotate`` keeps them.

    Raises HemmError where there are none, BadData with file, line and field.
    """
    store: list[tuple[str, dict[str, Any]]] = []
    notes: list[str] = []
    if path.is_dir() or path.name == FILE:
        home = path if path.is_dir() else path.parent
        if has_votes(home):
            store, notes = _of_store(home)
    if path.name == FILE and path.is_file():
        files = []
    elif path.is_dir():
        folder = path / FOLDER if (path / FOLDER).is_dir() else path
        own = (path / FOLDER).is_dir() or not store
        files = sorted(p for p in folder.iterdir() if p.suffix in _ENDINGS) if own else []
        if not files and not store:
            raise HemmError(
                f"{folder}: no votes here; let people vote with hemm annotate, or put {_NAMED} files into "
                f"{path / FOLDER}"
            )
    elif path.is_file():
        files = [path]
    else:
        raise HemmError(f"{path}: there is no such file or folder")
    rows = chain(store, (row for file in files for row in _rows(file)))
    if (first := next(rows, None)) is None:
        raise BadData(f"{path}: there are no votes")
    found = votes(chain([first], rows))
    return replace(found, notes=(*found.notes, *notes))


def _of_store(folder: Path) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The votes of a folder's store, and notes on them and on those who voted."""
    store = Annotations(folder, reading=True)
    try:
        found, notes = stored_votes(store)
        return found, [*notes, *notes_on_voters(voters(store))]
    finally:
        store.close()


def single_votes(
    file: Path, asks: Callable[[Vote], str] | None = None
) -> tuple[list[tuple[str, Vote]], list[str]]:
    """(where, vote) of each row of a file, and notes; see ``each_vote``. Raises HemmError, and BadData with
    file, line and field of every row that is no vote."""
    if not file.is_file():
        raise HemmError(f"{file}: there is no such file")
    found, notes = each_vote(_rows(file), set(), asks)
    if not found:
        raise BadData(f"{file}: there are no votes")
    return found, notes


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
