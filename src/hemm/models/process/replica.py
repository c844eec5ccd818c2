"""One process of ``--replicas``: its messages, and what it does. Run as ``python -c``, never by hand.

A message is the length of its head (8 bytes, big-endian), the head as JSON (``value``, and ``sizes`` of the
blobs in bytes), and the blobs: encoded media, as they are. Nothing is unpickled.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import struct
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any, NoReturn

from hemm.core import (
    BadData,
    Failure,
    Generation,
    HemmError,
    Media,
    Message,
    Request,
    Response,
    Usage,
    redact,
    storable,
)

START = "import sys; from hemm.models.process.replica import main; sys.exit(main())"
"""What the interpreter of a replica is told."""
GRACE_SECONDS = 5.0
"""How long a model may take to close."""
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
    for r in responses:
        fields = {name: getattr(r, name) for name in _PLAIN}
        fields["media"] = [_media_out(m, blobs) for m in r.media]
        fields["usage"] = asdict(r.usage)
        fields["failure"] = None if r.failure is None else asdict(r.failure)
        told.append(fields)
    return told, blobs


def responses_in(told: Sequence[Mapping[str, Any]], blobs: Sequence[bytes]) -> list[Response]:
    """What ``responses_out`` was given."""
    found = []
    for one in told:
        fields: dict[str, Any] = {name: one[name] for name in _PLAIN}
        fields |= {name: tuple(one[name]) for name in ("options", "logprobs")}
        fields["media"] = tuple(_media_in(m, blobs) for m in one["media"])
        fields["usage"] = Usage(**one["usage"])
        fields["failure"] = None if one["failure"] is None else Failure(**one["failure"])
        found.append(Response(**fields))
    return found


_PLAIN = ("text", "reasoning", "finish", "refusal", "options", "logprobs", "model", "attempts")


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


class _Life:
    """A replica: a thread that listens, so that it ends when nobody waits for it, and the model."""

    def __init__(self, source: IO[bytes], out: IO[bytes]) -> None:
        self._out = out
        self._busy = True
        self._inbox: queue.Queue[tuple[dict[str, Any], list[bytes]] | None] = queue.Queue()
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def _listen(self, source: IO[bytes]) -> NoReturn:
        while (message := read(source)) is not None:
            self._inbox.put(message)
        self._inbox.put(None)
        if not self._busy:
            time.sleep(GRACE_SECONDS)
        os._exit(0)

    def run(self) -> int:
        """Start the model that the first message names, answer batches, close it."""
        first = self._inbox.get()
        if first is None:
            return 0
        loop = asyncio.new_event_loop()
        try:
            model = _model(first[0])
            loop.run_until_complete(model.start())
            write(self._out, {"ready": [model.identity.name, model.identity.revision]})
        except Exception as error:
            if not isinstance(error, HemmError):
                traceback.print_exc()
            name = "" if isinstance(error, HemmError) else f"{type(error).__name__}: "
            write(self._out, {"failed": storable(redact(f"{name}{' '.join(str(error).split())}"[:500]))})
            return 1
        self._busy = False
        while (message := self._inbox.get()) is not None:
            self._busy = True
            self._answer(model, *message)
            self._busy = False
        loop.run_until_complete(model.close())
        return 0

    def _answer(self, model: Any, told: dict[str, Any], blobs: list[bytes]) -> None:
        """Out of memory, and a request that fails, are dealt with here, as they are in one process."""
        from hemm.models.batcher import run_batch

        try:
            answers, media = responses_out(run_batch(model, requests_in(told["batch"], blobs)))
        except HemmError as error:
            write(self._out, {"broken": str(error)})
        else:
            write(self._out, {"answers": answers}, media)


def _model(told: Mapping[str, Any]) -> Any:
    from hemm.models.options import ModelOptions
    from hemm.models.specs import resolve

    settings = tuple((key, value) for key, value in told["options"]["settings"])
    return resolve(told["spec"], ModelOptions(**{**told["options"], "settings": settings}))


def main() -> int:
    """Messages come from stdin and go to what stdout was; whatever else is printed goes to stderr."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    status = _Life(source, out).run()
    sys.stderr.flush()
    os._exit(status)  # threads of libraries are not worth waiting for
