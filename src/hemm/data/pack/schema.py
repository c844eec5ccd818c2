"""The columns of a pack. Writer and reader both start here; ``docs/data.md`` says what each one holds."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from hemm.data.cache import PACK_FILE as PACK_FILE

PACK_VERSION = 1
SPLITS = ("test", "shots")

MEDIA_COLUMNS = {"images": "Image", "audio": "Audio", "video": "Video"}
REFERENCE_MEDIA = "reference_images"

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())

TEXT_COLUMNS: dict[str, pa.DataType] = {
    "id": _TEXT,
    "unit": _TEXT,
    "cluster": _TEXT,
    "after": _TEXT,
    "stratum": _TEXT,
    "fields": _TEXT,  # JSON object, text to text
    "references": _TEXTS,  # null stands for the next picture of reference_images
    "choices": _TEXTS,
    "labels": _TEXT,  # JSON object
    "metadata": _TEXT,  # JSON object
    "sample_hash": _TEXT,
    "media_digests": _TEXTS,  # media, then picture references, in order
    "media_types": _TEXTS,
    "media_problems": _TEXTS,  # empty: it opens
}
"""Columns every pack has, in file order; the media columns that are used come after ``id``."""


def kind_of(mime: str) -> str:
    """The media column a MIME type belongs to; what is no sound and no video counts as a picture."""
    return {"audio": "audio", "video": "video"}.get(mime.split("/")[0], "images")


def media_type(values: pa.DataType) -> pa.DataType:
    """A list of encoded files; ``values`` is how their bytes are held (plain or dictionary)."""
    return pa.list_(pa.struct([("bytes", values), ("path", pa.string())]))


def columns(media: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema that a pack with these media columns is written with."""
    encoded = pa.dictionary(pa.int32(), pa.binary())
    fields = list(TEXT_COLUMNS.items())
    return pa.schema([fields[0], *((name, media_type(encoded)) for name in media), *fields[1:]])


def byte_paths(media: tuple[str, ...]) -> list[str]:
    """The Parquet leaf columns that hold encoded media."""
    return [f"{name}.list.element.bytes" for name in media]


def features(media: tuple[str, ...]) -> str:
    """The value of the ``huggingface`` metadata key: which columns decode to pictures and sounds."""
    text: dict[str, Any] = {"dtype": "string", "_type": "Value"}
    described: dict[str, Any] = {}
    for field in columns(media):
        kind = MEDIA_COLUMNS.get(field.name, "Image" if field.name == REFERENCE_MEDIA else "")
        if kind:
            described[field.name] = {"feature": {"_type": kind}, "_type": "List"}
        elif pa.types.is_list(field.type):
            described[field.name] = {"feature": text, "_type": "List"}
        else:
            described[field.name] = text
    return json.dumps({"info": {"features": described}})
