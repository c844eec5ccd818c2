"""The columns of a pack, in one table for staging, writer and reader. ``docs/data.md`` describes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
import pyarrow as pa

from hemm.core import Media, Sample, digest
from hemm.data.arrow import numbers, texts
from hemm.data.cache import PACK_FILE as PACK_FILE

PACK_VERSION = 1
SPLITS = ("test", "shots")

MEDIA_COLUMNS = {"images": "Image", "audio": "Audio", "video": "Video"}
REFERENCE_MEDIA = "reference_images"

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_EMPTY: Mapping[str, str] = {}

StagedRow = dict[str, Any]
"""One sample's values by column, and ``media_names``, which go into the media columns as ``path``."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that every pack has.

    get      sample -> value for JSON and Arrow
    restore  Arrow column of a row group -> function from row number to the sample's value
    field    argument of ``Sample`` for the value; empty if the column only describes media
    indexed  ``PackIndex`` reads it
    """

    name: str
    type: pa.DataType
    get: Callable[[Sample], Any]
    restore: Callable[[Any], Callable[[int], Any]]
    field: str = ""
    indexed: bool = False


_FOUND = {"count": int}
INFO = {
    "schema_version": int,
    "task": str,
    "hash": str,
    "questions_hash": str,
    "rows": {"*": int},
    "files": {"*": int},
    "media_columns": [str],
    "limit?": (int, type(None)),
    "source": str,
    "revision": str,
    "licence?": str,
    "media": {"count": int, "bytes": int},
    "missing": {**_FOUND, "names": [str]},
    "problems": {**_FOUND, "samples": [{"id": str, "problem": str}]},
    "left_out?": {**_FOUND, "rows": [{"where": str, "why": str}]},
    "notices?": [{"text": str, "unread": object}],
    "media_rules?": int,
}
"""The form of a pack.json that has no checksum (``core.forms``)."""


def flat(column: Any) -> tuple[list[Any], list[int]]:
    """The values of a list column of one row group in one list, and the offsets of its rows with the end."""
    array = column.combine_chunks()
    if hasattr(array, "chunks"):
        array = array.chunk(0)
    return texts(array.flatten()), numbers(array.offsets).tolist()


def pictures(sample: Sample) -> Iterator[Media]:
    """The media of a sample, then its picture references: the order of the ``media_`` columns."""
    yield from sample.media
    yield from (r for r in sample.references if isinstance(r, Media))


def _restore_text(column: Any) -> Callable[[int], Any]:
    return texts(column).__getitem__


def _restore_object(column: Any) -> Callable[[int], Any]:
    values = texts(column)
    # most objects are empty, and share one
    return lambda n: _EMPTY if values[n] == "{}" else orjson.loads(values[n])


def _restore_texts(column: Any) -> Callable[[int], Any]:
    values, ends = flat(column)
    return lambda n: tuple(values[ends[n] : ends[n + 1]])


def _text(name: str, field: str = "") -> Column:
    return Column(name, _TEXT, attrgetter(name), _restore_text, field or name, indexed=True)


def _object(name: str) -> Column:
    def get(sample: Sample) -> str:
        return orjson.dumps(dict(getattr(sample, name))).decode()

    return Column(name, _TEXT, get, _restore_object, name)


def _media(name: str, attribute: str, *, indexed: bool = False) -> Column:
    of = attrgetter(attribute)
    return Column(name, _TEXTS, lambda s: [of(m) for m in pictures(s)], _restore_texts, indexed=indexed)


def _references(sample: Sample) -> list[str | None]:
    """Right answers that are text; null stands for the next picture of ``reference_images``."""
    return [r if isinstance(r, str) else None for r in sample.references]


COLUMNS: tuple[Column, ...] = (
    _text("id"),
    _text("unit"),
    _text("cluster"),
    _text("after"),
    _text("stratum"),
    _object("fields"),
    Column("references", _TEXTS, _references, _restore_texts, "references"),
    Column("choices", _TEXTS, lambda s: list(s.choices), _restore_texts, "choices"),
    _object("labels"),
    _object("metadata"),
    _text("sample_hash", "stored_hash"),
    _media("media_digests", "digest", indexed=True),
    _media("media_types", "mime"),
    _media("media_problems", "problem"),  # empty: it opens
)
"""Columns every pack has, in file order; the media columns that are used come after ``id``."""


def staged_row(sample: Sample) -> StagedRow:
    """The values of a sample that are staged between the passes of ``prepare``, without the bytes of
    media."""
    row: StagedRow = {column.name: column.get(sample) for column in COLUMNS}
    row["media_names"] = [m.name for m in pictures(sample)]
    return row


def row_hash(row: StagedRow) -> str:
    """The ``sample_hash`` of a staged row as it is now."""
    parts = {
        column.name: orjson.loads(row[column.name]) if column.restore is _restore_object else row[column.name]
        for column in COLUMNS
        if column.field and column.field != "stored_hash"
    }
    media = iter(row["media_digests"])
    shown = [next(media) for _ in range(len(row["media_digests"]) - row["references"].count(None))]
    references = [{"media": next(media)} if r is None else r for r in row["references"]]
    return digest({**parts, "media": shown, "references": references}, 32)


def media_column(mime: str) -> str:
    """The media column of a MIME type; types other than sound and video count as pictures."""
    return {"audio": "audio", "video": "video"}.get(mime.split("/")[0], "images")


def media_cell(row: StagedRow, column: str) -> list[tuple[str, str]]:
    """(digest, file name) of the media of a staged row in this media column."""
    media = list(zip(row["media_digests"], row["media_types"], row["media_names"], strict=True))
    in_prompt = len(media) - row["references"].count(None)
    if column == REFERENCE_MEDIA:
        return [(digest, name) for digest, _, name in media[in_prompt:]]
    return [(digest, name) for digest, mime, name in media[:in_prompt] if media_column(mime) == column]


def media_type(values: pa.DataType) -> pa.DataType:
    """The type of a list of encoded files, with their bytes as ``values`` (binary or dictionary)."""
    return pa.list_(pa.struct([("bytes", values), ("path", pa.string())]))


def arrow_schema(media: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of a pack with these media columns."""
    encoded = pa.dictionary(pa.int32(), pa.binary())
    first, *rest = ((column.name, column.type) for column in COLUMNS)
    return pa.schema([first, *((name, media_type(encoded)) for name in media), *rest])


def byte_paths(media: tuple[str, ...]) -> list[str]:
    """The Parquet leaf columns that hold encoded media."""
    return [f"{name}.list.element.bytes" for name in media]


def features(media: tuple[str, ...]) -> str:
    """The metadata key ``huggingface``, by which ``datasets`` decodes pictures and sounds."""
    text: dict[str, Any] = {"dtype": "string", "_type": "Value"}
    described: dict[str, Any] = {}
    for field in arrow_schema(media):
        kind = MEDIA_COLUMNS.get(field.name, "Image" if field.name == REFERENCE_MEDIA else "")
        if kind:
            described[field.name] = {"feature": {"_type": kind}, "_type": "List"}
        elif pa.types.is_list(field.type):
            described[field.name] = {"feature": text, "_type": "List"}
        else:
            described[field.name] = text
    return json.dumps({"info": {"features": described}})
