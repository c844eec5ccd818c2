"""Metrics on strings: edit distances (ANLS, word and character error rate), chrF, relaxed accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from hemm.core import Group, HemmError, MissingExtra, Sample
from hemm.metrics.base import (
    SampleMetric,
    is_number,
    matching,
    number_of,
    one_of,
    plain,
    texts,
    written,
    written_for,
)
from hemm.metrics.text.answers import by_answer_type
from hemm.metrics.text.captions import places_of
from hemm.parsing.numbers import read_number

if TYPE_CHECKING:
    from sacrebleu.metrics.chrf import CHRF


def edit_distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Levenshtein's distance: the fewest insertions, deletions and substitutions between two sequences.

    With one bit for each element of ``left`` (Myers 1999, in the form of Hyyrö 2003 for whole sequences).
    """
    if not left:
        return len(right)
    places, last, full = places_of(left), 1 << (len(left) - 1), (1 << len(left)) - 1
    up, down, distance = full, 0, len(left)  # where a column rises and falls from one row to the next
    for element in right:
        equal = places.get(element, 0)
        across = (((equal & up) + up) ^ up) | equal
        more, less = (down | ~(across | up)) & full, up & across
        distance += bool(more & last) - bool(less & last)
        more, less = ((more << 1) | 1) & full, (less << 1) & full
        level = equal | down
        up, down = (less | ~(level | more)) & full, more & level
    return distance


@dataclass(frozen=True)
class Anls(SampleMetric):
    """ANLS (Biten et al. 2019): 1 - d, the highest over the references, where d is the edit distance divided
    by the length of the longer text; 0 where d is ``threshold`` or more. In lower case, with single blanks.

    threshold  0.5

    Components: one more for each ``answer_type`` in the metadata.
    """

    threshold: str = "0.5"

    name = "anls"
    title = "normalised edit similarity to the nearest reference, 0 below a half"
    version = 2

    def __post_init__(self) -> None:
        _number("threshold", self.threshold, 0.0, 1.0)

    @property
    def parameters(self) -> Mapping[str, str]:
        return {} if float(self.threshold) == 0.5 else {"threshold": self.threshold}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def value(self, answer: Any, sample: Sample) -> float:
        candidate = _lower(written_for(answer, sample))
        return max((self._similarity(candidate, _lower(r)) for r in texts(sample)), default=0.0)

    def _similarity(self, candidate: str, wanted: str) -> float:
        longer, limit = max(len(candidate), len(wanted)), float(self.threshold)
        if not longer:
            return 1.0
        if abs(len(candidate) - len(wanted)) / longer >= limit:
            return 0.0
        distance = edit_distance(candidate, wanted) / longer
        return 1.0 - distance if distance < limit else 0.0


@dataclass(frozen=True)
class RelaxedAccuracy(SampleMetric):
    """Relaxed accuracy (Methani et al. 2020; Masry et al. 2022): 1 where ``accuracy`` takes the
    answer for a reference, or both are numbers and the answer is within ``tolerance`` of the reference's
    size.

    Percent and dollar signs, thousands separators and number words are read as numbers: ``25%`` is 25. A
    reference of 0 wants 0.

    tolerance  0.05

    Components: one more for each ``answer_type`` in the metadata.
    """

    tolerance: str = "0.05"

    name = "relaxed_accuracy"
    title = "share of answers that are right, numbers within 5 %"
    version = 2

    def __post_init__(self) -> None:
        _number("tolerance", self.tolerance, 0.0, math.inf)

    @property
    def parameters(self) -> Mapping[str, str]:
        return {} if float(self.tolerance) == 0.05 else {"tolerance": self.tolerance}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def value(self, answer: Any, sample: Sample) -> float:
        if matching(answer, sample):
            return 1.0
        if isinstance(answer, str) and answer in sample.choices:
            return 0.0  # another option, however near
        return float(any(self._near(answer, reference) for reference in texts(sample)))

    def _near(self, answer: Any, reference: str) -> bool:
        if is_number(answer):
            return self._within(float(answer), number_of(reference))
        return self._within(_read(written(answer)), _read(reference))

    def _within(self, number: float | None, wanted: float | None) -> bool:
        if number is None or wanted is None:
            return False
        # a little more, so that 1.05 is within 5 % of 1 in floating point
        return abs(number - wanted) <= float(self.tolerance) * abs(wanted) * (1 + 1e-12)


def _read(text: str) -> float | None:
    number = read_number(text)
    return read_number(plain(text)) if number is None else number


