"""A text of which parts were left out, and where each of its characters stood in the original."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Located:
    """``text`` is made of pieces of an original; piece ``i`` begins at ``starts[i]`` in ``text`` and stood at
    ``origins[i]`` in the original.

    >>> kept = Located.whole("**B** is it").keep([(2, 3), (5, 11)])
    >>> kept.text, kept.span(0, 4)
    ('B is it', (2, 8))
    """

    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    @classmethod
    def whole(cls, text: str) -> Located:
        return cls(text, (0,), (0,))

    def keep(self, ranges: Iterable[Span], joint: str = "") -> Located:
        """The parts of the text in ``ranges``, in order, with ``joint`` between them."""
        pieces: list[str] = []
        starts: list[int] = []
        origins: list[int] = []
        length = 0
        for begin, end in ranges:
            if begin >= end:
                continue
            if pieces and joint:
                pieces.append(joint)
                length += len(joint)
            first = bisect_right(self.starts, begin) - 1
            for i in range(first, len(self.starts)):
                at = max(begin, self.starts[i])
                if at >= end:
                    break
                starts.append(length + at - begin)
                origins.append(self.origins[i] + at - self.starts[i])
            pieces.append(self.text[begin:end])
            length += end - begin
        return Located("".join(pieces), tuple(starts) or (0,), tuple(origins) or (0,))

    def strip(self) -> Located:
        begin = len(self.text) - len(self.text.lstrip())
        end = len(self.text.rstrip())
        return self if (begin, end) == (0, len(self.text)) else self.keep([(begin, end)])

    def origin(self, position: int) -> int:
        """Where the character at ``position`` stood in the original."""
        piece = bisect_right(self.starts, position) - 1
        return self.origins[piece] + position - self.starts[piece]

    def span(self, begin: int, end: int) -> Span:
        """The range of the original from the first to the last character of ``text[begin:end]``."""
        if begin >= end:
            at = self.origin(min(begin, max(len(self.text) - 1, 0))) if self.text else 0
            return at, at
        return self.origin(begin), self.origin(end - 1) + 1
