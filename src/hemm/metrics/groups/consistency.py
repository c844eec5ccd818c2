"""Consistency: whether all answers of a unit are right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from hemm.core import Group, HemmError, Judged, Metric, Sample
from hemm.metrics.base import SampleMetric
from hemm.metrics.text.answers import Accuracy

_RIGHT = Accuracy()


@dataclass(frozen=True)
class Consistency(Metric):
    """1 where all answers of a unit are right, else 0: NLVR's official consistency where a unit is a
    presentation with all its examples and their permutations.

    by  what is scored together instead of a unit: the name of a metadata key, or several joined by ``+``, as
        ``set_id+figure_id`` (HallusionBench: all questions about one figure)
    of  the metric by which an answer is right, where it reaches its ceiling; empty: accuracy
    """

    by: str = ""
    of: str = ""

    name: ClassVar[str] = "consistency"
    title: ClassVar[str] = "share of units whose answers are all right"
    version: ClassVar[int] = 2
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    own_rule: ClassVar[bool] = False  # whether a subclass judges answers otherwise than by ``of``

    def __post_init__(self) -> None:
        if self.of and self.own_rule:
            raise HemmError(f"metric {self.name} judges answers by a rule of its own: leave out of={self.of}")

    @property
    def group(self) -> str:
        return self.by or "unit"

    @property
    def parameters(self) -> Mapping[str, str]:
        return {name: value for name in ("by", "of") if (value := getattr(self, name))}

    @cached_property
    def _right(self) -> SampleMetric:
        """The metric of one answer."""
        if not self.of:
            return _RIGHT
        from hemm.metrics import resolve

        found = resolve(self.of)
        if not isinstance(found, SampleMetric) or found.needs or not found.higher_is_better:
            raise HemmError(f"metric parameter of={self.of!r} is no metric of single answers from their text")
        return found

    def prepared(self) -> Consistency:
        """Itself. Raises as the metric that ``of`` names does."""
        self._right.prepared()
        return self

    def _is_right(self, judged: Judged) -> bool:
        return self._right.value(judged.value, judged.sample) >= self._right.ceiling((judged.sample,))

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("",)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [{"": float(all(map(self._is_right, group)))} for group in groups]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        """The chance to guess all answers of a group."""
        each = [self._right.chance((sample,)) for sample in group]
        return None if any(c is None for c in each) else math.prod(c for c in each if c is not None)


@dataclass(frozen=True)
class PermutationConsistency(Consistency):
    """1 where all permutations of an example are right, else 0: samples with the same ``example`` in their
    metadata (NLVR: the six orders of one example's boxes)."""

    name: ClassVar[str] = "permutation_consistency"
    title: ClassVar[str] = "share of examples right in every order of their parts"

    @property
    def group(self) -> str:
        return self.by or "example"
