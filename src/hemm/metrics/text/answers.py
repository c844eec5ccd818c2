"""Metrics on short answers: accuracy, exact match, containment, token F1, VQA accuracy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from hemm.core import Sample
from hemm.metrics.base import (
    SampleMetric,
    folded,
    is_number,
    matching,
    one_of,
    squad_tokens,
    texts,
    written,
    written_for,
)


def by_answer_type(group: Sequence[Sample]) -> tuple[str, ...]:
    """The main value, and one for the kind of question that the first sample's metadata say."""
    kind = group[0].metadata.get("answer_type")
    return ("", folded(str(kind))) if kind else ("",)


@dataclass(frozen=True)
class Accuracy(SampleMetric):
    """1 where the parsed answer is one of the references, else 0: to the letter, or but for case, blanks,
    emphasis, quotes and final points on both sides; numbers as numbers, sets as sets.

    Components: one more for each ``answer_type`` in the metadata (closed and open questions, say), in lower
    case.
    """

    name = "accuracy"
    title = "share of answers that are right"
    version = 2

    def value(self, answer: Any, sample: Sample) -> float:
        return float(bool(matching(answer, sample)))

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)


@dataclass(frozen=True)
class ExactMatch(SampleMetric):
    """1 where answer and a reference are the same text after SQuAD's normalisation (lower case, no ASCII
    punctuation, no articles, single blanks); with ``strict=yes`` the same text to the letter.

    A number is compared as a number, a set of labels as a set: as texts, -5 and 5, or 1.5 and 15, are the
    same after that normalisation.
    """

    strict: str = "no"

    name = "exact_match"
    title = "share of answers equal to a reference after normalisation"
    version = 2

    def __post_init__(self) -> None:
        one_of("strict", self.strict, ("yes", "no"))

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"strict": "yes"} if self.strict == "yes" else {}

    def value(self, answer: Any, sample: Sample) -> float:
        if self.strict == "yes":
            return float(written_for(answer, sample) in texts(sample))
        if is_number(answer) or isinstance(answer, frozenset):
            return float(bool(matching(answer, sample)))
        tokens = squad_tokens(written(answer))
        return float(any(tokens == squad_tokens(reference) for reference in texts(sample)))


NO_BLANKS = "no blanks"
"""The metadata ``contains`` of a sample whose references are looked for without blanks, in their case."""


@dataclass(frozen=True)
class Contains(SampleMetric):
    """1 where the answer contains a reference, else 0: OCRBench's rule (Liu et al. 2024). Both in lower case,
    line ends as blanks. Samples with ``contains: no blanks`` in their metadata (handwritten formulas) are
    compared without any blank, and with their case.

    A short reference is easily contained: a model that lists what it sees is paid for it.
    Components: one more for each ``answer_type`` in the metadata.
    """

    name = "contains"
    title = "share of answers that contain a reference"

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def value(self, answer: Any, sample: Sample) -> float:
        bare = _bare if sample.metadata.get("contains") == NO_BLANKS else _lowered
        said = bare(written_for(answer, sample))
        return float(any(wanted in said for r in texts(sample) if (wanted := bare(r))))


def _lowered(text: str) -> str:
    return text.lower().strip().replace("\n", " ")


def _bare(text: str) -> str:
    return text.strip().replace("\n", "").replace(" ", "")


@dataclass(frozen=True)
class TokenF1(SampleMetric):
    """SQuAD's F1: harmonic mean of precision and recall of the answer's tokens (as a multiset) against a
    reference's, after its normalisation; the best over the references. Where one side has no tokens left, 1
    if both have none. Of two numbers, 1 where they are equal, else 0."""

    name = "token_f1"
    title = "overlap of tokens with the nearest reference"
    version = 2

    def value(self, answer: Any, sample: Sample) -> float:
        if is_number(answer):
            return float(bool(matching(answer, sample)))
        tokens = squad_tokens(written(answer))
        return max((_f1(tokens, squad_tokens(reference)) for reference in texts(sample)), default=0.0)


