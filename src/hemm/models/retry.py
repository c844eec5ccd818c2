"""The one retry policy of all models that are reached over a network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from time import time

from hemm.core import Failure, Response, redact, storable

PERMANENT = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "bad_request",
    413: "too_large",
    415: "bad_request",
    422: "bad_request",
}
"""HTTP statuses that asking again will not mend, and what they are called."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and when a request is asked again.

    max_retries  further attempts after the first
    timeout      seconds that one attempt may take
    base, cap    seconds: attempt k waits between half and all of min(cap, base x 2^k)
    patience     seconds: the longest Retry-After that is waited for; a longer one ends the attempts
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
        jittered = min(self.cap, self.base * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        if after is None:
            return jittered
        return None if after > self.patience else after + jittered * 0.1


class CallFailed(Exception):
    """One attempt gave no answer.

    ``retry`` says whether another may; ``permanent`` whether the next run should leave the sample alone;
    ``after`` is the server's Retry-After in seconds.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry: bool = True,
        permanent: bool = False,
        after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.retry, self.permanent, self.after = kind, retry, permanent, after


async def attempts(
    policy: Policy, call: Callable[[], Awaitable[Response]], secrets: tuple[str, ...] = ()
) -> Response:
    """The response of the first attempt that gives one, or one with ``failure``; ``attempts`` counts them.

    ``call`` raises CallFailed. Texts of failures hold none of ``secrets``.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            async with asyncio.timeout(policy.timeout):
                return replace(await call(), attempts=attempt)
        except TimeoutError:
            failed = CallFailed("timeout", f"no answer within {policy.timeout:g} s")
        except CallFailed as error:
            failed = error
        pause = policy.wait(attempt, failed.after) if failed.retry else None
        if pause is None:
            line = " ".join(storable(redact(str(failed), secrets)).split())[:500]
            return Response(failure=Failure(failed.kind, line, failed.permanent), attempts=attempt)
        await asyncio.sleep(pause)


def retry_after(value: str | None, now: Callable[[], float] = time) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None where it says neither."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
