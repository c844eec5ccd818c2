"""Where samples come from: sources, readers of published files, and the pack that every run reads.

What a task of one's own imports is exported here::

    from hemm.data import Hub, jsonl_rows
"""

from hemm.data.readers.file_finder import FileFinder, below, by_folder
from hemm.data.readers.json_stream import json_items
from hemm.data.readers.pickles import pickle_value
from hemm.data.readers.rows import (
    Ids,
    csv_rows,
    json_rows,
    json_value,
    jsonl_rows,
    list_of,
    media_of,
    objects,
    parquet_rows,
    row_id,
    table_rows,
    text_of,
    texts_of,
    whole_of,
)
from hemm.data.readers.xlsx import xlsx_rows
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import (
    ByHand,
    File,
    Generated,
    Http,
    Hub,
    Kaggle,
    Limits,
    Local,
    Retry,
    in_folders,
    reading,
)

__all__ = [
    "ByHand",
    "File",
    "FileFinder",
    "Generated",
    "Http",
    "Hub",
    "Ids",
    "Kaggle",
    "Limits",
    "Local",
    "Retry",
    "below",
    "by_folder",
    "csv_rows",
    "hub_rows",
    "in_folders",
    "json_items",
    "json_rows",
    "json_value",
    "jsonl_rows",
    "list_of",
    "media_of",
    "objects",
    "parquet_rows",
    "pickle_value",
    "reading",
    "row_id",
    "table_rows",
    "text_of",
    "texts_of",
    "whole_of",
    "xlsx_rows",
]
