"""Whose fault failures are: the streak of them, and a control request, one that was answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import numpy as np

from hemm.core import HemmError, Response
from hemm.data.pack.columns import RowNumbers
from hemm.engine.limits import Answered, FailureStreak, Stopped
from hemm.engine.requests import Item, RequestBuilder
from hemm.results.cell import CellWriter


class Faults:
    """Takes what a served model answers, and keeps it where it belongs to the sample.

    again    sends a request once more, and gives its response
    keep     stores answers
    earlier  a request that an earlier command had answered; None without one
    say      tells the user that a request is sent once more, since it is paid for
    """

    def __init__(
        self,
        streak: FailureStreak,
        again: Callable[[Item], Awaitable[Response]],
        keep: Callable[[Iterable[Answered]], None],
        earlier: Callable[[], Item | None],
        say: Callable[[str], None],
    ) -> None:
        self._streak, self._again, self._keep, self._earlier = streak, again, keep, earlier
        self._say = say
        self._lock = asyncio.Lock()
        self._stop: Stopped | None = None
        self.answered: Item | None = None
        """The control: the newest request that was answered."""

    @property
    def deciding(self) -> bool:
        """Whether a control request is out: nothing else is sent meanwhile."""
        return self._lock.locked()

    def stops(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._stop is not None

    def check(self) -> None:
        """Raise Stopped where nothing more is to be sent."""
        if self._stop is not None:
            raise self._stop

    async def take(self, answered: Answered) -> None:
        """Keep an answer, and the failures before it where it shows whose they are. Raises Stopped."""
        async with self._lock:
            if self.stops():
                if answered[1].failure is None:
                    self._keep([answered])
                return
            try:
                self._keep(self._streak.take(answered))
                if answered[1].failure is None:
                    self.answered = answered[0]
                if self._streak.doubt:
                    await self._decide()
            except Stopped as stop:
                if not stop.waits:
                    raise
                self._stop = stop

    async def end(self) -> None:
        """Decide about the failures that are left at the end of a plan. Raises Stopped."""
        if self._streak.held:
            await self._decide()

    async def _decide(self) -> None:
        """If a request that was answered before is answered still, the failures held are their samples'.
        Raises Stopped if it is not, or there is none."""
        item = self.answered or self._earlier()
        if item is not None:
            self._say(f"{self._streak.told()}: a request that was answered before is sent again")
        response = None if item is None else await self._again(item)
        if response is None or response.failure is not None:
            raise self._streak.stop()
        self._keep(self._streak.release())


def answered_before(cell: CellWriter, builder: RequestBuilder) -> Item | None:
    """The request of the first sealed answer to a sample that continues no other; None without one."""
    index = builder.pack.index()
    rows = RowNumbers(index.ids)
    for part in cell.sealed(["id", "repeat", "failure"]):
        numbers = rows.of(part["id"].to_pylist()).tolist()
        for row, line in zip(numbers, part.to_pylist(), strict=True):
            if row < 0 or line["failure"] is not None or index.after[row]:
                continue
            chosen = np.array([row], dtype=np.int64)
            repeat = np.array([line["repeat"]], dtype=np.int64)
            item = next(builder.items(chosen, repeat, np.zeros(1, dtype=np.int64)), None)
            if item is not None and item.failure is None:
                return item
    return None


def first_of(group: BaseExceptionGroup[Any]) -> BaseException:
    """The exception to report: a HemmError where there is one, since its message is for users."""
    errors: list[BaseException] = []

    def collect(error: BaseException) -> None:
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                collect(inner)
        else:
            errors.append(error)

    collect(group)
    return next((e for e in errors if isinstance(e, HemmError)), errors[0])
