"""The retry policy of all served models."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

from hemm.core import Failure, Response, redact, storable
from hemm.core.backoff import backoff, retry_after

OVERLOAD = frozenset({429, 498, 503, 529})
"""HTTP statuses of an overloaded server."""

NO_SIGN = frozenset({"timeout", "connection"})
"""Kinds of failure of an attempt to which the server gave no answer at all."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and when a request is sent again.

    max_retries  attempts after the first
    timeout      seconds for one attempt
    base, cap    seconds: attempt k waits between half and all of min(cap, base x 2^k)
    patience     seconds: a longer Retry-After ends the attempts
    """

    max_retries: int = 5
    timeout: float = 300.0
    base: float = 0.5
    cap: float = 30.0
    patience: float = 120.0

    def wait(self, attempt: int, after: float | None) -> float | None:
        """Seconds to wait after failed attempt ``attempt`` (from 1); None: give up."""
        if attempt > self.max_retries:
            return None
        jittered = backoff(attempt, self.base, self.cap)
        if after is None:
            return jittered
        return None if after > self.patience else after + jittered * 0.1


class CallFailed(Exception):
    """One attempt gave no answer.

    retry      another attempt may succeed
    permanent  the next run should not try the sample again
    after      the server's Retry-After in seconds
    overload   fewer requests should be in flight
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry: bool = True,
        permanent: bool = False,
        after: float | None = None,
        overload: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind, self.retry, self.permanent, self.after = kind, retry, permanent, after
        self.overload = overload


class Gate(Protocol):
    """Limits the attempts in flight."""

    async def enter(self) -> int:
        """Wait for a place, and return a number for ``leave``."""
        ...

    def leave(self, entered: int, seconds: float, failed: CallFailed | None) -> None:
        """Free the place after an attempt of ``seconds``."""
        ...

    def silence(self) -> str:
        """That the server is gone, so that further attempts are useless, in words; empty: it is not."""
        ...


async def attempts(
    policy: Policy,
    call: Callable[[], Awaitable[Response]],
    secrets: tuple[str, ...] = (),
    gate: Gate | None = None,
) -> Response:
    """The response of the first successful attempt, else one with ``failure``; its ``attempts`` counts them.

    ``call`` raises CallFailed. Each attempt waits at the ``gate`` for a place, which pauses between attempts
    do not take. ``secrets`` are removed from the texts of failures.
    """
    attempt = 0
    while True:
        attempt += 1
        answer = await _attempt(policy, call, gate)
        if isinstance(answer, Response):
            return answer if answer.attempts == attempt else replace(answer, attempts=attempt)
        gone = gate.silence() if gate is not None and answer.retry else ""
        pause = policy.wait(attempt, answer.after) if answer.retry and not gone else None
        if pause is None:
            line = " ".join(storable(redact(str(answer), secrets)).split())[:500]
            kind = answer.kind
            if gone:
                kind, line = "silent", f"{line}; {gone}"
            elif answer.retry and (answer.after or 0.0) > policy.patience:
                kind, line = "unavailable", f"{line} (the server asks to wait for {answer.after:,.0f} s)"
            return Response(failure=Failure(kind, line, answer.permanent), attempts=attempt)
        if answer.kind == "timeout":
            continue  # it has waited long enough
        await asyncio.sleep(pause)


async def _attempt(
    policy: Policy, call: Callable[[], Awaitable[Response]], gate: Gate | None
) -> Response | CallFailed:
    try:
        entered = await gate.enter() if gate is not None else 0
    except CallFailed as gone:
        return gone
    began, failed = perf_counter(), None
    try:
        async with asyncio.timeout(policy.timeout):
            return await call()
    except TimeoutError:
        failed = CallFailed("timeout", f"no answer within {policy.timeout:g} s", overload=True)
    except CallFailed as error:
        failed = error
    finally:
        if gate is not None:
            gate.leave(entered, perf_counter() - began, failed)
    return failed


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait according to the headers ``retry-after-ms`` (OpenAI) or ``Retry-After``."""
    fine = retry_after(headers.get("retry-after-ms"))
    if fine is not None:
        return fine / 1000
    return retry_after(headers.get("retry-after") or headers.get("Retry-After"))


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|[smhd])(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|rs?|ays?)?\.? ?")


def waiting_time(text: str) -> float | None:
    """Seconds in a time to wait for, as servers write it; None where ``text`` is none.

    >>> [waiting_time(text) for text in ("18 s", "9m38.016s", "644ms", "1 seconds", "2.5", "soon")]
    [18.0, 578.016, 0.644, 1.0, 2.5, None]
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    seconds, place = 0.0, 0
    while match := _DURATION.match(text, place):
        seconds += float(match[1]) * _UNITS[match[2]]
        place = match.end()
    return seconds if place else None
