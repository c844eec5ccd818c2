"""Metrics on sequences of words: ROUGE-L, BLEU, CIDEr-D."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from hemm.core import Group, HemmError, MissingExtra, Sample
from hemm.metrics.base import SampleMetric, texts, written

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=16_384)
def rouge_tokens(text: str) -> tuple[str, ...]:
    """Lower case, split at everything but the letters a to z and digits; no stemming."""
    return tuple(_NOT_ALPHANUMERIC.sub(" ", text.lower()).split())


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by one bit for each token of ``one``."""
    places: dict[str, int] = {}
    for i, token in enumerate(one):
        places[token] = places.get(token, 0) | 1 << i
    full = (1 << len(one)) - 1
    row = full
    for token in other:
        both = row & places.get(token, 0)
        row = ((row + both) | (row - both)) & full
    return len(one) - row.bit_count()


@dataclass(frozen=True)
class RougeL(SampleMetric):
    """ROUGE-L: F1 of the longest common subsequence of tokens, 2 l / (tokens said + tokens of the
    reference), the best over the references.

    Tokens as Google's rouge-score has them without stemming: lower case, split at everything but a to z and
    digits. A text of another script has no tokens and scores 0, which is then its ceiling too.
    """

    name = "rouge_l"
    title = "longest common subsequence of words with the nearest reference"

    def value(self, answer: Any, sample: Sample) -> float:
        said = rouge_tokens(written(answer))
        return max((_rouge(said, rouge_tokens(r)) for r in texts(sample)), default=0.0)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return float(any(rouge_tokens(r) for r in texts(group[0])))

    def chance(self, group: Sequence[Sample]) -> float | None:
        # 1/k stands for choices in other words than the references': not where there are no tokens at all.
        return super().chance(group) if self.ceiling(group) else None


