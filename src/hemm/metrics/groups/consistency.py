"""Consistency: whether all answers of a unit are right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hemm.core import Group, Metric, Sample
from hemm.metrics.text.answers import Accuracy

_RIGHT = Accuracy()


@dataclass(frozen=True)
class Consistency(Metric):
    """1 where all answers of a unit are right, else 0: NLVR's official consistency where a unit is a
    presentation with all its examples and their permutations.

    by  what is scored together instead of a unit: the name of a metadata key, or several joined by ``+``, as
        ``set_id+figure_id`` (HallusionBench: all questions about one figure)
    """

    by: str = ""

    name: ClassVar[str] = "consistency"
    title: ClassVar[str] = "share of units whose answers are all right"
    version: ClassVar[int] = 2
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()

    @property
    def group(self) -> str:
        return self.by or "unit"

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"by": self.by} if self.by else {}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("",)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [{"": float(all(_RIGHT.value(j.value, j.sample) for j in group))} for group in groups]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        """The chance to guess all answers of a group."""
        each = [_RIGHT.chance((sample,)) for sample in group]
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
