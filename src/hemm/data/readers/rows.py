"""Rows of tables as published: Parquet, JSON, JSON lines, CSV. What is broken is named by file and line."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from hemm.core import BadData, HemmError, Media, content_id, digest, storable
from hemm.core.text import counted
from hemm.data.readers.json_lines import line_value
from hemm.data.readers.json_stream import json_items as json_items
from hemm.data.readers.pointers import check_no_pointer
from hemm.data.readers.xlsx import xlsx_rows


def parquet_rows(
    files: Iterable[Path], columns: Iterable[str] | None = None, batch: int = 64
) -> Iterator[dict[str, Any]]:
    """Rows of Parquet files, in order; of ``columns`` alone where they are named.

    Encoded media (struct{bytes, path}) come as ``Media``, class numbers of the hub as the names of the
    classes. ``batch`` rows are in memory at a time. Raises BadData for a damaged file or a column that is
    not there.

    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> from pathlib import Path
    >>> row = {"image": {"bytes": b"GIF89a", "path": "7.gif"}, "bird": "owl"}
    >>> pq.write_table(pa.Table.from_pylist([row]), "birds.parquet")
    >>> list(parquet_rows([Path("birds.parquet")]))
    [{'image': Media('7.gif'), 'bird': 'owl'}]
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = list(columns) if columns is not None else None
    for path in files:
        check_no_pointer(path)
        try:
            with pq.ParquetFile(path) as file:
                lacking = [c for c in wanted or [] if c not in file.schema_arrow.names]
                if lacking:
                    raise BadData(
                        f"{path} has no column {lacking[0]!r}; it has {', '.join(file.schema_arrow.names)}"
                    )
                names = _class_names(file.schema_arrow)
                for part in file.iter_batches(batch_size=batch, columns=wanted):
                    for row in part.to_pylist():
                        for column, labels in names.items():
                            if column in row:
                                row[column] = _named(row[column], labels, path, column)
                        yield {k: _media(v, path) for k, v in row.items()}
        except (pa.ArrowInvalid, OSError) as error:
            raise BadData(f"{path} cannot be read as Parquet: {storable(str(error))}") from error


_KEY = re.compile(rb'"\s*:')


