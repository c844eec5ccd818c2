"""How the scored groups of a cell were chosen from the data, and what that makes of their means.

A random selection is weighted by the strata of the whole data (``stats.strata``). So are selections of both
kinds together: the chosen units of a stratum are a random sample of it whatever the selections, and the
weights are the inverse of their chance of being chosen. A balanced selection alone is what was asked for: its
means are plain ones over strata in equal parts, as far as each stratum goes, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import CorpusMetric, Metric
from hemm.data.pack.selection import BALANCED, RANDOM
from hemm.results.selections import ALL, MIXED, rule_of
from hemm.stats.strata import LEAST, Part, post_stratify

if TYPE_CHECKING:
    from hemm.results.read import Cell

Texts = NDArray[np.object_]

OVER_STRATA = "balanced over strata"
OF_BOTH = "over a balanced and a random selection together, unweighted"


@dataclass(frozen=True)
class Sampling:
    """How the groups of a column were chosen.

    rule    RANDOM, BALANCED or MIXED (``results.selections``)
    strata  of each group; empty where it is not known
    sizes   stratum -> number of groups in the whole data
    part    the weights; None: means are over the groups as they are
    """

    rule: str
    strata: Texts = field(default_factory=lambda: np.zeros(0, dtype=object))
    sizes: Mapping[str, int] = field(default_factory=dict)
    part: Part | None = None

    def take(self, picked: NDArray[Any]) -> Sampling:
        """That of the picked groups, as a category of all."""
        part = None if self.part is None else self.part.take(picked)
        return replace(self, strata=self.strata[picked] if len(self.strata) else self.strata, part=part)

    def of_all(self, clusters: Sequence[Any] | NDArray[Any], rule: str = "") -> Sampling:
        """The same groups as all that were chosen (by ``rule``), weighted anew."""
        rule = rule or self.rule
        if rule == BALANCED or len(self.sizes) < 2 or not len(self.strata):
            return replace(self, rule=rule, part=None)
        part = post_stratify(self.strata, self.sizes, clusters, LEAST if rule == RANDOM else 0)
        return replace(self, rule=rule, part=part if part.strata.any() else None)

    @property
    def note(self) -> str:
        """What stands beside a mean that is not of the data as they are; else empty."""
        if self.rule == BALANCED:
            return OVER_STRATA
        return OF_BOTH if self.rule == MIXED and self.part is None else ""

    def words(self, metric: Metric) -> str:
        """What is done with the groups, for the line on selections; empty: their means are plain."""
        if self.rule == BALANCED:
            return OVER_STRATA
        if isinstance(metric, CorpusMetric):
            return f"unweighted, since {metric.name} is no mean" if len(self.sizes) > 1 else ""
        if self.part is None:
            few = len(self.sizes) > 1 and bool(len(self.strata))
            return self.note or ("unweighted, since no two strata have enough" if few else "")
        strata = int(self.part.strata.max()) + 1
        merged, of = self.part.merged, self.part.of
        one = f" ({merged} of {of} that have too few are one)" if merged > 1 else ""
        return f"weighted by {strata} strata{one}"


@dataclass(frozen=True)
class CellSampling:
    """How the samples of a cell were chosen; ``strata``: kind of group -> its name -> stratum."""

    rule: str
    strata: Mapping[str, Mapping[str, str]]
    sizes: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, cell: Cell) -> CellSampling | None:
        """None where all samples of the data were chosen, and for ``--until-ci``, whose interval is of the
        plain mean."""
        rule = rule_of(cell.run)
        if rule == ALL or (rule == RANDOM and cell.run.get("until_ci")):
            return None
        table = cell.strata()
        if table is None:
            return cls(rule, {}, {})
        ids, units, strata, samples, of_units = (column.to_pylist() for column in table.columns)
        whole = {s: (a, b) for s, a, b in zip(strata, samples, of_units, strict=True)}
        if len(whole) == 1:
            rule = RANDOM  # of one stratum, the orders are the same
        first: dict[str, str] = {}
        for unit, stratum in zip(units, strata, strict=True):
            first.setdefault(unit, stratum)
        named = {"sample": dict(zip(ids, strata, strict=True)), "unit": first}
        sizes = {
            "sample": {s: a for s, (a, _) in whole.items()},
            "unit": {s: b for s, (_, b) in whole.items()},
        }
        return cls(rule, named, sizes)

    def of_groups(self, kind: str, groups: Sequence[str], clusters: Sequence[Any]) -> Sampling:
        """That of all groups of one kind (``Metric.group``) of the cell. Strata are known of samples and
        units only: a limit may cut another group."""
        strata = self.strata.get(kind, {})
        if not all(group in strata for group in groups):
            return Sampling(self.rule)
        column = np.array([strata[group] for group in groups], dtype=object)
        return Sampling(self.rule, column, self.sizes[kind]).of_all(clusters)


@dataclass(frozen=True)
class Common:
    """The groups that several cells have, as one selection. ``strata``: of groups, as far as a cell knows
    them."""

    groups: frozenset[str]
    rule: str
    strata: Mapping[str, str]
    sizes: Mapping[str, int]

    @classmethod
    def of(cls, columns: Sequence[tuple[Texts, Sampling | None]]) -> Common:
        """``columns``: the groups of each cell, and how they were chosen."""
        groups = frozenset.intersection(*(frozenset(names.tolist()) for names, _ in columns))
        chosen = [(names, sampling) for names, sampling in columns if sampling is not None]
        rules = {sampling.rule for _, sampling in chosen}
        rule = rules.pop() if len(rules) == 1 else MIXED if rules else ALL
        for names, sampling in chosen:
            if len(sampling.strata):
                strata = dict(zip(names.tolist(), sampling.strata.tolist(), strict=True))
                return cls(groups, rule, strata, sampling.sizes)
        return cls(groups, rule, {}, {})

    def sampling(self, groups: Sequence[str], clusters: Sequence[Any] | NDArray[Any]) -> Sampling | None:
        """That of all the groups; None: all of the data."""
        if self.rule == ALL:
            return None
        if not self.strata:
            return Sampling(self.rule)
        column = np.array([self.strata[group] for group in groups], dtype=object)
        return Sampling(self.rule, column, self.sizes).of_all(clusters)
