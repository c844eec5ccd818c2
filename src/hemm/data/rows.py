"""Readers of rows by their import path of hemm 0.1.0; now in ``hemm.data``."""

from hemm.data.readers.rows import (
    Ids,
    csv_rows,
    json_rows,
    json_value,
    jsonl_rows,
    list_of,
    media_of,
    parquet_rows,
    row_id,
    table_rows,
    text_of,
    texts_of,
    whole_of,
)

__all__ = [
    "Ids",
    "csv_rows",
    "json_rows",
    "json_value",
    "jsonl_rows",
    "list_of",
    "media_of",
    "parquet_rows",
    "row_id",
    "table_rows",
    "text_of",
    "texts_of",
    "whole_of",
]
