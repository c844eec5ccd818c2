"""Limits that stop a run early without losing an answer: failures in a row, and cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hemm.core import Failure, HemmError, Response
from hemm.engine.requests import Item
from hemm.results.answer_record import Call

STOP_AFTER = 20
"""Samples that fail alike in a row before a run stops."""

_SERVER = frozenset(
    {
        "connection",
        "timeout",
        "server",
        "rate_limit",
        "quota",
        "unauthorized",
        "forbidden",
        "not_found",
        "not_supported",
        "bad_response",
    }
)
"""Kinds of failure that the server or the account causes, whatever the request."""

_SAMPLE = frozenset({"media", "earlier_turn", "likelihood"})
"""Kinds of failure that the sample causes."""

Answered = tuple[Item, Response, Call]


class Stopped(HemmError):
    """The run cannot go on. Answers are kept; the same command sends the other requests.

    ``everything``: stop the whole command, not this model alone.
    """

    def __init__(self, message: str, everything: bool = False) -> None:
        super().__init__(message)
        self.everything = everything


@dataclass
class FailureStreak:
    """Failures alike in a row, held back until it is clear whether the server or the samples cause them.

    After ``most`` in a row (0: never) the server is to blame: the run stops, and the samples count as not
    sent. If another response comes first, each failure is stored as its sample's error. Refusals of a request
    as wrong (400, 413, 422) count only while the server has answered nothing yet, and if their messages are
    equal.
    """

    most: int = STOP_AFTER
    held: list[Answered] = field(default_factory=list)
    answered: bool = False
    _alike: tuple[str, ...] = ()

    def take(self, answered: Answered) -> list[Answered]:
        """The answers to store now that ``answered`` has come. Raises Stopped."""
        failure = answered[1].failure
        alike = self._kind(failure)
        if failure is None:
            self.answered = True
        if not alike or not self.most:
            return [*self.release(), answered]
        released = self.release() if alike != self._alike else []
        self._alike = alike
        self.held.append(answered)
        if len(self.held) >= self.most:
            assert failure is not None
            raise Stopped(
                f"{len(self.held)} samples in a row failed alike ({failure.kind}: {failure.message}); "
                "they stay unasked"
            )
        return released

    def release(self) -> list[Answered]:
        """The failures that were held back, to be stored."""
        held, self.held = self.held, []
        return held

    def _kind(self, failure: Failure | None) -> tuple[str, ...]:
        """Equal for failures that are alike; empty for responses that are no reason to stop."""
        if failure is None or failure.kind in _SAMPLE:
            return ()
        if failure.kind in _SERVER:
            return (failure.kind,)
        return () if self.answered else (failure.kind, failure.message)


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
