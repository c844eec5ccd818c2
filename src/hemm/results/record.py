"""One answer as a record: the same members in the journal and in the sealed parts.

``record`` and ``restore`` are each other's inverse as far as scoring needs: media come back by digest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hemm.core import Failure, Media, Message, Response, Sample, canonical, redact, storable

MEDIA_MARK = "media:"


@dataclass(frozen=True, slots=True)
class Call:
    """What one ask cost: start (Unix time, seconds) and latency (seconds) as measured around it."""

    started: float
    latency: float


def show(messages: Sequence[Message]) -> str:
    """The whole prompt as text with media as ``<image>``: ``Request.prompt`` of these messages."""
    if len(messages) == 1:
        return _text(messages[0])
    return "\n".join(f"[{m.role}] {_text(m)}" for m in messages)


def _text(message: Message) -> str:
    return "".join([p if isinstance(p, str) else f"<{p.kind}>" for p in message.parts])


def record(
    sample: Sample,
    labels: Mapping[str, str],
    repeat: int,
    request_key: str,
    messages: Sequence[Message],
    response: Response,
    call: Call,
) -> dict[str, Any]:
    """The journal record of one finished answer, every text storable, every failure free of secrets."""
    failure, usage = response.failure, response.usage
    return {
        "id": sample.id,
        "unit": sample.unit,
        "cluster": sample.cluster,
        "repeat": repeat,
        "sample_hash": sample.sample_hash,
        "request_key": request_key,
        "labels": dict(labels),
        "prompt": storable(show(messages)),
        "raw": storable(response.text),
        "reasoning": storable(response.reasoning),
        "finish": response.finish,
        "refusal": None if response.refusal is None else storable(response.refusal),
        "failure": None if failure is None else failure.kind,
        "failure_message": None if failure is None else storable(redact(failure.message)),
        "failure_permanent": None if failure is None else failure.permanent,
        "options": _floats(response.options),
        "logprobs": _floats(response.logprobs),
        "media": [p.digest for m in messages for p in m.parts if not isinstance(p, str)],
        "produced": [m.digest for m in response.media],
        "references": [r if isinstance(r, str) else MEDIA_MARK + r.digest for r in sample.references],
        "choices": list(sample.choices),
        "metadata": canonical(dict(sample.metadata)).decode() if sample.metadata else "{}",
        "model": storable(response.model),
        "call": [
            response.attempts,
            call.started,
            call.latency,
            usage.input_tokens,
            usage.output_tokens,
            usage.cost,
        ],
    }


def _floats(values: Sequence[float]) -> list[float | str]:
    # JSON knows no infinities: they travel as text
    return [v if math.isfinite(v) else str(v) for v in values]


def floats(values: Sequence[float | str] | None) -> list[float]:
    """Log-probabilities of a record as numbers."""
    return [float(v) for v in values or ()]


def _absent(digest: str) -> bytes:
    raise FileNotFoundError(f"picture {digest[:12]} is not stored with the answers")


def stored_media(digest: str, folder: Path | None) -> Media:
    """Media by digest: read late from ``folder`` (content-addressed) where it is stored there."""
    if folder is not None:
        path = media_path(folder, digest)
        if path.exists():
            return Media(load=path.read_bytes, digest=digest, name=path.name)
    return Media(load=lambda: _absent(digest), digest=digest, mime="image/unknown")


def media_path(folder: Path, digest: str) -> Path:
    """Where content-addressed media lie below a cell's media folder."""
    return folder / digest[:2] / digest


def restore(row: Mapping[str, Any], media: Path | None = None) -> tuple[Sample, int, Response]:
    """Sample (without fields and pictures), repeat and response of a stored row.

    ``media`` is the cell's media folder, for pictures that a model produced.
    """
    sample = Sample(
        id=row["id"],
        unit=row["unit"],
        cluster=row["cluster"],
        references=tuple(
            stored_media(r[len(MEDIA_MARK) :], media) if _is_media(r) else r for r in row["references"]
        ),
        choices=tuple(row["choices"]),
        labels=dict(row["labels"]),
        metadata=orjson.loads(row["metadata"]),
        stored_hash=row["sample_hash"],
    )
    failure = None
    if row["failure"] is not None:
        failure = Failure(row["failure"], row["failure_message"] or "", bool(row["failure_permanent"]))
    response = Response(
        text=row["raw"],
        reasoning=row["reasoning"],
        finish=row["finish"],
        refusal=row["refusal"],
        media=tuple(stored_media(d, media) for d in row["produced"]),
        options=tuple(floats(row["options"])),
        logprobs=tuple(floats(row["logprobs"])),
        failure=failure,
        model=row["model"],
    )
    return sample, row["repeat"], response


def _is_media(reference: str) -> bool:
    return reference.startswith(MEDIA_MARK) and len(reference) == len(MEDIA_MARK) + 64
