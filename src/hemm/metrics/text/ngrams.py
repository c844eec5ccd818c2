"""CIDEr-D's similarities of many texts at once: counts of n-grams as arrays, joined by sorting.

The n-grams of a set of documents are numbered once; other texts use these numbers, and higher ones for
n-grams that no document has. All sums are in the order in which n-grams first occur in a text, so that a
similarity depends only on its two texts and the documents, to the last bit, and not on the other texts of the
call.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Real = NDArray[np.float64]

LONGEST = 4
SIGMA = 6.0
_PAIRS = 16_384
"""Pairs of texts that are compared at once, to bound memory."""

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class Entries:
    """The distinct n-grams of each text for one n: texts one after the other, each in reading order.

    text, gram  the text and the number of an n-gram; kinds: all numbers are below it
    weight      its tf-idf; norm: the Euclidean norm of each text's weights; ends: where each text's end
    """

    text: Ints
    gram: Ints
    weight: Real
    norm: Real
    ends: Ints
    kinds: int

    @cached_property
    def lookup(self) -> tuple[Ints, Ints]:
        """Sorted keys (text x kinds + number), and the place of each."""
        key = self.text * self.kinds + self.gram
        order = _in_order(key)
        return key[order], order


@dataclass(frozen=True)
class Table:
    """Texts with their weighted n-grams for n = 1 to 4, and their number of tokens."""

    entries: tuple[Entries, ...]
    lengths: Ints


@dataclass(frozen=True)
class Documents:
    """Document frequencies of n-grams; a document is the references of one sample.

    words    token -> number
    keys     for n = 2 to 4 the sorted keys of all n-grams: number of the first n - 1 tokens' n-gram x words +
             number of the last token; an n-gram's number is its place here (for n = 1 the token's number)
    idf      for n = 1 to 4 the inverse document frequency by number: log(documents / those that have it)
    table    the references themselves, document after document
    """

    size: int
    words: Mapping[str, int]
    keys: tuple[Ints, ...]
    idf: tuple[Real, ...]
    table: Table

    @classmethod
    def of(cls, samples: Iterable[Sequence[Tokens]]) -> Documents:
        """The documents of samples' tokenised references; a sample without any is no document."""
        import numpy as np

        held = [references for references in samples if references]
        texts = [tokens for references in held for tokens in references]
        owner = np.repeat(np.arange(len(held)), [len(references) for references in held])
        words = {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(texts)))}
        log_count = math.log(max(1, len(held)))
        keys, idfs, entries = [], [], []
        for n, (text, gram, fresh, order) in enumerate(_levels(texts, words, (), 0), 1):
            kinds = len(words) if n == 1 else len(fresh)
            first, count, grams, of_texts = _distinct(text, gram, order)
            once = _changes(grams) | _changes(owner[of_texts])
            idf = log_count - np.log(np.maximum(1, np.bincount(grams[once], minlength=kinds)))
            keys.append(fresh)
            idfs.append(idf)
            text, gram = text[first], gram[first]
            entries.append(_entries(text, gram, count * idf[gram], len(texts), kinds))
        return cls(len(held), words, tuple(keys[1:]), tuple(idfs), Table(tuple(entries), _lengths(texts)))

    def read(self, texts: Sequence[Tokens]) -> Table:
        """Other texts, weighted by these documents."""
        import numpy as np

        entries = []
        for idf, (text, gram, fresh, order) in zip(
            self.idf, _levels(texts, self.words, self.keys, len(self.words)), strict=True
        ):
            first, count, _, _ = _distinct(text, gram, order)
            text, gram = text[first], gram[first]
            each = np.full(len(gram), math.log(max(1, self.size)))
            known = np.flatnonzero(gram < len(idf))
            each[known] = idf[gram[known]]
            entries.append(_entries(text, gram, count * each, len(texts), len(idf) + len(fresh)))
        return Table(tuple(entries), _lengths(texts))


def _lengths(texts: Sequence[Tokens]) -> Ints:
    import numpy as np

    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def _levels(
    texts: Sequence[Tokens], words: Mapping[str, int], known: Sequence[Ints], known_words: int
) -> Iterable[tuple[Ints, Ints, Ints, Ints | None]]:
    """For n = 1 to 4 all n-grams in reading order: text and number of each, the keys (sorted) of the numbers
    that come after those of ``known``, and, where it is known, the order of the numbers (``_in_order``)."""
    import numpy as np

    numbers = dict.fromkeys(chain.from_iterable(texts)) if known else words  # documents have made their words
    more = [word for word in numbers if word not in words]
    number = {word: words[word] for word in numbers if word in words}
    number |= {word: len(words) + i for i, word in enumerate(more)}
    radix = max(1, len(words) + len(more))
    lengths = _lengths(texts)
    flat = np.fromiter(
        map(number.__getitem__, chain.from_iterable(texts)), dtype=np.int64, count=int(lengths.sum())
    )
    text = np.repeat(np.arange(len(texts)), lengths)
    # tokens from each position to the end of its text
    remaining = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(flat))
    yield text, flat, np.arange(len(more)), None
    before, heads = flat.copy(), known_words
    for n in range(2, LONGEST + 1):
        starts = np.flatnonzero(remaining >= n)
        head, last = before[starts], flat[starts + (n - 1)]
        kinds, order = len(known[n - 2]) if known else 0, None
        if kinds:
            gram = np.full(len(starts), -1)
            maybe = np.flatnonzero((head < heads) & (last < known_words))
            key = head[maybe] * known_words + last[maybe]
            place = np.minimum(np.searchsorted(known[n - 2], key), kinds - 1)
            hit = known[n - 2][place] == key
            gram[maybe[hit]] = place[hit]
            new = np.flatnonzero(gram < 0)
            fresh, gram[new], _ = _numbered(head[new] * radix + last[new], kinds)
        else:
            fresh, gram, order = _numbered(head * radix + last, 0)
        yield text[starts], gram, fresh, order
        before[starts], heads = gram, kinds


