"""The tables that a user's file or folder holds: JSON, CSV, Parquet, shards, folders of pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError
from hemm.data.readers.json_stream import json_items
from hemm.data.readers.picture_folders import SPLITS, class_parts, class_rows, metadata_parts
from hemm.data.readers.rows import class_names, column_names, csv_rows, jsonl_rows, objects, parquet_rows
from hemm.data.readers.webdataset import webdataset_rows
from hemm.tasks.cards import CARD, UserCard
from hemm.tasks.columns import Said, read_columns
from hemm.tasks.empty_cells import SPELLINGS
from hemm.tasks.user_rows import Rules
from hemm.tasks.user_tables import Row, Table

TABLES = (".jsonl", ".tsv", ".json", ".csv", ".parquet", ".tar")
"""Endings of files that hold rows, in the order in which a folder is searched for them."""
_LOOK = 64
"""Rows of a Parquet file that are looked at to see which columns are filled."""


@dataclass(frozen=True)
class Found:
    """What holds the rows of a user's data.

    kind    as the origin of the task names it
    file    the file that the rows are known by, or the folder
    table   gives the rows
    card    the card, with what the form of the data says besides
    """

    kind: str
    file: Path
    table: Callable[[], Table]
    card: UserCard = field(default_factory=UserCard)


def suffix(path: Path | str) -> str:
    """The ending by which a file is read; empty: none that holds rows."""
    name = str(path).lower()
    return next((s for s in TABLES if name.endswith(s)), "")


def table_file(file: Path) -> Callable[[], Table]:
    """What gives the table of a file. Raises HemmError for one that is not read in place."""
    kind = suffix(file)
    if kind == ".parquet":
        return partial(parquet_table, [file], str(file))
    if kind == ".tar":
        return partial(_shards, [file])
    return partial(_rows_table, file, kind)


def _rows_table(file: Path, kind: str) -> Table:
    if kind == ".csv":
        return Table(
            lambda: objects(csv_rows(file), f"{file}, line"), str(file), _without_blanks, empty=SPELLINGS
        )
    if kind == ".json" and not _is_lines(file):
        return Table(lambda: objects(_entries(file), f"{file}, entry"), str(file))
    return Table(lambda: objects(jsonl_rows(file), f"{file}, line"), str(file))


def _entries(file: Path) -> Iterator[tuple[int, Any]]:
    first, lists = "", []
    for number, entry in json_items(file):
        if isinstance(number, int):
            yield number, entry
            continue
        first = first or number
        if isinstance(entry, list) and entry and isinstance(entry[0], dict):
            lists.append(repr(number))
    if first:
        held = f" (lists are in {', '.join(lists)}: write their rows as one)" if lists else ""
        raise BadData(f"{file}: a list of rows is expected, not an object with {first!r}{held}")


def _is_lines(file: Path) -> bool:
    """Whether a file holds one JSON object a line, as some that are named ``.json`` do."""
    with file.open("rb") as opened:
        lines = (line.strip() for line in opened if line.strip())
        first, second = next(lines, b"").removeprefix(b"\xef\xbb\xbf"), next(lines, b"")
    return first[:1] == second[:1] == b"{" and first[-1:] == b"}"


def _without_blanks(taken: dict[str, Any], rest: dict[str, Any], where: str) -> None:
    """Empty cells of a table of texts are no fields."""
    for cells in (taken, rest):
        for name in [name for name, value in cells.items() if value == ""]:
            del cells[name]


def parquet_table(files: Sequence[Path], where: str, split: str = "") -> Table:
    """Parquet files as one table; all rows are of ``split``, if one is given."""

    def rows(without: Collection[str] = ()) -> Iterator[Row]:
        wanted = [name for name in column_names(files[0]) if name not in without] if without else None
        return objects(enumerate(parquet_rows(files, wanted), 1), f"{where}, row")

    def look() -> Iterator[Mapping[str, Any]]:
        return (row for _, row in islice(rows(), _LOOK))

    cells = partial(_of_split, split=split) if split else None
    return Table(rows, where, cells, look=look, without=rows, empty=SPELLINGS)


def _of_split(taken: dict[str, Any], rest: dict[str, Any], where: str, *, split: str) -> None:
    taken["split"] = split


def _shards(files: Sequence[Path]) -> Table:
    where = str(files[0] if len(files) == 1 else files[0].parent)

    def look() -> Iterator[Mapping[str, Any]]:
        return (row for _, row in islice(webdataset_rows(files), _LOOK))

    return Table(lambda: webdataset_rows(files), where, look=look)


# --- folders


def folder_rows(folder: Path, card: UserCard) -> Found:
    """What holds the rows of a folder: the file that the card names, or what lies there.

    Raises HemmError that says what a folder may hold where there is nothing, or several things.
    """
    if card.file:
        card.check_below("file", card.file)
        file = folder / card.file
        if not file.is_file():
            raise HemmError(f"{card.where}: there is no file {card.file} in {folder}")
        return file_rows(file, card)
    for ending in TABLES:
        files = sorted(f for f in folder.glob(f"*{ending}") if not f.name.startswith("."))
        if ending == ".tar" and files:
            return Found("webdataset", folder, partial(_shards, files), card)
        if len(files) > 1:
            names = ", ".join(f.name for f in files)
            raise HemmError(f"{folder} has several {ending} files ({names}): name one with 'file:' in {CARD}")
        if files:
            return file_rows(files[0], card)
    return _pictures(folder, card)


def file_rows(file: Path, card: UserCard) -> Found:
    """A file of rows, with its card. Raises HemmError for one that is not read in place."""
    kind = suffix(file)
    if not kind:
        raise HemmError(f"{file}: a file of rows ends in {', '.join(TABLES)}")
    table = table_file(file)
    if kind == ".parquet" and not card.answer and not card.prompt and (named := _classes(file, card)):
        column, names = named
        card = replace(card, answer={"format": "one_of", "lettered": "false", "labels": tuple(names)})
        note = f"there is no question: the {len(names)} classes of the column {column} are the choices"
        table = partial(_noted, table, note)
    return Found(kind[1:], file, table, card)


def _noted(table: Callable[[], Table], note: str) -> Table:
    return replace(table(), note=note)


def _classes(file: Path, card: UserCard) -> tuple[str, list[str]] | None:
    """The answers of a Parquet file that are classes (column, names), where no question asks for others."""
    if not (classes := class_names(file)):
        return None
    found = parquet_table([file], str(file)).columns(Rules())
    usual = read_columns(found, Said(card.columns), str(file)).usual
    read = {**{name: (name,) for name in found}, **usual, **card.columns}
    if read.get("question") or read.get("choices") or len(read.get("answer", ())) != 1:
        return None
    column = read["answer"][0]
    return (column, classes[column]) if column in classes else None


def _pictures(folder: Path, card: UserCard) -> Found:
    if parts := metadata_parts(folder):
        card = _asked(card, [part.split for part, _ in parts])
        tables = [(part.split, table_file(file)) for part, file in parts]
        return Found("imagefolder", folder, partial(_joined, folder, tables), card)
    classes, names = class_parts(folder)
    if not classes:
        raise HemmError(
            f"{folder}: no table of rows here ({', '.join(TABLES)}); a folder of pictures has "
            "metadata.csv, metadata.jsonl or metadata.parquet, or a folder for each class"
        )
    card = _asked(card, [part.split for part in classes])
    if not card.answer:
        card = replace(card, answer={"format": "one_of", "lettered": "false", "labels": names})

    def table() -> Table:
        return _with_splits(lambda: class_rows(folder, classes), str(folder))

    return Found("class folders", folder, table, card)


def _asked(card: UserCard, splits: Sequence[str]) -> UserCard:
    """The card, with the split that is asked where it names none: test, else the first of the others."""
    if card.split or not any(splits):
        return card
    return replace(card, split=next(split for split in SPLITS if split in splits))


def _joined(folder: Path, tables: Sequence[tuple[str, Callable[[], Table]]]) -> Table:
    """The metadata of each split as one table, whose paths start in ``folder``."""

    def rows() -> Iterator[Row]:
        for split, table in tables:
            for where, row in table().rows():
                named = row.get("file_name")
                moved = {"file_name": f"{split}/{named}"} if isinstance(named, str) else {}
                yield where, {**row, **moved, _SPLIT: split}

    return _with_splits(rows, str(folder), _SPLIT)


_SPLIT = "the split that the folder is"


def _with_splits(rows: Callable[[], Iterable[Row]], where: str, column: str = "split") -> Table:
    """A table whose rows tell their split in ``column``, which is none of the data's own."""

    def without() -> Iterator[Mapping[str, Any]]:
        return ({k: v for k, v in row.items() if k != column} for _, row in rows())

    def cells(taken: dict[str, Any], rest: dict[str, Any], where: str) -> None:
        split = taken.pop(column, None) or rest.pop(column, None)
        if split:
            taken["split"] = split

    return Table(rows, where, cells, look=without)
