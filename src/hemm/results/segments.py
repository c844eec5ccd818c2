"""The journal of an open cell: segments, a file for each part that is not sealed yet.

All lines of a part lie in one segment, which is deleted whole once they are sealed: no line is written
twice. The first segment is ``journal.jsonl``, the only one of a cell of one part; those after it have rising
numbers, so that of two lines for one answer the newer one is in the later file, or further down in the same.
A segment is kept while an earlier one has a line that one of its own replaced: else that would count again.

A line is addressed by (place, length): the number of its segment and its offset there, in one number.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hemm.data.files import sync_folder
from hemm.results import layout
from hemm.results.journal import OF_ANSWER, Journal, dropped_words, scan
from hemm.results.seal import LATER, Seal

Key = tuple[str, int]
Place = tuple[int, int]
Places = np.ndarray[Any, np.dtype[np.int64]]
"""(place, length) of each answer of a part; length 0: not there yet."""

_NUMBERED = re.compile(r"journal-([0-9]{4,6})\.jsonl")
_SHIFT = 40
"""Bits of an offset in a segment."""


def segment_path(folder: Path, number: int) -> Path:
    """The file of a cell's segment; the first is number 1."""
    return folder / (layout.JOURNAL if number == 1 else f"journal-{number:04d}.jsonl")


def segments(folder: Path) -> dict[int, Path]:
    """The files of a cell's journal by number, oldest first; none where it is sealed."""
    found = {1: folder / layout.JOURNAL} if (folder / layout.JOURNAL).exists() else {}
    for path in folder.glob("journal-*.jsonl"):
        match = _NUMBERED.fullmatch(path.name)
        if match and int(match[1]) > 1 and path == segment_path(folder, int(match[1])):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def journal_size(folder: Path) -> int:
    """Bytes of all segments."""
    return sum(path.stat().st_size for path in segments(folder).values())


