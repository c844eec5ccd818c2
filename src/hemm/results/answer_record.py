"""The answer record: one table of columns says how an answer is stored and read back.

Each row of ``COLUMNS`` names a column, its Arrow type, how to get its value from an ``Answer``, and the field
of ``Sample`` or ``Response`` that it restores. Journal lines, sealed parts, scoring, judges' verdicts and the
messages of ``--replicas`` are made from this table: a new column is one row here, and its use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from hemm.core import Failure, Media, Message, Response, Sample, canonical, redact, storable
from hemm.core.outside import amount_of, count_of
from hemm.core.secrets import hide
from hemm.data.arrow import array, kind_of

MEDIA_MARK = "media:"
"""Prefix of a reference that is a picture; its digest follows."""


@dataclass(frozen=True, slots=True)
class Call:
    """When a request started (Unix time, seconds) and how long it took (seconds)."""

    started: float
    latency: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer, from which each column gets its value.

    labels  the sample's taxonomy labels over its task's
    """

    sample: Sample
    labels: Mapping[str, str]
    repeat: int
    request_key: str
    messages: Sequence[Message]
    response: Response
    call: Call

    def record(self) -> dict[str, Any]:
        """A journal line, as JSON values. Texts are made storable, and
        hold no secret that is known."""
        record = {column.name: column.value(self) for column in COLUMNS}
        record["call"] = [column.value(self) for column in CALL_COLUMNS]
        return record


ToMedia = Callable[[str], Media]
"""Digest of a stored picture -> the picture, whose bytes are read when they are needed."""


