"""What aggregates.json says of the scores of one metric, from tables of scores that come in turn."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from hemm.core import Outcome
from hemm.results.counted import reading

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class Totals:
    """Sums over scores (``layout.SCORE_SCHEMA``), in 16 bytes a row; ``worst``: the metric's worst value.

    Refused, truncated and unparsable groups count as the worst score (if that is infinite, they are left
    out); errors are left out.
    """

    worst: float
    _by_component: dict[str, _Component] = field(default_factory=dict)

    def add(self, scores: pa.Table) -> None:
        """Count these rows too."""
        names = scores.column("component").to_pylist()
        values, outcomes = scores.column("value").to_pylist(), scores.column("outcome").to_pylist()
        cut, clusters = scores.column("cut").to_pylist(), scores.column("cluster").to_pylist()
        for name in dict.fromkeys(names):
            picked = [i for i, n in enumerate(names) if n == name]
            rows = [(values[i], outcomes[i], cut[i], clusters[i]) for i in picked]
            self._by_component.setdefault(name, _Component()).add(rows, self.worst)

    def components(self) -> dict[str, dict[str, Any]]:
        """Component -> value, n (groups that count), groups, clusters, nulls, outcome counts and cut
        answers."""
        return {name: component.to_json() for name, component in self._by_component.items()}


@dataclass
class _Component:
    counted: list[np.ndarray[Any, np.dtype[np.float64]]] = field(default_factory=list)
    clusters: list[np.ndarray[Any, np.dtype[np.int64]]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    nulls: int = 0
    cut: int = 0

    def add(self, rows: list[tuple[float | None, str, bool, str]], worst: float) -> None:
        read = [reading(value, outcome, worst) for value, outcome, _, _ in rows]
        self.counted.append(np.array([r for r in read if r is not None], dtype=np.float64))
        self.clusters.append(np.unique(np.fromiter((hash(c) for *_, c in rows), np.int64, len(rows))))
        self.outcomes.update(outcome for _, outcome, _, _ in rows)
        self.nulls += sum(value is None for value, _, _, _ in rows)
        self.cut += sum(cut for _, _, cut, _ in rows)

    def to_json(self) -> dict[str, Any]:
        n = sum(map(len, self.counted))
        return {
            "value": math.fsum(chain.from_iterable(self.counted)) / n if n else None,
            "n": n,
            "groups": self.outcomes.total(),
            "clusters": len(np.unique(np.concatenate(self.clusters))),
            "nulls": self.nulls,
            "outcomes": {o.value: self.outcomes[o.value] for o in Outcome},
            "cut": self.cut,
        }
