"""How answers are read and judged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import optional, required
from hemm.core.exchange import Outcome, Response
from hemm.core.sample import Sample


@runtime_checkable
class AnswerFormat(Protocol):
    """How answers are asked for and read: the one place where a model's text becomes an answer.

    name, version  recorded beside every outcome; a changed parser is a new version
    instruction    what the model is told about the form of its answer (a Jinja2 template like the prompt's)
    """

    __slots__ = ()

    @required
    def name(self) -> str: ...
    @required
    def version(self) -> int: ...
    @required
    def instruction(self) -> str: ...

    @abstractmethod
    def parse(self, text: str, sample: Sample) -> Any | None:
        """The answer in ``text``, or None where there is none or more than one. Never guesses."""
        ...

    @abstractmethod
    def options(self, sample: Sample) -> tuple[str, ...]:
        """The possible answers as a model would write them (likelihood scoring); empty for open formats."""
        ...

    @abstractmethod
    def render(self, reference: str, sample: Sample) -> str:
        """How a perfect answerer would write this reference; ``parse`` gives it back."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer with what the parser made of it. ``value`` is None unless ``outcome`` is ok.

    ``cut`` says that the answer was cut off although it parsed.
    """

    sample: Sample
    repeat: int
    response: Response
    outcome: Outcome
    value: Any = None
    cut: bool = False


Group = Sequence[Judged]
"""Answers that are scored together: one repeat of one sample, or of all samples with the same key."""


@runtime_checkable
class Metric(Protocol):
    """A metric: pure, stateless, versioned. A class that inherits from it has the defaults written here.

    group    what is scored together: ``sample``, ``unit``, or the name of a metadata key
    range    lowest and highest possible value; higher_is_better gives the direction
    needs    what it needs beside text: ``weights``, ``media``, ``logprobs``, ``judge`` (a model that the
             engine hands it: ``hemm.core.Judge``)
    """

    __slots__ = ()

    @required
    def name(self) -> str: ...
    @required
    def version(self) -> int: ...
    @required
    def group(self) -> str: ...
    @required
    def range(self) -> tuple[float, float]: ...
    @required
    def higher_is_better(self) -> bool: ...
    @required
    def needs(self) -> frozenset[str]: ...

    @required
    def parameters(self) -> Mapping[str, str]:
        """Settings that make it another metric (part of the metric key)."""
        ...

    @abstractmethod
    def score(self, groups: Sequence[Group]) -> Sequence[Mapping[str, float | None]]:
        """For each group its values by component; the main value has the component ``""``.

        Called only with groups in which every answer is ok; failures are nulls and never reach a metric.
        """
        ...

    @abstractmethod
    def ceiling(self, group: Sequence[Sample]) -> float:
        """What the best possible answer to these samples scores."""
        ...

    @abstractmethod
    def chance(self, group: Sequence[Sample]) -> float | None:
        """What guessing among the options scores on average; None where that is not defined."""
        ...

    @optional
    def title(self) -> str:
        """A line about it for listings; empty: the first paragraph of its docstring."""
        return ""

    @optional
    def unanchored(self) -> str:
        """Why chance and ceiling are no ends of a scale, as what follows the metric's name in a sentence;
        empty: they are."""
        return ""

    def prepared(self) -> Metric:
        """The metric with packages, weights and revision found, before any request is sent.

        Raises HemmError with what is missing.
        """
        return self

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """The components that these samples have, whatever is answered: a failed group has a null for each.

        Empty: those of the groups that were scored.
        """
        return ()

    def record(self) -> Mapping[str, Any]:
        """What else aggregates.json should keep of a scoring, by key."""
        return {}


@runtime_checkable
class CorpusMetric(Metric, Protocol):
    """A metric whose value over a set is not the mean of its values."""

    __slots__ = ()

    @abstractmethod
    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        """Corpus values by component, over exactly these groups."""
        ...


@runtime_checkable
class SetMetric(Metric, Protocol):
    """A metric whose values depend on the set that is scored, as CIDEr-D's do on its documents."""

    __slots__ = ()

    @abstractmethod
    def over(self, samples: Sequence[Sample]) -> Metric:
        """The same metric for exactly these samples: it is that one whose ``score`` is called."""
        ...
