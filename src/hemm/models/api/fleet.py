"""One model behind several servers: ``http://a:8000,http://b:8000/v1#NAME``.

Each server has a limiter of its own. Requests with the same first picture go to the same server, whose prefix
and picture caches then have it, unless it is busier than the others. One that is gone is left out and tried
again; only what it had in flight is asked again, of another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import (
    Capabilities,
    HemmError,
    Identity,
    Request,
    RequestModel,
    Response,
    keyed_number,
    redact,
)
from hemm.core.text import counted
from hemm.models.api.http import host_of
from hemm.models.api.remote import NoServer, Remote
from hemm.models.prices import Estimate, Price

GONE = frozenset({"connection", "timeout", "silent"})
"""Kinds of failure that say that the server is not there."""

TROUBLED = GONE | {
    "server",
    "bad_response",
    "unavailable",
    "not_found",
    "unauthorized",
    "forbidden",
    "redirected",
}
"""Kinds of failure after which another server is asked."""

IN_A_ROW = 3
"""Failures in a row, of kinds that may be the sample's fault, after which a server is left out."""

AGAIN_SECONDS = 10.0
"""Between two looks at a server that is gone, and at a file of addresses."""

MOVES = 2
"""How often one request goes to another server: one that ends servers must not end all."""

NEW = "new"
"""Why a server is left out that came to the list and was not looked at yet."""

SPARE = 1.25
"""A server takes this many times its share of what is in flight before its requests go to others."""


@dataclass
class Member:
    """One server. ``why``: what it is left out for; empty: it answers."""

    model: Remote
    started: bool = False
    why: str = ""
    in_flight: int = 0
    answers: int = 0
    failures: int = 0
    in_a_row: int = 0
    lost: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def name(self) -> str:
        return redact(host_of(self.model.url))

    def to_json(self) -> dict[str, Any]:
        """What run.json has of it; ``rate``: answers a second between its first and its last."""
        seconds = self.last - self.first
        return {
            "endpoint": self.name,
            "answers": self.answers,
            "failures": self.failures,
            "lost": self.lost,
            "rate": round((self.answers - 1) / seconds, 3) if self.answers > 1 and seconds > 0 else None,
        }


