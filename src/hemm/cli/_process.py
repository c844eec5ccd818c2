"""The process of a command: standard streams that never end it, and signals that end it as Ctrl-C does."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
from types import FrameType
from typing import Any

INTERRUPTED = 130

_received: list[int] = []
"""The signals that came, but for SIGINT."""


class Forgiving(io.RawIOBase):
    """A stream over ``raw`` whose writes never fail: what cannot be written is dropped.

    lost  the first error; None: all was written
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.lost: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        while True:
            try:
                written = self._raw.write(data)
            except OSError as error:
                self.lost = self.lost or error
                return len(data)
            if written is not None:
                return int(written)
            select.select([], [self._raw], [], 1.0)  # a pipe that does not block, and is full


def open_missing_streams() -> None:
    """Give a standard stream that was closed at the start the null device. Else the next file opened takes
    its number, and what libraries print on it goes into that file."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def one_thread() -> None:
    """Have numpy multiply in one thread, for a command to call before it imports numpy: for the small
    matrices of many tasks, threads take a third of a profile's processor time."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def frugal_memory() -> None:
    """Have the allocators give freed memory back, so that a long run stays as small as it began. For a
    command to call before it imports Arrow.

    Arrow's own allocator keeps what was freed: the system's takes a fifth less. In glibc large blocks are
    mapped one by one, whatever was freed before, and threads share two heaps.
    """
    import ctypes

    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.platform == "linux":
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(_MMAP_THRESHOLD, 1 << 20)
            libc.mallopt(_ARENA_MAX, 2)
        except (OSError, AttributeError):  # another C library
            return


_MMAP_THRESHOLD, _ARENA_MAX = -3, -8


def forgive_streams() -> None:
    """Make writing to stdout and stderr never fail: neither a closed or full stream, nor a character that it
    cannot encode, ends a command."""
    open_missing_streams()
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream: Any = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__"):  # a program's own
            continue
        encoding, buffered = "utf-8", name == "stdout"
        if stream is None:
            raw: Any = io.FileIO(number, "w", closefd=False)
        else:
            encoding, buffered = stream.encoding, not stream.line_buffering
            raw = stream.detach()
            raw = raw.detach() if hasattr(raw, "detach") else raw  # unbuffered (python -u) has one layer less
        text = io.TextIOWrapper(
            io.BufferedWriter(Forgiving(raw)),
            encoding=encoding,
            errors="backslashreplace",
            line_buffering=not buffered,
        )
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)


def lost(stream: Any) -> OSError | None:
    """Why something written to a stream of ``forgive_streams`` was dropped; None where nothing was."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, Forgiving) else None


def end_as_interrupted() -> None:
    """Make SIGTERM and SIGHUP end this process as Ctrl-C does; not where they are ignored (``nohup``)."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    interrupt = signal.getsignal(signal.SIGINT)
    if callable(interrupt):
        interrupt(signal.SIGINT, frame)
    else:  # a shell ignores SIGINT for what it runs in the background
        raise KeyboardInterrupt


def interrupted() -> tuple[str, int]:
    """What interrupted this process, in words, and its exit status: 130, or 128 and the signal's number."""
    if not _received:
        return "interrupted", INTERRUPTED
    return f"ended by {signal.Signals(_received[0]).name}", 128 + _received[0]
