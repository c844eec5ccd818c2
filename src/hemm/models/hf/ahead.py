"""Batches whose pictures are decoded and whose tokens are made while the one before is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hemm.core import BadData, Generation, Message, Request, Response
from hemm.models.batcher import failed
from hemm.models.hf.pictures import prepared

_KEPT = 2
"""Batches kept: the one that is about to be answered, and the next."""


@dataclass
class Group:
    """Requests of a batch that go through the model together.

    places  where they stand in the batch
    inputs  the processor's tensors for ``chats``; None: made when they are needed
    """

    generation: Generation
    places: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    chats: list[list[Message]] = field(default_factory=list)
    inputs: Any = None


@dataclass
class Prepared:
    """A batch in groups, and the failures of pictures that do not open, by their place."""

    requests: Sequence[Request]
    groups: list[Group]
    failures: dict[int, Response]


def grouped(requests: Sequence[Request]) -> Prepared:
    """The batch with its pictures decoded."""
    groups: dict[tuple[Generation, int], Group] = {}
    failures: dict[int, Response] = {}
    for place, request in enumerate(requests):
        try:
            chat = prepared(request)
        except (BadData, FileNotFoundError) as error:
            failures[place] = failed("media", str(error), permanent=True)
            continue
        # only requests with equally many pictures together: Mllama's empty picture slots change other rows
        key = request.generation, len(request.media)
        group = groups.setdefault(key, Group(request.generation))
        group.places.append(place)
        group.requests.append(request)
        group.chats.append(chat)
    return Prepared(requests, list(groups.values()), failures)


class Ahead:
    """Keeps what was prepared in one thread until another takes it.

    inputs  gives the tensors of a group, or None where they are made when it is answered
    """

    def __init__(self, inputs: Callable[[Group], Any]) -> None:
        self._inputs = inputs
        self._kept: dict[tuple[int, ...], Prepared] = {}
        self._lock = threading.Lock()

    def prepare(self, requests: Sequence[Request]) -> None:
        """Prepare a batch and keep it."""
        found = grouped(requests)
        for group in found.groups:
            group.inputs = self._inputs(group)
        with self._lock:
            self._kept[_key(requests)] = found
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))

    def take(self, requests: Sequence[Request]) -> Prepared:
        """The batch as it was prepared; one that was not (a half of one, after a lack of memory) is now."""
        with self._lock:
            found = self._kept.pop(_key(requests), None)
        return found or grouped(requests)


def _key(requests: Sequence[Request]) -> tuple[int, ...]:
    return tuple(map(id, requests))  # which are held as long as they are kept
