"""Running a coroutine to its end from code that is not asynchronous, in a notebook too."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """A KeyboardInterrupt that a model raised in a task: as it is it would end the loop at once, before the
    tasks around it have ended."""


@contextmanager
def holding_interrupts() -> Iterator[None]:
    """Interrupted in place of KeyboardInterrupt, within a task that others wait for."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise Interrupted from interrupt


@contextmanager
def raising_interrupts() -> Iterator[None]:
    """KeyboardInterrupt again, where nothing waits in the loop any more."""
    try:
        yield
    except Interrupted as held:
        raise KeyboardInterrupt from held


def run_to_end(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the coroutine that ``start`` gives returns.

    Where this thread runs an event loop already, as that of a notebook does, the coroutine gets a thread and
    a loop of its own, and the caller waits. KeyboardInterrupt cancels it, and is raised when it has ended.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with _interruptible():
            return asyncio.run(start())
    return _Threaded(start).run()


class _Threaded(Generic[T]):
    def __init__(self, start: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._start = start
        self._ended = threading.Event()
        self._cancel: Callable[[], object] | None = None
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> T:
        context = contextvars.copy_context()  # of the cell, so that what is printed appears below it
        # a daemon: a second interrupt ends the wait, and must then not keep the process
        threading.Thread(target=context.run, args=(self._work,), name="hemm-run", daemon=True).start()
        with _interruptible():
            try:
                self._wait()
            except BaseException:
                if self._cancel is not None:
                    self._cancel()
                self._wait()
                raise
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _wait(self) -> None:
        while not self._ended.wait(0.2):  # with a limit: Windows delivers signals between waits alone
            pass

    def _work(self) -> None:
        try:
            self._result.append(asyncio.run(self._main()))
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    async def _main(self) -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        return await self._start()


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt at once, or what ``asyncio.run`` makes of it: it takes Python's own
    handler for its own, which asks its loop to cancel, and leaves any other; and where a loop waits for this
    one, that would ask the wrong loop."""
    old = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or old in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)
