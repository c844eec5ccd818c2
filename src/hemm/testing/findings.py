"""Broken rules, gathered and raised at once."""

from __future__ import annotations

from hemm.core import storable

EXAMPLES = 3


class Findings:
    """Broken rules of one thing under check, each with the places where it was seen."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._rules: dict[str, list[str]] = {}

    def add(self, rule: str, where: str = "") -> None:
        """``rule`` is broken (at ``where``)."""
        self._rules.setdefault(rule, []).append(where)

    def require(self, holds: bool, rule: str, where: str = "") -> None:
        """``rule`` is broken unless ``holds``."""
        if not holds:
            self.add(rule, where)

    def __len__(self) -> int:
        return len(self._rules)

    def finish(self) -> None:
        """Raise AssertionError where a rule is broken."""
        if not self._rules:
            return
        lines = [f"{self.subject} breaks {len(self)} rule{'s' if len(self) > 1 else ''}:"]
        for rule, places in self._rules.items():
            seen = [p for p in places if p]
            text = f"{rule}: {'; '.join(seen[:EXAMPLES])}" if seen else rule
            more = len(seen) - EXAMPLES
            lines.append(f"  - {text}" + (f"; and {more} more" if more > 0 else ""))
        raise AssertionError(storable("\n".join(lines)))


def words(error: BaseException) -> str:
    """An exception as part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
