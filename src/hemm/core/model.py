"""Who answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import completed, optional, required
from hemm.core.exchange import Identity, Request, Response
from hemm.core.pack import Pack
from hemm.core.task import Task


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

    A class that inherits from ``BatchModel`` or ``RequestModel`` has the defaults written here. ``identity``
    is known before ``start``. Failures to start are HemmError with one clear line.
    """

    __slots__ = ()

    @required
    def spec(self) -> str: ...
    @required
    def identity(self) -> Identity: ...
    @required
    def capabilities(self) -> Capabilities: ...

    @abstractmethod
    async def start(self) -> None: ...
    @abstractmethod
    async def close(self) -> None: ...

    @optional
    def concurrency(self) -> int | None:
        """How many requests may be in flight unless the user says otherwise; None: it takes batches."""
        return None

    @optional
    def batch_size(self) -> int | None:
        """Requests in one batch unless the user says otherwise; None: it takes single requests."""
        return None

    @optional
    def parallel(self) -> int:
        """How many batches it takes at a time, from as many threads."""
        return 1

    @optional
    def alone(self) -> bool:
        """Whether it shares no time with other models, which would want the same devices."""
        return False

    @optional
    def notice(self) -> str:
        """A line for the user before a start that takes long; empty: none."""
        return ""

    @optional
    def setup(self) -> Mapping[str, Any] | None:
        """How it was set up: recorded in run.json, no part of the protocol."""
        return None

    @optional
    def protocol_extra(self) -> Sequence[tuple[str, str]]:
        """Settings of its own that may change answers: they are part of the protocol."""
        return ()


@runtime_checkable
class RequestModel(Model, Protocol):
    """A model that takes requests one by one, many at a time (a server).

    It never raises for a request that fails: it retries by the one policy and gives ``Response.failure``.
    """

    __slots__ = ()

    @required
    def concurrency(self) -> int: ...

    @abstractmethod
    async def generate(self, request: Request) -> Response: ...


@runtime_checkable
class BatchModel(Model, Protocol):
    """A model in this process. ``generate_batch`` runs in one thread, never twice at a time, unless
    ``parallel`` is more than 1.

    >>> class Parrot(BatchModel):
    ...     spec, identity, capabilities, batch_size = "parrot", Identity("parrot"), Capabilities(), 8
    ...     async def start(self): ...
    ...     async def close(self): ...
    ...     def generate_batch(self, requests):
    ...         return [Response(text=request.prompt) for request in requests]
    >>> Parrot().alone, Parrot().parallel
    (False, 1)
    """

    __slots__ = ()

    @required
    def batch_size(self) -> int: ...

    @abstractmethod
    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, in order. Raises OutOfMemory to be asked again with half of them."""
        ...

    def shape(self, request: Request) -> Any:
        """The size of a request, by which requests are sorted before they are cut into batches: the number
        of its media and the length of its text."""
        parts = [part for message in request.messages for part in message.parts]
        texts = [part for part in parts if isinstance(part, str)]
        return len(parts) - len(texts), sum(map(len, texts))


@runtime_checkable
class Scores(Protocol):
    """Models that can score options."""

    def score(self, request: Request, continuations: Sequence[str]) -> tuple[float, ...]:
        """Natural-log probability of each continuation after the request, summed over its tokens."""
        ...


@runtime_checkable
class Binds(Protocol):
    """Baselines that need references get them here, never through the request."""

    def bind(self, task: Task, pack: Pack) -> None: ...


def completed_model(model: object, what: str) -> Model:
    """``model`` with the defaults of ``BatchModel`` or ``RequestModel``, whichever it is.

    Raises HemmError with the required members that it lacks.
    """
    contract: type = Model
    if hasattr(model, "generate_batch"):
        contract = BatchModel
    elif hasattr(model, "generate"):
        contract = RequestModel
    found: Model = completed(model, contract, what)
    return found


class OutOfMemory(Exception):
    """The device ran out of memory: the batcher asks again with half the batch."""
