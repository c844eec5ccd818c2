"""From stored answers back to samples, responses and judged answers, without pack or model."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import AnswerFormat, Failure, Judged, Media, Response, Sample, digest
from hemm.metrics.images.stored_media import Lookup, late, nowhere
from hemm.parsing.outcome import judge

if TYPE_CHECKING:
    import pyarrow as pa

_PICTURE = re.compile(r"media:([0-9a-f]{64})$")
_COLUMNS = (
    "id unit cluster repeat raw reasoning finish refusal failure failure_message failure_permanent options "
    "logprobs media produced references choices metadata model prompt"
)
COLUMNS = tuple(_COLUMNS.split())
"""Columns of ``layout.ANSWER_SCHEMA`` that scoring reads (labels are carried over unread)."""


def _media(digests: Sequence[str] | None, lookup: Lookup) -> tuple[Media, ...]:
    return tuple(late(d, lookup) for d in digests) if digests else ()


def _reference(text: str, lookup: Lookup) -> str | Media:
    found = _PICTURE.match(text)
    return late(found[1], lookup) if found else text


@dataclass(frozen=True, slots=True)
class Row:
    """One stored answer: its judged form, its row in the table and the digest of what was answered."""

    judged: Judged
    index: int
    hash: str


def judged_rows(answers: pa.Table, answer_format: AnswerFormat, media: Lookup | None = None) -> list[Row]:
    """All answers of a table with ``layout.ANSWER_SCHEMA``, judged, in its order.

    Samples have id, unit, cluster, references, choices and metadata; of their fields only ``prompt``, the
    whole prompt as it was asked with pictures as ``<image>``. Media (shown, drawn, references) are read by
    ``media`` when their bytes are needed; without it that is a HemmError. Those of the last table are kept as
    long as it lives: each metric reads them, and parsing costs more than most.
    """
    rows: list[Row]
    table, by, looked, rows = _last
    if table() is answers and by is answer_format and looked is media:
        return rows
    columns = [_plain(answers, name) for name in COLUMNS]
    lookup = media or nowhere
    rows = [_row(i, values, answer_format, lookup) for i, values in enumerate(zip(*columns, strict=True))]
    _last[:] = weakref.ref(answers, _forget), answer_format, media, rows
    return rows


_last: list[Any] = [lambda: None, None, None, []]
"""The table of the last rows (weakly), their format and lookup, and the rows."""


def _forget(table: Any) -> None:
    if _last[0] is table:
        _last[:] = (lambda: None), None, None, []


def _plain(answers: pa.Table, name: str) -> Sequence[Any]:
    """A column as Python values; equal values of long columns are decoded once."""
    column = answers.column(name)
    if name in ("metadata", "references", "choices") and len(column):
        return _decoded(column, name)
    values: Sequence[Any] = column.to_pylist()
    return values


def _decoded(column: Any, name: str) -> Sequence[Any]:
    known: dict[Any, Any] = {}
    out = []
    for value in column.to_pylist():
        key = tuple(value) if isinstance(value, list) else value
        if key not in known:
            known[key] = _metadata(value) if name == "metadata" else key or ()
        out.append(known[key])
    return out


def _metadata(text: str | None) -> Mapping[str, Any]:
    found = orjson.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _row(index: int, values: tuple[Any, ...], answer_format: AnswerFormat, lookup: Lookup) -> Row:
    (
        key,
        unit,
        cluster,
        repeat,
        raw,
        reasoning,
        finish,
        refusal,
        failure,
        message,
        permanent,
        options,
        logprobs,
    ) = values[:13]
    media, produced, references, choices, metadata, model, prompt = values[13:]
    sample = Sample(
        id=key,
        media=_media(media, lookup),
        references=tuple(_reference(r, lookup) for r in references),
        choices=choices,
        fields={"prompt": prompt} if prompt else {},
        unit=unit,
        cluster=cluster,
        metadata=metadata,
    )
    response = Response(
        text=raw or "",
        reasoning=reasoning or "",
        finish=finish or "stop",
        refusal=refusal,
        media=_media(produced, lookup),
        options=tuple(options) if options else (),
        logprobs=tuple(logprobs) if logprobs else (),
        failure=Failure(failure, message or "", bool(permanent)) if failure is not None else None,
        model=model or "",
    )
    said = digest([key, repeat, raw, finish, refusal, failure, options, produced], 16)
    return Row(judge(sample, repeat, response, answer_format), index, said)