@dataclass
class Fleet(RequestModel):
    """A model behind several servers.

    addresses  those of now: of the spec, or of a file that may change
    member     address -> the model there
    most       requests in flight over all; 0: as many as the limiters find
    """

    spec: str
    addresses: Callable[[], Sequence[str]]
    member: Callable[[str], Remote]
    most: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    _news: list[str] = field(default_factory=list)
    _watch: asyncio.Task[None] | None = None
    _left: list[Member] = field(default_factory=list)
    _wrong: str = ""

    def __post_init__(self) -> None:
        for address in self.addresses():
            self.members[address] = Member(self.member(address))

    @property
    def _first(self) -> Remote:
        live = [m.model for m in self.members.values() if m.started and not m.why]
        return (live or [m.model for m in self.members.values()])[0]

    @property
    def identity(self) -> Identity:
        return self._first.identity

    @property
    def capabilities(self) -> Capabilities:
        return self._first.capabilities

    @property
    def protocol_extra(self) -> Sequence[tuple[str, str]]:
        return self._first.protocol_extra

    @property
    def price(self) -> Price | None:
        return self._first.price

    def estimate(self, request: Request) -> Estimate:
        return self._first.estimate(request)

    @property
    def concurrency(self) -> int:
        widths = sum(m.model.concurrency for m in self.members.values() if not m.why) or 1
        return min(self.most, widths) if self.most else widths

    @property
    def setup(self) -> Mapping[str, Any]:
        return {"endpoints": [m.to_json() for m in (*self.members.values(), *self._left)]}

    @property
    def trouble(self) -> str:
        gone = [f"{m.name} ({m.why})" for m in self.members.values() if m.why]
        live = [m.model.trouble for m in self.members.values() if not m.why and m.model.trouble]
        return "; ".join([*(f"left out: {words}" for words in gone), *live])

    def news(self) -> list[str]:
        told, self._news = self._news, []
        return told

    async def start(self) -> None:
        """Find all servers. Raises HemmError where none is there, or where one that is there lacks the
        model, refuses the key or takes other inputs."""
        found = await asyncio.gather(*(self._start(m) for m in self.members.values()), return_exceptions=True)
        wrong = [error for error in found if isinstance(error, BaseException)]
        worst = [error for error in wrong if not isinstance(error, NoServer)]
        try:
            if worst or len(wrong) == len(self.members):
                raise (worst or wrong)[0]
            self._check_alike()
        except BaseException:
            await self.close()
            raise
        self._watch = asyncio.get_running_loop().create_task(self._look_again())

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        for member in (*self.members.values(), *self._left):
            await member.model.close()
            member.started = False

    async def generate(self, request: Request) -> Response:
        tried: list[Member] = []
        while True:
            member, others = self._choose(request, tried)
            response = await self._ask(member, request, hasty=bool(others))
            failure = response.failure
            if failure is None or failure.kind not in TROUBLED or len(tried) >= MOVES:
                return response
            tried.append(member)
            if not any(m not in tried and not m.why for m in self.members.values()):
                return response
            member.lost += 1

    async def _ask(self, member: Member, request: Request, hasty: bool) -> Response:
        member.first = member.first or time.monotonic()
        member.in_flight += 1
        try:
            member.model.hasty = hasty
            response = await member.model.generate(request)
        finally:
            member.in_flight -= 1
        failure, member.last = response.failure, time.monotonic()
        if failure is None or failure.kind not in TROUBLED:
            member.answers += 1
            member.in_a_row = 0
            return response
        member.failures += 1
        member.in_a_row += 1
        if not member.why and (failure.kind in GONE or member.in_a_row >= IN_A_ROW):
            self._leave_out(member, f"{failure.kind}: {failure.message}")
        return response

    def _choose(self, request: Request, tried: Sequence[Member]) -> tuple[Member, list[Member]]:
        """The server for a request, and the others that could take it."""
        known = [m for m in self.members.values() if m not in tried] or list(self.members.values())
        live = [m for m in known if not m.why] or known
        parts = (part for message in request.messages for part in message.parts)
        shown = next((part.digest for part in parts if not isinstance(part, str)), request.key)
        order = sorted(live, key=lambda m: keyed_number("endpoint", m.model.url, shown))
        share = SPARE * (1 + sum(m.in_flight for m in live)) / len(live)
        chosen = next((m for m in order if m.in_flight < share), order[0])
        return chosen, [m for m in live if m is not chosen]

    def _leave_out(self, member: Member, why: str) -> None:
        member.why = why
        live = sum(not m.why for m in self.members.values())
        self._news.append(
            f"{member.name} is left out ({why}), and tried again every {AGAIN_SECONDS:g} s; "
            f"{counted(live, 'other endpoint')} left"
        )

    async def _start(self, member: Member) -> None:
        try:
            await member.model.start()
        except NoServer as error:
            if not member.why:
                self._leave_out(member, str(error))
            raise
        member.started, member.in_a_row = True, 0
        if member.why:
            member.why = ""
            self._news.append(f"{member.name} is back")

    def _check_alike(self) -> None:
        live = [m for m in self.members.values() if not m.why]
        for member in live[1:]:
            if member.model.capabilities != live[0].model.capabilities:
                raise HemmError(
                    f"{member.name} takes other inputs for {self.identity.name} than {live[0].name}: "
                    "they are not one model"
                )

    async def _look_again(self) -> None:
        """Take in servers that are back, and those that the file of addresses has now."""
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            wrong = ""
            try:
                now = list(self.addresses())
            except HemmError as error:
                wrong, now = str(error), list(self.members)
            for address in [a for a in self.members if a not in now]:
                member = self.members.pop(address)
                self._left.append(member)  # what it has in flight is still answered
                self._news.append(f"{member.name} is in the list no longer: no more requests for it")
            for address in now:
                if address not in self.members:
                    try:
                        self.members[address] = Member(self.member(address), why=NEW)
                    except HemmError as error:  # a list that is being written, or a wrong line in it
                        wrong = str(error)
            if wrong and wrong != self._wrong:
                self._news.append(wrong)
            self._wrong = wrong  # told once, until it is another fault
            for member in [m for m in self.members.values() if m.why]:
                try:
                    await self._again(member)
                except HemmError as error:
                    if member.why == NEW or not isinstance(error, NoServer):
                        self._stays_out(member, str(error))

    def _stays_out(self, member: Member, why: str) -> None:
        """Tell once why a server that is new, or there with another model or key, is not asked."""
        if member.why != why:
            member.why = why
            self._news.append(f"{member.name} is not asked: {why}")

    async def _again(self, member: Member) -> None:
        if member.started:
            await member.model.check_server()  # its connections stay
            member.model.renew()
            member.why, member.in_a_row = "", 0
            self._news.append(f"{member.name} is back")
            return
        await self._start(member)
        try:
            self._check_alike()
        except HemmError as error:
            self._stays_out(member, str(error))


def addresses_of(file: Path) -> list[str]:
    """The addresses in a file, one a line; ``#`` begins a comment. Raises HemmError where there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise HemmError(f"--set endpoints={file}: {error}") from None
    found = [word for line in lines if (word := line.partition("#")[0].strip())]
    if not found:
        raise HemmError(f"--set endpoints={file}: it holds no address; write one a line")
    return list(dict.fromkeys(found))
