"""Messages between hemm and the processes of ``--replicas``, over pipes.

A message is the length of its head (8 bytes, big-endian), the head as JSON (``value``, and ``sizes`` of the
blobs in bytes), and the blobs: encoded media, as they are. Nothing is unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any

from hemm.core import BadData, Generation, Media, Message, Request, Response
from hemm.results.answer_record import response_of, response_record

_HEAD = struct.Struct(">Q")


def write(pipe: IO[bytes], value: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Send a message. Raises OSError where the other side is gone."""
    head = json.dumps({"value": value, "sizes": [len(b) for b in blobs]}).encode("ascii")
    for data in (_HEAD.pack(len(head)), head, *blobs):
        pipe.write(data)
    pipe.flush()


def read(pipe: IO[bytes]) -> tuple[dict[str, Any], list[bytes]] | None:
    """The next message and its blobs; None where the other side is gone, also within a message."""
    try:
        length = pipe.read(_HEAD.size)
        if len(length) < _HEAD.size:
            return None
        head = pipe.read(_HEAD.unpack(length)[0])
        told = json.loads(head)
        blobs = [pipe.read(size) for size in told["sizes"]]
    except (OSError, ValueError):  # closed, or cut off
        return None
    if any(len(b) < size for b, size in zip(blobs, told["sizes"], strict=True)):
        return None
    return told["value"], blobs


def requests_out(requests: Sequence[Request]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Requests as JSON and blobs. A picture shown by several is sent once."""
    blobs: list[bytes] = []
    places: dict[int, dict[str, Any]] = {}

    def part(shown: str | Media) -> Any:
        if isinstance(shown, str):
            return shown
        if id(shown) not in places:
            places[id(shown)] = _media_out(shown, blobs)
        return places[id(shown)]

    told = [
        {
            "sample_id": r.sample_id,
            "repeat": r.repeat,
            "messages": [[m.role, [part(p) for p in m.parts]] for m in r.messages],
            "generation": asdict(r.generation),
            "key": r.key,
            "options": r.options,
        }
        for r in requests
    ]
    return told, blobs


def requests_in(told: Sequence[Mapping[str, Any]], blobs: Sequence[bytes]) -> list[Request]:
    """What ``requests_out`` was given."""
    return [
        Request(
            sample_id=one["sample_id"],
            repeat=one["repeat"],
            messages=tuple(
                Message(role, tuple(p if isinstance(p, str) else _media_in(p, blobs) for p in parts))
                for role, parts in one["messages"]
            ),
            generation=_generation(one["generation"]),
            key=one["key"],
            options=tuple(one["options"]),
        )
        for one in told
    ]


def responses_out(responses: Sequence[Response]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Responses as JSON and blobs."""
    blobs: list[bytes] = []
    told = []
    for response in responses:
        media = [_media_out(m, blobs) for m in response.media]
        told.append({**response_record(response), "drawn": media})
    return told, blobs


def responses_in(told: Sequence[Mapping[str, Any]], blobs: Sequence[bytes]) -> list[Response]:
    """What ``responses_out`` was given."""
    return [response_of(one, tuple(_media_in(m, blobs) for m in one["drawn"])) for one in told]


def _generation(told: Mapping[str, Any]) -> Generation:
    extra = tuple((key, value) for key, value in told["extra"])
    return Generation(**{**told, "stop": tuple(told["stop"]), "extra": extra})


def _media_out(media: Media, blobs: list[bytes]) -> dict[str, Any]:
    """Name, type and place of the bytes; where they cannot be had, why, as the model would have met it."""
    told: dict[str, Any] = {"name": media.name, "problem": media.problem}
    try:
        blobs.append(media.data)
        told |= {"blob": len(blobs) - 1, "mime": media.mime}
    except (FileNotFoundError, BadData) as error:
        told |= {"lacking": str(error), "bad": isinstance(error, BadData)}
    return told


def _media_in(told: Mapping[str, Any], blobs: Sequence[bytes]) -> Media:
    if "lacking" not in told:
        return Media(blobs[told["blob"]], name=told["name"], mime=told["mime"], problem=told["problem"])
    kind = BadData if told["bad"] else FileNotFoundError

    def load() -> bytes:
        raise kind(told["lacking"])

    return Media(load=load, name=told["name"], problem=told["problem"])
