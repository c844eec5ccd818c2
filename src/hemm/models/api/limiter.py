"""Controls how many requests are in flight to one server."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from hemm.models.retry import CallFailed

FIRST = 4
"""Width (requests in flight) at the start."""

GROWTH = 1.25
"""Factor in width after which the speed is compared."""

GAIN = 1.05
"""Factor in answers per second that makes the larger width worthwhile."""

SLOWER = 2.0
"""Factor in latency at the same width that shows an overloaded server."""

PATIENCE = 120.0
"""Seconds: the longest pause that one Retry-After imposes on all requests."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """Mean latency in seconds while ``window`` requests were in flight."""

    window: float
    seconds: float

    @property
    def speed(self) -> float:
        """Answers per second, by Little's law."""
        return self.window / max(self.seconds, 1e-9)


class Limiter:
    """A gate (``retry.Gate``) that adapts its width, by additive increase and multiplicative decrease.

    It doubles while a larger width gives more answers per second; after that it grows by an eighth. It goes
    back if a quarter more in flight gave no more answers, is cut by a third if latency has doubled, and is
    halved if the server is overloaded (429, 503, 529) or does not answer in time. A Retry-After stops all
    requests for its time.

    With ``fixed`` the width is always ``most``. Used in one event loop. It does not change which response a
    request gets.
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
        """Wait for a place, and return the epoch, by which attempts begun at another width are not
        measured."""
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
        """Free the place, and adapt the width to the attempt."""
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
                self._in_flight += 1  # taken at once: no other request may come between
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
        if self._peak < int(self.window):  # the width was not used up
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
        # the first answers after a growth still belong to the smaller width
        self._fresh = int(self.window) - self._in_flight