def _same(value: Any, media: ToMedia) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the answer record.

    value     an ``Answer`` -> its value in JSON
    field     the field it restores: ``sample.NAME``, ``response.NAME``, ``failure.NAME``; empty: none
    restore   (stored value, media by digest) -> the field's value; a null is None
    arrow     JSON value -> value of the Arrow type, where they differ
    repeated  many rows share a value, so that each distinct value is restored once
    later     parts and journals of hemm 0.1.0 lack it: a null there
    """

    name: str
    type: pa.DataType
    value: Callable[[Answer], Any]
    field: str = ""
    restore: Callable[[Any, ToMedia], Any] = _same
    arrow: Callable[[Any], Any] | None = None
    repeated: bool = False
    later: bool = False


def _text(value: str | None, media: ToMedia) -> str:
    return value or ""


def _finite(values: Sequence[float]) -> list[float | str]:
    # JSON has no infinities: they are stored as text
    return [v if math.isfinite(v) else str(v) for v in values]


def _floats(values: Sequence[float | str] | None) -> list[float]:
    return [float(v) for v in values or ()]


def _numbers(values: Sequence[float | str] | None, media: ToMedia) -> tuple[float, ...]:
    return tuple(_floats(values)) if values else ()


def _pictures(digests: Sequence[str] | None, media: ToMedia) -> tuple[Media, ...]:
    return tuple(map(media, digests)) if digests else ()


def _references(values: Sequence[str] | None, media: ToMedia) -> tuple[str | Media, ...]:
    return tuple(media(v[len(MEDIA_MARK) :]) if is_media(v) else v for v in values or ())


def is_media(reference: str) -> bool:
    """Whether a stored reference is a picture's digest.

    >>> is_media("media:" + 64 * "0"), is_media("media: the press")
    (True, False)
    """
    digest = reference.removeprefix(MEDIA_MARK)
    return len(digest) == 64 and digest != reference and set(digest) <= set("0123456789abcdef")


def _metadata(text: str | None, media: ToMedia) -> Mapping[str, Any]:
    value = orjson.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def _of_failure(value: Callable[[Failure], Any]) -> Callable[[Answer], Any]:
    return lambda a: None if a.response.failure is None else value(a.response.failure)


def prompt_text(messages: Sequence[Message]) -> str:
    """The prompt as text with media as ``<image>``: ``Request.prompt`` of these messages."""
    texts = ["".join([p if isinstance(p, str) else f"<{p.kind}>" for p in m.parts]) for m in messages]
    if len(messages) == 1:
        return texts[0]
    return "\n".join(f"[{m.role}] {text}" for m, text in zip(messages, texts, strict=True))


def _originals(messages: Sequence[Message]) -> list[str] | None:
    media = [p for m in messages for p in m.parts if not isinstance(p, str)]
    return [m.original or m.digest for m in media] if any(m.original for m in media) else None


_STRING, _STRINGS, _FLOATS = pa.string(), pa.list_(pa.string()), pa.list_(pa.float64())

COLUMNS = (
    Column("id", _STRING, lambda a: a.sample.id, "sample.id"),
    Column("unit", _STRING, lambda a: a.sample.unit, "sample.unit"),
    Column("cluster", _STRING, lambda a: a.sample.cluster, "sample.cluster"),
    Column("repeat", pa.int32(), lambda a: a.repeat),
    Column("sample_hash", _STRING, lambda a: a.sample.sample_hash, "sample.stored_hash", _text),
    Column("request_key", _STRING, lambda a: a.request_key),
    # taxonomy labels: the sample's over the card's
    Column(
        "labels",
        pa.map_(_STRING, _STRING),
        lambda a: dict(a.labels),
        "sample.labels",
        lambda v, _: dict(v or ()),
        lambda v: list(v.items()),
    ),
    Column(
        "prompt",
        _STRING,
        lambda a: hide(storable(prompt_text(a.messages))),
        "sample.fields",
        lambda v, _: {"prompt": v} if v else {},
    ),
    Column("raw", _STRING, lambda a: hide(storable(a.response.text)), "response.text", _text),
    Column("reasoning", _STRING, lambda a: hide(storable(a.response.reasoning)), "response.reasoning", _text),
    Column(
        "finish", _STRING, lambda a: storable(a.response.finish), "response.finish", lambda v, _: v or "stop"
    ),
    # null: the API did not refuse
    Column(
        "refusal",
        _STRING,
        lambda a: None if a.response.refusal is None else storable(redact(a.response.refusal)),
        "response.refusal",
    ),
    Column("failure", _STRING, _of_failure(lambda f: storable(f.kind)), "failure.kind"),
    Column(
        "failure_message",
        _STRING,
        _of_failure(lambda f: storable(redact(f.message))),
        "failure.message",
        _text,
    ),
    Column(
        "failure_permanent",
        pa.bool_(),
        _of_failure(lambda f: bool(f.permanent)),
        "failure.permanent",
        lambda v, _: bool(v),
    ),
    # log-probabilities of the options
    Column("options", _FLOATS, lambda a: _finite(a.response.options), "response.options", _numbers, _floats),
    Column(
        "logprobs", _FLOATS, lambda a: _finite(a.response.logprobs), "response.logprobs", _numbers, _floats
    ),
    # digests of the prompt's media
    Column(
        "media",
        _STRINGS,
        lambda a: [p.digest for m in a.messages for p in m.parts if not isinstance(p, str)],
        "sample.media",
        _pictures,
    ),
    # digests of the media that those of ``media`` were made of; null: all were shown as they are
    Column("originals", _STRINGS, lambda a: _originals(a.messages), later=True),
    # digests of pictures that the model made
    Column("produced", _STRINGS, lambda a: [m.digest for m in a.response.media], "response.media", _pictures),
    Column(
        "references",
        _STRINGS,
        lambda a: [r if isinstance(r, str) else MEDIA_MARK + r.digest for r in a.sample.references],
        "sample.references",
        _references,
        repeated=True,
    ),
    Column(
        "choices",
        _STRINGS,
        lambda a: list(a.sample.choices),
        "sample.choices",
        lambda v, _: tuple(v or ()),
        repeated=True,
    ),
    Column(
        "metadata",
        _STRING,
        lambda a: canonical(dict(a.sample.metadata)).decode() if a.sample.metadata else "{}",
        "sample.metadata",
        _metadata,
        repeated=True,
    ),
    # fingerprint that the server reported
    Column("model", _STRING, lambda a: hide(storable(a.response.model)), "response.model", _text),
)
"""Answers: one row for each (sample, repeat). They have all that scoring and reports need, so that a result
folder can be read where neither pack nor model is."""

CALL_COLUMNS = (
    Column("attempts", pa.int32(), lambda a: a.response.attempts),
    Column("started", pa.float64(), lambda a: a.call.started),  # Unix time, seconds
    Column("latency", pa.float64(), lambda a: a.call.latency),  # seconds
    Column("input_tokens", pa.int64(), lambda a: count_of(a.response.usage.input_tokens)),
    Column("output_tokens", pa.int64(), lambda a: count_of(a.response.usage.output_tokens)),
    Column("cost", pa.float64(), lambda a: amount_of(a.response.usage.cost)),  # US dollars
    # what a local model ran on, and Ray's id of the node
    Column("accelerator", _STRING, lambda a: storable(a.response.accelerator) or None, later=True),
    Column("node", _STRING, lambda a: storable(a.response.node) or None, later=True),
)
"""Values that differ from run to run, kept out of the answers' file so that its bytes do not. A journal line
has them as one list, ``call``."""

ANSWER_SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])
CALL_SCHEMA = pa.schema(
    [("id", pa.string()), ("repeat", pa.int32()), *((column.name, column.type) for column in CALL_COLUMNS)]
)


def answer_batch(records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Journal records as one batch of ``ANSWER_SCHEMA``."""
    columns = []
    for column in COLUMNS:
        values: list[Any] = [
            record.get(column.name) if column.later else record[column.name] for record in records
        ]
        if column.arrow is not None:
            values = [column.arrow(value) for value in values]
        columns.append(array(values, kind_of(column.type)))
    return pa.record_batch(columns, schema=ANSWER_SCHEMA)


