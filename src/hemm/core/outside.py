"""The border for what comes from outside: numbers and JSON that servers, workers and models of users give.

What passes here can be stored: the journal takes it, and sealing can write it. What does not pass counts as
not said.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from hemm.core.exchange import Response, Usage

LONGEST_BODY = 64 << 20
"""Most bytes of an answer over HTTP, after decompression."""

LARGEST_COUNT = 2**53
"""Above it, JSON numbers of other programs are no longer whole."""


class TooLong(Exception):
    """A body has more than ``LONGEST_BODY`` bytes."""

    def __init__(self) -> None:
        super().__init__(f"its answer has more than {LONGEST_BODY >> 20} MiB")


def json_of(content: bytes | str) -> Any:
    """The value in a JSON text. Raises ValueError where it is none, or is nested too deep to be read.

    >>> json_of("[" * 200_000)
    Traceback (most recent call last):
    ...
    ValueError: nested too deep
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None


def number_of(value: Any) -> float | None:
    """A finite number; None for all else.

    >>> number_of(-0.25), number_of(float("nan")), number_of(10**400), number_of("1"), number_of(True)
    (-0.25, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count_of(value: Any) -> int | None:
    """A whole number of things, from 0 to 2^53; None for all else.

    >>> count_of(12), count_of(12.0), count_of(2**63), count_of(1e30), count_of(-1), count_of(0.5)
    (12, 12, None, None, None, None)
    """
    number = number_of(value)
    if number is None or not 0 <= number <= LARGEST_COUNT or number != int(number):
        return None
    return int(value)


def amount_of(value: Any) -> float | None:
    """An amount of money or time: a finite number that is not negative; None for all else.

    >>> amount_of(0.0021), amount_of(-1), amount_of(float("inf"))
    (0.0021, None, None)
    """
    number = number_of(value)
    return None if number is None or number < 0 else number


def with_known_usage(response: Response) -> Response:
    """``response`` without token counts and a cost that are none.

    >>> with_known_usage(Response("yes", usage=Usage(2**63, 3, -0.5))).usage
    Usage(input_tokens=None, output_tokens=3, cost=None)
    """
    said = response.usage
    known = count_of(said.input_tokens), count_of(said.output_tokens), amount_of(said.cost)
    if known == (said.input_tokens, said.output_tokens, said.cost):
        return response
    return replace(response, usage=Usage(*known))
