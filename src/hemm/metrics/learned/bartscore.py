"""BARTScore: the likelihood of one text given another in a sequence-to-sequence model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from hemm.core import Group, Sample
from hemm.metrics.base import one_of, texts, written
from hemm.metrics.learned.base import LearnedMetric

DEFAULT = "facebook/bart-large-cnn"
DIRECTIONS = ("pred_to_ref", "ref_to_pred")


@dataclass(frozen=True)
class BartScore(LearnedMetric):
    """BARTScore (Yuan et al. 2021): mean log-likelihood of a token of the reference given the answer in lower
    case, the highest over the references.

    The encoder reads the answer, the decoder is forced to the reference; the mean is over all tokens of the
    reference with its start and end marks, as in the authors' code. Both texts are cut at 1024 tokens (or
    what the checkpoint takes). An empty answer is the start and end marks alone. From minus infinity to 0;
    failed answers are left out of means, since there is no worst score. The ceiling is what a reference
    scores given itself in lower case, the highest over the references: no bound, but what the paper
    normalises by.

    model             a name on the hub, or a folder (./x, /x, ~/x) with a BART or another
                      sequence-to-sequence checkpoint
    revision          branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                      checked
    download          yes: weights that are not on this machine are downloaded
    direction         pred_to_ref (the authors' recall, and HEMM's), ref_to_pred (their precision: the
                      encoder reads the reference, the decoder is forced to the answer), or f (the mean of
                      both for a reference, the highest over the references; each alone is a component)
    lower_references  yes: references in lower case too
    dtype             float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size        most texts in the model at once, or auto; changes values by no more than rounding
    device            auto, cpu, cuda, cuda:1, mps
    """

    model: str = DEFAULT
    direction: str = "pred_to_ref"
    lower_references: str = "no"
    _identity: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    name = "bartscore"
    title = "log-likelihood of the reference given the answer, by BART"
    range = (-math.inf, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("lower_references", self.lower_references, ("yes", "no"))
        one_of("direction", self.direction, (*DIRECTIONS, "f"))

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "direction": "" if self.direction == "pred_to_ref" else self.direction,
            "lower_references": "yes" if self.lower_references == "yes" else "",
        }

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """The main value; with direction=f also that of each direction."""
        return ("", *DIRECTIONS) if self.direction == "f" else ("",)

    def over(self, samples: Sequence[Sample]) -> Self:
        """The same metric, with the ceilings of these samples computed in common batches."""
        bound = replace(self)
        bound._identity.update(self._identities([r for s in samples for r in texts(s)]))
        return bound

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches; None where a sample has no text reference."""
        answers = [(written(g[0].value), texts(g[0].sample)) for g in groups]
        values = iter(self._values([(answer, r) for answer, references in answers for r in references]))
        out: list[dict[str, float | None]] = []
        for _, references in answers:
            each = [next(values) for _ in references]
            names = self.components(())
            out.append({name: max((value[name] for value in each), default=None) for name in names})
        return out

    def ceiling(self, group: Sequence[Sample]) -> float:
        references = texts(group[0])
        known = self._identity
        if any(r not in known for r in references):
            known = self._identities(references)
        return max((known[r] for r in references), default=0.0)

    def _identities(self, references: Sequence[str]) -> dict[str, float]:
        distinct = list(dict.fromkeys(references))
        values = self._values([(r, r) for r in distinct])
        return {r: value[""] for r, value in zip(distinct, values, strict=True)}

    def _values(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
        """The components of each (answer, reference)."""
        ways = DIRECTIONS if self.direction == "f" else (self.direction,)
        likelihoods = iter(self._likelihoods([self._texts(*pair, way) for way in ways for pair in pairs]))
        by_way = {way: [next(likelihoods) for _ in pairs] for way in ways}
        rows = [dict(zip(ways, row, strict=True)) for row in zip(*by_way.values(), strict=True)]
        if self.direction == "f":
            return [{"": math.fsum(row.values()) / 2, **row} for row in rows]
        return [{"": row[self.direction]} for row in rows]

    def _texts(self, answer: str, reference: str, way: str) -> tuple[str, str]:
        """The encoder's text and the decoder's text."""
        wanted = reference.lower() if self.lower_references == "yes" else reference
        return (answer.lower(), wanted) if way == "pred_to_ref" else (wanted, answer.lower())

    def _likelihoods(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if not pairs:
            return []
        from hemm.metrics.learned.seq2seq import scorer

        return scorer(str(self.resolved()[0]), self.device, self.dtype).likelihoods(pairs, self.batch_size)
