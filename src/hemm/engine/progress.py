"""Progress of a run on stderr: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hemm.core import CONTROLS, Model, Task, redact
from hemm.core.terminal import log_line, printable
from hemm.engine.options import RunOptions, Track

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


def title(model: Model, task: Task, options: RunOptions) -> str:
    """What a watcher calls the cell of a model, a task, a control and a perturbation."""
    changed = f" ({CONTROLS[options.control].label})" if options.control else ""
    perturbed = f" · {options.perturb}" if options.perturb else ""
    return f"{task.name} · {model.identity.name}{changed}{perturbed}"


class _Whole:
    """What is done of all that a command does: cells, and answers of those that are under way or to come."""

    def __init__(self) -> None:
        self.cells, self.ended, self._what = 0, 0, ""
        self._pending: dict[str, int] = {}
        self._open: dict[int, tuple[int, int, int]] = {}
        self._past = (0, 0, 0)
        self._began = time.monotonic()

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None:
        self.cells, self.ended, self._what = cells, 0, what
        self._pending, self._open, self._past = dict(expected), {}, (0, 0, 0)
        self._began = time.monotonic()

    def begin(self, title: str, number: int, total: int) -> None:
        self._pending.pop(title, None)
        self._open[number] = (total, 0, 0)

    def step(self, number: int, answers: int, new: int) -> None:
        self._open[number] = (self._open[number][0], answers, new)

    def end(self, number: int) -> None:
        """A track is at its end; what it did not answer is no longer waited for."""
        _, answers, new = self._open.pop(number)
        self._past = (self._past[0] + answers, self._past[1] + answers, self._past[2] + new)

    def done(self, title: str) -> None:
        self.ended += 1
        self._pending.pop(title, None)

    @property
    def _sums(self) -> tuple[int, int, int]:
        total, answers, new = (sum(row) for row in zip(self._past, *self._open.values(), strict=True))
        return total + sum(self._pending.values()), answers, new

    @property
    def total(self) -> int:
        """Answers in all, as far as they are known or expected."""
        return self._sums[0]

    @property
    def answers(self) -> int:
        return self._sums[1]

    @property
    def words(self) -> str:
        """As in ``3 of 30 tasks``; empty for a single cell, whose own progress says all."""
        return f"{self.ended} of {self.cells} {self._what}" if self.cells > 1 else ""

    @property
    def left(self) -> str:
        """The time left over all cells, at the pace of this command so far, as in ``12 min left in all``."""
        total, answers, new = self._sums
        words = _time_left(total - answers, new / max(time.monotonic() - self._began, 1e-9))
        return f"{words} in all" if words else ""


def _time_left(missing: int, rate: float) -> str:
    """As in ``12 s left``; empty where nothing is left, or nothing is known yet."""
    if not rate or missing <= 0:
        return ""
    seconds = missing / rate
    if seconds < 600:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 7200 else f"{seconds / 3600:.1f} h left"


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
        return _time_left(self._total - self.answers, self.rate)


class Bar:
    """A progress bar for each cell under way, and one for the whole command."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._open = self._begun = 0
        self._row: Any = None
        self._whole = _Whole()

    def say(self, text: str) -> None:
        line = printable(redact(text))
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False, emoji=False)
        else:
            log_line(line)

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None:
        self._whole.plan(cells, what, expected)

    def begin(self, title: str, total: int) -> Track:
        if self._bar is None:
            self._bar = _bars()
            if words := self._whole.words:
                self._row = self._bar.add_task(words, total=None, rate="", left="", more="")
            self._bar.start()
        self._open += 1
        self._begun += 1
        self._whole.begin(title, self._begun, total)
        self._show_whole()
        return _BarTrack(self, self._bar, self._begun, printable(title), total)

    def done(self, title: str) -> None:
        self._whole.done(title)
        self._show_whole()

    def stepped(self, number: int, answers: int, new: int) -> None:
        """One of the cells under way has so many answers."""
        self._whole.step(number, answers, new)
        self._show_whole()

    def _show_whole(self) -> None:
        if self._row is not None:
            whole = self._whole
            facts = {"description": whole.words, "completed": whole.answers, "total": whole.total}
            self._bar.update(self._row, left=whole.left, **facts)

    def ended(self, number: int) -> None:
        """A cell has ended; after the last one the bars are removed."""
        self._whole.end(number)
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
    def __init__(self, owner: Bar, bars: Any, number: int, title: str, total: int) -> None:
        self._owner, self._bars, self._number, self._title = owner, bars, number, title
        self._task = bars.add_task(title, total=total, rate="", left="", more="")
        self._pace = _Pace(total)
        self._at_work = ""

    def step(self, answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None:
        pace = self._pace
        pace.step(answers, new)
        more = ", ".join(filter(None, (_more(tokens, errors, cost), self._at_work)))
        rate = f"{pace.rate:.1f}/s"
        self._bars.update(self._task, completed=answers, rate=rate, left=pace.left, more=more)
        self._owner.stepped(self._number, answers, new)

    def waits(self, text: str) -> None:
        self._owner.say(f"{self._title}: {text}")

    def at_work(self, text: str) -> None:
        self._at_work = text

    def end(self) -> None:
        self._owner.ended(self._number)


class Lines:
    """Prints a line for each cell when it begins, every ten seconds, and when it ends."""

    def __init__(self) -> None:
        self.whole = _Whole()

    def say(self, text: str) -> None:
        log_line(redact(text))

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None:
        self.whole.plan(cells, what, expected)

    def begin(self, title: str, total: int) -> Track:
        words = self.whole.words
        self.say(f"{title}: {total} to ask{f' ({words} done)' if words else ''}")
        return _LinesTrack(self, title, total)

    def done(self, title: str) -> None:
        self.whole.done(title)


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
