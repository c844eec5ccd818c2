"""The most frequent answer, and the score of always giving it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from hemm.core import AnswerFormat, Judged, Metric, Outcome, Response, Sample
from hemm.metrics.base import as_written, texts
from hemm.metrics.text.answers import EMPTY_ANSWERS


def finite(value: float | None) -> float | None:
    """``value``; None if it is not finite."""
    return None if value is None or math.isnan(value) else float(value)


class Majority:
    """The most frequent reference of the other clusters, for a baseline that must not see the sample's own;
    and the score of always giving the most frequent one of all.

    As a floor, the first would be worst where all references are equally frequent: without a sample its own
    is always the rarer one.
    """

    def __init__(self, samples: Sequence[Sample], answer_format: AnswerFormat) -> None:
        self._format = answer_format
        self._all: Counter[str] = Counter()
        found = ((s.cluster, typical(texts(s))) for s in samples)
        self._typical = [(cluster, first) for cluster, first in found if first is not None]
        self._all.update(first for _, first in self._typical)
        self._order()

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], answer_format: AnswerFormat) -> Majority:
        """The most frequent reference of all, from how often each is: for ``of_all`` and ``scores``."""
        made = cls((), answer_format)
        made._all.update(counts)
        made._order()
        return made

    def _order(self) -> None:
        self._total = self._all.total()
        self._ordered = sorted(self._all.items(), key=lambda item: (-item[1], item[0]))

    @cached_property
    def _by_cluster(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for cluster, first in self._typical:
            found.setdefault(cluster, Counter())[first] += 1
        return found

    def answer(self, cluster: str) -> str | None:
        """The most frequent reference outside ``cluster``; of equally frequent ones the first in the
        alphabet.

        None if no reference occurs twice there, unless there is only one.
        """
        cluster_counts = self._by_cluster.get(cluster, Counter())
        best: tuple[int, str] | None = None
        for reference, count in self._ordered:
            if best is not None and count <= best[0]:
                break
            others = count - cluster_counts.get(reference, 0)
            if others and (best is None or others > best[0]):
                best = (others, reference)
        if best is None:
            return None
        if best[0] == 1:
            return best[1] if self._total - cluster_counts.total() == 1 else None
        return best[1]

    def of_all(self) -> str | None:
        """The most frequent reference of all; of equally frequent ones the first in the alphabet. None if no
        reference occurs twice."""
        best = next(iter(self._ordered), None)
        return best[0] if best is not None and best[1] > 1 else None

    def scores(self, groups: Sequence[Sequence[Sample]], metric: Metric) -> list[float | None]:
        """The score of the most frequent reference of all in each group; None if there is none, or the metric
        needs more than text."""
        if metric.needs:
            return [None] * len(groups)
        keys = [self._key(samples) for samples in groups]
        by_key = {k: s for k, s in zip(keys, groups, strict=True) if k is not None}
        read = {key: self._group(key[0], samples) for key, samples in by_key.items()}
        readable = {key: group for key, group in read.items() if group is not None}
        values = metric.score(list(readable.values())) if readable else []
        known = {key: finite(v.get("")) for key, v in zip(readable, values, strict=True)}
        lowest = float(metric.range[0 if metric.higher_is_better else 1])  # not among this sample's options
        return [None if key is None else known.get(key, lowest) for key in keys]

    def _key(self, samples: Sequence[Sample]) -> Any:
        """The answers with choices and references: groups with equal keys have equal scores."""
        most = self.of_all()
        if most is None:
            return None
        answers = (most,) * len(samples)
        return answers, tuple(
            (s.references, s.choices, *(str(s.metadata.get(fact)) for fact in ("answer_type", EMPTY_ANSWERS)))
            for s in samples
        )

    def _group(self, answers: Sequence[str], samples: Sequence[Sample]) -> list[Judged] | None:
        group = []
        for answer, sample in zip(answers, samples, strict=True):
            value = self._format.parse(self._format.render(answer, sample), sample)
            if value is None:
                return None
            group.append(as_written(Judged(sample, 0, Response(text=answer), Outcome.OK, value)))
        return group


def typical(references: Sequence[str]) -> str | None:
    """The reference that represents a sample: its most frequent one, of equally frequent ones the first."""
    if len(references) < 2:
        return references[0] if references else None
    return Counter(references).most_common(1)[0][0]
