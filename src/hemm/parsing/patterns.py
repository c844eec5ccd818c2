"""Patterns that are compiled when they are first used.

The stages have some hundred patterns with the words of many languages. To compile them takes a third of a
second, which commands that read no answer should not pay.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

__all__ = ["late"]

if TYPE_CHECKING:
    from re import compile as late
else:

    class late:  # noqa: N801 - reads as the function that it stands for
        """Like ``re.compile``, but at the first use of the pattern.

        >>> late("[A-Z]").search("the B").group()
        'B'
        """

        def __init__(self, pattern: str, flags: int = 0) -> None:
            self._given = (pattern, flags)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            value = getattr(
                re.compile(*self._given), name
            )  # re keeps what it compiled; here each is kept for good
            setattr(self, name, value)
            return value
