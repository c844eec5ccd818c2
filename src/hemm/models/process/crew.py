"""Several processes with one model, wherever they run: they are started together, and again when they end.

Where they are and how they are talked to is a ``Site``'s business. ``Replicas`` and the clients of served
models on a cluster share what is here.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hemm.core import (
    Capabilities,
    HemmError,
    Identity,
    Media,
    Model,
    Pack,
    Request,
    Response,
    redact,
)
from hemm.models.process import frames
from hemm.models.process.child import GIVE_UP, ProcessEnded
from hemm.models.process.sites import Site
from hemm.models.process.transport import Reply, Transport

LOOK_SECONDS = 3.0
"""Seconds between two looks at whether replicas that have not come up may still do so."""


class Crew:
    """The processes of one model. Safe to use from several threads.

    why    what became of them, where ``take`` gives None
    """

    def __init__(self, site: Site, spec: str) -> None:
        self.site, self._spec = site, spec
        self.why = "they were closed"
        self._all: list[Replica] = []
        self._free: list[Replica] = []
        self._coming: set[Replica] = set()
        self._places: list[Mapping[str, Any]] = []
        self._changed = threading.Condition()
        self._closed, self._ends, self._restarts = False, 0, 0
        self._news: list[str] = []

    @property
    def count(self) -> int:
        """How many processes there are to be."""
        return max(1, self.site.count)

    @property
    def setup(self) -> dict[str, Any]:
        """For run.json: where the processes are or were, and restarts."""
        return {**self.site.setup(self._places), "restarts": self._restarts}

    @property
    def at_work(self) -> str:
        with self._changed:
            running = [r for r in self._all if r not in self._coming]
            where = self.site.at_work([r.place for r in running])
            return f"{where}, {len(running)} of {self.count} replicas" if where else ""

    def news(self) -> Sequence[str]:
        """What happened since the last call."""
        with self._changed:
            told, self._news = self._news, []
        return told

    async def start(self, message: dict[str, Any], identity: Identity) -> None:
        """Start all processes at once with ``message``. Raises HemmError of the first that fails."""
        self._closed, self._ends = False, 0
        try:
            for k, transport in enumerate(transports := self.site.open()):
                name = f"model {redact(self._spec)}, process {k + 1} of {len(transports)}"
                self._all.append(Replica(name, transport, message, identity))
            with self._changed:
                for replica in self._all:
                    self._come(replica)
            await asyncio.to_thread(self._await_start, len(transports))
        except BaseException:
            await self.close()
            raise

    def _await_start(self, count: int) -> None:
        def settled() -> bool:
            return self._closed or not self._coming or len(self._all) < count

        patience = math.inf if self.site.patience is None else self.site.patience
        end = time.monotonic() + patience
        while not self._settled_within(LOOK_SECONDS, settled):
            over = time.monotonic() >= end or not self.site.expects_more(len(self.free))
            if over and (self.free or not self._some_load()):
                break
        with self._changed:
            if len(self._all) < count or not self._free:
                raise HemmError(self.why if len(self._all) < count else f"none of {self._late(count)}")
            if self._coming:
                late = f"{len(self._free)} of {self._late(count)}"
                self._news.append(f"{late}: they begin, and the others join when they come up")
            if wrong := self.site.refuses([r.place for r in self._free]):
                raise HemmError(wrong)

    def _some_load(self) -> bool:
        """Whether some that have not come up have a place, and load their model there."""
        with self._changed:
            coming = list(self._coming)
        return any(replica.placed for replica in coming)

    def _settled_within(self, seconds: float, settled: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(settled, max(0.0, seconds))

    def _late(self, count: int) -> str:
        wants = self.site.wants()
        return f"{count} replicas came up{f' ({wants})' if wants else ''}"

    async def close(self) -> None:
        """End all processes at once, also in the middle of a batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            coming, found = set(self._coming), list(self._all)
        ends = (r.abandon if r in coming else r.stop for r in found)
        await asyncio.gather(*(asyncio.to_thread(end) for end in ends))
        self._all, self._free = [], []
        self.site.close()

    # asking

    @property
    def _given_up(self) -> bool:
        return self._ends >= max(GIVE_UP, 2 * self.count)

    def take(self) -> Replica | None:
        """Wait for a replica that is free, and take it; None if there will be none."""
        with self._changed:
            while not (self._free or self._closed or self._given_up) and self._all:
                self._changed.wait()
            if self._closed or self._given_up or not self._all:
                return None
            return self._free.pop()

    def give(self, replica: Replica, answered: bool = True) -> None:
        """Give a replica back that was taken."""
        with self._changed:
            if answered:
                self._ends = 0
            self._free.append(replica)
            self._changed.notify_all()

    @property
    def free(self) -> Sequence[Replica]:
        """Those that nobody has taken, for whoever shares them."""
        with self._changed:
            return list(self._free)

    def answered(self) -> None:
        """A replica that is shared has answered."""
        self._ends = 0

    def withdraw(self, replica: Replica) -> bool:
        """Take this very replica; whether it was free."""
        with self._changed:
            was = replica in self._free
            self._free = [r for r in self._free if r is not replica]
            return was

    def again(self, replica: Replica, ended: ProcessEnded) -> None:
        """Start a replica again that was taken, and whose process has ended."""
        replica.kill()
        with self._changed:
            self._ends += 1
            self.why = f"{self._ends} ended in a row, the last one {ended}"
            if not (self._closed or self._given_up):
                self._news.append(f"{replica.name} {ended}: another one is asked, and it is started again")
                self._restarts += 1
                self._come(replica)
            self._changed.notify_all()

    def _come(self, replica: Replica) -> None:
        self._coming.add(replica)
        # a daemon: one that waits for a place must not keep the process
        threading.Thread(target=self._bring_up, args=(replica,), name="hemm-replica", daemon=True).start()

    def _bring_up(self, replica: Replica) -> None:
        why = ""
        try:
            replica.start()
        except HemmError as error:
            why = str(error)
        with self._changed:
            self._coming.discard(replica)
            if not why and self._places and replica.place:  # the first ones are compared when all are there
                why = self.site.refuses([self._places[0], replica.place])
            if why:
                self.why = why
                self._all = [r for r in self._all if r is not replica]
                self._news.append(f"{why}: it is left out")
            else:
                self._places.append(replica.place)
                self._free.append(replica)
            self._changed.notify_all()
        if why or self._closed:
            replica.abandon()


