"""Corpus values by class: balanced accuracy, F1s, multi-label F1s.

The value of one answer is right or wrong (or its F1); the corpus value is no mean of these. Failed answers
(value None) name no class, and so are misses of their own class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hemm.core import Group, Judged, Sample
from hemm.metrics.base import (
    SampleMetric,
    Summed,
    folded,
    is_number,
    matching,
    number_of,
    plain,
    texts,
    written,
    written_for,
)
from hemm.metrics.text.answers import Accuracy
from hemm.parsing.formats import split_labels


def _pairs(groups: Sequence[Group]) -> list[tuple[str, str | None]]:
    """(true class, answered class) of each answer. The true class is the sample's first reference, and so is
    the answered class of a right answer. A wrong answer is of the class that it names, by the comparison
    that decides whether answers are right."""
    return _paired(_read(groups))


_RIGHT = object()
Fact = tuple[str, Any]
"""The first reference of an answer's sample, and its value: None, or ``_RIGHT`` where it is right."""


def _read(groups: Sequence[Group]) -> list[list[Fact]]:
    def read(judged: Judged, references: Sequence[str]) -> Fact:
        right = judged.value is not None and matching(judged.value, judged.sample)
        return references[0], _RIGHT if right else judged.value

    return [[read(j, r) for j in group if (r := texts(j.sample))] for group in groups]


def _paired(facts: Sequence[Sequence[Fact]]) -> list[tuple[str, str | None]]:
    each = [fact for group in facts for fact in group]
    named = _ClassNames([reference for reference, _ in each])
    out: list[tuple[str, str | None]] = []
    for reference, value in each:
        truth = folded(reference)
        out.append((truth, None if value is None else truth if value is _RIGHT else named.of(value)))
    return out


class _ClassNames:
    """Finds the class that an answer names."""

    def __init__(self, classes: Sequence[str]) -> None:
        distinct = dict.fromkeys(classes)
        self._folded = {folded(name) for name in distinct}
        self._plain: dict[str, str] = {}
        self._number: dict[float, str] = {}
        for name in distinct:
            self._plain.setdefault(plain(name), folded(name))
            if (number := number_of(name)) is not None:
                self._number.setdefault(number, folded(name))

    def of(self, answer: Any) -> str:
        """The class, folded; the answer itself where it names none."""
        said = folded(written(answer))
        if is_number(answer):
            return self._number.get(float(answer), said)
        return said if said in self._folded else self._plain.get(plain(said), said)


def _by_class(pairs: Sequence[tuple[str, str | None]]) -> dict[str, tuple[int, int, int]]:
    """Class -> true positives, false positives, misses, for the classes of the references."""
    counts = {truth: [0, 0, 0] for truth, _ in pairs}
    for truth, answered in pairs:
        if answered == truth:
            counts[truth][0] += 1
            continue
        counts[truth][2] += 1
        if answered in counts:
            counts[answered][1] += 1
    return {truth: (c[0], c[1], c[2]) for truth, c in counts.items()}


def _f1(right: float, extra: float, missed: float) -> float:
    total = 2 * right + extra + missed
    return 2 * right / total if total else 0.0


