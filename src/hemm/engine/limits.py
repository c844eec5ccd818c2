"""What stops a run before its end, without losing anything: a server that is gone, money that is spent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hemm.core import Failure, HemmError, Response
from hemm.engine.requests import Item
from hemm.results.answer_record import Call

STOP_AFTER = 20
"""Samples in a row that fail alike before a run stops."""

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
"""Kinds of failure that tell of the server or the account, whatever was asked."""

_SAMPLE = frozenset({"media", "earlier_turn", "likelihood"})
"""Kinds of failure that tell of one sample alone."""

Answered = tuple[Item, Response, Call]


class Stopped(HemmError):
    """The run cannot go on. What was answered is kept; the same command asks what is left.

    ``everything``: not this model alone, but the whole command.
    """

    def __init__(self, message: str, everything: bool = False) -> None:
        super().__init__(message)
        self.everything = everything


@dataclass
class FailureStreak:
    """Failures in a row that are alike, held back until it shows whose they are.

    Where a server is gone, or refuses whatever it is asked, the samples are not to blame: after ``most`` of
    them in a row the run stops and they stay unasked. Where another answer comes between, they are errors of
    their samples and are kept as such. A request refused as wrong (400, 413, 422) counts only as long as the
    server has answered nothing, and with equal words. 0: never stop.
    """

    most: int = STOP_AFTER
    held: list[Answered] = field(default_factory=list)
    answered: bool = False
    _alike: tuple[str, ...] = ()

    def take(self, answered: Answered) -> list[Answered]:
        """What may be kept now that ``answered`` came. Raises Stopped."""
        failure = answered[1].failure
        alike = self._sort(failure)
        if failure is None:
            self.answered = True
        if not alike or not self.most:
            return [*self.release(), answered]
        kept = self.release() if alike != self._alike else []
        self._alike = alike
        self.held.append(answered)
        if len(self.held) >= self.most:
            assert failure is not None
            raise Stopped(
                f"{len(self.held)} samples in a row failed alike ({failure.kind}: {failure.message}); "
                "they stay unasked"
            )
        return kept

    def release(self) -> list[Answered]:
        """What is held back, to be kept."""
        held, self.held = self.held, []
        return held

    def _sort(self, failure: Failure | None) -> tuple[str, ...]:
        """What makes failures alike; empty for what is no reason to stop."""
        if failure is None or failure.kind in _SAMPLE:
            return ()
        if failure.kind in _SERVER:
            return (failure.kind,)
        return () if self.answered else (failure.kind, failure.message)


@dataclass
class CostBudget:
    """US dollars that one command may spend, over all its models.

    Before a request is sent its highest cost is set aside; where that does not fit any more, requests wait
    for those in flight to cost less than was set aside for them, and the last one stops the run.
    """

    most: float
    spent: float = 0.0
    _aside: float = 0.0
    _in_flight: int = 0
    _freed: asyncio.Event | None = None

    async def reserve(self, cost: float) -> None:
        """Set ``cost`` aside, once it fits. Raises Stopped where it cannot."""
        while self.spent + self._aside + cost > self.most:
            if not self._in_flight:
                raise Stopped(
                    f"--max-cost {self.most:g}: ${self.spent:.4f} are spent, and the next request "
                    f"may cost ${cost:.4f}",
                    everything=True,
                )
            self._freed = self._freed or asyncio.Event()
            await self._freed.wait()
        self._aside += cost
        self._in_flight += 1

    def settle(self, reserved: float, cost: float) -> None:
        """Count ``cost`` as spent in place of the ``reserved`` dollars that were set aside for a request."""
        self._aside = max(0.0, self._aside - reserved)
        self._in_flight -= 1
        self.spent += cost
        if self._freed is not None:
            self._freed.set()
            self._freed = None


def billed(response: Response, most: float) -> float:
    """What an answer costs; ``most`` where it cost something and does not tell what.

    An attempt that was refused costs nothing; one that ended without an answer may have been billed.
    """
    if response.failure is not None:
        return most * response.attempts if response.failure.kind in ("timeout", "bad_response") else 0.0
    return most if response.usage.cost is None else response.usage.cost