class Replica:
    """One process that answers batches, wherever it runs."""

    def __init__(
        self, name: str, transport: Transport, start_message: dict[str, Any], identity: Identity
    ) -> None:
        self.name = name
        self._transport, self._start_message, self._identity = transport, start_message, identity
        self._busy, self._gone = False, threading.Event()
        self._found: Mapping[str, Any] = {}

    @property
    def place(self) -> Mapping[str, Any]:
        """Where the process runs, and on what; as far as it is known."""
        place = {**self._transport.place}
        place["accelerator"] = self._found.get("accelerator") or place.get("accelerator", "")
        return place

    @property
    def placed(self) -> bool:
        """Whether there is room for the process."""
        return self._transport.placed

    def start(self) -> None:
        """Start the process and load the model. Raises HemmError with the process's message."""
        while not self._gone.is_set():
            try:
                self._transport.open()
                if self._gone.is_set():  # ``abandon`` was called meanwhile
                    self.kill()
                reply, _ = self._transport.exchange(self._start_message)
                problem, self._found = reply.get("failed"), reply
            except ProcessEnded as ended:
                if ended.lost and not self._gone.is_set():
                    continue  # its machine is gone: it is given another place
                problem = f"it {ended}"
            else:
                if problem is None and reply["ready"] != [self._identity.name, self._identity.revision]:
                    problem = "the checkpoint changed since the run began"
            if problem is None:
                return
            where = f" on {self.place['host']}" if self.place.get("host") else ""
            self.kill()
            raise HemmError(f"{self.name}{where}: {problem}")

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to a batch. Raises ProcessEnded if the process ends."""
        batch, media = frames.requests_out(requests)
        self._busy = True
        try:
            reply, drawn = self._transport.exchange({"batch": batch}, media)
        finally:
            self._busy = False
        if "answers" not in reply:
            return []  # a broken contract: the batcher ends the run for a wrong number of responses
        found, place = frames.responses_in(reply["answers"], drawn), self.place
        where = {"accelerator": place["accelerator"], "node": place.get("node", "")}
        return [replace(response, **where) for response in found]

    def exchange(self, message: Mapping[str, Any], media: Sequence[Media]) -> Reply:
        """The reply to a message. Raises ProcessEnded."""
        return self._transport.exchange(message, media)

    def stop(self) -> None:
        """Let an idle process close its model, then end it."""
        if not self._busy:
            self._transport.finish()
        self.abandon()

    def abandon(self) -> None:
        """End the process, and do not start it again."""
        self._gone.set()
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children at once."""
        self._transport.kill()


class ByCrew:
    """What a model that a crew answers for says of itself: what the model says, and where the crew is."""

    _model: Model
    _crew: Crew

    @property
    def identity(self) -> Identity:
        return self._model.identity

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    @property
    def protocol_extra(self) -> Sequence[tuple[str, str]]:
        return self._model.protocol_extra

    @property
    def setup(self) -> dict[str, Any]:
        """For run.json: where the processes are or were, restarts, and what the model tells."""
        return {**(self._model.setup or {}), **self._crew.setup}

    @property
    def at_work(self) -> str:
        return self._crew.at_work

    def reads(self, pack: Pack) -> None:
        """Samples of ``pack`` are asked next, so that processes may look for their media there."""
        self._crew.site.reads(pack)
