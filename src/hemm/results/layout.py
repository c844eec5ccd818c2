"""What a run leaves on disk: paths, file names and table schemas. Readers and writers both start here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from hemm.core import Identity, slug

SCHEMA_VERSION = 1

RUN = "run.json"
JOURNAL = "journal.jsonl"
LOCK = "lock"
ANSWERS = "answers"
CALLS = "calls.parquet"
SCORES = "scores"
AGGREGATES = "aggregates.json"
MEDIA = "media"

PART_ROWS = 65_536
"""Rows of one sealed part."""

SCORE_SCHEMA = pa.schema(
    [
        ("group", pa.string()),  # what was scored together: sample id, unit, or a metadata value
        ("unit", pa.string()),
        ("cluster", pa.string()),
        ("labels", pa.map_(pa.string(), pa.string())),
        ("repeat", pa.int32()),
        ("component", pa.string()),  # "" is the metric's main value
        ("value", pa.float64()),  # null where there is none: see outcome
        ("outcome", pa.string()),  # the worst one in the group
        ("cut", pa.bool_()),  # parsed although the answer was cut off
        ("ceiling", pa.float64()),
        ("chance", pa.float64()),  # null where guessing is not defined
        ("majority", pa.float64()),  # what the most frequent reference of the other clusters would score
        ("response_hash", pa.string()),  # digest of the raw answers: says which ones were judged
    ]
)
"""Scores: one row for each group, repeat and component."""


def cell_folder(out: Path, model: Identity, task: str, protocol: str) -> Path:
    """``results/<model>/<task>/<protocol>`` for one model, task and protocol digest."""
    return out / slug(model.name) / slug(task) / protocol[:12]