def open_lines(folder: Path, run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of a cell's journal that count: of each (id, repeat) the newest, where no part has it.

    run  run.json of the cell, read before
    """
    paths, newest = list(segments(folder).values()), dict[Key, float]()
    for path in paths if run["calls"] is not None else ():
        newest.update(
            {(line["id"], line["repeat"]): line["call"][1] for _, _, line in scan(path, members=OF_ANSWER)}
        )
    if newest:
        asked = ((*key, started) for key, started in newest.items())
        for name, repeat, _ in sealed_of(folder, Seal(**run["calls"]), asked):
            newest[name, repeat] = math.nan  # the start of no call
    for path in paths:
        for _, _, line in scan(path, members=OF_ANSWER):  # a line that came since is of a new answer
            started = line["call"][1]
            if newest.get((line["id"], line["repeat"]), started) == started:
                yield line


def sealed_of(
    folder: Path, calls: Seal, lines: Iterable[tuple[str, int, float]]
) -> set[tuple[str, int, float]]:
    """Those of these (id, repeat, start of the call) that are among a cell's sealed calls."""
    asked, found, rows = set(lines), set[tuple[str, int, float]](), calls.rows
    if not asked:
        return found
    starts = np.unique(np.array([started for _, _, started in asked]))
    with pq.ParquetFile(folder / calls.file) as file:
        for batch in file.iter_batches(columns=["id", "repeat", "started"]):
            batch = batch.slice(0, max(rows, 0))
            rows -= batch.num_rows
            alike = np.flatnonzero(np.isin(batch["started"].to_numpy(), starts))
            if len(alike):
                columns = (column.to_pylist() for column in batch.take(alike).columns)
                found.update(asked.intersection(zip(*columns, strict=True)))
    return found


class Segments:
    """Appends lines to the segments of a cell, reads them back, and deletes the segments that are done with.

    The cell's lock ensures one writer. ``numbered`` is called before a second segment is made. ``write``
    False only reads, and changes nothing.
    """

    def __init__(self, folder: Path, numbered: Callable[[], None], write: bool = True) -> None:
        self._folder, self._numbered, self._write = folder, numbered, write
        self._lock = threading.RLock()
        self._files: dict[int, Journal] = {}
        self._live = Counter[int]()
        """Number of each segment that is there -> its lines that are neither sealed nor replaced."""
        self._replaces: dict[int, set[int]] = defaultdict(set)
        """Segment -> the earlier ones with lines that its own replaced."""
        self._of_part: dict[int, int] = {}
        self.later: set[str] = set()
        """The later columns (``seal.LATER``) that a line fills."""
        self._newest: Journal | None = None  # the one that lines were appended to last

    @property
    def numbers(self) -> list[int]:
        """Of the segments that are there."""
        return sorted(self._live)

    def load(self, calls: Seal | None, warnings: list[str]) -> dict[Key, Place]:
        """The newest line of each answer that is not sealed. ``warnings`` gets a line for each segment that
        has torn or damaged ones."""
        lines: dict[Key, tuple[Place, float]] = {}
        for number, path in segments(self._folder).items():
            dropped: list[int] = []
            self._live[number] = 0
            for offset, length, line in scan(path, dropped, members=OF_ANSWER):
                key, place = (line["id"], line["repeat"]), (number << _SHIFT | offset, length)
                self._live[number] += 1
                self._look(line)
                if key in lines:
                    self.replaced(lines[key][0], place)
                lines[key] = place, line["call"][1]
            if dropped:
                warnings.append(dropped_words(path, dropped))
        if lines and calls is not None:
            known = sealed_of(self._folder, calls, ((*key, at) for key, (_, at) in lines.items()))
            for name, repeat, _ in known:
                place, _ = lines.pop((name, repeat))
                self._live[place[0] >> _SHIFT] -= 1
        return {key: place for key, (place, _) in lines.items()}

    def _look(self, record: Mapping[str, Any]) -> None:
        for name in LATER:
            if record.get(name) is not None:
                self.later.add(name)

    # lines

    def append(self, records: Sequence[dict[str, Any]], part: int) -> list[Place]:
        """Add lines to the segment of ``part``. A crash keeps or loses all lines of one call."""
        with self._lock:
            number = self._of_part.get(part) or self._segment_for(part)
            journal = self._open(number)
            if self._newest is not None and self._newest is not journal:
                self._newest.flush()  # no more than one group of lines waits
            self._newest = journal
            start = number << _SHIFT
            places = [(start + offset, length) for offset, length in journal.append(records)]
            for record in records:
                self._look(record)
            self._live[number] += len(places)
        return places

    def _segment_for(self, part: int) -> int:
        """The newest segment of an earlier command for the first part of this one; else a new segment."""
        newest = max(self._live, default=0)
        number = newest if newest and not self._of_part else newest + 1
        if number > max(newest, 1):
            self._numbered()
        self._live.setdefault(number, 0)
        self._of_part[part] = number
        return number

    def _open(self, number: int) -> Journal:
        if number not in self._files:
            self._files[number] = Journal(segment_path(self._folder, number), self._write)
        return self._files[number]

    def record(self, place: int, length: int) -> dict[str, Any]:
        """The record of one line that was intact when it was written or read."""
        with self._lock:
            return self._open(place >> _SHIFT).record(place & (1 << _SHIFT) - 1, length)

    # what is done with

    def replaced(self, old: Place, new: Place) -> None:
        """The line ``new`` counts in place of ``old`` from now on."""
        before, after = old[0] >> _SHIFT, new[0] >> _SHIFT
        self._live[before] -= 1
        if before != after:
            self._replaces[after].add(before)

    def sealed(self, places: Places) -> None:
        """These lines are in a part that run.json lists."""
        numbers, counts = np.unique(places[:, 0] >> _SHIFT, return_counts=True)
        self._live.subtract(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))

    def drop(self) -> None:
        """Delete the segments whose lines are all sealed or replaced, oldest first."""
        with self._lock:
            for number in self.numbers:
                if not self._live[number] and self._live.keys().isdisjoint(self._replaces[number]):
                    self._delete(number)

    def remove(self) -> None:
        """Delete all segments, when everything is sealed."""
        with self._lock:
            for number in self.numbers:
                self._delete(number)

    def _delete(self, number: int) -> None:
        journal = self._files.pop(number, None)
        if journal is not None:
            self._newest = None if self._newest is journal else self._newest
            journal.remove()
        else:
            segment_path(self._folder, number).unlink(missing_ok=True)
        # a power cut must not bring back a line without the later segment that replaced it
        sync_folder(self._folder)
        del self._live[number]
        self._replaces.pop(number, None)
        self._of_part = {part: n for part, n in self._of_part.items() if n != number}

    # writing

    def flush(self) -> None:
        """Write waiting lines to their files, after which a kill of the process does not lose them."""
        with self._lock:
            for journal in self._files.values():
                journal.flush()

    @property
    def due(self) -> bool:
        """Whether lines have been waiting for ``journal.FLUSH_SECONDS``."""
        return any(journal.due for journal in self._files.values())

    @property
    def sync_due(self) -> bool:
        """Whether flushed lines may have been without ``sync`` for ``journal.SYNC_SECONDS``."""
        return any(journal.sync_due for journal in self._files.values())

    def sync(self) -> None:
        """Have the disk keep the flushed lines; for a thread of its own."""
        with self._lock:
            files = list(self._files.values())
        for journal in files:
            journal.sync()

    def close(self) -> None:
        """Write and sync what waits, and close the files."""
        with self._lock:
            while self._files:
                self._files.popitem()[1].close()
