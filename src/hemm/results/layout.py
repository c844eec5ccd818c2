"""Paths, file names and table schemas of a result folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from hemm.core import Identity, slug
from hemm.core.secrets import refuse_in_name

SCHEMA_VERSION = 1
SEGMENTED = 2
"""schema_version of run.json while the journal has a file that hemm 0.1.0 would not read: it refuses the cell
then, and reads it once it is sealed."""

RUN = "run.json"
JOURNAL = "journal.jsonl"
LOCK = "lock"
ANSWERS = "answers"
CALLS = "calls.parquet"
SCORES = "scores"
AGGREGATES = "aggregates.json"
SCORES_LOCK = "scores.lock"
MEDIA = "media"
UNSCORED = "unscored.parquet"
STRATA = "strata.parquet"
SHARDS = "shards"
SHARD_NAME = re.compile(r"\d+-of-\d+|before-[0-9a-f]+")
"""Names of folders in ``shards``: a shard's, and that of cells whose place a merge is taking."""
ORDER = "order.parquet"

PART_ROWS = 65_536
"""Rows of one sealed part."""

SCORE_SCHEMA = pa.schema(
    [
        ("group", pa.string()),  # key of the answers scored together: sample id, unit, or a metadata value
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
        ("majority", pa.float64()),  # score of the most frequent reference of all
        ("response_hash", pa.string()),  # digest of the raw answers that were scored
        # of a single answer whose text was read (docs/answers.md); null in groups of several, and in scores
        # that hemm 0.1.0 stored, which have no such columns
        ("stage", pa.string()),  # the rule that read it
        ("span", pa.list_(pa.int32(), 2)),  # the range of the raw text that says it
    ]
)
"""Scores: one row for each group, repeat and component."""

UNSCORED_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("repeat", pa.int32()),
        ("request_key", pa.string()),
        ("why", pa.string()),  # removed, changed, not chosen
    ]
)
"""Answers that are kept and not scored."""

ORDER_SCHEMA = pa.schema([("id", pa.string()), ("row", pa.int64())])
"""Of a shard: its samples and their rows in the pack, so that shards are merged in pack order without it."""


def version(segments: Sequence[int]) -> int:
    """schema_version of a run.json beside these segments of the journal (their numbers)."""
    return SEGMENTED if any(number > 1 for number in segments) else SCHEMA_VERSION


def cell_folder(out: Path, model: Identity, task: str, protocol: str) -> Path:
    """``results/<model>/<task>/<protocol>`` for one model, task and protocol digest."""
    refuse_in_name(model.name, "the name of a model")
    refuse_in_name(task, "the name of a task")
    return out / slug(model.name) / slug(task) / protocol[:12]
