"""Runs in progress, seen from outside: run.json and the journal are read, nothing is locked or written.

The writer appends whole lines to the segments of the journal, and deletes a segment once its lines are
sealed. So a reader goes on in each from where it was, and starts anew where the file is another one.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import HemmError
from hemm.results.answer_record import CALL_COLUMNS
from hemm.results.journal import decode
from hemm.results.read import Cell
from hemm.results.seal import Seal
from hemm.results.segments import sealed_of, segments
from hemm.web.folder import FoundCell

FIRST = 3
"""Answers of a run that are shown: the first ones, and as many of the last."""
WINDOW = 60.0
"""Seconds over which the rate is taken."""
AT_ONCE = 64 << 20
"""Most bytes of a journal that one look reads; the next goes on."""
STILL = 20.0
"""Seconds without an answer after which a run is called quiet: it may wait, or have been stopped."""
_CALL = {column.name: place for place, column in enumerate(CALL_COLUMNS)}


@dataclass(frozen=True)
class LiveRun:
    """A run in progress.

    done, planned  answers, of those that the newest selection has (0: not known)
    rate           answers a second over the last minute; left: seconds, None where nothing tells
    outcomes       answered, error, refused, cut off: what can be told before answers are read
    """

    cell: FoundCell
    model: str
    task: str
    done: int
    planned: int
    rate: float
    left: float | None
    outcomes: Mapping[str, int]
    tokens: int
    cost: float | None
    first: tuple[Mapping[str, Any], ...]
    last: tuple[Mapping[str, Any], ...]
    quiet: float | None
    torn: int
    behind: bool


@dataclass
class _Segment:
    """What was read of one segment of a journal so far."""

    inode: int = 0
    offset: int = 0
    torn: int = 0
    behind: bool = False
    started: dict[tuple[str, int], float] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    cost: float = 0.0
    priced: bool = False


@dataclass
class _Journal:
    """What was read of one journal so far; ``ended``, ``first`` and ``last`` outlive the segments."""

    segments: dict[str, _Segment] = field(default_factory=dict)
    sealed: str = ""
    """Checksum of the calls that were looked through for lines that are sealed."""
    ended: list[float] = field(default_factory=list)
    first: list[Mapping[str, Any]] = field(default_factory=list)
    last: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """Answers that have a line which is not sealed."""
        keys: set[tuple[str, int]] = set()
        return len(keys.union(*(segment.started for segment in self.segments.values())))


class Live:
    """The runs in progress of a folder. ``look`` reads what came since the last look."""

    def __init__(self) -> None:
        self._journals: dict[str, _Journal] = {}
        self._lock = threading.Lock()

    def look(self, found: list[FoundCell]) -> list[LiveRun]:
        """The runs among these cells, with what their journals have by now."""
        with self._lock:
            return self._look(found)

    def _look(self, found: list[FoundCell]) -> list[LiveRun]:
        runs = []
        for one in found:
            if one.cell is not None and one.cell.state == "open":
                try:
                    runs.append(self._run(one))
                except (HemmError, OSError):
                    continue  # it was sealed, or moved, in this moment
        shown = {run.cell.key for run in runs}
        self._journals = {key: kept for key, kept in self._journals.items() if key in shown}
        return runs

    def _run(self, one: FoundCell) -> LiveRun:
        assert one.cell is not None
        journal = self._journals.setdefault(one.key, _Journal())
        _read_on(one.cell, journal)
        read = list(journal.segments.values())
        run = one.cell.run
        sealed = sum(part["rows"] for part in run["parts"])
        last: Mapping[str, Any] = (run.get("selections") or [{}])[-1]
        planned = int(last.get("samples") or 0) * int(last.get("repeats") or 1)
        done, now = sealed + journal.answers, time.time()
        recent = [t for t in journal.ended if t > now - WINDOW]
        rate = len(recent) / max(1.0, min(WINDOW, now - min(recent))) if recent else 0.0
        left = (planned - done) / rate if rate and planned > done else None
        quiet = now - max(journal.ended) if journal.ended else None
        return LiveRun(
            cell=one,
            model=one.cell.model,
            task=one.cell.task,
            done=done,
            planned=planned,
            rate=rate,
            left=left,
            outcomes=dict(sum((segment.outcomes for segment in read), Counter[str]())),
            tokens=sum(segment.tokens for segment in read),
            cost=sum(s.cost for s in read) if any(s.priced for s in read) else None,
            first=tuple(journal.first),
            last=tuple(journal.last),
            quiet=quiet if quiet is not None and quiet > STILL else None,
            torn=sum(segment.torn for segment in read),
            behind=any(segment.behind for segment in read),
        )


def _read_on(cell: Cell, journal: _Journal) -> None:
    """Read the lines that came since, up to the last whole one of each segment."""
    paths = segments(cell.folder)
    journal.segments = {
        path.name: _read_segment(path, journal.segments.get(path.name) or _Segment(), journal)
        for path in paths.values()
    }
    journal.ended = sorted(journal.ended)[-10_000:]
    calls = cell.run["calls"]
    if calls is None or (journal.sealed == calls["sha256"] and len(paths) == 1):
        return
    # a segment may have lines of a part that is sealed beside those of one that is not
    lines = [(*key, at) for s in journal.segments.values() for key, at in s.started.items()]
    known = sealed_of(cell.folder, Seal(**calls), lines)
    for segment in journal.segments.values():
        for name, repeat, started in known:
            if segment.started.get((name, repeat)) == started:
                del segment.started[name, repeat]
    journal.sealed = calls["sha256"]


def _read_segment(path: Path, segment: _Segment, journal: _Journal) -> _Segment:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return _Segment()
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_ino != segment.inode or facts.st_size < segment.offset:
            segment = _Segment(inode=facts.st_ino)
        file.seek(segment.offset)
        data = file.read(AT_ONCE)
    end = data.rfind(b"\n") + 1
    segment.behind = segment.offset + end < facts.st_size and len(data) == AT_ONCE
    segment.offset += end
    for line in data[:end].splitlines(keepends=True):
        record = decode(line)
        if record is None:
            segment.torn += 1
        else:
            _count(record, segment, journal)
    return segment


def _count(record: Mapping[str, Any], segment: _Segment, journal: _Journal) -> None:
    try:
        key = (str(record["id"]), int(record["repeat"]))
        call = record["call"]
        started, latency = float(call[_CALL["started"]]), float(call[_CALL["latency"]])
        used = [call[_CALL[n]] for n in ("input_tokens", "output_tokens")]
        cost = call[_CALL["cost"]]
    except (KeyError, IndexError, TypeError, ValueError):
        segment.torn += 1
        return
    segment.started[key] = started
    segment.outcomes[_kind(record)] += 1
    segment.tokens += sum(int(n) for n in used if isinstance(n, int))
    if isinstance(cost, int | float):
        segment.cost, segment.priced = segment.cost + cost, True
    journal.ended.append(started + latency)
    shown = {n: record.get(n) for n in ("id", "repeat", "raw", "failure", "failure_message", "refusal")}
    if len(journal.first) < FIRST:
        journal.first.append(shown)
    else:
        journal.last = [*journal.last, shown][-FIRST:]


def _kind(record: Mapping[str, Any]) -> str:
    if record.get("failure") is not None:
        return "error"
    if record.get("refusal") is not None or record.get("finish") == "content_filter":
        return "refused"
    return "cut off" if record.get("finish") == "length" else "answered"
