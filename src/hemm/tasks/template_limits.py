"""Jinja2's sandbox, but for templates that never end or fill the memory: these are errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

MOST_STEPS = 1_000_000
"""Steps of all ``range`` loops of one rendering."""
MOST_TEXT = 10_000_000
"""Characters of a text that a template multiplies, and bits of a number."""

_STEPS = threading.local()


class TooMuch(ValueError):
    """A template does more than any prompt needs."""


def begin() -> None:
    """Count the steps of a new rendering in this thread."""
    _STEPS.left = MOST_STEPS


def _counted(*numbers: int) -> Any:
    found = range(*numbers)
    if len(found) > MOST_STEPS:
        raise TooMuch(f"range has {len(found):,} steps, more than {MOST_STEPS:,}")
    return _Counted(found)


class _Counted:
    """A range whose steps count against the limit of the rendering."""

    def __init__(self, numbers: range) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> int:
        return self._numbers[place]

    def __iter__(self) -> Iterator[int]:
        for number in self._numbers:
            _STEPS.left = getattr(_STEPS, "left", MOST_STEPS) - 1
            if _STEPS.left < 0:
                raise TooMuch(f"its loops have more than {MOST_STEPS:,} steps")
            yield number


class LimitedSandbox(SandboxedEnvironment):
    """The sandbox with limits. Takes what Jinja2's environments take."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.globals["range"] = _counted
        for name in ("lipsum", "cycler", "joiner"):
            self.globals.pop(name, None)
        for name in ("center", "indent", "wordwrap"):
            self.filters[name] = _narrow(self.filters[name])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The result of ``left operator right``. Raises TooMuch where it would be too large."""
        if operator == "*":
            for one, times in ((left, right), (right, left)):
                if isinstance(times, int) and hasattr(one, "__len__") and len(one) * times > MOST_TEXT:
                    raise TooMuch(f"it multiplies to more than {MOST_TEXT:,} characters")
        whole = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and whole and abs(left).bit_length() * max(right, 0) > MOST_TEXT // 100:
            raise TooMuch("it makes a number of thousands of digits")
        if operator == "%" and isinstance(left, str) and re.search(r"%[^a-zA-Z%]*\d{6}", left):
            raise TooMuch("it fills a text up to a width of a million")
        return super().call_binop(context, operator, left, right)


def _narrow(filter_: Any) -> Any:
    """A filter that takes widths, but no width of millions."""

    def narrow(*values: Any, **named: Any) -> Any:
        numbers = [v for v in (*values, *named.values()) if isinstance(v, int)]
        if any(number > MOST_TEXT // 100 for number in numbers):
            raise TooMuch("it asks for a width of more than 100,000")
        return filter_(*values, **named)

    narrow.__dict__.update(filter_.__dict__)  # how Jinja2 is to call it
    return narrow
