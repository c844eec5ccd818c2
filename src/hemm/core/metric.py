"""How answers are read and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.exchange import Outcome, Response
from hemm.core.sample import Sample


@runtime_checkable
class AnswerFormat(Protocol):
    """The one place where a model's text becomes an answer.

    name, version  recorded beside every outcome; a changed parser is a new version
    instruction    what the model is told about the form of its answer (a Jinja2 template like the prompt's)
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def instruction(self) -> str: ...

    def parse(self, text: str, sample: Sample) -> Any | None:
        """The answer in ``text``, or None where there is none or more than one. Never guesses."""
        ...

    def options(self, sample: Sample) -> tuple[str, ...]:
        """The possible answers as a model would write them (likelihood scoring); empty for open formats."""
        ...

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
    """A metric: pure, stateless, versioned.

    group    what is scored together: ``sample``, ``unit``, or the name of a metadata key
    range    lowest and highest possible value; higher_is_better gives the direction
    needs    what it needs beside text: ``weights``, ``media``, ``logprobs``, ``judge`` (a model that the
             engine hands it: ``hemm.core.Judge``)
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def group(self) -> str: ...
    @property
    def range(self) -> tuple[float, float]: ...
    @property
    def higher_is_better(self) -> bool: ...
    @property
    def needs(self) -> frozenset[str]: ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """Settings that make it another metric (part of the metric key)."""
        ...

    def score(self, groups: Sequence[Group]) -> Sequence[Mapping[str, float | None]]:
        """For each group its values by component; the main value has the component ``""``.

        Called only with groups in which every answer is ok; failures are nulls and never reach a metric.
        """
        ...

    def ceiling(self, group: Sequence[Sample]) -> float:
        """What the best possible answer to these samples scores."""
        ...

    def chance(self, group: Sequence[Sample]) -> float | None:
        """What guessing among the options scores on average; None where that is not defined."""
        ...


@runtime_checkable
class CorpusMetric(Metric, Protocol):
    """A metric whose value over a set is not the mean of its values."""

    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        """Corpus values by component, over exactly these groups."""
        ...