@dataclass(frozen=True)
class ErrorRate(SampleMetric):
    """What word and character error rate share: edits for each unit of the reference.

    lower  yes: case does not count
    """

    lower: str = "no"

    range = (0.0, math.inf)
    higher_is_better = False
    version = 2

    def __post_init__(self) -> None:
        one_of("lower", self.lower, ("yes", "no"))

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"lower": "yes"} if self.lower == "yes" else {}

    def units(self, text: str) -> Sequence[str]:
        raise NotImplementedError

    def value(self, answer: Any, sample: Sample) -> float:
        edits, length = self._nearest(written_for(answer, sample), sample)
        return math.nan if length is None else edits / max(1, length)

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        counts = [
            self._nearest("" if j.value is None else written_for(j.value, j.sample), j.sample)
            for g in groups
            for j in g
        ]
        known = [(edits, length) for edits, length in counts if length is not None]
        if not known:
            return {"": math.nan}
        return {"": sum(edits for edits, _ in known) / max(1, sum(length for _, length in known))}

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 0.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    def _nearest(self, candidate: str, sample: Sample) -> tuple[int, int | None]:
        """Edits to the reference with the lowest rate, and its length, which is None without a reference."""
        mine = self._units(candidate)
        wanted = [self._units(reference) for reference in texts(sample)]
        rates = [(edit_distance(mine, theirs), len(theirs)) for theirs in wanted]
        return min(rates, key=lambda f: (f[0] / max(1, f[1]), f[0]), default=(0, None))

    def _units(self, text: str) -> Sequence[str]:
        return self.units(text.lower() if self.lower == "yes" else text)


@dataclass(frozen=True)
class Wer(ErrorRate):
    """Word error rate: edits (words inserted, deleted, replaced) for each word of the reference, the lowest
    over the references. 0 is the best, and there is no worst: a long answer has more than 1. Words are what
    stands between blanks; punctuation and case count.

    Over a set: all edits by all words of the references, a failed answer as an empty text (every word is
    missing). A reference without words counts as one word long for its own answer, and as none over a set.

    lower  yes: case does not count
    """

    name = "wer"
    title = "word error rate; lower is better"

    def units(self, text: str) -> Sequence[str]:
        return text.split()


@dataclass(frozen=True)
class Cer(ErrorRate):
    """Character error rate: as ``wer``, with characters (code points) for words; runs of blanks are one
    blank.

    lower  yes: case does not count
    """

    name = "cer"
    title = "character error rate; lower is better"

    def units(self, text: str) -> Sequence[str]:
        return " ".join(text.split())


@lru_cache(maxsize=16)
def _sacrebleu(words: int, lower: bool) -> CHRF:
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError as error:
        raise MissingExtra("metric chrf", "metrics") from error
    return CHRF(word_order=words, lowercase=lower)


@dataclass(frozen=True)
class Chrf(SampleMetric):
    """chrF (Popović 2015) by sacrebleu, from 0 to 1 (sacrebleu's by 100): F-score of character n-grams up to
    6, recall weighing twice as much as precision (beta 2), blanks left out; against the best reference.

    Over a set: counts of all n-grams together, failed answers as empty texts. Each answer on its own:
    sacrebleu's sentence score.

    words  2: with word n-grams up to 2, which is chrF++ (0)
    lower  yes: case does not count
    """

    words: str = "0"
    lower: str = "no"

    name = "chrf"
    title = "F-score of character n-grams by sacrebleu"
    version = 2

    def __post_init__(self) -> None:
        one_of("words", self.words, ("0", "1", "2"))
        one_of("lower", self.lower, ("yes", "no"))

    @property
    def parameters(self) -> Mapping[str, str]:
        values = {"words": (self.words, "0"), "lower": (self.lower, "no")}
        return {name: value for name, (value, usual) in values.items() if value != usual}

    def prepared(self) -> Chrf:
        """Itself. Raises MissingExtra where sacrebleu is not installed."""
        self._by()
        return self

    def _by(self) -> CHRF:
        return _sacrebleu(int(self.words), self.lower == "yes")

    def value(self, answer: Any, sample: Sample) -> float:
        references = texts(sample)
        if not references:
            return 0.0
        score: float = self._by().sentence_score(written_for(answer, sample), references).score
        return min(1.0, score / 100.0)

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        judged = [j for group in groups for j in group if texts(j.sample)]
        if not judged:
            return {"": math.nan}
        hypotheses = ["" if j.value is None else written_for(j.value, j.sample) for j in judged]
        # the first references of all samples, then the second ones, ...; None if there is none
        streams: list[Any] = list(zip_longest(*(texts(j.sample) for j in judged)))
        return {"": min(1.0, self._by().corpus_score(hypotheses, streams).score / 100.0)}

    def ceiling(self, group: Sequence[Sample]) -> float:
        return float(any(r.strip() for r in texts(group[0])))

    def chance(self, group: Sequence[Sample]) -> float | None:
        return super().chance(group) if self.ceiling(group) else None


def _lower(text: str) -> str:
    return " ".join(text.lower().split())


def _number(parameter: str, text: str, low: float, high: float) -> None:
    try:
        fits = low <= float(text) <= high
    except ValueError:
        fits = False
    if not fits:
        end = "" if math.isinf(high) else f" to {high:g}"
        raise HemmError(f"metric parameter {parameter}={text!r} is no number from {low:g}{end}")
