"""How answers are read and judged."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import optional, required
from hemm.core.exchange import Outcome, Response
from hemm.core.sample import Sample


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer format read, and where.

    value  what it read; None where it read nothing
    stage  the rule that read it, by the names of ``docs/answers.md``; empty where nothing was read, or where
           the format has no stages
    span   the range of the raw text that says it, as (first character, character after the last); None where
           it is not known

    >>> from hemm.parsing import Number
    >>> Number().read("I see 2 owls. Answer: 2", Sample("1"))
    Reading(value=2.0, stage='final marker', span=(22, 23))
    """

    value: Any = None
    stage: str = ""
    span: tuple[int, int] | None = None


@runtime_checkable
class AnswerFormat(Protocol):
    """How answers are asked for and read: the one place where a model's text becomes an answer.

    name, version  recorded beside every outcome; a changed parser is a new version
    instruction    what the model is told about the form of its answer (a Jinja2 template like the prompt's)

    ``hemm.parsing`` has the usual ones. One of one's own:

    >>> class Compass(AnswerFormat):
    ...     name, version, instruction = "compass", 1, "Reply with north, east, south or west."
    ...     def parse(self, text, sample):
    ...         said = {"north", "east", "south", "west"} & set(text.lower().rstrip(".").split())
    ...         return said.pop() if len(said) == 1 else None
    ...     def options(self, sample):
    ...         return ("north", "east", "south", "west")
    ...     def render(self, reference, sample):
    ...         return reference
    >>> Compass().parse("It points North.", Sample("1")), Compass().parse("north or east", Sample("1"))
    ('north', None)
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

    def read(self, text: str, sample: Sample) -> Reading:
        """What ``parse`` gives, with the stage and the place that it was read by."""
        return Reading(self.parse(text, sample))

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
    """An answer with what the parser made of it.

    repeat   which of several answers to the same sample, from 0
    value    what the answer format read: a text, number, set of labels or picture; None unless ``outcome``
             is ok
    cut      whether the answer was cut off although it parsed
    stage    which rule of the format read the value, and ``span`` which range of the raw text says it

    >>> from hemm.parsing import Number
    >>> sample, response = Sample("1", references=("2",)), Response("There are two owls.")
    >>> Judged(sample, 0, response, Outcome.OK, Number().parse(response.text, sample)).value
    2.0
    """

    sample: Sample
    repeat: int
    response: Response
    outcome: Outcome
    value: Any = None
    cut: bool = False
    stage: str = ""
    span: tuple[int, int] | None = None


Group = Sequence[Judged]
"""Answers that are scored together: one repeat of one sample, or of all samples with the same key."""


@runtime_checkable
class Metric(Protocol):
    """A metric: pure, stateless, versioned. A class that inherits from it has the defaults written here.

    version  an integer: another formula is another version
    group    what is scored together: ``sample``, ``unit``, or the name of a metadata key
    range    lowest and highest possible value; higher_is_better gives the direction
    needs    what it needs beside text: ``weights``, ``media``, ``logprobs``, ``judge`` (a model that the
             engine hands it: ``hemm.core.Judge``)

    One that judges the samples of a unit at once (where each answer has a value of its own,
    ``hemm.metrics.SampleMetric`` is shorter):

    >>> import math
    >>> class AllRight(Metric):
    ...     name, version, group, range = "all_right", 1, "unit", (0.0, 1.0)
    ...     higher_is_better, needs, parameters = True, frozenset(), {}
    ...     def score(self, groups):
    ...         return [{"": float(all(j.value in j.sample.references for j in group))} for group in groups]
    ...     def ceiling(self, group):
    ...         return 1.0
    ...     def chance(self, group):
    ...         return math.prod(1 / len(sample.choices) for sample in group)
    >>> pair = [Sample(id, references=(id,), choices=("left", "right"), unit="u") for id in ("left", "right")]
    >>> said_left = [Judged(sample, 0, Response("left"), Outcome.OK, "left") for sample in pair]
    >>> AllRight().score([said_left]), AllRight().chance(pair)
    ([{'': 0.0}], 0.25)
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

    def classes(self, groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
        """Component -> the class of each answer, for corpus values that are means over classes (macro-F1).

        Such a value has no interval where there are few answers for each class.
        """
        return {}

    def record(self) -> Mapping[str, Any]:
        """What else aggregates.json should keep of a scoring, by key. ``remarks``, a list of lines, are notes
        of profile and report too: what a reader of the scores should know."""
        return {}


@runtime_checkable
class CorpusMetric(Metric, Protocol):
    """A metric whose value over a set is not the mean of its values.

    The share of the references' words that the answers have, where long references weigh more:

    >>> from hemm.metrics import SampleMetric
    >>> class WordRecall(SampleMetric, CorpusMetric):
    ...     name, title = "word_recall", "Share of the reference's words that the answer has"
    ...     def hits(self, answer, sample):
    ...         return [word in answer.split() for word in sample.references[0].split()]
    ...     def value(self, answer, sample):
    ...         return sum(self.hits(answer, sample)) / len(self.hits(answer, sample))
    ...     def aggregate(self, groups):
    ...         hits = [hit for (judged,) in groups for hit in self.hits(judged.value, judged.sample)]
    ...         return {"": sum(hits) / len(hits)}
    >>> said = [("owl", "owl"), ("a grey owl", "a heron in the reeds")]
    >>> groups = [[Judged(Sample("1", references=(r,)), 0, Response(), Outcome.OK, s)] for s, r in said]
    >>> WordRecall().score(groups), WordRecall().aggregate(groups)
    ([{'': 1.0}, {'': 0.2}], {'': 0.3333333333333333})
    """

    __slots__ = ()

    @abstractmethod
    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        """Corpus values by component, over exactly these groups."""
        ...


@runtime_checkable
class SetMetric(Metric, Protocol):
    """A metric whose values depend on the set that is scored, as CIDEr-D's do on its documents.

    One for which a right answer counts the less, the more samples have it:

    >>> from collections import Counter
    >>> from dataclasses import dataclass, field, replace
    >>> from hemm.metrics import SampleMetric
    >>> @dataclass(frozen=True)
    ... class Rarity(SampleMetric, SetMetric):
    ...     counts: Counter = field(default_factory=Counter)
    ...     name, title = "rarity", "A right answer by how rare it is"
    ...     def over(self, samples):
    ...         return replace(self, counts=Counter(s.references[0] for s in samples))
    ...     def value(self, answer, sample):
    ...         return (answer in sample.references) / self.counts[sample.references[0]]
    ...     def ceiling(self, group):
    ...         return self.value(group[0].references[0], group[0])
    >>> birds = [Sample("1", references=("gull",)), Sample("2", references=("gull",))]
    >>> Rarity().over(birds).value("gull", birds[0])
    0.5
    """

    __slots__ = ()

    @abstractmethod
    def over(self, samples: Sequence[Sample]) -> Metric:
        """The same metric for exactly these samples: it is that one whose ``score`` is called."""
        ...
