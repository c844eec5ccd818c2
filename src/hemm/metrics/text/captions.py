"""Metrics on sequences of words: ROUGE-L, BLEU, CIDEr-D."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from hemm.core import Group, Judged, MissingExtra, Sample
from hemm.metrics.base import SampleMetric, Summed, one_of, texts, written_for
from hemm.metrics.text.ngrams import Documents, similarities

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU, BLEUScore

_ALPHANUMERIC = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=16_384)
def rouge_tokens(text: str) -> tuple[str, ...]:
    """Tokens in lower case, split at everything except a to z and digits, without stemming."""
    return tuple(_ALPHANUMERIC.findall(text.lower()))


def places_of(tokens: Sequence[str]) -> dict[str, int]:
    """Token -> bits of its positions."""
    places: dict[str, int] = {}
    for i, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << i
    return places


def common_bits(places: Mapping[str, int], length: int, other: Sequence[str]) -> int:
    """Length of the longest common subsequence of ``other`` and ``length`` tokens with ``places_of`` them."""
    full = row = (1 << length) - 1
    for token in other:
        if token in places:  # another token leaves the row as it is
            both = row & places[token]
            row = ((row + both) | (row - both)) & full
    return length - row.bit_count()


@dataclass(frozen=True)
class RougeL(SampleMetric):
    """ROUGE-L: F1 of the longest common subsequence of tokens, 2 l / (tokens said + tokens of the
    reference), the best over the references.

    Tokens as Google's rouge-score has them without stemming: lower case, split at everything but a to z and
    digits. A text of another script has no tokens and scores 0, which is then its ceiling too.
    """

    name = "rouge_l"
    title = "longest common subsequence of words with the nearest reference"
    version = 2

    def value(self, answer: Any, sample: Sample) -> float:
        tokens = rouge_tokens(written_for(answer, sample))
        places, length = places_of(tokens), len(tokens)
        best = 0.0
        for wanted in map(rouge_tokens, texts(sample)):
            if common := common_bits(places, length, wanted):
                best = max(best, 2.0 * common / (length + len(wanted)))
        return best

    def ceiling(self, group: Sequence[Sample]) -> float:
        return float(any(rouge_tokens(r) for r in texts(group[0])))

    def chance(self, group: Sequence[Sample]) -> float | None:
        # 1/k is for choices that are worded differently from the references, but not for texts without tokens
        return super().chance(group) if self.ceiling(group) else None


_TOKENS = ("13a", "intl", "char", "zh", "none")


@lru_cache(maxsize=32)
def _sacrebleu(tokens: str, lower: bool, sentence: bool) -> BLEU:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise MissingExtra("metric bleu", "metrics") from error
    # force: no warning for texts that end in " ."
    return BLEU(lowercase=lower, force=True, tokenize=tokens, effective_order=sentence)


@dataclass(frozen=True)
class Bleu(SampleMetric, Summed):
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
    version = 2

    def __post_init__(self) -> None:
        for parameter, known in (("tokens", _TOKENS), ("lower", ("yes", "no"))):
            one_of(parameter, getattr(self, parameter), known)

    @property
    def parameters(self) -> Mapping[str, str]:
        values = {"tokens": (self.tokens, "13a"), "lower": (self.lower, "no")}
        return {name: value for name, (value, usual) in values.items() if value != usual}

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
        said = written_for(answer, sample)
        return min(1.0, self._by(sentence=True).sentence_score(said, references).score / 100.0)

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        return self.of_facts(self.facts(groups))

    def facts(self, groups: Sequence[Group]) -> list[list[BLEUScore]]:
        """The n-grams of each answer that has references, counted by sacrebleu."""
        by = self._by(sentence=False)

        def counted(judged: Judged) -> BLEUScore:
            said = "" if judged.value is None else written_for(judged.value, judged.sample)
            found: BLEUScore = by.corpus_score([said], [[r] for r in texts(judged.sample)])
            return found

        return [[counted(j) for j in group if texts(j.sample)] for group in groups]

    def of_facts(self, facts: Sequence[list[BLEUScore]]) -> dict[str, float]:
        each = [score for scores in facts for score in scores]
        if not each:
            return {"": math.nan}
        by = self._by(sentence=False)
        total = by.compute_bleu(
            correct=[sum(c) for c in zip(*(s.counts for s in each), strict=True)],
            total=[sum(t) for t in zip(*(s.totals for s in each), strict=True)],
            sys_len=sum(s.sys_len for s in each),
            ref_len=sum(s.ref_len for s in each),
            smooth_method=by.smooth_method,
            smooth_value=by.smooth_value,
            effective_order=by.effective_order,
            max_ngram_order=by.max_ngram_order,
        )
        return {"": min(1.0, total.score / 100.0)}

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
_SIMPLE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:,?\s+[a-z0-9]+(?:-[a-z0-9]+)*)*(?: ?\.)?", re.ASCII)
_NO_WORDS = frozenset("'\"`.?!,:;-–—…()[]{}“”")


@lru_cache(maxsize=16_384)
def caption_tokens(text: str) -> tuple[str, ...]:
    """Tokens as in the Penn Treebank, in lower case, without punctuation.

    ``isn't`` becomes ``is n't``, ``dog's`` becomes ``dog 's``, ``cannot`` becomes ``can not``; hyphenated
    words, numbers with points or commas, and abbreviations with points are one token; quotes, brackets,
    dashes and . , ; : ? ! are removed; every other sign is a token.
    """
    lowered = text.lower().replace("’", "'").replace("‘", "'")
    if _SIMPLE.fullmatch(lowered.strip()) and "cannot" not in lowered:  # most captions
        return tuple(lowered.replace(",", " ").replace(".", " ").split())
    lowered = _CANNOT.sub("can not", _CONTRACTED.sub(r" \1", lowered))
    return tuple(t for t in _TOKEN.findall(lowered) if t not in _NO_WORDS)


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
    _held: tuple[tuple[str, ...], ...] = field(default=(), init=False, repr=False, compare=False)
    """The references of each sample of the set."""

    name = "cider_d"
    title = "consensus with the references by n-grams weighted by tf-idf"
    version = 2
    range = (0.0, 10.0)

    def __post_init__(self) -> None:
        one_of("tokens", self.tokens, ("ptb", "blanks"))

    @property
    def parameters(self) -> Mapping[str, str]:
        return {"tokens": "blanks"} if self.tokens == "blanks" else {}

    def over(self, samples: Sequence[Sample]) -> CiderD:
        """The same metric with the document frequencies of these samples' references."""
        bound = replace(self)
        held: dict[str, tuple[str, ...]] = {}
        for sample in samples:
            if sample.id not in held and (references := tuple(texts(sample))):
                held[sample.id] = references
        object.__setattr__(bound, "_held", tuple(held.values()))
        return bound

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        judged = [group[0] for group in groups]
        bound = self if self._held else self.over([j.sample for j in judged])
        return [{"": v} for v in bound._values(_pairs(judged))]

    def value(self, answer: Any, sample: Sample) -> float:
        return self._values([(written_for(answer, sample), tuple(texts(sample)))])[0]

    def aggregate(self, groups: Sequence[Group]) -> dict[str, float]:
        judged = [j for group in groups for j in group if texts(j.sample)]
        bound = self.over([j.sample for j in judged])
        answered = [j for j in judged if j.value is not None]
        values = bound._values(_pairs(answered))
        return {"": math.fsum(values) / len(judged) if judged else math.nan}

    def ceiling(self, group: Sequence[Sample]) -> float:
        bound = self if self._held else self.over(group)
        references = tuple(texts(group[0]))
        known = bound._ceilings
        return known[references] if references in known else bound._best([references])[references]

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    @cached_property
    def _documents(self) -> Documents:
        return Documents.of([self._cut(references) for references in self._held])

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        """References of a sample -> row of the first in the table of documents."""
        starts = accumulate((len(references) for references in self._held), initial=0)
        return dict(zip(self._held, starts, strict=False))

    @cached_property
    def _ceilings(self) -> dict[tuple[str, ...], float]:
        """References -> ceiling, computed for the whole set at once."""
        return self._best(list(self._places))

    def _cut(self, captions: Sequence[str]) -> list[tuple[str, ...]]:
        return [tuple(t.split()) if self.tokens == "blanks" else caption_tokens(t) for t in captions]

    def _values(self, pairs: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]:
        """The score of each text against its references; 0 without references."""
        import numpy as np

        documents, places = self._documents, self._places
        known = [(i, own) for i, (_, own) in enumerate(pairs) if own in places]
        new = [(i, own) for i, (_, own) in enumerate(pairs) if own not in places]
        others = [own for _, own in new]
        start = dict(zip(others, accumulate(map(len, others), initial=len(pairs)), strict=False))
        cut = self._cut([text for text, _ in pairs])
        answers = documents.read(cut + [tokens for own in others for tokens in self._cut(own)])
        total = np.zeros(len(pairs))
        for table, first, rows_of in ((documents.table, places, known), (answers, start, new)):
            rows = [(i, first[own] + k) for i, own in rows_of for k in range(len(own))]
            answer_at, reference_at = np.array(rows, dtype=np.int64).reshape(-1, 2).T
            total += np.bincount(answer_at, similarities(answers, answer_at, table, reference_at), len(pairs))
        sizes = np.array([max(1, len(own)) for _, own in pairs])
        values: list[float] = np.minimum(10.0, 10.0 * total / sizes).tolist()
        return values

    def _best(self, held: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
        """References -> the best score of one of them as an answer."""
        best: dict[tuple[str, ...], float] = {}
        for start in range(0, len(held), _AT_ONCE):
            distinct_of = {own: tuple(dict.fromkeys(own)) for own in held[start : start + _AT_ONCE]}
            values = iter(self._values([(r, own) for own, distinct in distinct_of.items() for r in distinct]))
            best |= {own: max((next(values) for _ in d), default=0.0) for own, d in distinct_of.items()}
        return best


def _pairs(judged: Sequence[Judged]) -> list[tuple[str, tuple[str, ...]]]:
    """The text and the references of each answer."""
    return [(written_for(j.value, j.sample), tuple(texts(j.sample))) for j in judged]


_AT_ONCE = 2_000
"""Samples of which ceilings are computed at once, to bound memory."""