def column_names(path: Path) -> list[str]:
    """The columns of a Parquet file. Raises BadData for a damaged one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_no_pointer(path)
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path} cannot be read as Parquet: {storable(str(error))}") from error


def class_names(path: Path) -> dict[str, list[str]]:
    """Columns of a Parquet file that hold class numbers -> the names of the classes, as the hub describes
    them. Raises BadData for a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_no_pointer(path)
    try:
        return _class_names(pq.read_schema(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path} cannot be read as Parquet: {storable(str(error))}") from error


def _class_names(columns: Any) -> dict[str, list[str]]:
    """Columns that hold class numbers -> the names of the classes, from the hub's own description."""
    try:
        described = orjson.loads((columns.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return {}
    return {
        name: [str(n) for n in feature["names"]]
        for name, feature in described.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }


def _named(value: Any, labels: list[str], path: Path, column: str) -> str | None:
    if value is None or value == -1:  # -1: the label is not published
        return None
    if not isinstance(value, int) or not 0 <= value < len(labels):
        raise BadData(f"{path}: column {column!r} holds {value!r}, which is none of {len(labels)} classes")
    return labels[value]


def _media(value: Any, path: Path) -> Any:
    if isinstance(value, dict) and set(value) == {"bytes", "path"}:
        name = value["path"] or ""
        if value["bytes"] is not None:
            return Media(value["bytes"], name=Path(name).name)
        return Media.at(path.parent / name) if name else None
    if isinstance(value, list):
        return [_media(v, path) for v in value]
    return value


def jsonl_rows(path: Path, once: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    r"""(line number from 1, object) of a file with one JSON object a line; blank lines are passed over.

    Raises BadData with file and line where a line is no JSON object, and, with ``once``, where one gives a
    key twice.

    >>> from pathlib import Path
    >>> _ = Path("birds.jsonl").write_text('{"id": 7, "bird": "owl"}\n\n{"id": 8, "bird": "gull"}\n')
    >>> list(jsonl_rows(Path("birds.jsonl")))
    [(1, {'id': 7, 'bird': 'owl'}), (3, {'id': 8, 'bird': 'gull'})]
    """
    check_no_pointer(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            row = line_value(text.rstrip(b"\r\n"), f"{path}, line {number}")
            if not isinstance(row, dict):
                raise BadData(f"{path}, line {number}: a JSON object is expected, not a {_kind(row)}")
            if once and (key := _key_given_twice(text, row)):
                raise BadData(f"{path}, line {number}: the key {key!r} is given twice; keep one of them")
            yield number, row


def _key_given_twice(text: bytes, row: Any) -> str:
    """A key that an object of a JSON text gives twice; empty where none does."""
    count = len(_KEY.findall(text))
    # most rows hold no objects: the first comparison alone tells, at a tenth of the time
    if count <= len(row) or count <= len(_KEY.findall(json.dumps(row).encode())):
        return ""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in items]
        twice.extend(key for key in keys if keys.count(key) > 1)

    json.loads(text, object_pairs_hook=pairs)
    return twice[0] if twice else ""


def json_rows(path: Path) -> list[Any]:
    """The items of a JSON file that is a list. Raises BadData where it is none, or no valid JSON.

    >>> from pathlib import Path
    >>> _ = Path("birds.json").write_text('[{"id": 7, "bird": "owl"}]')
    >>> json_rows(Path("birds.json"))
    [{'id': 7, 'bird': 'owl'}]
    """
    value = json_value(path)
    if not isinstance(value, list):
        raise BadData(f"{path}: a list is expected, not a {_kind(value)}")
    return value


def objects(rows: Iterable[tuple[object, Any]], named: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of numbered rows, where each row must be an object; ``where`` is for error messages.

    ``named`` says what the number counts. Raises BadData at the first row that is no object.

    >>> list(objects(enumerate([{"answer": "yes"}], 1), "votes.json, entry"))
    [('votes.json, entry 1', {'answer': 'yes'})]
    """
    for number, row in rows:
        where = f"{named} {number}"
        if not isinstance(row, dict):
            raise BadData(f"{where}: an object is expected")
        yield where, row


def json_value(path: Path) -> Any:
    """The content of a JSON file. Raises BadData with the place where it is broken.

    >>> from pathlib import Path
    >>> _ = Path("captions.json").write_text('{"7.png": ["an owl", "a small owl"]}')
    >>> json_value(Path("captions.json"))
    {'7.png': ['an owl', 'a small owl']}
    """
    check_no_pointer(path)
    try:
        return orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise BadData(
            f"{path}, line {error.lineno}: no valid JSON ({error.msg} at column {error.colno})"
        ) from None


def csv_rows(
    path: Path, delimiter: str = ",", required: Iterable[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    r"""(line number of the row's end, row) of a table with a header line; UTF-8, quotes as in RFC 4180.

    Raises BadData with file, line and field where one of the columns ``required`` is missing, or a row has
    too many or few cells.

    >>> from pathlib import Path
    >>> _ = Path("birds.csv").write_text('image,bird\n7.png,owl\n8.png,"gull, common"\n')
    >>> list(csv_rows(Path("birds.csv"), required=("image",)))
    [(2, {'image': '7.png', 'bird': 'owl'}), (3, {'image': '8.png', 'bird': 'gull, common'})]
    """
    check_no_pointer(path)
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a cell may hold a whole picture
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, None)
            if header is None:
                raise BadData(f"{path} is empty")
            if len(header) == 1 and (other := next((c for c in ";\t|" if c in header[0]), "")):
                raise BadData(f"{path}, line 1: {other!r} parts the cells where {delimiter!r} is expected")
            twice = [name for n, name in enumerate(header) if name in header[:n]]
            if twice:
                raise BadData(f"{path}, line 1: two columns are called {twice[0]!r}")
            lacking = [name for name in required if name not in header]
            if lacking:
                raise BadData(f"{path}, line 1: no column {lacking[0]!r}; there are {', '.join(header)}")
            for cells in reader:
                if len(cells) != len(header):
                    if not cells:
                        continue
                    where = f"{path}, line {reader.line_num}"
                    raise BadData(
                        f"{where}: {counted(len(cells), 'cell')} where the header has {len(header)}"
                    )
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BadData(f"{path}, line {reader.line_num}: {error}") from None
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def table_rows(path: Path, required: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    r"""(file and row, for messages; row) of a CSV file or an Excel workbook (``.xlsx``).

    Blanks around names and cells are removed, rows of empty cells are passed over. Raises BadData where one
    of the columns ``required`` is missing, or the file is damaged.

    >>> from pathlib import Path
    >>> _ = Path("labels.csv").write_text("image , bird\n7.png, owl\n,\n")
    >>> list(table_rows(Path("labels.csv"), required=("image", "bird")))
    [('labels.csv, line 2', {'image': '7.png', 'bird': 'owl'})]
    """
    workbook = path.suffix.lower() == ".xlsx"
    wanted = tuple(required)
    for number, cells in xlsx_rows(path) if workbook else csv_rows(path):
        row = {name.strip(): value.strip() for name, value in cells.items()}
        lacking = [name for name in wanted if name not in row]
        if lacking:
            raise BadData(f"{path}: no column {lacking[0]!r}; there are {', '.join(n for n in row if n)}")
        if any(row.values()):
            yield f"{path}, {'row' if workbook else 'line'} {number}", row


def text_of(row: Mapping[str, Any], name: str, where: str, default: str | None = None) -> str:
    """The text of a field of one row: numbers as digits, line ends as ``\\n``, no blanks around it.

    Missing, null, NaN and empty values are ``default``. Raises BadData with ``where`` (file and row) and the
    field where there is no default, or the value is no text.

    >>> row = {"question": " How many owls? ", "answer": 3.0, "hint": None}
    >>> [text_of(row, name, "owls.json, entry 1", "") for name in row]
    ['How many owls?', '3', '']
    >>> text_of(row, "hint", "owls.json, entry 1")
    Traceback (most recent call last):
        ...
    hemm.core.errors.BadData: owls.json, entry 1: field 'hint' is empty
    """
    value = row.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = "" if value != value else str(value)
    elif value is None:
        text = ""
    else:
        raise BadData(f"{where}: field {name!r} is a {_kind(value)}, not text")
    if text:
        return text
    if default is None:
        raise BadData(f"{where}: field {name!r} is {'missing' if name not in row else 'empty'}")
    return default


def whole_of(row: Mapping[str, Any], name: str, where: str) -> int:
    """A whole number of one row, also where it is written as text. Raises BadData where it is none.

    >>> whole_of({"class": "17"}, "class", "labels.csv, line 2")
    17
    """
    text = text_of(row, name, where)
    try:
        return int(text)
    except ValueError:
        raise BadData(f"{where}: field {name!r} is {text!r}, not a whole number") from None


def list_of(row: Mapping[str, Any], name: str, where: str) -> list[Any]:
    """A list of one row. Raises BadData where it is none.

    >>> list_of({"boxes": [[4, 8, 15, 16]]}, "boxes", "boxes.json, entry 1")
    [[4, 8, 15, 16]]
    """
    value = row.get(name)
    if not isinstance(value, list):
        raise BadData(f"{where}: field {name!r} is {'missing' if value is None else 'no list'}")
    return value


def texts_of(row: Mapping[str, Any], name: str, where: str) -> list[str]:
    """The texts of a list of one row, as ``text_of`` reads them; empty ones, null and NaN are left out.

    Raises BadData where the field is no list, or an item of it no text.

    >>> texts_of({"answers": ["two", "2 ", "", None]}, "answers", "owls.json, entry 1")
    ['two', '2']
    """
    values = list_of(row, name, where)
    texts = [text_of({name: value}, name, f"{where}, item {n}", "") for n, value in enumerate(values, 1)]
    return [text for text in texts if text]


def media_of(row: Mapping[str, Any], name: str, where: str) -> Media:
    """A picture (sound, video) of one row of a Parquet file. Raises BadData where there is none.

    >>> from hemm.core import Media
    >>> row = {"image": Media(b"GIF89a", name="7.gif")}  # as parquet_rows gives it
    >>> media_of(row, "image", "birds.parquet, row 1")
    Media('7.gif')
    """
    value = row.get(name)
    if not isinstance(value, Media):
        raise BadData(f"{where}: field {name!r} holds no picture")
    return value


class Ids:
    """Ids by content: of equal ones the second and later ones are numbered.

    >>> ids = Ids()
    >>> [ids.of(base) for base in ("xray_3-why", "xray_3-why", "xray_4-why")]
    ['xray_3-why', 'xray_3-why-2', 'xray_4-why']
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def of(self, base: str, among: str = "") -> str:
        """``base`` where it comes for the first time among those of one kind, else ``base-2``, ``base-3``,
        ..."""
        count = self._seen[base, among] = self._seen.get((base, among), 0) + 1
        return base if count == 1 else f"{base}-{count}"


def row_id(text: str, media: Iterable[Media]) -> str:
    """An id for a row without one: digest of its text and decoded pixels (20 hex digits).

    A picture that does not open counts by its bytes, one that is not there by its name.

    >>> from pathlib import Path
    >>> from hemm.core import Media
    >>> row_id("Is there a fracture?", [Media.at(Path("not_here/xray_3.png"))])
    '32750d5f0e75e0544ff6'
    """
    pictures = tuple(media)
    try:
        return content_id(text, *pictures)
    except OSError:
        return digest([text, [m.name for m in pictures]], 20)
    except HemmError:
        return digest([text, [m.digest for m in pictures]], 20)


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
