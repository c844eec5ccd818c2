"""From a table of stored answers to answers with their outcome and value, without pack or model."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hemm.core import AnswerFormat, Judged, digest
from hemm.parsing.outcome import judge
from hemm.results.answer_record import restored, stored_columns
from hemm.results.stored_media import Lookup, late, nowhere

if TYPE_CHECKING:
    import pyarrow as pa

UNREAD = ("labels", "sample_hash")
"""Columns that scoring does not need as Python values: the score table takes them over as they are."""
ANSWERED = ("id", "raw", "finish", "refusal", "failure", "options", "produced")
"""What the digest of an answer covers, beside its repeat."""


@dataclass(frozen=True, slots=True)
class JudgedAnswers:
    """The answers of a table, judged, in its order; ``hashes``: the digest of what each one says."""

    judged: list[Judged]
    hashes: list[str]


def judged_answers(
    answers: pa.Table, answer_format: AnswerFormat, media: Lookup | None = None
) -> JudgedAnswers:
    """All answers of a table with ``answer_record.ANSWER_SCHEMA``, judged, in its order.

    Samples have id, unit, cluster, references, choices and metadata; of their fields only ``prompt``, the
    whole prompt as it was sent, with pictures as ``<image>``. Media (shown, drawn, references) are read by
    ``media`` when their bytes are needed; without it that is a HemmError. The answers of the last table are
    kept as long as it lives: each metric reads them, and parsing costs more than most metrics.
    """
    found: JudgedAnswers
    table, by, looked, found = _last
    if table() is answers and by is answer_format and looked is media:
        return found
    columns = stored_columns(answers.drop_columns([name for name in UNREAD if name in answers.column_names]))
    repeats = answers.column("repeat").to_pylist()
    facts = zip(columns["id"], repeats, *(columns[name] for name in ANSWERED[1:]), strict=True)
    both = restored(columns, partial(late, lookup=media or nowhere))
    found = JudgedAnswers(
        [judge(s, repeat, r, answer_format) for (s, r), repeat in zip(both, repeats, strict=True)],
        [digest(list(fact), 16) for fact in facts],
    )
    _last[:] = weakref.ref(answers, _forget), answer_format, media, found
    return found


_last: list[Any] = [lambda: None, None, None, None]
"""The table of the last answers (weakly), their format and lookup, and the answers."""


def _forget(table: Any) -> None:
    if _last[0] is table:
        _last[:] = (lambda: None), None, None, None
