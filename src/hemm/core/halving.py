"""Batches that do not fit into memory are halved: the one rule of models and of metrics with checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Result = TypeVar("Result")


def in_halves(
    batch: Sequence[T],
    act: Callable[[Sequence[T]], Result],
    alone: Callable[[T, BaseException], Result],
    too_large: tuple[type[BaseException], ...],
    free: Callable[[], object] = lambda: None,
) -> Iterator[tuple[Sequence[T], Result]]:
    """(items, what ``act`` gives for them), in halves where memory does not suffice for all of them.

    ``too_large`` are the errors that mean too little memory. ``alone`` gives the result of a single item that
    does not fit, or raises. ``free`` is called before the halves are tried.

    >>> def act(items):
    ...     if len(items) > 2:
    ...         raise MemoryError
    ...     return sum(items)
    >>> list(in_halves([1, 2, 3, 4, 5], act, lambda item, error: 0, (MemoryError,)))
    [([1, 2], 3), ([3], 3), ([4, 5], 9)]
    """
    try:
        done = act(batch)
    except too_large as error:
        if len(batch) == 1:
            yield batch, alone(batch[0], error)
            return
    else:
        yield batch, done
        return
    # outside the handler: the error's traceback holds what filled the memory
    free()
    middle = (len(batch) + 1) // 2
    for half in (batch[:middle], batch[middle:]):
        yield from in_halves(half, act, alone, too_large, free)
