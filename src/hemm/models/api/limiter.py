"""Controls how many requests are in flight to one server."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from hemm.models.retry import NO_SIGN, CallFailed

FIRST = 4
"""Width (requests in flight) at the start."""

GROWTH = 1.25
"""Factor in width after which the speed is compared."""

GAIN = 1.05
"""Factor in answers per second that makes the larger width worthwhile."""

SLOWER = 2.0
"""Factor in latency at the same width that shows an overloaded server."""

PATIENCE = 120.0
"""Seconds: the longest pause that a Retry-After imposes on all requests; a longer one ends the run."""

SILENCE = 1.5
"""Time-outs without any sign of life from the server after which no more attempts are made. Attempts last one
time-out each, so this is at the end of the second ones."""

UNANSWERED = (2.5, 600.0)
"""Time-outs, and at least so many seconds, for which a server may answer by errors that pass alone."""


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

    A server that gives no sign of life for some time-outs is taken to be gone: whoever waits gets a failure.

    With ``fixed`` the width is always ``most``. Used in one event loop. It does not change which response a
    request gets.
    """

    def __init__(self, most: int, fixed: bool = False, timeout: float = 300.0) -> None:
        self.most, self.fixed, self.timeout = most, fixed, timeout
        self.trouble = ""
        self._lost, self._alive, self._answered_at, self._left_at = 0, 0.0, 0.0, -1e9
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
        measured. Raises CallFailed where the server is gone."""
        now = asyncio.get_running_loop().time()
        rested = not self.trouble or now - self._left_at > max(self.timeout, PATIENCE)
        if rested and not self._in_flight and not self._waiting:
            self._alive, self._answered_at, self._lost = now, now, 0
        if self._waiting or not self._has_room():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            except BaseException:
                if future.done() and not future.cancelled() and future.exception() is None:
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
        self._note(failed)
        if failed is not None and failed.after and failed.after <= PATIENCE:
            self._pause(failed.after)
        if not self.fixed and entered == self._epoch:
            if failed is None:
                self._answered(seconds)
            elif failed.overload:
                self._set(self.window / 2, doubling=False)
        self._wake()

    def silence(self) -> str:
        """That the server is gone, in words; empty while it gives signs of life."""
        now = asyncio.get_running_loop().time()
        if self._lost > 1 and now - self._alive >= SILENCE * self.timeout:
            return f"no sign of life for {now - self._alive:.0f} s and {self._lost} attempts"
        unanswered = now - self._answered_at
        if self.trouble and unanswered >= max(UNANSWERED[0] * self.timeout, UNANSWERED[1]):
            return f"nothing answered for {unanswered:.0f} s"
        return ""

    def _note(self, failed: CallFailed | None) -> None:
        """Note a sign of life, or that there is none; where the server is gone, nobody waits any longer."""
        now = self._left_at = asyncio.get_running_loop().time()
        if failed is None or failed.kind not in NO_SIGN:
            self._alive, self._lost = now, 0
        else:
            self._lost += 1
        if failed is None or not failed.retry:
            self._answered_at, self.trouble = now, ""
            return
        self.trouble = f"{failed.kind}: {failed}"
        if gone := self.silence():
            for future in self._waiting:
                if not future.done():
                    future.set_exception(CallFailed("silent", f"{failed}; {gone}", retry=False))
            self._waiting.clear()

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
