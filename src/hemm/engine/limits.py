"""Limits that stop a run early without losing an answer: failures in a row, and cost."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field

from hemm.core import Failure, HemmError, Response
from hemm.core.text import counted
from hemm.engine.requests import Item
from hemm.results.answer_record import Call

STOP_AFTER = 20
"""Samples that fail alike in a row before a run stops."""

ACCOUNT = frozenset({"quota", "unauthorized", "redirected", "unavailable"})
"""Kinds of failure that account, key or address cause for certain."""

ROUTE = frozenset({"forbidden", "not_found", "not_supported", "silent"})
"""Kinds of failure that they cause, unless a request that was answered before is answered still."""

_CAUSES = {
    "quota": "the account is used up",
    "unauthorized": "the key is refused",
    "forbidden": "the account may not ask this",
    "redirected": "the address has moved",
    "not_found": "address or model are not there",
    "not_supported": "the server cannot do this",
    "unavailable": "the server wants a longer wait",
    "silent": "the server is gone",
}
"""What is at fault, by kind."""

_SERVER = frozenset({"connection", "timeout", "server", "rate_limit", "bad_response", "broken_off"})
"""Kinds of failure that the server causes, whatever the request; they may pass."""

_SAMPLE = frozenset({"media", "earlier_turn", "likelihood", "donor", "perturb"})
"""Kinds of failure that the sample causes."""

MANY = 5
"""So many times ``stop_after`` failures of any kind, with no answer between them, are too many too."""

Answered = tuple[Item, Response, Call]


class Stopped(HemmError):
    """The run cannot go on. Answers are kept; the same command sends the other requests.

    everything  stop the whole command, not this model alone
    waits       requests in flight may still be answered, and are waited for
    """

    def __init__(self, message: str, everything: bool = False, waits: bool = False) -> None:
        super().__init__(message)
        self.everything, self.waits = everything, waits


@dataclass
class FailureStreak:
    """Failures since the last answer, held back until it is clear whose fault they are.

    An answer shows that they are their samples': they are stored as errors. Without one the run stops, and
    the samples count as not sent: at once for a fault of account, key or address; after ``most`` (0: never)
    failures alike, in kind for a server's and in words for others. Where one of these may be the samples'
    all the same, ``doubt`` is set, and a control request, one that was answered before, decides.
    """

    most: int = STOP_AFTER
    held: list[Answered] = field(default_factory=list)
    doubt: bool = False
    _alike: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _cleared: set[tuple[str, ...]] = field(default_factory=set)

    def take(self, answered: Answered) -> list[Answered]:
        """The answers to store now that ``answered`` has come. Raises Stopped."""
        failure = answered[1].failure
        if failure is None or not self.most:
            return [*self.release(), answered]
        if failure.kind in _SAMPLE:
            return [answered]
        alike = _words(failure)
        self._alike[alike] += 1
        self.held.append(answered)
        at_once = failure.kind in ACCOUNT or (failure.kind in ROUTE and alike not in self._cleared)
        if at_once or self._alike[alike] >= self.most or len(self.held) >= MANY * self.most:
            if failure.kind in ACCOUNT | _SERVER:
                raise self.stop()
            self.doubt = True
        return []

    def release(self) -> list[Answered]:
        """The failures that were held back, to be stored: they are their samples'."""
        held, self.held = self.held, []
        self._cleared.update(self._alike)
        self._alike.clear()
        self.doubt = False
        return held

    def told(self) -> str:
        """The failures that are held back, in words."""
        failure = self.held[-1][1].failure
        assert failure is not None
        return f"{counted(len(self.held), 'sample')} failed ({failure.kind}: {failure.message})"

    def stop(self) -> Stopped:
        """Why the run stops: the failures that are held back."""
        failure = self.held[-1][1].failure
        assert failure is not None
        why = f"({failure.kind}: {failure.message})"
        alike, kinds = self._alike[_words(failure)], len(self._alike)
        if failure.kind in ACCOUNT | ROUTE:
            text = f"{_CAUSES[failure.kind]} {why}"
        elif kinds > 1:
            text = f"{len(self.held)} samples in a row failed, {alike} of them alike {why}"
        elif alike == 1:
            text = f"a sample failed, and no other is answered {why}"
        else:
            text = f"{alike} samples in a row failed alike {why}"
        rest = "they stay unasked" if len(self.held) > 1 else "the sample stays unasked"
        return Stopped(f"{text}; {rest}", waits=failure.kind in ACCOUNT | ROUTE - {"silent"})


def _words(failure: Failure) -> tuple[str, ...]:
    """Equal for failures that are alike: of one kind, or with one text but for its numbers and names."""
    if failure.kind in _SERVER:
        return (failure.kind,)
    return failure.kind, re.sub(r"\S*\d\S*", "#", failure.message)


@dataclass
class CostBudget:
    """US dollars that one command may spend, over all its models.

    Before a request is sent, the most that it can cost is reserved. A request that does not fit waits: those
    in flight may cost less than was reserved for them. If none is in flight, the run stops.
    """

    most: float
    spent: float = 0.0
    _reserved: float = 0.0
    _in_flight: int = 0
    _freed: asyncio.Event | None = None

    async def reserve(self, cost: float) -> None:
        """Wait until ``cost`` fits, and reserve it. Raises Stopped where it never will."""
        while self.spent + self._reserved + cost > self.most:
            if not self._in_flight:
                raise Stopped(
                    f"--max-cost {self.most:g}: ${self.spent:.4f} are spent, and the next request "
                    f"may cost ${cost:.4f}",
                    everything=True,
                )
            self._freed = self._freed or asyncio.Event()
            await self._freed.wait()
        self._reserved += cost
        self._in_flight += 1

    def settle(self, reserved: float, cost: float) -> None:
        """Count ``cost`` as spent, in place of the dollars that were ``reserved`` for the request."""
        self._reserved = max(0.0, self._reserved - reserved)
        self._in_flight -= 1
        self.spent += cost
        if self._freed is not None:
            self._freed.set()
            self._freed = None


def billed(response: Response, most: float) -> float:
    """US dollars that a response cost; ``most`` where the provider does not say how much.

    A refused attempt costs nothing; one that ended without an answer may have been billed.
    """
    if response.failure is not None:
        return most * response.attempts if response.failure.kind in ("timeout", "bad_response") else 0.0
    return most if response.usage.cost is None else response.usage.cost
