"""How long to wait before something is tried again: the one rule of model servers and downloads."""

from __future__ import annotations

import random
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time


def backoff(attempt: int, base: float, cap: float) -> float:
    """Seconds to wait after failed attempt ``attempt`` (from 1): half to all of base x 2^(attempt-1).

    ``cap`` is the most. The draw keeps many clients from coming back at once.

    >>> 0.25 <= backoff(1, base=0.5, cap=30.0) <= 0.5
    True
    >>> 15.0 <= backoff(20, base=0.5, cap=30.0) <= 30.0
    True
    """
    return min(cap, base * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def retry_after(value: str | None, now: Callable[[], float] = time) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None where it says neither.

    >>> retry_after("12"), retry_after("soon"), retry_after("-3")
    (12.0, None, 0.0)
    """
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
