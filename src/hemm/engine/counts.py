"""What one pipeline did, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hemm.core.text import counted


@dataclass
class Counts:
    """Requests sent by one pipeline, errors among them; tokens and US dollars as far as they are reported.

    ``claimed``: answers that an earlier command left in the journal. ``unknown_usage``: answers that came
    with a number of tokens or a cost that is none.
    """

    asked: int = 0
    claimed: int = 0
    errors: int = 0
    tokens: int = 0
    cost: float | None = None
    unknown_usage: int = 0

    def notes(self) -> Iterator[str]:
        """Lines on what was left out of the answers."""
        if self.unknown_usage:
            yield (
                f"{counted(self.unknown_usage, 'answer')} came with a number of tokens or a cost that is "
                "none (negative, not whole, above 2^53): it is not counted"
            )
