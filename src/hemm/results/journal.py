"""A journal: one file of lines, one for each finished answer (or a judge's verdict).

A line is a JSON object. Its first member ``crc`` is the CRC-32 of the rest: a torn or damaged line is
recognised by it and skipped. Lines are written in groups (64 lines or 100 ms): a killed process loses at most
the last group. The disk is told to keep them about once a second: a power cut loses at most that second.
Lines are addressed by (offset, length).
"""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from hemm.core.text import counted
from hemm.data.files import make_folder, replacing, sync_data, sync_folder
from hemm.results.files import open_own

FLUSH_LINES = 64
FLUSH_SECONDS = 0.1
SYNC_SECONDS = 1.0

_HEAD = len(b'{"crc":"00000000",')


def encode(record: dict[str, Any]) -> bytes:
    """One journal line, newline included. ``record`` has at least one member."""
    body = orjson.dumps(record)
    return b'{"crc":"%08x",' % zlib.crc32(body) + body[1:] + b"\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """The record of a line (with or without its newline); None if the line is torn or damaged."""
    line = line.rstrip(b"\n")
    body = b"{" + line[_HEAD:]
    if line[:_HEAD] != b'{"crc":"%08x",' % zlib.crc32(body):
        return None
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


OF_ANSWER = frozenset({"id", "repeat", "call"})
"""What tells the line of an answer from others."""
OF_VERDICT = frozenset({"key"})
"""The same of a judge's verdict."""


def scan(
    path: Path, dropped: list[int] | None = None, *, members: frozenset[str] = frozenset()
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(offset, length, record) of every intact line in file order; nothing if there is no file.

    ``dropped`` gets the offset of each line that is torn or damaged, or lacks one of ``members``.
    """
    if not path.exists():
        return
    offset = 0
    with open(path, "rb") as file:
        for line in file:
            record = decode(line) if line.endswith(b"\n") else None
            if record is not None and members <= record.keys():
                yield offset, len(line), record
            elif dropped is not None:
                dropped.append(offset)
            offset += len(line)


def dropped_words(path: Path, dropped: Sequence[int]) -> str:
    """One line on the lines of a journal that are torn or damaged, at these offsets.

    >>> dropped_words(Path("journal.jsonl"), [2048])
    'journal.jsonl: 1 line is torn or damaged (at byte 2048); what it held is asked again'
    """
    are, it = ("is", "it") if len(dropped) == 1 else ("are", "they")
    first = f"at byte {dropped[0]}" if len(dropped) == 1 else f"the first at byte {dropped[0]}"
    lines = f"{counted(len(dropped), 'line')} {are} torn or damaged ({first})"
    return f"{path}: {lines}; what {it} held is asked again"


class Journal:
    """Appends lines and reads them back by (offset, length). The cell's lock ensures one writer.

    ``write`` False only reads, and changes nothing.
    """

    def __init__(self, path: Path, write: bool = True) -> None:
        self.path = path
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._oldest = 0.0
        self._lock = threading.RLock()  # the reader's thread looks answers up while the loop appends
        self._synced, self._unsynced = time.monotonic(), False
        if not write:
            self._file = os.open(path, os.O_RDONLY)
            self._end = os.fstat(self._file).st_size
            return
        make_folder(path.parent)
        self._file = open_own(path)
        sync_folder(path.parent)
        self._end = self._repair()

    def _repair(self) -> int:
        """Cut off a torn last line, and return the length of the file."""
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)
        return end

    def append(self, records: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
        """Add lines, which are written once ``FLUSH_LINES`` wait, and return their (offset, length).

        Lines of one call are written together: a crash keeps or loses all answers of a batch, so that it is
        composed in the same way again.
        """
        lines = [encode(record) for record in records]
        places: list[tuple[int, int]] = []
        with self._lock:
            if not self._buffer:
                self._oldest = time.monotonic()
            for line in lines:
                places.append((self._end + self._buffered, len(line)))
                self._buffered += len(line)
            self._buffer += lines
            if len(self._buffer) >= FLUSH_LINES:
                self.flush()
        return places

    @property
    def due(self) -> bool:
        """Whether lines have been waiting for ``FLUSH_SECONDS``."""
        return bool(self._buffer) and time.monotonic() - self._oldest >= FLUSH_SECONDS

    def flush(self) -> None:
        """Write waiting lines to the file, after which a kill of the process does not lose them.

        Raises OSError naming the file, as where the disk is full.
        """
        with self._lock, self._named():
            data = memoryview(b"".join(self._buffer))
            self._unsynced |= bool(data)
            self._buffer.clear()
            self._buffered = 0
            while data:
                written = os.pwrite(self._file, data, self._end)
                self._end += written
                data = data[written:]

    @property
    def sync_due(self) -> bool:
        """Whether flushed lines may have been without ``sync`` for ``SYNC_SECONDS``."""
        return self._unsynced and time.monotonic() - self._synced >= SYNC_SECONDS

    def sync(self) -> None:
        """Have the disk keep the flushed lines, after which a power cut does not lose them.

        For a thread of its own: lines are appended meanwhile. Raises OSError naming the file.
        """
        with self._lock:
            if not self._unsynced:
                return
            self._synced, self._unsynced = time.monotonic(), False
            handle = os.dup(self._file)  # ``keep`` may close the file meanwhile
        try:
            with self._named():
                sync_data(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """The system does not say which file it was."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(self.path)) from error

    def line(self, offset: int, length: int) -> bytes:
        """The bytes of one flushed line."""
        return os.pread(self._file, length, offset)

    def record(self, offset: int, length: int) -> dict[str, Any]:
        """The record of one line that was intact when it was written or scanned."""
        with self._lock:
            if offset + length > self._end:
                self.flush()
            line = self.line(offset, length)
        record = decode(line)
        if record is None:
            raise OSError(f"{self.path} changed under a running process (line at byte {offset})")
        return record

    def keep(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Rewrite the file atomically with only these lines, and return their new places in the same
        order."""
        with self._lock:
            return self._keep(places)

    def _keep(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        self.flush()
        moved: list[tuple[int, int]] = []
        end = 0
        with replacing(self.path) as temporary, open(temporary, "wb") as out:
            for offset, length in places:
                out.write(self.line(offset, length))
                moved.append((end, length))
                end += length
            out.flush()
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR)
        self._end, self._unsynced = end, False
        return moved

    def close(self) -> None:
        """Write and sync what waits, and close the file."""
        try:
            self.flush()
            self.sync()
        finally:
            os.close(self._file)

    def remove(self) -> None:
        """Close and delete, when everything is sealed."""
        with self._lock:  # a thread may be about to sync it
            self._buffer.clear()
            self._buffered, self._unsynced = 0, False
            os.close(self._file)
        self.path.unlink(missing_ok=True)
