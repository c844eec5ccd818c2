"""Who answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.exchange import Identity, Request, Response


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model takes and gives.

    inputs, outputs  modalities: text, image, audio, video
    min_images       fewest pictures in one request
    max_images       most pictures in one request; None: any number
    image_types      MIME types taken as they are; others are sent as lossless PNG. Empty: any that decodes
    likelihood       gives log-probabilities of options (``score``)
    system           takes a system prompt
    draws            its answers depend on the run's seed even at temperature 0
    drawn_from       modalities taken where the answer is a picture
    """

    inputs: frozenset[str] = frozenset({"text", "image"})
    outputs: frozenset[str] = frozenset({"text"})
    min_images: int = 0
    max_images: int | None = None
    image_types: frozenset[str] = frozenset()
    likelihood: bool = False
    system: bool = True
    draws: bool = False
    drawn_from: frozenset[str] = frozenset({"text", "image"})


@runtime_checkable
class Model(Protocol):
    """What every model has. It is started once, asked, and closed; ``start`` may take long (weights).

    ``identity`` is known before ``start``. Failures to start are HemmError with one clear line.
    """

    @property
    def spec(self) -> str: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def capabilities(self) -> Capabilities: ...

    async def start(self) -> None: ...
    async def close(self) -> None: ...


@runtime_checkable
class RequestModel(Model, Protocol):
    """A model that takes requests one by one, many at a time (a server).

    It never raises for a request that fails: it retries by the one policy and gives ``Response.failure``.
    """

    @property
    def concurrency(self) -> int:
        """How many requests may be in flight unless the user says otherwise."""
        ...

    async def generate(self, request: Request) -> Response: ...


@runtime_checkable
class BatchModel(Model, Protocol):
    """A model in this process. ``generate_batch`` runs in one thread, never twice at a time.

    A model with a number ``parallel`` (more than 1) takes that many batches at a time, from as many threads.
    """

    @property
    def batch_size(self) -> int:
        """Requests in one batch unless the user says otherwise."""
        ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, in order. Raises OutOfMemory to be asked again with half of them."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Models that can score options."""

    def score(self, request: Request, continuations: Sequence[str]) -> tuple[float, ...]:
        """Natural-log probability of each continuation after the request, summed over its tokens."""
        ...


@runtime_checkable
class Binds(Protocol):
    """Baselines that need references get them here, never through the request."""

    def bind(self, task: Any, pack: Any) -> None: ...


class OutOfMemory(Exception):
    """The device ran out of memory: the batcher asks again with half the batch."""
