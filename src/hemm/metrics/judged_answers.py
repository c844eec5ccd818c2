"""Judges a table of stored answers (outcome and value of each), without pack or model."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hemm.core import AnswerFormat, Judged, Response, Sample, digest
from hemm.metrics.base import as_written
from hemm.metrics.own import raised
from hemm.parsing.outcome import judge
from hemm.results.answer_record import restored, stored_columns
from hemm.results.stored_media import Lookup, late, nowhere

if TYPE_CHECKING:
    import pyarrow as pa

UNREAD = ("labels", "sample_hash")
"""Columns that are not needed as Python values: the score table copies them."""
ANSWERED = ("id", "raw", "finish", "refusal", "failure", "options", "produced")
"""Columns that the digest of an answer covers, besides its repeat."""


@dataclass(frozen=True, slots=True)
class JudgedAnswers:
    """The judged answers of a table in its order, and their digests."""

    judged: list[Judged]
    hashes: list[str]


def judged_answers(
    answers: pa.Table, answer_format: AnswerFormat, media: Lookup | None = None
) -> JudgedAnswers:
    """All answers of a table with ``answer_record.ANSWER_SCHEMA``, judged, in its order.

    Samples have id, unit, cluster, references, choices and metadata, and one field, ``prompt``: the prompt as
    it was sent, with pictures as ``<image>``. ``media`` reads pictures when their bytes are needed; without
    it that is a HemmError. Values are ``as_written``: parsing sees no references, comparing begins here. The
    result for the last table is cached while the table exists: each metric needs
    it, and parsing takes longer than most metrics.
    """
    result: JudgedAnswers
    table, by, lookup, result = _last
    if table() is answers and by is answer_format and lookup is media:
        return result
    columns = stored_columns(answers.drop_columns([name for name in UNREAD if name in answers.column_names]))
    repeats = answers.column("repeat").to_pylist()
    facts = zip(columns["id"], repeats, *(columns[name] for name in ANSWERED[1:]), strict=True)
    restored_rows = restored(columns, partial(late, lookup=media or nowhere))
    result = JudgedAnswers(
        [
            as_written(_judge(s, repeat, r, answer_format))
            for (s, r), repeat in zip(restored_rows, repeats, strict=True)
        ],
        [answer_digest(fact) for fact in facts],
    )
    _last[:] = weakref.ref(answers, _forget), answer_format, media, result
    return result


def answer_digest(fact: Iterable[Any]) -> str:
    """The digest of an answer (``response_hash`` of its scores, 16 hex digits): of its sample's id, its
    repeat, and the other columns of ``ANSWERED``, in this order."""
    return digest(list(fact), 16)


def _judge(sample: Sample, repeat: int, response: Response, answer_format: AnswerFormat) -> Judged:
    try:
        return judge(sample, repeat, response, answer_format)
    except Exception as error:
        told = raised(f"answer format {answer_format.name!r}", answer_format, error, [sample.id])
        raise told from told.__cause__


_last: list[Any] = [lambda: None, None, None, None]
"""The cache: a weak reference to the last table, its format and lookup, and the result."""


def _forget(table: Any) -> None:
    if _last[0] is table:
        _last[:] = (lambda: None), None, None, None
