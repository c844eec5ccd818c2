"""Accuracy as a mean of means: over parts of the data that count alike, whatever their sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemm.core import Group, HemmError, Sample
from hemm.metrics.base import Summed, matching
from hemm.metrics.text.answers import Accuracy

Fact = tuple[tuple[str, ...], float]
"""Where a group is, and whether it is right."""


@dataclass(frozen=True)
class MacroAccuracy(Accuracy, Summed):
    """The mean over the values of a metadata key of the share of their answers that are right. For each
    answer: accuracy. Over a set a component for each value, too.

    by  the key, or several joined by ``+``: then the share of a value is itself the mean over the values of
        the next key (CV-Bench's ``type+source``: 2D and 3D count alike, and in 2D its two sources)

    >>> MacroAccuracy("size").of_facts([(("small",), 1.0), (("small",), 0.0), (("large",), 1.0)])
    {'': 0.75, 'large': 1.0, 'small': 0.5}
    """

    by: str = "answer_type"

    name = "macro_accuracy"
    title = "mean over parts of the data of the share that is right"
    version = 1

    def __post_init__(self) -> None:
        if not all(self.by.split("+")):
            raise HemmError("metric macro_accuracy wants by=KEY, a key of the samples' metadata")

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"by": self.by}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("",)

    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        return self.of_facts(self.facts(groups))

    def facts(self, groups: Sequence[Group]) -> list[Fact]:
        """The values of the keys, and whether the answer is right."""
        keys = self.by.split("+")
        return [
            (tuple(str(j.sample.metadata.get(key, "")) for key in keys), float(_right(group)))
            for group in groups
            for j in group[:1]
        ]

    def of_facts(self, facts: Sequence[Fact]) -> Mapping[str, float]:
        if not facts:
            return {}
        parts: dict[str, list[Fact]] = {}
        for place, right in facts:
            parts.setdefault(place[0], []).append((place[1:], right))
        means = {part: _mean(of_part) for part, of_part in sorted(parts.items())}
        return {"": math.fsum(means.values()) / len(means), **means}


def _right(group: Group) -> bool:
    return all(j.value is not None and matching(j.value, j.sample) for j in group)


def _mean(facts: Sequence[Fact]) -> float:
    if not facts[0][0]:
        return math.fsum(right for _, right in facts) / len(facts)
    parts: dict[str, list[Fact]] = {}
    for place, right in facts:
        parts.setdefault(place[0], []).append((place[1:], right))
    return math.fsum(map(_mean, parts.values())) / len(parts)
