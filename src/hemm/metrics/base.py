"""Comparison of parsed values with references, and the base of metrics with a value for each answer."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from hemm.core import Group, HemmError, Judged, Metric, Sample
from hemm.parsing.formats import split_labels
from hemm.parsing.numbers import read_number


def texts(sample: Sample) -> list[str]:
    """The text references of a sample, without those that are pictures.

    >>> from hemm.core import Sample
    >>> texts(Sample("1", references=("two dogs", "2 dogs")))
    ['two dogs', '2 dogs']
    """
    return [r for r in sample.references if isinstance(r, str)]


def one_of(parameter: str, value: str, known: Sequence[str]) -> None:
    """Raise HemmError where a metric's parameter has none of the values that are known."""
    if value not in known:
        raise HemmError(f"metric parameter {parameter}={value!r} is none of {', '.join(known)}")


@lru_cache(maxsize=16_384)
def folded(text: str) -> str:
    """Case-folded, with single blanks."""
    return " ".join(text.casefold().split())


def same(value: Any, reference: str) -> bool:
    """Whether ``value``, as an answer format gives it, is the reference.

    Texts are compared without regard to case and blanks, numbers as numbers (relative tolerance 1e-9), sets
    of labels as sets.

    >>> same("Heron", "heron"), same(3.5, "7/2"), same(frozenset({"war", "drama"}), "drama; war")
    (True, True, True)
    """
    if isinstance(value, str):
        return value == reference or folded(value) == folded(reference)
    if isinstance(value, frozenset):
        return {folded(v) for v in value} == {folded(r) for r in split_labels(reference)}
    if isinstance(value, int | float):
        wanted = read_number(reference)
        return wanted is not None and math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == reference)


def written(value: Any) -> str:
    """A parsed value as text, for metrics on text: numbers with up to 15 digits, sets of labels in the order
    of the alphabet.

    >>> written("a heron"), written(42.0), written(frozenset({"war", "drama"}))
    ('a heron', '42', 'drama, war')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


_ARTICLES = frozenset({"a", "an", "the"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=16_384)
def squad_tokens(text: str) -> tuple[str, ...]:
    """Tokens by SQuAD's definition: lower case, without ASCII punctuation and the articles a, an, the."""
    return tuple(t for t in text.lower().translate(_PUNCTUATION).split() if t not in _ARTICLES)


@dataclass(frozen=True)
class SampleMetric(Metric):
    """A metric with a value in [0, 1] for each answer. A subclass gives ``value`` for (parsed value, sample).

    ceiling is 1 and chance the mean value of the choices, unless a subclass knows better; where there are no
    choices, guessing is not defined.

    >>> from hemm.core import Sample
    >>> class FirstLetter(SampleMetric):
    ...     name, title = "first_letter", "share of answers with the right first letter"
    ...     def value(self, answer, sample):
    ...         return float(any(r[:1] == str(answer)[:1] for r in texts(sample)))
    >>> FirstLetter().value("owl", Sample("1", references=("osprey",)))
    1.0
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    group: ClassVar[str] = "sample"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()

    @property
    def parameters(self) -> Mapping[str, str]:
        return {}

    def value(self, answer: Any, sample: Sample) -> float:
        """The value, in ``range``, of ``answer`` as the answer format of the task read it."""
        raise NotImplementedError

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """Components that these samples have, whatever is answered: failures give each of them a null."""
        return ("",)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [self._scored(group[0]) for group in groups]

    def _scored(self, judged: Judged) -> dict[str, float | None]:
        value = self.value(judged.value, judged.sample)
        return dict.fromkeys(self.components((judged.sample,)), value)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        choices = group[0].choices
        if not choices:
            return None
        values = [self.value(c, group[0]) for c in choices]
        # Choices may be shown in other words than the references': one of them is right then.
        return math.fsum(values) / len(values) or 1.0 / len(values)
