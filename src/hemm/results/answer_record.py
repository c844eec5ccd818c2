"""The answer record: one table of columns says what is stored of an answer, and how it comes back.

Each row of ``COLUMNS`` names a column, its Arrow type, how its value is had from an ``Answer``, and which
field of ``Sample`` or ``Response`` it becomes again. Journal lines, sealed parts, scoring, judges' verdicts
and the messages of ``--replicas`` are made from this table: a new column is one row here, and its use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from hemm.core import Failure, Media, Message, Response, Sample, Usage, canonical, redact, storable

MEDIA_MARK = "media:"
"""What a reference that is a picture begins with; its digest follows."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one request cost: start (Unix time, seconds) and latency (seconds) as measured around it."""

    started: float
    latency: float


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known of one finished answer: where each column gets its value.

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
        """The answer as plain JSON: a journal line. Every text can be stored, no failure holds a secret."""
        found = {column.name: column.value(self) for column in COLUMNS}
        found["call"] = [column.value(self) for column in CALL_COLUMNS]
        return found


ToMedia = Callable[[str], Media]
"""Digest of a stored picture -> the picture, read when its bytes are needed."""


def _same(value: Any, media: ToMedia) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the answer record.

    value     its value from an ``Answer``, as JSON has it
    field     what it becomes again: ``sample.NAME``, ``response.NAME``, ``failure.NAME``; empty: nothing
    restore   (stored value, media by digest) -> the field's value; a null is None
    arrow     JSON value -> value of the Arrow type, where they differ
    repeated  whether many rows share a value: equal ones are then restored once
    """

    name: str
    type: pa.DataType
    value: Callable[[Answer], Any]
    field: str = ""
    restore: Callable[[Any, ToMedia], Any] = _same
    arrow: Callable[[Any], Any] | None = None
    repeated: bool = False


def _text(value: str | None, media: ToMedia) -> str:
    return value or ""


def _finite(values: Sequence[float]) -> list[float | str]:
    # JSON knows no infinities: they travel as text
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
    """Whether a stored reference stands for a picture.

    >>> is_media("media:" + 64 * "0"), is_media("media: the press")
    (True, False)
    """
    digest = reference.removeprefix(MEDIA_MARK)
    return len(digest) == 64 and digest != reference and set(digest) <= set("0123456789abcdef")


def _metadata(text: str | None, media: ToMedia) -> Mapping[str, Any]:
    found = orjson.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _of_failure(value: Callable[[Failure], Any]) -> Callable[[Answer], Any]:
    return lambda a: None if a.response.failure is None else value(a.response.failure)


def prompt_text(messages: Sequence[Message]) -> str:
    """The whole prompt as text with media as ``<image>``: ``Request.prompt`` of these messages."""
    texts = ["".join([p if isinstance(p, str) else f"<{p.kind}>" for p in m.parts]) for m in messages]
    if len(messages) == 1:
        return texts[0]
    return "\n".join(f"[{m.role}] {text}" for m, text in zip(messages, texts, strict=True))


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
        lambda a: storable(prompt_text(a.messages)),
        "sample.fields",
        lambda v, _: {"prompt": v} if v else {},
    ),
    Column("raw", _STRING, lambda a: storable(a.response.text), "response.text", _text),
    Column("reasoning", _STRING, lambda a: storable(a.response.reasoning), "response.reasoning", _text),
    Column("finish", _STRING, lambda a: a.response.finish, "response.finish", lambda v, _: v or "stop"),
    # null: the API did not refuse
    Column(
        "refusal",
        _STRING,
        lambda a: None if a.response.refusal is None else storable(a.response.refusal),
        "response.refusal",
    ),
    # null: an answer was had
    Column("failure", _STRING, _of_failure(lambda f: f.kind), "failure.kind"),
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
        _of_failure(lambda f: f.permanent),
        "failure.permanent",
        lambda v, _: bool(v),
    ),
    # log-probabilities of the options
    Column("options", _FLOATS, lambda a: _finite(a.response.options), "response.options", _numbers, _floats),
    Column(
        "logprobs", _FLOATS, lambda a: _finite(a.response.logprobs), "response.logprobs", _numbers, _floats
    ),
    # digests of what was shown
    Column(
        "media",
        _STRINGS,
        lambda a: [p.digest for m in a.messages for p in m.parts if not isinstance(p, str)],
        "sample.media",
        _pictures,
    ),
    # digests of pictures that the model gave
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
    # JSON
    Column(
        "metadata",
        _STRING,
        lambda a: canonical(dict(a.sample.metadata)).decode() if a.sample.metadata else "{}",
        "sample.metadata",
        _metadata,
        repeated=True,
    ),
    # fingerprint that the server told
    Column("model", _STRING, lambda a: storable(a.response.model), "response.model", _text),
)
"""Answers: one row for each (sample, repeat). They hold what scoring and reports need, so that a result
folder opens on a machine that has neither pack nor model."""

CALL_COLUMNS = (
    Column("attempts", pa.int32(), lambda a: a.response.attempts),
    Column("started", pa.float64(), lambda a: a.call.started),  # Unix time, seconds
    Column("latency", pa.float64(), lambda a: a.call.latency),  # seconds
    Column("input_tokens", pa.int64(), lambda a: a.response.usage.input_tokens),
    Column("output_tokens", pa.int64(), lambda a: a.response.usage.output_tokens),
    Column("cost", pa.float64(), lambda a: a.response.usage.cost),  # US dollars
)
"""What differs from run to run, apart from the answers. A journal line has it as one list, ``call``."""

ANSWER_SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])
CALL_SCHEMA = pa.schema(
    [("id", pa.string()), ("repeat", pa.int32()), *((column.name, column.type) for column in CALL_COLUMNS)]
)


def answer_batch(records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Journal records as one batch of ``ANSWER_SCHEMA``."""
    columns = []
    for column in COLUMNS:
        values: list[Any] = [record[column.name] for record in records]
        if column.arrow is not None:
            values = [column.arrow(value) for value in values]
        columns.append(pa.array(values, type=column.type))
    return pa.record_batch(columns, schema=ANSWER_SCHEMA)


