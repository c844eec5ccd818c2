"""Progress of a run on stderr: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

from hemm.core import redact
from hemm.core.terminal import log_line, printable
from hemm.engine.options import Track

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class _Whole:
    """Cells done of all cells of a command."""

    def __init__(self) -> None:
        self.cells, self.ended, self._what = 0, 0, ""

    def plan(self, cells: int, what: str) -> None:
        self.cells, self.ended, self._what = cells, 0, what

    @property
    def words(self) -> str:
        """As in ``3 of 30 tasks``; empty for a single cell, whose own progress says all."""
        return f"{self.ended} of {self.cells} {self._what}" if self.cells > 1 else ""


class _Pace:
    """Answers a second, and the time left, from what this command had from the model."""

    def __init__(self, total: int) -> None:
        self._total, self._began = total, time.monotonic()
        self.answers = self._new = 0

    def step(self, answers: int, new: int) -> None:
        self.answers, self._new = answers, new

    @property
    def rate(self) -> float:
        return self._new / max(time.monotonic() - self._began, 1e-9)

    @property
    def left(self) -> str:
        """As in ``12 s left``; empty where nothing is left, or nothing is known yet."""
        rate, missing = self.rate, self._total - self.answers
        if not rate or missing <= 0:
            return ""
        seconds = missing / rate
        return f"{seconds:.0f} s left" if seconds < 600 else f"{seconds / 60:.0f} min left"


class Bar:
    """A progress bar for each cell under way, and one for the whole command."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._open = 0
        self._row: Any = None
        self._whole = _Whole()

    def say(self, text: str) -> None:
        line = printable(redact(text))
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, emoji=False)
        else:
            log_line(line)

    def plan(self, cells: int, what: str) -> None:
        self._whole.plan(cells, what)

    def begin(self, title: str, total: int) -> Track:
        if self._bar is None:
            self._bar = _bars()
            if words := self._whole.words:
                done, cells = self._whole.ended, self._whole.cells
                self._row = self._bar.add_task(words, completed=done, total=cells, rate="", left="", more="")
            self._bar.start()
        self._open += 1
        return _BarTrack(self, self._bar, printable(title), total)

    def done(self) -> None:
        self._whole.ended += 1
        if self._row is not None:
            self._bar.update(self._row, description=self._whole.words, completed=self._whole.ended)

    def ended(self) -> None:
        """A cell has ended; after the last one the bars are removed."""
        self._open -= 1
        if not self._open:
            if self._row is not None:  # the next cells have a row of their own
                self._bar.remove_task(self._row)
                self._row = None
            self._bar.stop()
            self._bar = None


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[more]}"),
        console=Console(stderr=True),
        refresh_per_second=5,
    )


class _BarTrack:
    def __init__(self, owner: Bar, bars: Any, title: str, total: int) -> None:
        self._owner, self._bars, self._title = owner, bars, title
        self._task = bars.add_task(title, total=total, rate="", left="", more="")
        self._pace = _Pace(total)
        self._at_work = ""

    def step(self, answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None:
        pace = self._pace
        pace.step(answers, new)
        more = ", ".join(filter(None, (_more(tokens, errors, cost), self._at_work)))
        rate = f"{pace.rate:.1f}/s"
        self._bars.update(self._task, completed=answers, rate=rate, left=pace.left, more=more)

    def waits(self, text: str) -> None:
        self._owner.say(f"{self._title}: {text}")

    def at_work(self, text: str) -> None:
        self._at_work = text

    def end(self) -> None:
        self._owner.ended()


class Lines:
    """Prints a line for each cell when it begins, every ten seconds, and when it ends."""

    def __init__(self) -> None:
        self.whole = _Whole()

    def say(self, text: str) -> None:
        log_line(redact(text))

    def plan(self, cells: int, what: str) -> None:
        self.whole.plan(cells, what)

    def begin(self, title: str, total: int) -> Track:
        words = self.whole.words
        self.say(f"{title}: {total} to ask{f' ({words} done)' if words else ''}")
        return _LinesTrack(self, title, total)

    def done(self) -> None:
        self.whole.ended += 1


class _LinesTrack:
    def __init__(self, owner: Lines, title: str, total: int) -> None:
        self._owner, self._title, self._total = owner, title, total
        self._counts: tuple[int, int, float | None] = (0, 0, None)
        self._pace = _Pace(total)
        self._last = time.monotonic()
        self._at_work = ""

    def step(self, answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None:
        self._pace.step(answers, new)
        self._counts = (tokens, errors, cost)
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            self._line()

    def waits(self, text: str) -> None:
        self._owner.say(f"{self._title}: {text}")

    def at_work(self, text: str) -> None:
        self._at_work = text

    def end(self) -> None:
        self._line()

    def _line(self) -> None:
        pace = self._pace
        rest = [text for text in (pace.left, _more(*self._counts), self._at_work) if text]
        parts = [f"{pace.answers} of {self._total}", f"{pace.rate:.1f}/s", *rest]
        self._owner.say(f"{self._title}: {', '.join(parts)}")


def _more(tokens: int, errors: int, cost: float | None) -> str:
    parts = [f"{tokens:,} tokens"] if tokens else []
    if cost:  # what runs here costs nothing
        parts.append(f"${cost:,.4f}" if cost < 1 else f"${cost:,.2f}")
    if errors:
        parts.append(f"{errors} error{'s' * (errors != 1)}")
    return ", ".join(parts)
