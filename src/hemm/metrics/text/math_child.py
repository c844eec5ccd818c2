"""A process of its own that compares expressions: an expression that never ends takes it along, and no one
else. It reads a JSON object a line and writes one.

It is run as a file, by the interpreter of hemm, and imports nothing of hemm.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

MEMORY = 2 << 30
"""Bytes that it may use (where the system can hold it to that)."""


def limited(seconds: float) -> None:
    """End this process after so much processor time from now; 0: never.

    The signal's default is used: a handler in Python would wait for the arithmetic that has to be stopped.
    """
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


def main() -> None:
    """Answer until the input ends. What a package prints goes to the error stream: it is no answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):  # no such limit here: the time limit is left
        pass
    logging.disable(logging.CRITICAL)
    compare = comparer()
    print("{}", file=answers, flush=True)  # the packages are imported
    for line in sys.stdin:
        asked = json.loads(line)
        limited(asked["seconds"])
        try:
            found = compare(asked["wanted"], asked["given"], asked["decimals"], asked["within"])
        except (Exception, RecursionError) as error:  # of a package, on a text that anyone may have written
            found = f"failed: {type(error).__name__}"
        limited(0)
        print(json.dumps(found), file=answers, flush=True)


def comparer() -> Callable[[str, str, int | None, float], str]:
    """compare(wanted, given, decimals, within) -> ``equal``, ``unequal``, ``unread`` (the given one is none)
    or ``no expression`` (the wanted one)."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    how = [LatexExtractionConfig(), ExprExtractionConfig()]

    def read(text: str) -> list[Any]:
        found = parse(f"${text}$", extraction_config=how, parsing_timeout=None, raise_on_error=False)
        return [item for item in found if not isinstance(item, str)] and found

    def compare(wanted: str, given: str, decimals: int | None, within: float) -> str:
        right, left = read(wanted), read(given)
        if not right:
            return "no expression"
        if not left:
            return "unread"
        if verify(right, left, timeout_seconds=None, raise_on_error=True):
            return "equal"
        if decimals is None and not within:
            return "unequal"
        values = [_number(items) for items in (right, left)]
        return "equal" if None not in values and near(values[0], values[1], decimals, within) else "unequal"

    return compare


def near(a: float, b: float, decimals: int | None, within: float) -> bool:
    """Whether two numbers are the same to so many places, or differ by no more than ``within``."""
    if decimals is not None and round(a, decimals) == round(b, decimals):
        return True
    return abs(a - b) <= within * (1 + 1e-9)


def _number(items: list[Any]) -> Any:
    """The value of the first expression, or of its right side, where it is one real number, else None."""
    first = getattr(items[0], "rhs", items[0])
    if not getattr(first, "is_number", False):
        return None
    value = first.evalf(20)
    return float(value) if value.is_real and value.is_finite else None


if __name__ == "__main__":
    main()
