"""The retry policy of all served models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

from hemm.core import Failure, Response, redact, storable
from hemm.core.backoff import backoff, retry_after

PERMANENT = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "bad_request",
    413: "too_large",
    415: "bad_request",
    422: "bad_request",
    501: "not_supported",
}
"""HTTP statuses for which a retry is useless -> kind of failure."""

OVERLOAD = frozenset({429, 503, 529})
"""HTTP statuses of an overloaded server."""


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


def refused(status: int, message: str, after: float | None = None, *, spent: bool = False) -> CallFailed:
    """The failure of an attempt with an HTTP error status.

    ``spent``: the server says that the account's money or quota is used up, so that waiting is useless.
    """
    text = f"HTTP {status}: {message}" + (": --max-pixels makes pictures smaller" if status == 413 else "")
    if spent or status == 402:
        return CallFailed("quota", text, retry=False)
    if status in PERMANENT:
        return CallFailed(PERMANENT[status], text, retry=False, permanent=True)
    kind = "rate_limit" if status == 429 else "server"
    return CallFailed(kind, text, after=after, overload=status in OVERLOAD)


class Gate(Protocol):
    """Limits the attempts in flight."""

    async def enter(self) -> int:
        """Wait for a place, and return a number for ``leave``."""
        ...

    def leave(self, entered: int, seconds: float, failed: CallFailed | None) -> None:
        """Free the place after an attempt of ``seconds``."""
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
            return replace(answer, attempts=attempt)
        pause = policy.wait(attempt, answer.after) if answer.retry else None
        if pause is None:
            line = " ".join(storable(redact(str(answer), secrets)).split())[:500]
            return Response(failure=Failure(answer.kind, line, answer.permanent), attempts=attempt)
        await asyncio.sleep(pause)


async def _attempt(
    policy: Policy, call: Callable[[], Awaitable[Response]], gate: Gate | None
) -> Response | CallFailed:
    entered = await gate.enter() if gate is not None else 0
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
    return fine / 1000 if fine is not None else retry_after(headers.get("retry-after"))
