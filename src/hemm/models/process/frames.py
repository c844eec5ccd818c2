"""Messages between hemm and the processes of ``--replicas``.

Over pipes a message is the length of its header (8 bytes, big-endian), the header as JSON (``value``, and
``sizes`` of the blobs in bytes), and the blobs, which are encoded media. There are no pickles, which could
run code.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any

from hemm.core import BadData, Generation, Media, Message, Request, Response
from hemm.results.response_record import response_of, response_record

_HEAD = struct.Struct(">Q")


def write(pipe: IO[bytes], value: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Send a message. Raises OSError where the other process has ended."""
    head = json.dumps({"value": value, "sizes": [len(b) for b in blobs]}).encode("ascii")
    for data in (_HEAD.pack(len(head)), head, *blobs):
        pipe.write(data)
    pipe.flush()


def read(pipe: IO[bytes]) -> tuple[dict[str, Any], list[bytes]] | None:
    """The next message and its blobs; None if the other process has ended, also within a message."""
    try:
        length = pipe.read(_HEAD.size)
        if len(length) < _HEAD.size:
            return None
        head = pipe.read(_HEAD.unpack(length)[0])
        header = json.loads(head)
        blobs = [pipe.read(size) for size in header["sizes"]]
    except (OSError, ValueError, RecursionError):  # closed, or cut off
        return None
    if any(len(b) < size for b, size in zip(blobs, header["sizes"], strict=True)):
        return None
    return header["value"], blobs


def requests_out(requests: Sequence[Request]) -> tuple[list[dict[str, Any]], list[Media]]:
    """Requests as JSON, and the media that they name by number. A picture of several requests is one."""
    media: list[Media] = []
    places: dict[int, int] = {}

    def encode(item: str | Media) -> str | int:
        if isinstance(item, str):
            return item
        if id(item) not in places:
            places[id(item)] = len(media)
            media.append(item)
        return places[id(item)]

    records = [
        {
            "sample_id": r.sample_id,
            "repeat": r.repeat,
            "messages": [[m.role, [encode(p) for p in m.parts]] for m in r.messages],
            "generation": asdict(r.generation),
            "key": r.key,
            "options": r.options,
        }
        for r in requests
    ]
    return records, media


def requests_in(records: Sequence[Mapping[str, Any]], media: Sequence[Media]) -> list[Request]:
    """The requests from the JSON and media of ``requests_out``."""
    return [
        Request(
            sample_id=record["sample_id"],
            repeat=record["repeat"],
            messages=tuple(
                Message(role, tuple(p if isinstance(p, str) else media[p] for p in parts))
                for role, parts in record["messages"]
            ),
            generation=_generation(record["generation"]),
            key=record["key"],
            options=tuple(record["options"]),
        )
        for record in records
    ]


def responses_out(responses: Sequence[Response]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Responses as JSON and blobs."""
    blobs: list[bytes] = []
    records = []
    for response in responses:
        media = [media_out(m, blobs) for m in response.media]
        records.append({**response_record(response), "drawn": media})
    return records, blobs


def responses_in(records: Sequence[Mapping[str, Any]], blobs: Sequence[bytes]) -> list[Response]:
    """The responses from the JSON and blobs of ``responses_out``."""
    return [response_of(record, tuple(media_in(m, blobs) for m in record["drawn"])) for record in records]


def _generation(record: Mapping[str, Any]) -> Generation:
    extra = tuple((key, value) for key, value in record["extra"])
    return Generation(**{**record, "stop": tuple(record["stop"]), "extra": extra})


def media_out(media: Media, blobs: list[bytes]) -> dict[str, Any]:
    """Name, type and blob number; where the bytes cannot be read, the error that reading them raises.

    The bytes are added to ``blobs``.
    """
    record: dict[str, Any] = {"name": media.name, "problem": media.problem}
    try:
        blobs.append(media.data)
        record |= {"blob": len(blobs) - 1, "mime": media.mime}
    except (FileNotFoundError, BadData) as error:
        record |= {"lacking": str(error), "bad": isinstance(error, BadData)}
    return record


def media_in(record: Mapping[str, Any], blobs: Sequence[bytes]) -> Media:
    """The media from the record and blobs of ``media_out``."""
    if "lacking" not in record:
        return Media(
            blobs[record["blob"]], name=record["name"], mime=record["mime"], problem=record["problem"]
        )
    kind = BadData if record["bad"] else FileNotFoundError

    def load() -> bytes:
        raise kind(record["lacking"])

    return Media(load=load, name=record["name"], problem=record["problem"])
