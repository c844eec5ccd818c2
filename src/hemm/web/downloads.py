"""What a filter chooses, as CSV, JSON lines or Parquet, streamed: some thousands of answers are in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from hemm.report.tables.writer import to_csv
from hemm.web.answers import Answers, Row
from hemm.web.filters import Filter, at_start

AT_ONCE = 4_096
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_TEXTS = ("id", "prompt", "raw", "references", "labels", "metadata")
_SCHEMA = pa.schema(
    [(n, pa.string()) for n in ("model", "task", "control", "cell", "id")]
    + [("repeat", pa.int32()), ("outcome", pa.string()), ("score", pa.float64()), ("correct", pa.bool_())]
    + [("stage", pa.string()), ("read", pa.string()), ("answer", pa.string()), ("prompt", pa.string())]
    + [("right_answers", pa.list_(pa.string())), ("scores", pa.string())]
    + [(n, pa.float64()) for n in ("latency", "cost")]
    + [(n, pa.int64()) for n in ("input_tokens", "output_tokens")]
    + [("labels", pa.string()), ("metadata", pa.string())]
)


def stream(answers: Answers, chosen: Filter, kind: str) -> Iterator[bytes]:
    """The bytes of a download, in the order of the filter."""
    if kind == "parquet":
        yield from _parquet(answers, chosen)
        return
    first = True
    for rows in _pages(answers, chosen):
        facts = _facts(answers, rows)
        if kind == "jsonl":
            yield b"".join(orjson.dumps(f, option=orjson.OPT_APPEND_NEWLINE) for f in facts)
            continue
        text = to_csv([{**f, "right_answers": "; ".join(f["right_answers"])} for f in facts], _SCHEMA.names)
        yield (text if first else text.partition("\n")[2]).encode("utf-8", "replace")
        first = False
    if first and kind == "csv":
        yield to_csv([], _SCHEMA.names).encode()


def _parquet(answers: Answers, chosen: Filter) -> Iterator[bytes]:
    buffer = _Outgoing()
    with pq.ParquetWriter(buffer, _SCHEMA, compression="zstd") as writer:
        for rows in _pages(answers, chosen):
            writer.write_table(pa.Table.from_pylist(_facts(answers, rows), schema=_SCHEMA))
            yield buffer.taken()
    yield buffer.taken()


def _pages(answers: Answers, chosen: Filter) -> Iterator[tuple[Row, ...]]:
    now = at_start(chosen)
    while True:
        page = answers.page(now, AT_ONCE)
        if page.rows:
            yield page.rows
        if not page.later:
            return
        place = page.stopped or page.rows[-1].place
        value, _, number = place.partition("~")
        now = replace(now, after=(float(value), int(number)))


def _facts(answers: Answers, rows: Sequence[Row]) -> list[dict[str, Any]]:
    texts, scores = answers.texts(rows, _TEXTS), answers.other_scores(rows)
    out = []
    for row, text in zip(rows, texts, strict=True):
        facts, raw = row.facts, text["raw"] or ""
        begin, end = facts["span_begin"], facts["span_end"]
        out.append(
            {
                "model": row.cell.label,
                "task": row.cell.cell.task,
                "control": row.cell.control,
                "cell": row.cell.found.place,
                "id": text["id"],
                "repeat": facts["repeat"],
                "outcome": row.outcome,
                "score": facts["score"],
                "correct": facts["correct"],
                "stage": facts["stage"],
                "read": None if begin is None else raw[begin:end],
                "answer": raw,
                "prompt": text["prompt"],
                "right_answers": list(text["references"] or ()),
                "scores": orjson.dumps(dict(scores.get(facts["n"], ()))).decode(),
                "latency": facts["latency"],
                "cost": facts["cost"],
                "input_tokens": facts["input_tokens"],
                "output_tokens": facts["output_tokens"],
                "labels": orjson.dumps(dict(text["labels"] or ())).decode(),
                "metadata": text["metadata"],
            }
        )
    return out


class _Outgoing(io.RawIOBase):
    """A file that hands out what was written to it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        out = b"".join(self._parts)
        self._parts.clear()
        return out
