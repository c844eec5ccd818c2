"""What a metric that asks a model needs of whoever runs it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import required
from hemm.core.exchange import Identity, Request, Response


@runtime_checkable
class Judge(Protocol):
    """A model that judges other models' answers; the engine makes it and hands it to the metric.

    Metrics know no models, so that a stored answer can be scored where none is installed.

    One that finds every answer right, for the test of a metric:

    >>> class Lenient(Judge):
    ...     identity = Identity("lenient", "1")
    ...     def ask(self, requests):
    ...         return [Response("yes") for request in requests]
    >>> Lenient().record()
    {}
    """

    __slots__ = ()

    @required
    def identity(self) -> Identity:
        """Which model it is; known before anything is asked."""
        ...

    @abstractmethod
    def ask(self, requests: Sequence[Request]) -> Sequence[Response]:
        """One response for each request, in order.

        What was asked before is not asked again: the key of a request stands for its content. The response
        to a request that could not be asked has ``failure`` set; nothing is raised for it.
        """
        ...

    def record(self) -> Mapping[str, Any]:
        """What is recorded of the judge beside the verdicts."""
        return {}
