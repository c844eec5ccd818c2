"""Who answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import completed, lacking, optional, required
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
    picture_bytes    most encoded bytes of one picture; None: no limit is known
    media_bytes      most encoded bytes of all media of a request; None: no limit is known

    >>> able = Capabilities(max_images=1, image_types=frozenset({"image/png", "image/jpeg"}), system=False)
    >>> sorted(able.inputs), able.likelihood
    (['image', 'text'], False)
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
    picture_bytes: int | None = None
    media_bytes: int | None = None


@runtime_checkable
class Model(Protocol):
    """What every model has. It is started once, sent requests, and closed.

    A class that inherits from ``BatchModel`` or ``RequestModel`` has the defaults written here. ``spec`` is
    what names it on the command line; ``identity`` and ``capabilities`` are known before ``start``.

    >>> from hemm.models import resolve
    >>> model = resolve("baseline/random")
    >>> isinstance(model, Model), model.identity.name, model.capabilities.draws, model.concurrency
    (True, 'baseline/random', True, None)
    """

    __slots__ = ()

    @required
    def spec(self) -> str: ...
    @required
    def identity(self) -> Identity: ...
    @required
    def capabilities(self) -> Capabilities: ...

    async def start(self) -> None:
        """Load the weights or find the server, which may take long; nothing, if left out.

        Raises HemmError where that fails.
        """
        return

    async def close(self) -> None:
        """Free what ``start`` took; nothing, if left out."""
        return

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

    @optional
    def at_work(self) -> str:
        """Who answers now, for the line of progress, as in ``3 nodes``; empty: nothing to tell."""
        return ""

    def news(self) -> Sequence[str]:
        """Lines for the user about what happened since the last call."""
        return ()


@runtime_checkable
class RequestModel(Model, Protocol):
    """A model that takes requests one by one, many at a time (a server).

    ``concurrency`` is how many may be in flight unless the user says otherwise.

    >>> import asyncio
    >>> from hemm.core import Generation, Message
    >>> class Echo(RequestModel):
    ...     spec, identity, capabilities, concurrency = "echo", Identity("echo", "1"), Capabilities(), 8
    ...     async def start(self): ...
    ...     async def close(self): ...
    ...     async def generate(self, request):
    ...         return Response(request.prompt)
    >>> request = Request("q1", 0, (Message("user", ("Which bird is this?",)),), Generation(), key="7f")
    >>> asyncio.run(Echo().generate(request)).text
    'Which bird is this?'
    """

    __slots__ = ()

    @required
    def concurrency(self) -> int: ...

    @optional
    def trouble(self) -> str:
        """What the last attempt failed by, for whoever watches a run that waits; empty: it was answered."""
        return ""

    @abstractmethod
    async def generate(self, request: Request) -> Response:
        """The response to one request. Nothing is raised for one that fails: it is tried again by the one
        retry policy, then ``Response.failure`` says why there is no answer."""
        ...


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

    def look_ahead(self, requests: Sequence[Request]) -> None:
        """Told in another thread, while a batch is answered: the next one. What needs no device (decoding
        pictures, making tokens) can be done here and kept for ``generate_batch``, which is asked with the
        same objects; nothing, if left out. What it raises is left to ``generate_batch`` to meet again."""
        return

    def shape(self, request: Request) -> Any:
        """The size of a request, by which requests are sorted before they are cut into batches: the number
        of its media and the length of its text."""
        parts = [part for message in request.messages for part in message.parts]
        texts = [part for part in parts if isinstance(part, str)]
        return len(parts) - len(texts), sum(map(len, texts))


@runtime_checkable
class Scores(Protocol):
    """Models that can score options.

    One that prefers short ones:

    >>> class Shortest(Scores):
    ...     def score(self, request, continuations):
    ...         return tuple(-float(len(text)) for text in continuations)
    >>> isinstance(Shortest(), Scores)
    True
    """

    def score(self, request: Request, continuations: Sequence[str]) -> tuple[float, ...]:
        """Natural-log probability of each continuation after the request, summed over its tokens."""
        ...


@runtime_checkable
class Binds(Protocol):
    """Baselines that need references get them here, never through the request.

    >>> from collections import Counter
    >>> from types import SimpleNamespace
    >>> from hemm.core import Sample
    >>> class MostFrequent(Binds):
    ...     def bind(self, task, pack):
    ...         self.answer = Counter(s.references[0] for s in pack.samples()).most_common(1)[0][0]
    >>> birds = [Sample(f"q{n}", references=(bird,)) for n, bird in enumerate(("owl", "gull", "owl"))]
    >>> baseline = MostFrequent()
    >>> baseline.bind(None, SimpleNamespace(samples=lambda: birds))  # in place of a task and its pack
    >>> baseline.answer
    'owl'
    """

    def bind(self, task: Task, pack: Pack) -> None:
        """Take what is needed of ``pack``, which was prepared from ``task``. Called before the first request
        that is made from it."""
        ...


@runtime_checkable
class ReadsPacks(Protocol):
    """Models that answer elsewhere look for media in the pack first, where they can read it."""

    def reads(self, pack: Pack) -> None:
        """Samples of ``pack`` are asked next."""
        ...


def completed_model(model: object, what: str) -> Model:
    """``model`` with the defaults of ``BatchModel`` or ``RequestModel``, whichever it is.

    One that has the members of both takes batches. ``what`` is named in errors. Raises HemmError with the
    required members that it lacks.

    >>> class Parrot:  # inherits from nothing, as a plug-in's model may
    ...     spec, identity, capabilities, batch_size = "parrot", Identity("parrot", "1"), Capabilities(), 8
    ...     async def start(self): ...
    ...     async def close(self): ...
    ...     def generate_batch(self, requests):
    ...         return [Response(request.prompt) for request in requests]
    >>> model = completed_model(Parrot(), "my model")
    >>> isinstance(model, BatchModel), model.parallel, model.notice
    (True, 1, '')
    """
    methods: dict[type, str] = {BatchModel: "generate_batch", RequestModel: "generate"}
    begun: list[type] = [contract for contract, method in methods.items() if hasattr(model, method)]
    whole = [contract for contract in begun if not lacking(model, contract)]
    found: Model = completed(model, (whole or begun or [Model])[0], what)
    return found


class OutOfMemory(Exception):
    """The device ran out of memory: the batcher asks again with half the batch."""
