"""One stored answer as people look at it: what was sent, what came back, and which words of it were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hemm.core.from_files import is_digest
from hemm.results.answer_record import COLUMNS, MEDIA_MARK, is_media

SHOWN_COLUMNS = (
    *("prompt", "raw", "reasoning", "finish", "refusal", "failure", "failure_message", "model"),
    *("media", "originals", "produced", "references", "choices", "metadata"),
)
"""The columns of an answer that ``StoredAnswer`` is made of."""

SAMPLE_COLUMNS = tuple(column.name for column in COLUMNS if column.field.startswith("sample."))
"""The columns that say what the sample is."""


@dataclass(frozen=True)
class SentPicture:
    """A picture of the prompt by its digests: as it was sent, and as the data have it."""

    sent: str
    original: str


@dataclass(frozen=True)
class StoredAnswer:
    """The texts and pictures of one answer.

    why       the refusal by the API, or the failure, in words; empty where there is neither
    pictures  of the prompt; ``produced``: digests of those that the model drew
    references, picture_references  texts, and digests of pictures
    metadata  of the sample
    """

    prompt: str
    raw: str
    reasoning: str
    why: str
    finish: str
    model: str
    pictures: tuple[SentPicture, ...]
    produced: tuple[str, ...]
    references: tuple[str, ...]
    picture_references: tuple[str, ...]
    choices: tuple[str, ...]
    metadata: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> StoredAnswer:
        """From a row with ``SHOWN_COLUMNS``; what is no digest names no picture."""
        why = str(row["refusal"] or "")
        if row["failure"] is not None:
            why = f"{row['failure']}: {row['failure_message'] or ''}"
        sent = list(row["media"] or ())
        pairs = zip(sent, row["originals"] or sent, strict=False)
        references = [str(r) for r in row["references"] or ()]
        return cls(
            *(str(row["prompt"] or ""), str(row["raw"] or ""), str(row["reasoning"] or "")),
            *(why, str(row["finish"] or ""), str(row["model"] or "")),
            tuple(SentPicture(s, o) for s, o in pairs if is_digest(s) and is_digest(o)),
            tuple(d for d in row["produced"] or () if is_digest(d)),
            tuple(r for r in references if not is_media(r)),
            tuple(r.removeprefix(MEDIA_MARK) for r in references if is_media(r)),
            tuple(map(str, row["choices"] or ())),
            metadata_of(row["metadata"]),
        )


def metadata_of(text: str | None) -> Mapping[str, Any]:
    """The metadata of a stored answer; empty where it is no JSON object."""
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def read_parts(text: str, begin: int | None, end: int | None) -> tuple[str, str, str] | None:
    """``text`` before, in and after the span that was read; None where there is none. A span that covers the
    whole text says nothing and is none.

    >>> read_parts("so: B.", 4, 5)
    ('so: ', 'B', '.')
    """
    if begin is None or end is None or not 0 <= begin < end <= len(text):
        return None
    before, read, after = text[:begin], text[begin:end], text[end:]
    return (before, read, after) if before.strip() or after.strip() else None
