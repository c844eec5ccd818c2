"""Progress of a run on stderr: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

from hemm.core import redact, storable
from hemm.engine.options import Track

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Bar:
    """A progress bar for each cell under way, with rate, remaining time, tokens, cost and errors."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._open = 0

    def say(self, text: str) -> None:
        line = storable(redact(text))
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def begin(self, title: str, total: int) -> Track:
        if self._bar is None:
            self._bar = _bars()
            self._bar.start()
        self._open += 1
        return _BarTrack(self, self._bar, storable(title), total)

    def ended(self) -> None:
        """A cell has ended; after the last one the bars are removed."""
        self._open -= 1
        if not self._open:
            self._bar.stop()
            self._bar = None


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}"),
        console=Console(stderr=True),
        refresh_per_second=5,
    )


class _BarTrack:
    def __init__(self, owner: Bar, bars: Any, title: str, total: int) -> None:
        self._owner, self._bars = owner, bars
        self._task = bars.add_task(title, total=total, rate="", more="")
        self._began, self._first = time.monotonic(), -1

    def step(self, answers: int, tokens: int, errors: int, cost: float | None) -> None:
        if self._first < 0:
            self._first = answers
        rate = (answers - self._first) / max(time.monotonic() - self._began, 1e-9)
        more = _more(tokens, errors, cost)
        self._bars.update(self._task, completed=answers, rate=f"{rate:.1f}/s", more=more)

    def end(self) -> None:
        self._owner.ended()


class Lines:
    """Prints a line for each cell when it begins, every ten seconds, and when it ends."""

    def say(self, text: str) -> None:
        print(storable(redact(text)), file=sys.stderr, flush=True)

    def begin(self, title: str, total: int) -> Track:
        self.say(f"{title}: {total} to ask")
        return _LinesTrack(self, title, total)


class _LinesTrack:
    def __init__(self, owner: Lines, title: str, total: int) -> None:
        self._owner, self._title, self._total = owner, title, total
        self._answers = 0
        self._counts: tuple[int, int, float | None] = (0, 0, None)
        self._began = self._last = time.monotonic()

    def step(self, answers: int, tokens: int, errors: int, cost: float | None) -> None:
        self._answers = answers
        now = time.monotonic()
        self._counts = (tokens, errors, cost)
        if now - self._last >= EVERY:
            self._last = now
            self._line(now)

    def end(self) -> None:
        self._line(time.monotonic())

    def _line(self, now: float) -> None:
        rate = self._answers / max(now - self._began, 1e-9)
        seconds = (self._total - self._answers) / rate if rate else 0.0
        rest = f", {seconds:.0f} s left" if self._answers < self._total and rate else ""
        counts = _more(*self._counts)
        more = f", {counts}" if counts else ""
        self._owner.say(f"{self._title}: {self._answers} of {self._total}, {rate:.1f}/s{rest}{more}")


def _more(tokens: int, errors: int, cost: float | None) -> str:
    parts = [f"{tokens:,} tokens"] if tokens else []
    if cost is not None:
        parts.append(f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}")
    if errors:
        parts.append(f"{errors} error{'s' * (errors != 1)}")
    return ", ".join(parts)