def call_batch(records: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """What differs from run to run in these journal records, as one batch of ``CALL_SCHEMA``."""
    columns = [[r["id"] for r in records], [r["repeat"] for r in records]]
    columns += [[r["call"][i] for r in records] for i in range(len(CALL_COLUMNS))]
    return pa.record_batch(
        [pa.array(v, type=f.type) for v, f in zip(columns, CALL_SCHEMA, strict=True)], schema=CALL_SCHEMA
    )


def stored_columns(answers: pa.Table) -> dict[str, list[Any]]:
    """The columns of stored answers that become a sample or a response again, as Python values."""
    return {
        c.name: answers.column(c.name).to_pylist()
        for c in COLUMNS
        if c.field and c.name in answers.column_names
    }


def restored(columns: Mapping[str, Sequence[Any]], media: ToMedia) -> Iterator[tuple[Sample, Response]]:
    """Sample and response of each row of these columns (those that are missing keep their defaults).

    A sample's fields are ``prompt`` alone, the whole prompt as it was sent. ``media`` makes pictures of their
    digests.
    """
    parts: dict[str, list[str]] = {"sample": [], "response": [], "failure": []}
    values: dict[str, list[Sequence[Any]]] = {"sample": [], "response": [], "failure": []}
    for column in COLUMNS:
        if column.field and column.name in columns:
            part, _, name = column.field.partition(".")
            parts[part].append(name)
            values[part].append(_restored_column(column, columns[column.name], media))
    samples = zip(*values["sample"], strict=True)
    responses, failures = zip(*values["response"], strict=True), zip(*values["failure"], strict=True)
    for sample, response, failure in zip(samples, responses, failures, strict=True):
        yield (
            Sample(**dict(zip(parts["sample"], sample, strict=True))),
            Response(
                **dict(zip(parts["response"], response, strict=True)),
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


_OF_RESPONSE = tuple(c for c in COLUMNS if c.field.startswith(("response.", "failure.")))
_NOBODY = Sample("-")


def response_record(response: Response) -> dict[str, Any]:
    """The facts of a response as plain JSON: its columns of the record, ``attempts`` and ``usage``."""
    answer = Answer(_NOBODY, {}, 0, "", (), response, Call(0.0, 0.0))
    usage = response.usage
    return {
        **{column.name: column.value(answer) for column in _OF_RESPONSE if column.name != "produced"},
        "attempts": response.attempts,
        "usage": [usage.input_tokens, usage.output_tokens, usage.cost],
    }


def response_of(facts: Mapping[str, Any], media: tuple[Media, ...] = ()) -> Response:
    """The response of ``response_record``'s facts (those that are missing keep their defaults).

    >>> response_of(response_record(Response("a heron", finish="length")))
    Response(text='a heron', reasoning='', finish='length', refusal=None, media=(), options=(), logprobs=(), \
usage=Usage(input_tokens=None, output_tokens=None, cost=None), failure=None, model='', attempts=1)
    """
    fields: dict[str, Any] = {}
    failure: list[Any] = []
    for column in _OF_RESPONSE:
        if column.name in facts:
            value = column.restore(facts[column.name], _no_media)
            if column.field.startswith("failure."):
                failure.append(value)
            else:
                fields[column.field.removeprefix("response.")] = value
    return Response(
        **fields,
        media=media,
        usage=Usage(*facts["usage"]),
        failure=None if failure[0] is None else Failure(*failure),
        attempts=facts.get("attempts", 1),
    )


def _no_media(digest: str) -> Media:
    raise ValueError("the facts of a response name no media")