def _in_order(key: Ints) -> Ints:
    """Places of ``key`` sorted by value, equal ones in their order (all at least 0).

    By 16 bits at a time, which NumPy sorts by counting.
    """
    import numpy as np

    order = np.argsort((key & 0xFFFF).astype(np.uint16), kind="stable")
    most, shift = int(key.max(initial=0)), 16
    while most >> shift:
        order = order[np.argsort((key[order] >> shift & 0xFFFF).astype(np.uint16), kind="stable")]
        shift += 16
    return order


def _changes(values: Ints) -> NDArray[np.bool_]:
    """Mask of values that differ from the one before; True for the first."""
    import numpy as np

    out = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=out[1:])
    return out


def _numbered(key: Ints, start: int) -> tuple[Ints, Ints, Ints]:
    """The sorted distinct keys, the number of each key (its index among them plus ``start``), and their
    order."""
    import numpy as np

    order = _in_order(key)
    ordered = key[order]
    fresh = _changes(ordered)
    number = np.empty(len(key), dtype=np.int64)
    number[order] = np.cumsum(fresh) + (start - 1)
    return ordered[fresh], number, order


def _distinct(text: Ints, gram: Ints, order: Ints | None) -> tuple[Ints, Ints, Ints, Ints]:
    """First position and count of each n-gram of each text; n-grams and their texts, sorted."""
    import numpy as np

    order = _in_order(gram) if order is None else order
    grams, texts = gram[order], text[order]
    starts = np.flatnonzero(_changes(grams) | _changes(texts))
    often = np.zeros(len(gram), dtype=np.int64)
    often[order[starts]] = np.diff(starts, append=len(gram))
    first = np.flatnonzero(often)
    return first, often[first], grams, texts


def _entries(text: Ints, gram: Ints, weight: Real, texts: int, kinds: int) -> Entries:
    import numpy as np

    norm = np.sqrt(np.bincount(text, weight * weight, texts))
    return Entries(text, gram, weight, norm, np.cumsum(np.bincount(text, minlength=texts)), max(1, kinds))


def similarities(answers: Table, candidates: Ints, references: Table, targets: Ints) -> Real:
    """CIDEr-D's similarity (0 to 1) of text ``candidates[i]`` of ``answers`` to text ``targets[i]`` of
    ``references``, for every i. Both tables are weighted by the same documents."""
    import numpy as np

    total = np.zeros(len(candidates))
    for start in range(0, len(candidates), _PAIRS):
        pairs = slice(start, start + _PAIRS)
        for mine, theirs in zip(answers.entries, references.entries, strict=True):
            total[pairs] += _cosines(mine, candidates[pairs], theirs, targets[pairs])
    # the evaluator uses the number of bigrams as length
    bigrams = (np.maximum(0, t.lengths - 1) for t in (answers, references))
    gap = (next(bigrams)[candidates] - next(bigrams)[targets]).astype(np.float64)
    return total / LONGEST * np.exp(-(gap * gap) / (2 * SIGMA**2))


def _cosines(mine: Entries, candidates: Ints, theirs: Entries, targets: Ints) -> Real:
    """The clipped cosine of each pair for one n; 0 if a text has no weight."""
    import numpy as np

    keys, places = mine.lookup
    sizes = np.diff(theirs.ends, prepend=0)[targets]
    pair = np.repeat(np.arange(len(candidates)), sizes)
    place = np.arange(len(pair)) + np.repeat(theirs.ends[targets] - np.cumsum(sizes), sizes)
    key = candidates[pair] * mine.kinds + theirs.gram[place]
    clipped: Real = np.zeros(len(candidates))
    if len(keys):
        at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        shared = np.flatnonzero(keys[at] == key)
        weight = theirs.weight[place[shared]]
        products = np.minimum(mine.weight[places[at[shared]]], weight) * weight
        clipped = np.bincount(pair[shared], products, len(candidates)).astype(np.float64, copy=False)
    norms = mine.norm[candidates] * theirs.norm[targets]
    return np.divide(clipped, norms, out=np.zeros(len(candidates)), where=norms > 0)