def _rouge(said: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    common = common_subsequence(said, wanted)
    return 2.0 * common / (len(said) + len(wanted)) if common else 0.0


_TOKENS = ("13a", "intl", "char", "zh", "none")


@lru_cache(maxsize=32)
def _sacrebleu(tokens: str, lower: bool, sentence: bool) -> BLEU:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise MissingExtra("metric bleu", "metrics") from error
    # force: texts that end in " ." are no reason for a warning here
    return BLEU(lowercase=lower, force=True, tokenize=tokens, effective_order=sentence)


@dataclass(frozen=True)
class Bleu(SampleMetric):
    """BLEU-4 by sacrebleu, from 0 to 1 (sacrebleu's by 100): tokens by ``13a``, case counts, exponential
    smoothing.

    Over a set: the corpus BLEU of all samples whose answer is no error, failed answers as empty texts; 0
    where no answer has four tokens. Each answer on its own: sentence BLEU with effective order (texts
    of under four tokens are judged by what n-grams they have).

    tokens  13a, intl (Unicode punctuation), zh (Chinese characters), char, none (split at blanks)
    lower   yes: case does not count
    """

    tokens: str = "13a"
    lower: str = "no"

    name = "bleu"
    title = "corpus BLEU-4 by sacrebleu"

    def __post_init__(self) -> None:
        for parameter, known in (("tokens", _TOKENS), ("lower", ("yes", "no"))):
            if getattr(self, parameter) not in known:
                value = getattr(self, parameter)
                raise HemmError(f"metric parameter {parameter}={value!r} is none of {', '.join(known)}")

    @property
    def parameters(self) -> Mapping[str, str]:
        given = {"tokens": (self.tokens, "13a"), "lower": (self.lower, "no")}
        return {name: value for name, (value, usual) in given.items() if value != usual}

    def prepared(self) -> Bleu:
        """Itself. Raises MissingExtra where sacrebleu is not installed."""
        self._by(sentence=True)
        return self

    def _by(self, *, sentence: bool) -> BLEU:
        return _sacrebleu(self.tokens, self.lower == "yes", sentence)

    def value(self, answer: Any, sample: Sample) -> float:
        references = texts(sample)
        if not references:
            return 0.0
        return min(1.0, self._by(sentence=True).sentence_score(written(answer), references).score / 100.0)

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        judged = [j for group in groups for j in group if texts(j.sample)]
        if not judged:
            return {"": math.nan}
        said = ["" if j.value is None else written(j.value) for j in judged]
        # sacrebleu wants the first references of all samples, then the second ones, ...; None where none is
        streams: list[Any] = list(zip_longest(*(texts(j.sample) for j in judged)))
        return {"": min(1.0, self._by(sentence=False).corpus_score(said, streams).score / 100.0)}

    def ceiling(self, group: Sequence[Sample]) -> float:
        cut = self._by(sentence=True).tokenizer
        return float(any(cut(r.rstrip()).split() for r in texts(group[0])))

    def chance(self, group: Sequence[Sample]) -> float | None:
        return super().chance(group) if self.ceiling(group) else None


_CONTRACTED = re.compile(r"(?<=\w)(n't|'(?:s|m|d|re|ve|ll))\b")
_CANNOT = re.compile(r"\bcannot\b")
_TOKEN = re.compile(
    r"""(?<!\S)n't\b | '(?:s|m|d|re|ve|ll)\b      # what contractions were split into
      | (?:[a-z]\.){2,}                           # u.s.
      | \d+(?:[.,:/]\d+)+ | \d+(?![\w-])          # 1,000.5 5:30
      | \w+(?:-\w+)*                              # red, t-shirt
      | [^\w\s]                                   # any other sign alone""",
    re.VERBOSE,
)
_NO_WORDS = frozenset("'\"`.?!,:;-–—…()[]{}“”")


@lru_cache(maxsize=16_384)
def caption_tokens(text: str) -> tuple[str, ...]:
    """Tokens in the manner of the Penn Treebank, without punctuation.

    Lower case; ``isn't`` is ``is n't``, ``dog's`` is ``dog 's``, ``cannot`` is ``can not``; hyphenated words,
    numbers with points or commas and abbreviations with points stay whole; quotes, brackets, dashes and . ,
    ; : ? ! go; every other sign is a token.
    """
    said = text.lower().replace("’", "'").replace("‘", "'")
    said = _CANNOT.sub("can not", _CONTRACTED.sub(r" \1", said))
    return tuple(t for t in _TOKEN.findall(said) if t not in _NO_WORDS)


Grams = Mapping[tuple[str, ...], float]


@dataclass(frozen=True)
class CiderD(SampleMetric):
    """CIDEr-D: ten times the mean over n = 1 to 4 of the similarity of n-grams weighted by tf-idf (clipped to
    the reference's counts), times exp(-d^2 / 72) for a difference of d in length; the mean over the
    references. From 0 to 10.

    Document frequencies are those of the references of exactly the set that is scored: all samples whose
    answer is no error, each once. So a value belongs to its set: compare only values over the same samples.
    Over a set: the mean, failed answers as 0. The ceiling of a sample is what the best of its references
    scores.

    tokens  ptb (in the manner of the Penn Treebank, docs/metrics.md) or blanks (split at blanks, case
            counts: for texts that are tokenised already)
    """

    tokens: str = "ptb"
    _documents: Counter[tuple[str, ...]] = field(
        default_factory=Counter, init=False, repr=False, compare=False
    )
    _ids: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    name = "cider_d"
    title = "consensus with the references by n-grams weighted by tf-idf"
    range = (0.0, 10.0)

    def __post_init__(self) -> None:
        if self.tokens not in ("ptb", "blanks"):
            raise HemmError(f"metric parameter tokens={self.tokens!r} is none of ptb, blanks")

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"tokens": "blanks"} if self.tokens == "blanks" else {}

    def over(self, samples: Sequence[Sample]) -> CiderD:
        """The same metric with the document frequencies of these samples' references."""
        bound = replace(self)
        for sample in samples:
            if sample.id not in bound._ids and (references := texts(sample)):
                bound._ids.add(sample.id)
                bound._documents.update({gram for r in references for gram in self._counts(r)})
        return bound

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        bound = self if self._ids else self.over([j.sample for group in groups for j in group])
        return [bound._scored(group[0]) for group in groups]

    def value(self, answer: Any, sample: Sample) -> float:
        references = [self._weights(r) for r in texts(sample)]
        return _consensus(self._weights(written(answer)), references) if references else 0.0

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        judged = [j for group in groups for j in group if texts(j.sample)]
        bound = self.over([j.sample for j in judged])
        values = [0.0 if j.value is None else bound.value(j.value, j.sample) for j in judged]
        return {"": math.fsum(values) / len(values) if values else math.nan}

    def ceiling(self, group: Sequence[Sample]) -> float:
        bound = self if self._ids else self.over(group)
        references = [bound._weights(r) for r in texts(group[0])]
        return max((_consensus(r, references) for r in references), default=0.0)

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    def _counts(self, text: str) -> Counter[tuple[str, ...]]:
        return _grams(tuple(text.split()) if self.tokens == "blanks" else caption_tokens(text))

    def _weights(self, text: str) -> _Weighted:
        counts = self._counts(text)
        whole = math.log(max(1, len(self._ids)))
        by_length: list[dict[tuple[str, ...], float]] = [{} for _ in range(_LONGEST)]
        for gram, count in counts.items():
            by_length[len(gram) - 1][gram] = count * (whole - math.log(max(1, self._documents[gram])))
        norms = [math.sqrt(math.fsum(w * w for w in part.values())) for part in by_length]
        pairs = sum(count for gram, count in counts.items() if len(gram) == 2)
        return _Weighted(by_length, norms, pairs)


_LONGEST = 4
_SIGMA = 6.0


def _grams(tokens: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    return Counter(tokens[i : i + n] for n in range(1, _LONGEST + 1) for i in range(len(tokens) - n + 1))


@dataclass(frozen=True, slots=True)
class _Weighted:
    """tf-idf of the n-grams of a text by n, their norms, and the number of its bigrams (its length)."""

    weights: Sequence[Grams]
    norms: Sequence[float]
    pairs: int


def _consensus(said: _Weighted, references: Sequence[_Weighted]) -> float:
    values = [_similarity(said, reference) for reference in references]
    return min(10.0, 10.0 * math.fsum(values) / len(values))


def _similarity(said: _Weighted, wanted: _Weighted) -> float:
    found = []
    for n in range(_LONGEST):
        mine, theirs, norms = said.weights[n], wanted.weights[n], said.norms[n] * wanted.norms[n]
        shared = mine.keys() & theirs.keys()
        clipped = math.fsum(min(mine[gram], theirs[gram]) * theirs[gram] for gram in shared)
        found.append(clipped / norms if norms else 0.0)
    penalty = math.exp(-((said.pairs - wanted.pairs) ** 2) / (2 * _SIGMA**2))
    return math.fsum(found) / _LONGEST * penalty
