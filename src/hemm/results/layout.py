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

ANSWER_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # sample id
        ("unit", pa.string()),
        ("cluster", pa.string()),
        ("repeat", pa.int32()),
        ("sample_hash", pa.string()),
        ("request_key", pa.string()),
        ("labels", pa.map_(pa.string(), pa.string())),  # taxonomy labels: the sample's over the card's
        ("prompt", pa.string()),  # Request.prompt
        ("raw", pa.string()),  # Response.text
        ("reasoning", pa.string()),
        ("finish", pa.string()),  # stop, length, content_filter
        ("refusal", pa.string()),  # null: the API did not refuse
        ("failure", pa.string()),  # Failure.kind; null: an answer was had
        ("failure_message", pa.string()),
        ("failure_permanent", pa.bool_()),
        ("options", pa.list_(pa.float64())),  # log-probabilities of the options
        ("logprobs", pa.list_(pa.float64())),
        ("media", pa.list_(pa.string())),  # digests of what was shown
        ("produced", pa.list_(pa.string())),  # digests of pictures the model gave (media/)
        ("references", pa.list_(pa.string())),  # text references; pictures as "media:<digest>"
        ("choices", pa.list_(pa.string())),
        ("metadata", pa.string()),  # JSON
        ("model", pa.string()),  # fingerprint the server told
    ]
)
"""Answers: one row for each (sample, repeat). Holds what scoring and reports need, so that a result folder
opens on a machine that has neither pack nor model."""

CALL_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("repeat", pa.int32()),
        ("attempts", pa.int32()),
        ("started", pa.float64()),  # Unix time, seconds
        ("latency", pa.float64()),  # seconds
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("cost", pa.float64()),  # US dollars
    ]
)
"""Calls: what differs from run to run, apart from the answers."""

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
