"""How a run shows itself: a bar on a terminal, a line now and then elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any

from hemm.core import redact, storable

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Bar:
    """A progress bar with rate, remaining time, tokens and errors."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def say(self, text: str) -> None:
        line = storable(redact(text))
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    def begin(self, title: str, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[more]}"),
            console=Console(stderr=True),
            refresh_per_second=5,
        )
        self._task = self._bar.add_task(storable(title), total=total, completed=done, rate="", more="")
        self._began, self._first = time.monotonic(), -1
        self._bar.start()

    def step(self, answers: int, tokens: int, errors: int) -> None:
        if self._bar is None:
            return
        if self._first < 0:
            self._first = answers
        rate = (answers - self._first) / max(time.monotonic() - self._began, 1e-9)
        self._bar.update(self._task, completed=answers, rate=f"{rate:.1f}/s", more=_more(tokens, errors))

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Lines:
    """A line at the beginning, every ten seconds, and at the end."""

    def __init__(self) -> None:
        self._title, self._total, self._answers = "", 0, 0
        self._more = ""
        self._began = self._last = 0.0

    def say(self, text: str) -> None:
        print(storable(redact(text)), file=sys.stderr, flush=True)

    def begin(self, title: str, total: int, done: int) -> None:
        self._title, self._total, self._answers, self._more = title, total, done, ""
        self._began = self._last = time.monotonic()
        self.say(f"{title}: {total} to ask")

    def step(self, answers: int, tokens: int, errors: int) -> None:
        self._answers, self._more = answers, _more(tokens, errors)
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            self._line(now)

    def end(self) -> None:
        self._line(time.monotonic())

    def _line(self, now: float) -> None:
        rate = self._answers / max(now - self._began, 1e-9)
        left = (self._total - self._answers) / rate if rate else 0.0
        rest = f", {left:.0f} s left" if self._answers < self._total and rate else ""
        more = f", {self._more}" if self._more else ""
        self.say(f"{self._title}: {self._answers} of {self._total}, {rate:.1f}/s{rest}{more}")


def _more(tokens: int, errors: int) -> str:
    parts = [f"{tokens:,} tokens"] if tokens else []
    if errors:
        parts.append(f"{errors} error{'s' * (errors != 1)}")
    return ", ".join(parts)
