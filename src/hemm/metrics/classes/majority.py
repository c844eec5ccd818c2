"""What always giving the most frequent answer would score."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hemm.core import AnswerFormat, Judged, Metric, Outcome, Response, Sample
from hemm.metrics.base import texts


def finite(value: float | None) -> float | None:
    """``value``, None where it is not a number."""
    return None if value is None or math.isnan(value) else float(value)


class Majority:
    """What always giving the most frequent reference of the other clusters would score."""

    def __init__(self, samples: Sequence[Sample], answer_format: AnswerFormat) -> None:
        self._format = answer_format
        self._all: Counter[str] = Counter()
        self._own: dict[str, Counter[str]] = {}
        for sample in samples:
            if (first := _typical(sample)) is not None:
                self._all[first] += 1
                self._own.setdefault(sample.cluster, Counter())[first] += 1
        self._total = self._all.total()
        self._ordered = sorted(self._all.items(), key=lambda item: (-item[1], item[0]))

    def answer(self, cluster: str) -> str | None:
        """The most frequent reference outside ``cluster``; of equals the first in the alphabet.

        None where no reference occurs twice there, unless it is the only one.
        """
        own = self._own.get(cluster, Counter())
        best: tuple[int, str] | None = None
        for reference, count in self._ordered:
            if best is not None and count <= best[0]:
                break
            others = count - own.get(reference, 0)
            if others and (best is None or others > best[0]):
                best = (others, reference)
        if best is None:
            return None
        if best[0] == 1:
            return best[1] if self._total - own.total() == 1 else None
        return best[1]

    def scores(self, groups: Sequence[Sequence[Sample]], metric: Metric) -> list[float | None]:
        """What it scores in each group; None where there is no such answer, or the metric needs more than
        text."""
        if metric.needs:
            return [None] * len(groups)
        keys = [self._key(samples) for samples in groups]
        asked = {k: s for k, s in zip(keys, groups, strict=True) if k is not None}
        read = {key: self._group(key[0], samples) for key, samples in asked.items()}
        there = {key: group for key, group in read.items() if group is not None}
        values = metric.score(list(there.values())) if there else []
        known = {key: finite(v.get("")) for key, v in zip(there, values, strict=True)}
        lowest = float(metric.range[0 if metric.higher_is_better else 1])  # not among this sample's options
        return [None if key is None else known.get(key, lowest) for key in keys]

    def _key(self, samples: Sequence[Sample]) -> Any:
        """Answers and what they are judged by: equal for groups that score the same."""
        said = tuple(self.answer(sample.cluster) for sample in samples)
        if any(s is None for s in said):
            return None
        return said, tuple((s.references, s.choices, str(s.metadata.get("answer_type"))) for s in samples)

    def _group(self, said: Sequence[str], samples: Sequence[Sample]) -> list[Judged] | None:
        group = []
        for answer, sample in zip(said, samples, strict=True):
            value = self._format.parse(self._format.render(answer, sample), sample)
            if value is None:
                return None
            group.append(Judged(sample, 0, Response(text=answer), Outcome.OK, value))
        return group


def _typical(sample: Sample) -> str | None:
    """The reference that stands for a sample: the most frequent of its own, the first of equals."""
    own = texts(sample)
    return Counter(own).most_common(1)[0][0] if own else None
