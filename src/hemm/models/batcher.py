"""The batcher: composes the batches of a local model, and handles batches that fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from hemm.core import (
    BadData,
    BatchModel,
    Failure,
    HemmError,
    Model,
    OutOfMemory,
    Request,
    Response,
    redact,
    storable,
)
from hemm.core.halving import in_halves
from hemm.core.user_files import shown

T = TypeVar("T")

SPAN = 16
"""Batches in one window, within which requests are sorted by size."""


def windows(items: Iterable[T], batch_size: int, size_of: Callable[[T], Any]) -> Iterator[list[T]]:
    """Batches of at most ``batch_size`` items, alike in size within a window of ``SPAN`` batches.

    The batches depend only on the order of ``items``, on ``size_of`` (any sortable key; ties keep their
    order) and on ``batch_size``; every item comes once. A local model's numbers depend on its batch, so a
    resumed run composes the batches from the whole plan again and runs those that are not complete.
    """
    if batch_size < 1:
        raise ValueError("batch_size must be 1 or more")
    stream = iter(items)
    while window := list(islice(stream, batch_size * SPAN)):
        window.sort(key=size_of)
        for start in range(0, len(window), batch_size):
            yield window[start : start + batch_size]


def run_batch(model: BatchModel, requests: Sequence[Request]) -> list[Response]:
    """One response for each request, in order.

    Out of memory: the batch is sent again in halves, down to one request, which fails as transient if it
    still does not fit. Any other exception: the requests are sent one by one, so that only the one at fault
    fails. Raises HemmError where the model breaks its contract (another number of responses).
    """

    def alone(request: Request, error: BaseException) -> list[Response]:
        return [_failure_of(error)]

    def act(batch: Sequence[Request]) -> list[Response]:
        try:
            responses = _listed(model, model.generate_batch(batch))
        except (OutOfMemory, MemoryError, _NoContract):
            raise
        except Exception as error:
            if len(batch) == 1:
                return [_failure_of(error)]
            return [answer for request in batch for answer in run_batch(model, [request])]
        if wrong := next((r for r in responses if not answers(r)), None):
            raise HemmError(no_response(model, "generate_batch", wrong))
        if len(responses) != len(batch):
            raise HemmError(
                f"model {model.spec} gave {len(responses)} responses to {len(batch)} requests: "
                "generate_batch must give one for each, in order"
            )
        return responses

    if not requests:
        return []
    parts = in_halves(requests, act, alone, (OutOfMemory, MemoryError))
    return [response for _, responses in parts for response in responses]


class _NoContract(HemmError):
    """The model's method gives something else than its contract says: no request is to blame."""


def _listed(model: BatchModel, given: Any) -> list[Response]:
    """What ``generate_batch`` gives, as a list. Raises _NoContract where it is none."""
    if inspect.iscoroutine(given):
        given.close()
        raise _NoContract(
            f"model {model.spec}: generate_batch is async; it runs in a thread: write it with def"
        )
    if isinstance(given, str | Response) or not isinstance(given, Iterable):
        raise _NoContract(
            f"model {model.spec}: generate_batch gave {shown(given)}; "
            "give a list, one Response for each request"
        )
    return list(given)


def answers(given: Any) -> bool:
    """Whether what a model gives for a request is a Response whose text is one."""
    return isinstance(given, Response) and isinstance(given.text, str)


def no_response(model: Model, method: str, given: Any) -> str:
    """The line for what is none, from ``method`` of ``model``."""
    if isinstance(given, Response):
        return f"model {model.spec}: {method} gave a Response whose text is {shown(given.text)}; give a text"
    return f"model {model.spec}: {method} gave {shown(given)}; give a hemm.core.Response"


def _failure_of(error: BaseException) -> Response:
    """The failure for an exception: permanent for a picture that does not open, since it never will."""
    line, name = str(error).strip(), type(error).__name__
    reason = line if isinstance(error, HemmError) else f"{name}: {line}" if line else name
    if isinstance(error, OutOfMemory | MemoryError):
        return failed("out_of_memory", reason)
    permanent = isinstance(error, BadData | FileNotFoundError)
    return failed("media" if permanent else "model", reason, permanent)


def failed(kind: str, reason: str, permanent: bool = False) -> Response:
    """A response without an answer; its reason is one line of at most 500 characters, without secrets."""
    line = storable(redact(" ".join(reason.split())))[:500] or "no reason was told"
    return Response(failure=Failure(kind, line, permanent))
