"""How many requests are in flight to one server."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from hemm.models.retry import CallFailed

FIRST = 4
"""Requests in flight at the beginning."""

GROWTH = 1.25
"""With this many times as many in flight it is judged whether more are answered."""

GAIN = 1.05
"""How many times as many answers a second they must give."""

SLOWER = 2.0
"""Answers that take this many times as long as before, with as many in flight, tell of a server in need."""

PATIENCE = 120.0
"""Seconds: the longest pause that one Retry-After imposes on all requests."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """Seconds that an answer took on average while ``window`` requests were in flight."""

    window: float
    seconds: float

    @property
    def speed(self) -> float:
        """Answers a second, by Little's law."""
        return self.window / max(self.seconds, 1e-9)


class Limiter:
    """A gate (``retry.Gate``) of changing width: additive increase, multiplicative decrease.

    It starts narrow and doubles as long as more in flight means more answered. From then on it grows by an
    eighth, goes back where a quarter more in flight gave no more answers, is cut by a third where answers
    take twice as long as they did, and halved where the server says that it has too much to do (429, 503,
    529) or does not answer in time. A Retry-After stops all requests for its time.

    With ``fixed`` the width is ``most`` from the beginning and stays. Used inside one event loop. Which
    answer belongs to which request does not depend on any of this.
    """

    def __init__(self, most: int, fixed: bool = False) -> None:
        self.most, self.fixed = most, fixed
        self.window: float = most if fixed else min(FIRST, most)
        self._doubling = True
        self._epoch = 0
        self._in_flight = self._peak = self._count = self._fresh = 0
        self._seconds = 0.0
        self._before: _Measure | None = None
        self._resume = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> int:
        """Wait for a place. Gives the epoch: what began before the width last changed says nothing of it."""
        if self._waiting or not self._has_room():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            except BaseException:
                if future.done() and not future.cancelled():
                    self._in_flight -= 1
                    self._wake()
                raise
        else:
            self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        return self._epoch

    def leave(self, entered: int, seconds: float, failed: CallFailed | None) -> None:
        """Free the place and learn from how the attempt went."""
        self._in_flight -= 1
        if failed is not None and failed.after:
            self._pause(min(failed.after, PATIENCE))
        if not self.fixed and entered == self._epoch:
            if failed is None:
                self._answered(seconds)
            elif failed.overload:
                self._set(self.window / 2, doubling=False)
        self._wake()

    def _has_room(self) -> bool:
        return self._in_flight < int(self.window) and asyncio.get_running_loop().time() >= self._resume

    def _wake(self) -> None:
        while self._waiting and self._has_room():
            future = self._waiting.popleft()
            if not future.done():
                self._in_flight += 1  # the place is handed over: nobody may come between
                future.set_result(None)

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if until > self._resume:
            self._resume = until
            loop.call_at(until, self._wake)

    def _answered(self, seconds: float) -> None:
        if self._fresh > 0:
            self._fresh -= 1
            return
        self._count += 1
        self._seconds += seconds
        if self._count < max(FIRST, self.window):
            return
        if self._peak < int(self.window):  # fewer were wanted: nothing to learn about more
            self._set(self.window, self._doubling)
            return
        self._judge(_Measure(self.window, self._seconds / self._count))

    def _judge(self, now: _Measure) -> None:
        before = self._before
        if before is not None and now.window >= GROWTH * before.window:
            if now.speed < GAIN * before.speed:
                self._set(before.window, doubling=False)
                return
            self._before = now
        elif before is not None and now.seconds > SLOWER * before.seconds:
            self._before = None
            self._set(now.window * 2 / 3, doubling=False)
            return
        elif before is None or now.window <= before.window:
            self._before = now
        step = now.window if self._doubling else max(1.0, now.window / 8)
        self._set(now.window + step, self._doubling)

    def _set(self, window: float, doubling: bool) -> None:
        self.window = min(float(self.most), max(1.0, window))
        self._doubling = doubling
        self._epoch += 1
        self._count, self._seconds, self._peak = 0, 0.0, self._in_flight
        # the first ones after a growth still find the server as it was
        self._fresh = int(self.window) - self._in_flight
