"""Intervals for values that are no means (macro F1, CIDEr-D, BLEU, AUROC): the cluster jackknife.

The clusters, in a fixed shuffled order, are cut into G blocks (at most ``BLOCKS``), and the value is computed
anew without each. With v the value of all and v_g without block g, its variance is (G-1)/G times the sum of
(v_g - their mean)^2 (delete-a-group jackknife; Kott 2001). The interval is v -+ t(G-1) times the root.

Within a finite range it is Wilson's at t(G-1) with the effective number of answers that has this variance,
v (1-v) / V on a scale from 0 to 1, of which it has no more than G clusters': a value near an end of its range
keeps a width although the blocks agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import CorpusMetric, HemmError, Metric, Outcome, digest
from hemm.stats.intervals import Estimate, t_quantile, unseen_difference, wilson

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import CellScores
    from hemm.metrics.scoring import Member

BLOCKS = 50
LEAST = 10
"""Fewer clusters than this get no interval: their blocks say too little of how values vary."""
LEAST_PAIRED = 40
"""The same for differences: by simulation 20 clusters cover as little as 90 %."""
CHEAP = 5000
"""More groups than this get no interval: each block is a whole computation of the value."""

Floats = NDArray[np.float64]


def jackknife(
    value: float, without: Sequence[float], clusters: int, n: int, bounds: tuple[float, float]
) -> Estimate:
    """The interval of ``value`` from its values without each block."""
    left = np.asarray(without, dtype=np.float64)
    left = left[np.isfinite(left)]
    blocks = len(left)
    if blocks < LEAST:
        return Estimate(value, None, None, n, clusters, "a corpus value: too few clusters for an interval")
    variance = (blocks - 1) / blocks * float(((left - left.mean()) ** 2).sum())
    quantile = t_quantile(blocks - 1)
    low, high = bounds
    note = f"a corpus value: jackknife of {blocks} blocks"
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        if variance == 0:
            return Estimate(value, None, None, n, clusters, "a corpus value: no variation, no interval")
        half = quantile * math.sqrt(variance)
        return Estimate(value, max(low, value - half), min(high, value + half), n, clusters, note)
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    number = effective(share, variance / (high - low) ** 2, clusters)
    first, last = (low + float(e) * (high - low) for e in wilson(share, number, quantile))
    return Estimate(value, min(first, value), max(last, value), n, clusters, note)


def effective(share: Any, variance: Any, clusters: int) -> Any:
    """Answers whose proportion ``share`` would have this variance, at most ``clusters``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray(share * (1 - share), dtype=np.float64) / np.asarray(variance, dtype=np.float64)
    return np.where(np.isfinite(found) & (found > 0), np.minimum(found, clusters), clusters)


def blocks_of(clusters: Sequence[str]) -> list[NDArray[np.int64]]:
    """Places of each block: whole clusters, in an order by digest, as even as can be."""
    names = sorted(set(clusters), key=lambda c: digest(["jackknife", c], 16))
    count = min(BLOCKS, len(names))
    block = {name: i % count for i, name in enumerate(names)}
    numbers = np.array([block[c] for c in clusters], dtype=np.int64)
    return [np.flatnonzero(numbers == b) for b in range(count)]


class Corpus:
    """Corpus values of one cell, with intervals where they are cheap: answers are judged once, when the
    first is asked for."""

    def __init__(self, item: CellScores) -> None:
        self._item = item
        self._found: dict[str, dict[str, Estimate]] = {}
        self._why = ""
        metrics = {s.spec: s.metric for s in item.columns}
        self._metrics = {k: m for k, m in metrics.items() if isinstance(m, CorpusMetric)}

    def names(self) -> list[tuple[str, str]]:
        """(metric spec, component) of every corpus value of the cell as a whole."""
        return list(self._item.corpus)

    def estimate(self, spec: str, component: str) -> Estimate:
        """The value over the cell's groups at hand, with its interval or a note why there is none."""
        item = self._item
        value = item.corpus.get((spec, component))
        n, clusters = len(item.headline), len(set(item.headline.clusters))
        found = self._computed(spec).get(component)
        if found is None:
            note = "a corpus value" if (spec, component) in item.corpus else "not known of a part"
            return Estimate(value, None, None, n, clusters, f"{note}{self._why}")
        return found

    def _computed(self, spec: str) -> dict[str, Estimate]:
        if spec not in self._found:
            self._found[spec] = {}
            metric = self._metrics.get(spec)
            if metric is None or metric.needs - {"media"} or len(self._item.headline) > CHEAP:
                self._why = ": no interval (each block is too dear)"
            else:
                try:
                    self._found[spec] = self._computed_now(metric)
                except HemmError:
                    self._why = ": no interval (its task is not known here)"
        return self._found[spec]

    def _computed_now(self, metric: CorpusMetric) -> dict[str, Estimate]:
        own = next(s for s in self._item.columns if s.metric is metric)
        members, bind = members_of(self._item, metric, set(own.groups.tolist()))
        return computed(members, bind, metric)


