"""BERTScore: how well the tokens of two texts match, by their vectors in context."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from hemm.core import Group, HemmError, Sample
from hemm.metrics.base import one_of, texts, written
from hemm.metrics.learned.base import LearnedMetric
from hemm.metrics.learned.torch_batches import Budget, halving, padded

if TYPE_CHECKING:
    from hemm.metrics.learned.encoders import TokenEncoder

DEFAULT = "microsoft/deberta-large-mnli"
Values = tuple[float, float, float]
"""Precision, recall, F1."""
NAMES = ("precision", "recall", "")

BASELINES: Mapping[str, tuple[int, Values]] = {
    "bert-base-uncased": (9, (0.35375935, 0.3537393, 0.35219112)),
    "microsoft/deberta-large-mnli": (18, (0.45358238, 0.45362508, 0.45173016)),
    "microsoft/deberta-xlarge-mnli": (40, (0.5169066, 0.5170288, 0.5150192)),
}
"""Model -> the layer that its authors recommend, and what unrelated English sentences score there, as
published with the package bert-score 0.3.13 (Zhang et al. 2020)."""

_BLOCK = 65_536
"""Tokens whose vectors are held at once (1,024 numbers each: 0.27 GB)."""


@dataclass(frozen=True)
class BertScore(LearnedMetric):
    """BERTScore (Zhang et al. 2020): each token of the answer is matched with the reference's token whose
    vector is the nearest by cosine, and the other way round; precision is the mean cosine of the answer's
    tokens, recall that of the reference's, and the value their F1. Components: precision, recall.

    Of several references the best, each component for itself. Start and end marks can be matched, but do
    not count; a cosine below 0 counts as 0. Rescaled values are (x - b) / (1 - b) with b what unrelated
    sentences score, so they can be below 0. An empty answer or reference scores 0 before rescaling: that is
    also what a failed answer counts. Texts are cut at what the checkpoint takes. The ceiling is 1.

    model       a name on the hub, or a folder (./x, /x, ~/x) with a text encoder
    layer       whose vectors; for models with a published baseline its own (deberta-large-mnli: 18)
    rescale     yes, no, or the name of the model in whose place a folder stands (its published baseline is
                taken); yes where the model's own is known, else no
    idf         yes: tokens count by log((n + 1) / (m + 1)), with m of the n references of the scored set
                (each sample once) having them; no value where all of a text's tokens count nothing
    lower       yes: both texts in lower case (as HEMM's code)
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most texts in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    model: str = DEFAULT
    layer: str = ""
    rescale: str = ""
    idf: str = "no"
    lower: str = "no"
    _references: Counter[str] = field(default_factory=Counter, init=False, repr=False, compare=False)

    name = "bertscore"
    title = "match of the tokens of answer and reference, by their vectors in context"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("idf", self.idf, ("yes", "no"))
        one_of("lower", self.lower, ("yes", "no"))
        known = BASELINES.get(self.model)
        if not self.layer:
            if known is None:
                raise HemmError(f"metric bertscore: say which layer of {self.model} to take: layer=K")
            object.__setattr__(self, "layer", str(known[0]))
        if not self.layer.isdecimal():
            raise HemmError(f"metric parameter layer={self.layer!r} is no whole number")
        if not self.rescale:
            own = known is not None and known[0] == int(self.layer)
            object.__setattr__(self, "rescale", "yes" if own else "no")
        lowest = self._rescaled((0.0, 0.0, 0.0))[2]
        object.__setattr__(self, "range", (lowest, 1.0))

    @property
    def baseline(self) -> Values | None:
        """What is rescaled by; None: nothing. Raises HemmError where no such baseline is published."""
        if self.rescale == "no":
            return None
        name = self.model if self.rescale == "yes" else self.rescale
        layer, values = BASELINES.get(name, (-1, (0.0, 0.0, 0.0)))
        if layer != int(self.layer):
            known = ", ".join(f"{n} layer {k}" for n, (k, _) in BASELINES.items())
            raise HemmError(
                f"metric bertscore: no baseline to rescale by is known for {name} layer {self.layer}: "
                f"say rescale=no (known: {known})"
            )
        return values

    @property
    def settings(self) -> Mapping[str, str]:
        values = {"layer": self.layer, "rescale": self.rescale}
        return values | {name: "yes" for name in ("idf", "lower") if getattr(self, name) == "yes"}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """F1 (the main value), precision, recall."""
        return ("", *NAMES[:2])

    def over(self, samples: Sequence[Sample]) -> Self:
        """The same metric with the document frequencies of these samples' references (idf=yes)."""
        bound = replace(self)
        if self.idf == "yes":
            once = {s.id: s for s in samples}
            bound._references.update(self._text(r) for s in once.values() for r in texts(s))
        return bound

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches; None where a sample has no text reference."""
        bound = self
        if self.idf == "yes" and not self._references:
            bound = self.over([g[0].sample for g in groups])
        answers = [
            (self._text(written(g[0].value)), [self._text(r) for r in texts(g[0].sample)]) for g in groups
        ]
        values = bound._matched([(answer, r) for answer, references in answers for r in references])
        scores = iter(values)
        return [bound._best([next(scores) for _ in references]) for _, references in answers]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def _text(self, text: str) -> str:
        return text.strip().lower() if self.lower == "yes" else text.strip()

    def _best(self, values: Sequence[Values]) -> dict[str, float | None]:
        """The highest over the references by component; None where none is a number."""
        best: dict[str, float | None] = {}
        for n, name in enumerate(NAMES):
            known = [v for row in values if not math.isnan(v := self._rescaled(row)[n])]
            best[name] = max(known, default=None)
        return best

    def _rescaled(self, values: Values) -> Values:
        base = self.baseline
        if base is None:
            return values
        p, r, f = ((value - b) / (1 - b) for value, b in zip(values, base, strict=True))
        return p, r, f

    def _matched(self, pairs: Sequence[tuple[str, str]]) -> list[Values]:
        """For each (answer, reference) its values before rescaling."""
        if not pairs:
            return []
        from hemm.metrics.learned.encoders import token_encoder

        encoder = token_encoder(str(self.resolved()[0]), int(self.layer), self.device, self.dtype)
        distinct = list(dict.fromkeys([t for pair in pairs for t in pair] + list(self._references)))
        ids = dict(zip(distinct, encoder.ids(distinct), strict=True))
        match = _Match(encoder, ids, self._weights(ids, encoder.marks), self.batch_size)
        known: dict[tuple[str, str], Values] = {}
        for block in _blocks(pairs, ids):
            known.update(zip(block, match.block(block), strict=True))
        return [known[pair] for pair in pairs]

    def _weights(self, ids: Mapping[str, Sequence[int]], marks: frozenset[int]) -> Mapping[int, float]:
        """What tokens count, where it is not 1."""
        if self.idf == "no":
            return dict.fromkeys(marks, 0.0)
        counts: Counter[int] = Counter()
        for text, times in self._references.items():
            for token in set(ids[text]):
                counts[token] += times
        count = self._references.total()
        every = {token for row in ids.values() for token in row}
        return {token: math.log((count + 1) / (counts[token] + 1)) for token in every}


def _blocks(
    pairs: Sequence[tuple[str, str]], ids: Mapping[str, Sequence[int]]
) -> Iterator[list[tuple[str, str]]]:
    """Distinct pairs, in blocks whose texts' vectors fit into memory together; equal answers side by side."""
    block: list[tuple[str, str]] = []
    held: set[str] = set()
    tokens = 0
    for pair in sorted(dict.fromkeys(pairs), key=lambda p: (len(ids[p[0]]), p[0])):
        tokens += sum(len(ids[text]) for text in {*pair} - held)
        held.update(pair)
        block.append(pair)
        if tokens >= _BLOCK:
            yield block
            block, held, tokens = [], set(), 0
    if block:
        yield block


@dataclass(frozen=True)
class _Match:
    """Greedy matching of texts whose token ids are known.

    weights  token -> what it counts, where that is not 1
    """

    encoder: TokenEncoder
    ids: Mapping[str, list[int]]
    weights: Mapping[int, float]
    batch_size: str

    def block(self, pairs: Sequence[tuple[str, str]]) -> list[Values]:
        """Values of distinct pairs, each text being encoded once. NaN where all tokens of a text count 0."""
        import torch

        distinct = list(dict.fromkeys(text for pair in pairs for text in pair))
        row = {text: n for n, text in enumerate(distinct)}
        vectors = self.encoder.vectors([self.ids[text] for text in distinct], self.batch_size)
        device = vectors.values.device

        def side(texts: Sequence[str]) -> tuple[Any, Any, Any]:
            counts = [[self.weights.get(token, 1.0) for token in self.ids[text]] for text in texts]
            weights, _ = padded(counts, 0.0, device)
            values, mask = vectors.rows([row[text] for text in texts], weights.shape[1])
            return values, mask, weights

        def matched(rows: list[int]) -> Any:
            candidate, candidate_mask, candidate_weights = side([pairs[i][0] for i in rows])
            reference, reference_mask, reference_weights = side([pairs[i][1] for i in rows])
            cosines = torch.bmm(candidate, reference.transpose(1, 2)).clamp(0.0, 1.0)
            cosines = cosines * (candidate_mask.unsqueeze(2) & reference_mask.unsqueeze(1))
            precision = (cosines.amax(2) * candidate_weights).sum(1) / candidate_weights.sum(1)
            recall = (cosines.amax(1) * reference_weights).sum(1) / reference_weights.sum(1)
            return torch.stack([precision, recall], 1)

        lengths = [max(len(self.ids[text]) for text in pair) for pair in pairs]
        out: list[Values] = [(0.0, 0.0, 0.0)] * len(pairs)
        with torch.inference_mode():
            parts = [
                part
                for batch in Budget.of("auto", str(device)).batches(lengths)
                for part in halving(batch, matched)
            ]
        for rows, values in parts:
            for i, (precision, recall) in zip(rows, values.tolist(), strict=True):
                if not any(self._empty(text) for text in pairs[i]):
                    out[i] = (precision, recall, _f1(precision, recall))
        return out

    def _empty(self, text: str) -> bool:
        return self.encoder.marks.issuperset(self.ids[text])


def _f1(precision: float, recall: float) -> float:
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0
