"""Metrics of how well graded answers rank two classes: area under the ROC curve, average precision.

A grade is the evidence of an answer for the positive class, the first available of:
- the log-odds of the positive option, if options were scored by log-probability;
- the number in the answer;
- for an answer with its tokens' log-probabilities, the probability of its first token, positive before
negative; - the answer itself: all that name the positive class rank before all others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hemm.core import Group, HemmError, Judged, Sample
from hemm.metrics.base import folded, texts, written
from hemm.metrics.text.answers import Accuracy
from hemm.parsing.numbers import read_number
from hemm.parsing.yes_no_words import yes_or_no

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Real = NDArray[np.float64]
    Truth = NDArray[np.bool_]


_MOST = 1e300
"""The grade of answers that only name a class: above, or negated below, all others except failures."""


@dataclass(frozen=True)
class _Ranked(Accuracy):
    positive: str = ""
    cut: str = "0.5"
    _options: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Sample id -> the options as references write them, in the order of the log-probabilities."""
    _default: str = field(default="", init=False, repr=False, compare=False)
    _classes: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)
    """Options and references of the whole set: text that is one of them is a class, not a number."""
    _share: float = field(default=math.nan, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            float(self.cut)
        except ValueError:
            raise HemmError(f"metric parameter cut={self.cut!r} is no number") from None

    @property
    def parameters(self) -> Mapping[str, str]:
        values = {"positive": (self.positive, ""), "cut": (self.cut, "0.5")}
        return {name: value for name, (value, usual) in values.items() if value != usual}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("",)

    def over(self, samples: Sequence[Sample]) -> _Ranked:
        """The same metric with the options of these samples. If ``positive`` is empty and all samples have
        the same first option, that is the positive class."""
        bound = replace(self)
        first = {folded(s.choices[0]) if s.choices else "" for s in samples}
        object.__setattr__(bound, "_default", first.pop() if len(first) == 1 else "")
        bound._options.update({s.id: s.choices for s in samples})
        names = {folded(name) for s in samples for name in (*s.choices, *texts(s))}
        object.__setattr__(bound, "_classes", frozenset(names))
        held = [bound._is_positive(s) for s in samples if texts(s)]
        object.__setattr__(bound, "_share", sum(held) / len(held) if held else math.nan)
        return bound

    def _scored(self, judged: Judged) -> dict[str, float | None]:
        number = None if judged.response.options else self._number(judged)
        if number is not None:
            return {"": float((number > float(self.cut)) == self._is_positive(judged.sample))}
        return super()._scored(judged)

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        import numpy as np

        judged = [j for group in groups for j in group if texts(j.sample)]
        if not self._classes:
            return dict(self.over([j.sample for j in judged]).aggregate(groups)) if judged else {"": math.nan}
        truth = np.array([self._is_positive(j.sample) for j in judged], dtype=bool)
        graded = [self._grade(j, t) for j, t in zip(judged, truth.tolist(), strict=True)]
        grades = np.array([grade for grade, _ in graded])
        kinds = [how for _, how in graded]
        counts = {how: float(kinds.count(how)) for how in ("hard", "failed")}
        counts |= {"positives": float(truth.sum()), "negatives": float((~truth).sum())}
        return {"": self._area(truth, grades), **counts}

    def _area(self, truth: Truth, grades: Real) -> float:
        raise NotImplementedError

    # grades

    def _grade(self, judged: Judged, truth: bool) -> tuple[float, str]:
        """The grade and its kind: ``graded``, ``hard`` (it names a class) or ``failed`` (the worst grade)."""
        if judged.value is None:
            return (-math.inf if truth else math.inf), "failed"
        odds = self._log_odds(judged)
        grade = self._number(judged) if odds is None else odds
        if grade is not None:
            return max(-_MOST, min(_MOST, grade)), "graded"
        positive = self._says_positive(judged)
        if (sure := _first_token(judged)) is not None:
            return (sure if positive else -sure), "graded"
        return (_MOST if positive else -_MOST), "hard"

    def _log_odds(self, judged: Judged) -> float | None:
        """log p(positive) - log p(any other option), from scored options."""
        scores = judged.response.options
        options = self._options.get(judged.sample.id, judged.sample.choices)
        at = [i for i, option in enumerate(options) if self._means_positive(option)]
        if len(scores) != len(options) or len(at) != 1 or len(scores) < 2 or any(map(math.isnan, scores)):
            return None
        rest = [s for i, s in enumerate(scores) if i != at[0]]
        top = max(rest)
        if not math.isfinite(top):
            return math.inf if scores[at[0]] > top else None
        return scores[at[0]] - top - math.log(math.fsum(math.exp(s - top) for s in rest))

    def _number(self, judged: Judged) -> float | None:
        """The number in the answer; None if it has none, or is the name of a class (such as ``1``)."""
        value = judged.value
        if not isinstance(value, str):
            return float(value) if isinstance(value, int | float) else None
        classes = self._classes or {folded(name) for name in (*judged.sample.choices, *texts(judged.sample))}
        return None if folded(value) in classes else read_number(value)

    def _says_positive(self, judged: Judged) -> bool:
        return self._means_positive(written(judged.value))

    def _is_positive(self, sample: Sample) -> bool:
        return any(self._means_positive(reference) for reference in texts(sample))

    def _means_positive(self, text: str) -> bool:
        wanted = self.positive or self._default
        if wanted:
            return folded(text) == folded(wanted)
        return yes_or_no(text) is True or read_number(text) == 1.0


def _first_token(judged: Judged) -> float | None:
    """The probability of the answer's first token, if the answer is the class and nothing else."""
    logprobs = judged.response.logprobs
    alone = folded(judged.response.text).strip(" .!*`\"'") == folded(written(judged.value))
    return math.exp(min(0.0, logprobs[0])) if logprobs and alone and not math.isnan(logprobs[0]) else None


def roc_auc(truth: Truth, grades: Real) -> float:
    """The share of (positive, negative) pairs in which the positive has the higher grade; equal grades count
    as half. NaN with only one class."""
    import numpy as np

    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(grades, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2.0  # the mean rank of equal grades
    won = float(rank[place][truth].sum()) - positives * (positives + 1) / 2.0
    return won / (positives * negatives)


def average_precision(truth: Truth, grades: Real) -> float:
    """The sum over distinct grades, from the highest, of precision times the gain in recall; NaN without
    positives."""
    import numpy as np

    if not truth.any():
        return math.nan
    levels, place = np.unique(-grades, return_inverse=True)
    hits = np.bincount(place, truth.astype(float), len(levels))
    right, seen = np.cumsum(hits), np.cumsum(np.bincount(place, minlength=len(levels)))
    return float((right / seen * hits).sum() / hits.sum())


@dataclass(frozen=True)
class Auroc(_Ranked):
    """Area under the ROC curve: the chance that a positive sample has a higher grade than a negative one,
    equal grades as half. 1 is perfect, 0.5 is chance. For each answer: accuracy (of a number: whether it is
    on the right side of ``cut``).

    The grade is the log-odds of the positive option where options were scored (``--set
    scoring=likelihood``); the number that the answer gives; for a bare yes or no with log-probabilities of
    its tokens that of the first; and else the answer itself, with only two grades. ``hard`` counts these.
    A failed answer counts as the worst grade for its sample. Undefined where a class does not occur.

    positive  the positive class as references write it; by default the first option (the first word of a
              yes-no task), and where samples have no options what reads as yes or as 1
    cut       of numbers (0.5); touches no value over a set
    """

    name = "auroc"
    title = "area under the ROC curve of graded answers"

    def chance(self, group: Sequence[Sample]) -> float | None:
        return 0.5

    def _area(self, truth: Truth, grades: Real) -> float:
        return roc_auc(truth, grades)


@dataclass(frozen=True)
class AveragePrecision(_Ranked):
    """Average precision: the sum over distinct grades, from the highest, of precision times the gain in
    recall, as scikit-learn has it (no interpolation). 1 is perfect; chance is the share of positives. For
    each answer: accuracy. Grades, ``positive``, ``cut`` and ``hard`` as in ``auroc``."""

    name = "average_precision"
    title = "average precision of graded answers"

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None if math.isnan(self._share) else self._share

    def _area(self, truth: Truth, grades: Real) -> float:
        return average_precision(truth, grades)
