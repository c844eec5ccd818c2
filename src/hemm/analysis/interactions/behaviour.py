"""Which samples a model gets right with picture and text, with the text alone, and with the picture alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.interactions.conditions import NEEDED, Conditions, judged
from hemm.analysis.study.cell_scores import ScoreColumn
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.paired import mcnemar

KINDS = {
    (True, True, True): "redundant",
    (True, True, False): "unique to text",
    (True, False, True): "unique to picture",
    (True, False, False): "synergy",
    (False, True, True): "harm: each alone was right",
    (False, True, False): "harm: the text alone was right",
    (False, False, True): "harm: the picture alone was right",
    (False, False, False): "never right",
}
"""(with both, with the text, with the picture) right -> what the model did."""
NAMES = tuple(KINDS.values())
HARM = tuple(name for name in NAMES if name.startswith("harm"))
EXPECTED = {
    "redundancy": ("redundant",),
    "uniqueness": ("unique to text", "unique to picture"),
    "synergy": ("synergy",),
}
"""Label of the dimension ``interaction`` -> the kinds that it says."""
HALF = 0.5


@dataclass(frozen=True)
class Judgements:
    """The samples of one model and task that were scored in every condition.

    right   condition -> whether each is right: at least half of what the best answer scores
    kind    number in ``NAMES`` of each
    column  the scores with both, for ids, clusters, labels and weights
    left    samples that are left out: a condition has no score of theirs (not asked, an error, or no donor)
    """

    right: Mapping[str, NDArray[np.bool_]]
    kind: NDArray[np.int64]
    column: ScoreColumn
    left: int
    failures: Mapping[str, Mapping[str, int]]

    def share(self, values: NDArray[Any]) -> Estimate:
        """The weighted mean of values from 0 to 1 with its interval."""
        estimate = mean_interval(values, self.column.clusters, (0.0, 1.0), part=self.column.part)
        return self.column.noted(estimate)

    def among(self, names: tuple[str, ...]) -> NDArray[np.float64]:
        """1 for each sample of these kinds, else 0."""
        return np.isin(self.kind, [NAMES.index(name) for name in names]).astype(np.float64)

    @property
    def labels(self) -> NDArray[np.object_]:
        """The label ``interaction`` of each sample; empty: none."""
        found = self.column.labels.get("interaction")
        none = np.full(len(self.column), "", dtype=object)
        return none if found is None else np.where(found == None, none, found)  # noqa: E711


def judge(conditions: Conditions) -> Judgements:
    """Raises HemmError where no score tells right from wrong."""
    columns, asked = judged(conditions)
    known = ~np.any([np.isnan(columns[name].values) for name in NEEDED], axis=0)
    taken = {name: column.take(known) for name, column in columns.items()}
    right = {}
    for name, column in taken.items():
        worst = column.metric.range[0] if math.isfinite(column.metric.range[0]) else 0.0
        right[name] = column.values >= worst + HALF * (column.ceiling - worst)
        right[name] &= column.values > worst
    order = {kind: number for number, kind in enumerate(KINDS)}
    kind = np.array([order[key] for key in zip(*(right[n].tolist() for n in NEEDED), strict=True)], np.int64)
    failures = {
        name: {k: n for k, n in columns[name].outcomes.items() if n and k != "ok"} for name in columns
    }
    return Judgements(right, kind, taken["vl"], asked - int(known.sum()), failures)


@dataclass(frozen=True)
class Behaviour:
    """The behaviour table of one model and task, or of the samples of it with one label.

    metric    that tells right from wrong
    right     condition -> share that is right
    kinds     what the model did (``NAMES``) -> samples, and their share
    harm      share that is wrong with both, and right with one alone
    p         of as much harm as synergy (McNemar's test, over clusters); None without samples
    failures  condition -> outcome -> answers that were not ok, of the samples that all conditions were asked;
              those without a score (``error``) are left out of the table, the others count as wrong
    left_out  samples that a condition has no score of
    """

    metric: str
    n: int
    clusters: int
    right: Mapping[str, Estimate]
    kinds: Mapping[str, tuple[int, Estimate]]
    harm: Estimate
    p: float | None
    failures: Mapping[str, Mapping[str, int]]
    left_out: int

    def to_json(self) -> dict[str, Any]:
        values = asdict(self) | {"harm": self.harm.to_json()}
        values["right"] = {name: estimate.to_json() for name, estimate in self.right.items()}
        values["kinds"] = {n: {"samples": c, **e.to_json()} for n, (c, e) in self.kinds.items()}
        return values


def behaviour(found: Judgements) -> Behaviour:
    """The table of these samples."""
    column = found.column
    harm, synergy = found.among(HARM), found.among(("synergy",))
    codes = np.unique(column.clusters, return_inverse=True)[1]
    net = np.bincount(codes, weights=synergy - harm).astype(np.float64)
    counts = np.bincount(found.kind, minlength=len(NAMES)).tolist()
    kinds = {name: (counts[n], found.share(found.kind == n)) for n, name in enumerate(NAMES)}
    right = {name: found.share(values) for name, values in found.right.items()}
    spec = column.spec + (f" {column.component}" if column.component else "")
    clusters = int(codes.max()) + 1 if len(codes) else 0
    return Behaviour(
        spec, len(column), clusters, right, kinds, found.share(harm), mcnemar(net), found.failures, found.left
    )