def call_batch(records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """The calls in these journal records, as one batch of ``CALL_SCHEMA``."""
    columns = [[r["id"] for r in records], [r["repeat"] for r in records]]
    for i, column in enumerate(CALL_COLUMNS):
        columns.append([None if column.later and i >= len(r["call"]) else r["call"][i] for r in records])
    return pa.record_batch(
        [array(v, kind_of(f.type)) for v, f in zip(columns, CALL_SCHEMA, strict=True)], schema=CALL_SCHEMA
    )


def stored_columns(answers: pa.Table) -> dict[str, list[Any]]:
    """The columns of stored answers that restore a sample or a response, as Python values."""
    return {
        c.name: answers.column(c.name).to_pylist()
        for c in COLUMNS
        if c.field and c.name in answers.column_names
    }


def restored(columns: Mapping[str, Sequence[Any]], media: ToMedia) -> Iterator[tuple[Sample, Response]]:
    """Sample and response of each row; missing columns leave the defaults.

    A restored sample has one field, ``prompt``: the prompt as it was sent.
    """
    names: dict[str, list[str]] = {"sample": [], "response": [], "failure": []}
    values: dict[str, list[Sequence[Any]]] = {"sample": [], "response": [], "failure": []}
    for column in COLUMNS:
        if column.field and column.name in columns:
            owner, _, name = column.field.partition(".")
            names[owner].append(name)
            values[owner].append(_restored_column(column, columns[column.name], media))
    samples = zip(*values["sample"], strict=True)
    responses, failures = zip(*values["response"], strict=True), zip(*values["failure"], strict=True)
    for sample, response, failure in zip(samples, responses, failures, strict=True):
        yield (
            Sample(**dict(zip(names["sample"], sample, strict=True))),
            Response(
                **dict(zip(names["response"], response, strict=True)),
                failure=None if failure[0] is None else Failure(*failure),
            ),
        )


def _restored_column(column: Column, values: Sequence[Any], media: ToMedia) -> Sequence[Any]:
    if column.restore is _same:
        return values
    if not column.repeated:
        return [column.restore(value, media) for value in values]
    known: dict[Any, Any] = {}
    out = []
    for value in values:
        key = tuple(value) if isinstance(value, list) else value
        if key not in known:
            known[key] = column.restore(value, media)
        out.append(known[key])
    return out


def restore(row: Mapping[str, Any], media: ToMedia) -> tuple[Sample, Response]:
    """Sample and response of one stored row or journal record."""
    return next(restored({name: [value] for name, value in row.items()}, media))


_OF_SAMPLE = tuple(c for c in COLUMNS if c.field.startswith("sample.") and c.name not in ("prompt", "media"))


def judging_side(sample: Sample, labels: Mapping[str, str]) -> dict[str, Any]:
    """The columns that a journal line has of its sample beside what was sent: what judging needs."""
    answer = Answer(sample, labels, 0, "", (), Response(), Call(0.0, 0.0))
    return {column.name: column.value(answer) for column in _OF_SAMPLE}


def refreshed(answers: pa.Table, samples: Sequence[Sample], labels: Sequence[Mapping[str, str]]) -> pa.Table:
    """Stored answers with the judging side of these samples, row by row; what was sent and said stays."""
    rows = [judging_side(sample, own) for sample, own in zip(samples, labels, strict=True)]
    for column in _OF_SAMPLE:
        values = [row[column.name] for row in rows]
        values = values if column.arrow is None else [column.arrow(value) for value in values]
        at = answers.schema.get_field_index(column.name)
        answers = answers.set_column(at, ANSWER_SCHEMA.field(column.name), pa.array(values, column.type))
    return answers


OF_RESPONSE = tuple(c for c in COLUMNS if c.field.startswith(("response.", "failure.")))
SAID = ("request_key", *(c.name for c in OF_RESPONSE))
"""The columns that say what was asked and what came back."""