def _f1(tokens: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    if not tokens or not wanted or tokens == wanted:
        return float(tokens == wanted)
    common = (Counter(tokens) & Counter(wanted)).total()
    return 2.0 * common / (len(tokens) + len(wanted))


@dataclass(frozen=True)
class VqaAccuracy(SampleMetric):
    """VQA accuracy: the mean over all ways to leave one annotator out of min(1, matches among the others /
    3).

    The evaluator's normaliser (punctuation, number words, articles, contractions) is applied to answer and
    references only where the references disagree, as it does; with ``normalise=always`` everywhere. Case and
    blanks never count. An answer that is no annotator's in this way counts as the annotation that it is but
    for emphasis, quotes and final points. The ceiling is what the best of the references scores, below 1
    where no four agree.

    Annotators who left it empty (``empty_answers`` in the metadata) count among the ten and match nothing.

    With fewer than four references the leave-one-out sets are too small to hold three matches: matches count
    out of the size of such a set (one reference alone: equal or not).
    Components: one more for each ``answer_type`` in the metadata.
    """

    normalise: str = "disagreement"

    name = "vqa_accuracy"
    title = "agreement with ten annotators, three of them enough"
    version = 2

    def __post_init__(self) -> None:
        one_of("normalise", self.normalise, ("disagreement", "always"))

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"normalise": "always"} if self.normalise == "always" else {}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def value(self, answer: Any, sample: Sample) -> float:
        annotations = self._annotations(sample)
        value = annotations.value(written_for(answer, sample))
        return value or max((annotations.value(r) for r in matching(answer, sample)), default=0.0)

    def _annotations(self, sample: Sample) -> _Annotations:
        empty = sample.metadata.get(EMPTY_ANSWERS, 0)
        known = empty if isinstance(empty, int) and empty > 0 else 0
        return _annotations(tuple(texts(sample)), known, self.normalise == "always")

    def ceiling(self, group: Sequence[Sample]) -> float:
        annotations = self._annotations(group[0])
        return max((annotations.value(r) for r in dict.fromkeys(texts(group[0]))), default=0.0)


EMPTY_ANSWERS = "empty_answers"
"""The metadata of a sample that say how many annotators gave no answer."""


@dataclass(frozen=True)
class _Annotations:
    """What the annotators of one sample said.

    counts  answer -> how many gave it, normalised where answers are
    total   number of annotators, those without an answer too
    normal  whether answers are normalised
    """

    counts: Mapping[str, int]
    total: int
    normal: bool

    def value(self, answer: str) -> float:
        """The mean over the annotators of the answer's agreement with the others."""
        said = folded(answer)
        matches = self.counts.get(vqa_normal(said) if self.normal else said, 0)
        if not matches:
            return 0.0
        if self.total == 1:
            return 1.0
        enough = min(3, self.total - 1)
        inside, outside = min(1.0, (matches - 1) / enough), min(1.0, matches / enough)
        return (matches * inside + (self.total - matches) * outside) / self.total


@lru_cache(maxsize=4096)
def _annotations(references: tuple[str, ...], empty: int, always: bool) -> _Annotations:
    said = [folded(r) for r in references]
    normal = always or len(set(said)) + bool(empty) > 1
    if normal:
        said = [vqa_normal(s) for s in said]
    return _Annotations(Counter(said), len(said) + empty, normal)


_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_DIGIT_COMMA = re.compile(r"\d,\d")
_POINT = re.compile(r"\.(?!\d)")
_NUMBER_WORDS = {"none": "0"} | {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())  # noqa: SIM905
}
_SHORTENED = (
    "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't "
    "haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't "
    "mightn't've might've mustn't must've needn't not've o'clock oughtn't shan't she'd've should've "
    "shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll "
    "someone's something'd something'd've something'll that's there'd there'd've there're there's "
    "they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's "
    "what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's "
    "won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've"
)


def _without_apostrophes(word: str) -> list[str]:
    """All forms of ``word`` without one or more of its apostrophes."""
    parts = word.split("'")
    forms = (
        "".join(
            p + (e if i < len(parts) - 1 else "")
            for i, (p, e) in enumerate(zip(parts, (*c, ""), strict=True))
        )
        for c in product(("'", ""), repeat=len(parts) - 1)
    )
    return [form for form in forms if form != word]


_CONTRACTIONS = {form: word for word in _SHORTENED.split() for form in _without_apostrophes(word)}


@lru_cache(maxsize=65_536)
def vqa_normal(text: str) -> str:
    """The VQA evaluator's normaliser.

    A punctuation mark is removed if it is next to a blank anywhere in the text, or if the text has a comma
    between digits; else it becomes a blank. Points that are not before a digit are removed. Then, in lower
    case, number words up to ten become digits, articles are removed, and contractions get their apostrophes.
    """
    line = text.replace("\n", " ").replace("\t", " ").strip()
    drop = _DIGIT_COMMA.search(line) is not None
    out = line
    for mark in _PUNCTUATION:
        if mark in line:
            out = out.replace(mark, "" if drop or f"{mark} " in line or f" {mark}" in line else " ")
    words = (_NUMBER_WORDS.get(w, w) for w in _POINT.sub("", out).lower().split())
    return " ".join(_CONTRACTIONS.get(w, w) for w in words if w not in ("a", "an", "the"))
