"""The batcher: composes the batches of a local model, and handles batches that fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from hemm.core import (
    BadData,
    BatchModel,
    Failure,
    HemmError,
    Media,
    Model,
    OutOfMemory,
    Request,
    Response,
    Usage,
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


def look_ahead(model: BatchModel, requests: Sequence[Request]) -> None:
    """Have ``model`` prepare the batch that it answers next. What fails here is met again, and told, then."""
    with suppress(Exception):
        model.look_ahead(requests)


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


_HOLDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str)),
    "reasoning": ("a text", lambda value: isinstance(value, str)),
    "finish": ("a text", lambda value: isinstance(value, str)),
    "refusal": ("a text or None", lambda value: value is None or isinstance(value, str)),
    "media": ("Media", lambda value: _all_are(value, Media)),
    "options": ("numbers", lambda value: _all_are(value, (int, float))),
    "logprobs": ("numbers", lambda value: _all_are(value, (int, float))),
    "usage": ("a hemm.core.Usage", lambda value: isinstance(value, Usage)),
    "failure": (
        "a hemm.core.Failure of two texts, or None",
        lambda value: (
            value is None
            or (isinstance(value, Failure) and isinstance(value.kind, str) and isinstance(value.message, str))
        ),
    ),
    "model": ("a text", lambda value: isinstance(value, str)),
    "accelerator": ("a text", lambda value: isinstance(value, str)),
    "node": ("a text", lambda value: isinstance(value, str)),
    "attempts": ("a whole number", lambda value: isinstance(value, int) and 0 <= value < 2**31),
}
"""Member of a response -> what it holds, in words and as a test: what the journal takes."""


def _all_are(value: Any, kind: Any) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, kind) for v in value)
    )


def answers(given: Any) -> bool:
    """Whether what a model gives for a request is a Response, each member of which is what it should be."""
    return isinstance(given, Response) and (
        _is_plain(given) or all(fits(getattr(given, name)) for name, (_, fits) in _HOLDS.items())
    )


def _is_plain(given: Response) -> bool:
    """Whether a response is a text with what is said of it, as most are: a look that spares the table."""
    return (
        type(given.text) is type(given.reasoning) is type(given.finish) is type(given.model) is str
        and given.refusal is None
        and given.failure is None
        and given.media == given.options == given.logprobs == ()
        and type(given.usage) is Usage
        and type(given.attempts) is int
        and 0 <= given.attempts < 2**31
    )


def no_response(model: Model, method: str, given: Any) -> str:
    """The line for what is none, from ``method`` of ``model``."""
    if isinstance(given, Response):
        name = next(name for name, (_, fits) in _HOLDS.items() if not fits(getattr(given, name)))
        value, give = shown(getattr(given, name)), _HOLDS[name][0]
        return f"model {model.spec}: {method} gave a Response whose {name} is {value}; give {give}"
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
