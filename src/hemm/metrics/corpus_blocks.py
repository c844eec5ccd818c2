"""Corpus values (macro F1, CIDEr-D, BLEU, AUROC) of all answers of a cell, and without each block of its
clusters: their jackknife intervals are made of these. They are stored with the scores, since each block needs
the answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemm.core import CorpusMetric, Metric, digest
from hemm.metrics.base import Summed
from hemm.stats.jackknife import LEAST, blocks_of

if TYPE_CHECKING:
    from hemm.metrics.answer_groups import AnswerGroup

CHEAP = 5000
"""Cells with more groups get no interval, since each block needs the value to be computed again."""

Bind = Callable[[Sequence["AnswerGroup"]], Metric]
"""Groups -> the metric bound to them."""


@dataclass(frozen=True)
class CorpusBlocks:
    """By component the corpus value of a set of groups, its values without each block, and, for means over
    classes, the numbers of answers with a class and of classes.

    groups, clusters  how many there are
    """

    groups: int
    clusters: int
    values: Mapping[str, float]
    without: Mapping[str, Sequence[float]]
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Sequence[AnswerGroup], bind: Bind) -> CorpusBlocks:
        """Those of these judged groups, of which none is an error."""
        subsets = _subsets(members)
        values, *others = _values(members, subsets, bind)
        left_out: dict[str, list[float]] = {name: [] for name in values}
        for found in others:
            for name, value in found.items():
                if name in left_out:
                    left_out[name].append(value)
        bound = bind(members)
        assert isinstance(bound, CorpusMetric)
        named = bound.classes([m.judged for m in members])
        classes = {name: (len(of_answers), len(set(of_answers))) for name, of_answers in named.items()}
        return cls(len(members), len(set(map(_cluster, members))), values, left_out, classes)

    def to_json(self) -> dict[str, Any]:
        """As aggregates.json has it; what is not finite is null there."""
        return {
            "groups": self.groups,
            "clusters": self.clusters,
            "values": dict(self.values),
            "without": {name: list(values) for name, values in self.without.items()},
            "classes": {name: list(numbers) for name, numbers in self.classes.items()},
        }

    @classmethod
    def from_json(cls, stored: Any) -> CorpusBlocks | None:
        """None where there are none, or what is there is of another form."""
        try:
            return cls(
                int(stored["groups"]),
                int(stored["clusters"]),
                {str(name): _number(value) for name, value in stored["values"].items()},
                {str(name): [_number(v) for v in values] for name, values in stored["without"].items()},
                {str(name): (int(n), int(of)) for name, (n, of) in stored["classes"].items()},
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            return None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _cluster(member: AnswerGroup) -> str:
    return member.judged[0].sample.cluster


def _subsets(members: Sequence[AnswerGroup]) -> list[list[int]]:
    """The places of the members without each block."""
    clusters = [_cluster(member) for member in members]
    if len(set(clusters)) < LEAST:
        return []
    dropped = [set(block.tolist()) for block in blocks_of(clusters, _shuffled)]
    return [[i for i in range(len(members)) if i not in block] for block in dropped]


def _values(
    members: Sequence[AnswerGroup], subsets: Sequence[Sequence[int]], bind: Bind
) -> list[Mapping[str, float]]:
    """The corpus values of all members, then of each subset."""
    if not members:
        return [{}]
    bound: Any = bind(members)
    if isinstance(bound, Summed):
        facts = bound.facts([m.judged for m in members])
        return [dict(bound.of_facts([facts[i] for i in part])) for part in (range(len(facts)), *subsets)]
    values: list[Mapping[str, float]] = []
    for part in ([*members], *([members[i] for i in subset] for subset in subsets)):
        bound = bind(part)
        values.append(dict(bound.aggregate([m.judged for m in part])) if part else {})
    return values


def _shuffled(cluster: str) -> str:
    """Sort key that puts clusters into blocks: the same each time, and independent of their answers."""
    return digest(["jackknife", cluster], 16)