Bind = Callable[[Sequence["Member"]], Metric]
"""Gives the metric bound to a set of groups."""


def members_of(item: CellScores, metric: CorpusMetric, keep: set[str]) -> tuple[list[Member], Bind]:
    """The cell's answers to these groups, judged, without errors. Raises HemmError for an unknown task."""
    from hemm.engine.score import stored_media
    from hemm.metrics.scoring import _over, grouped
    from hemm.metrics.stored_answers import judged_rows
    from hemm.tasks import resolve

    cell = item.cell
    task = resolve(cell.task)
    rows = judged_rows(cell.answers(), task.answer, stored_media(cell))
    members = [m for m in grouped(rows, metric) if m.key in keep and m.outcome is not Outcome.ERROR]
    return members, lambda part: _over(part, metric, task.answer)


def computed(members: Sequence[Member], bind: Bind, metric: Metric) -> dict[str, Estimate]:
    """Every corpus value of these groups with its interval; ``bind`` gives the metric bound to a set."""

    whole, left, count = values_without(members, bind)
    return {
        name: jackknife(value, left[name], count, len(members), metric.range)
        for name, value in whole.items()
        if math.isfinite(value)
    }


def values_without(
    members: Sequence[Member], bind: Bind
) -> tuple[dict[str, float], dict[str, list[float]], int]:
    """Every corpus value of these groups, the same without each block, and the number of clusters."""

    def values(part: Sequence[Member]) -> dict[str, float]:
        bound = bind(part)
        assert isinstance(bound, CorpusMetric)
        return dict(bound.aggregate([m.judged for m in part])) if part else {}

    whole = values(members)
    clusters = [m.rows[0].judged.sample.cluster for m in members]
    left: dict[str, list[float]] = {name: [] for name in whole}
    for block in blocks_of(clusters) if len(set(clusters)) >= LEAST else []:
        gone = set(block.tolist())
        for name, value in values([m for i, m in enumerate(members) if i not in gone]).items():
            if name in left:
                left[name].append(value)
    return whole, left, len(set(clusters))


def difference(a: CellScores, b: CellScores) -> tuple[Estimate, float, float, float, int] | str:
    """The difference of two cells' headlines that are no means, on the groups that both answered, without
    the same block on both sides: the estimate, both values, its standard error, and t's degrees of freedom.
    A text says why there is none. With few answers that differ the variance grows as that of other
    differences does (``intervals.unseen_difference``)."""
    metric = a.headline.metric
    assert isinstance(metric, CorpusMetric)
    if metric.needs - {"media"} or len(a.headline) > CHEAP:
        return "each block is too dear"
    keep = set(a.headline.groups.tolist()) & set(b.headline.groups.tolist())
    try:
        sides = [members_of(item, metric, keep) for item in (a, b)]
    except HemmError:
        return "its task is not known here"
    shared = set.intersection(*({(m.key, m.repeat) for m in members} for members, _ in sides))
    kept = [
        sorted((m for m in members if (m.key, m.repeat) in shared), key=lambda m: (m.key, m.repeat))
        for members, _ in sides
    ]
    found = [values_without(members, bind) for members, (_, bind) in zip(kept, sides, strict=True)]
    clusters, n = found[0][2], len(kept[0])
    if clusters < LEAST_PAIRED:
        return f"{clusters} clusters are too few for a jackknife of a difference ({LEAST_PAIRED})"
    x, y = (f[0].get("", math.nan) for f in found)
    left = np.array(found[0][1].get("", [])) - np.array(found[1][1].get("", []))
    if not (math.isfinite(x - y) and len(left) and bool(np.isfinite(left).all())):
        return "its value is not defined without some of the samples"
    pairs = zip(*kept, strict=True)
    differ = float(np.mean([[r.value for r in m.judged] != [r.value for r in o.judged] for m, o in pairs]))
    blocks = len(left)
    reach = metric.range[1] - metric.range[0]
    variance = (blocks - 1) / blocks * float(((left - left.mean()) ** 2).sum())
    if math.isfinite(reach):
        variance += reach**2 * float(unseen_difference(differ, n / clusters)) / n**2
    error = math.sqrt(variance)
    half = t_quantile(blocks - 1) * error
    low, high = max(-reach, x - y - half), min(reach, x - y + half)
    if half > 0:
        estimate = Estimate(x - y, low, high, n, clusters, f"jackknife of {blocks} blocks")
    else:
        estimate = Estimate(x - y, None, None, n, clusters, "no variation, no interval")
    return estimate, x, y, error, blocks - 1