@dataclass(frozen=True)
class _OfClasses(Accuracy, Summed):
    """For each answer: accuracy. Over a set: ``_values`` of the classes of the references, of which those in
    ``_over_classes`` are means over classes."""

    _over_classes: ClassVar[tuple[str, ...]] = ("",)

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("",)

    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        return self.of_facts(self.facts(groups))

    def facts(self, groups: Sequence[Group]) -> list[list[Fact]]:
        return _read(groups)

    def of_facts(self, facts: Sequence[list[Fact]]) -> Mapping[str, float]:
        by_class = _by_class(_paired(facts))
        return self._values(by_class) if by_class else {}

    def classes(self, groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
        truths = tuple(truth for truth, _ in _pairs(groups))
        return dict.fromkeys(self._over_classes, truths)

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        raise NotImplementedError


@dataclass(frozen=True)
class BalancedAccuracy(_OfClasses):
    """The mean over classes (the references that occur) of the share of their answers that are right. For
    each answer: accuracy."""

    name = "balanced_accuracy"
    title = "mean over classes of the share that is right"

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        return {"": _mean([r / (r + m) for r, _, m in by_class.values()])}


@dataclass(frozen=True)
class MacroF1(_OfClasses):
    """The mean of the F1 of each class, over the classes that occur in the references. For each answer:
    accuracy."""

    name = "macro_f1"
    title = "mean over classes of their F1"

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        return {"": _mean([_f1(*c) for c in by_class.values()])}


@dataclass(frozen=True)
class WeightedF1(_OfClasses):
    """The mean of the F1 of each class that occurs in the references, weighted by how often it does. For each
    answer: accuracy."""

    name = "weighted_f1"
    title = "mean over classes of their F1, weighted by their number"

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        return {"": _weighted(by_class.values())}


@dataclass(frozen=True)
class MicroF1(_OfClasses):
    """F1 of all classes together: of the right answers, the answers that name another class of the
    references, and the answers that miss theirs. For each answer: accuracy, which it equals where every
    answer names a class that occurs."""

    name = "micro_f1"
    title = "F1 of all classes together"
    _over_classes = ()

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        return {"": _f1(*(sum(c[i] for c in by_class.values()) for i in range(3)))}


@dataclass(frozen=True)
class ClassReport(_OfClasses):
    """Precision, recall and F1 of every class that occurs in the references. For each answer: accuracy.

    Over a set: ``""`` is macro-F1; ``precision`` and ``recall`` are means over classes, ``micro_f1`` and
    ``weighted_f1`` the metrics of that name; ``CLASS precision``, ``CLASS recall``, ``CLASS f1`` and
    ``CLASS n`` (references) are of one class. The precision of a class that no answer names is 0.
    """

    name = "class_report"
    title = "precision, recall and F1 of every class"
    _over_classes = ("", "precision", "recall", "weighted_f1")

    def _values(self, by_class: Mapping[str, tuple[int, int, int]]) -> Mapping[str, float]:
        out = {
            "": _mean([_f1(*c) for c in by_class.values()]),
            "precision": _mean([_share(r, e) for r, e, _ in by_class.values()]),
            "recall": _mean([_share(r, m) for r, _, m in by_class.values()]),
            "micro_f1": MicroF1()._values(by_class)[""],
            "weighted_f1": _weighted(by_class.values()),
        }
        for name, (right, extra, missed) in sorted(by_class.items()):
            out[f"{name} precision"] = _share(right, extra)
            out[f"{name} recall"] = _share(right, missed)
            out[f"{name} f1"] = _f1(right, extra, missed)
            out[f"{name} n"] = float(right + missed)
        return out


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _share(hits: int, misses: int) -> float:
    return hits / (hits + misses) if hits + misses else 0.0


def _weighted(counts: Iterable[tuple[int, int, int]]) -> float:
    """The mean F1 of classes, weighted by how often each occurs in the references."""
    held = [(right + missed, _f1(right, extra, missed)) for right, extra, missed in counts]
    return math.fsum(n * f1 for n, f1 in held) / sum(n for n, _ in held)


@dataclass(frozen=True)
class MultilabelF1(SampleMetric, Summed):
    """F1 of sets of labels (``ManyOf``). For each answer: the F1 of its set, 1 where both sets are empty.

    Over a set: ``""`` is the mean of these (*samples*), ``micro`` the F1 of all labels together, ``macro``
    the mean over the labels that occur in a reference, ``weighted`` the same weighted by how often they do.
    """

    name = "multilabel_f1"
    title = "F1 of sets of labels: samples, micro, macro, weighted"
    version = 2

    def value(self, answer: Any, sample: Sample) -> float:
        labels = _labels(answer, sample)
        return max((_set_f1(labels, _labels(reference, sample)) for reference in texts(sample)), default=0.0)

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        return self.of_facts(self.facts(groups))

    def facts(self, groups: Sequence[Group]) -> list[list[tuple[frozenset[str], frozenset[str], float]]]:
        """The labels of each answer, those of the reference that is nearest, and its F1."""

        def fact(judged: Judged) -> tuple[frozenset[str], frozenset[str], float]:
            value = 0.0 if judged.value is None else self.value(judged.value, judged.sample)
            return _labels(judged.value, judged.sample), _nearest(judged), value

        return [[fact(j) for j in group if texts(j.sample)] for group in groups]

    def of_facts(
        self, facts: Sequence[list[tuple[frozenset[str], frozenset[str], float]]]
    ) -> Mapping[str, float]:
        answers = [fact for group in facts for fact in group]
        if not answers:
            return {}
        counts: dict[str, list[int]] = {}
        for labels, wanted, _ in answers:
            for label in labels | wanted:
                row = counts.setdefault(label, [0, 0, 0])
                row[0 if label in labels & wanted else 1 if label in labels else 2] += 1
        known = {label: c for label, c in counts.items() if c[0] + c[2]}
        support = sum(c[0] + c[2] for c in known.values())
        each = [value for _, _, value in answers]
        return {
            "": math.fsum(each) / len(each),
            "micro": _f1(*(sum(c[i] for c in counts.values()) for i in range(3))),
            "macro": math.fsum(_f1(*c) for c in known.values()) / len(known) if known else 0.0,
            "weighted": math.fsum(_f1(*c) * (c[0] + c[2]) for c in known.values()) / support
            if support
            else 0.0,
        }

    def classes(self, groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
        wanted = [label for g in groups for j in g if texts(j.sample) for label in sorted(_nearest(j))]
        return {"macro": wanted, "weighted": wanted}


def _labels(value: Any, sample: Sample) -> frozenset[str]:
    """The labels of an answer, or of a reference; where labels are not chosen from a list, without emphasis,
    quotes and final points."""
    if value is None:
        return frozenset()
    form = folded if sample.choices else plain
    labels = value if isinstance(value, frozenset) else split_labels(written_for(value, sample))
    return frozenset(map(form, labels))


def _nearest(judged: Judged) -> frozenset[str]:
    """The reference set with the highest F1; the first for a failed answer."""
    sample = judged.sample
    sets = [_labels(reference, sample) for reference in texts(sample)]
    if judged.value is None:
        return sets[0]
    return max(sets, key=lambda wanted: _set_f1(_labels(judged.value, sample), wanted))


def _set_f1(answered: frozenset[str], wanted: frozenset[str]) -> float:
    if not answered and not wanted:
        return 1.0
    return _f1(len(answered & wanted), len(answered - wanted), len(wanted - answered))
