"""BARTScore: how likely a sequence-to-sequence model finds the reference after the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hemm.core import Group, HemmError, MissingExtra, Sample
from hemm.metrics.base import SampleMetric, texts, written

DEFAULT = "facebook/bart-large-cnn"


@dataclass(frozen=True)
class BartScore(SampleMetric):
    """BARTScore: mean log-likelihood of a token of the reference given the answer in lower case, the highest
    over the references.

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
    lower_references  yes: references in lower case too
    batch_size        texts in the model at once; changes values by no more than rounding
    device            auto, cpu, cuda, cuda:1, mps
    """

    model: str = DEFAULT
    revision: str = ""
    download: str = "no"
    lower_references: str = "no"
    batch_size: str = "32"
    device: str = "auto"
    _identity: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    name = "bartscore"
    title = "log-likelihood of the reference given the answer, by BART"
    range = (-math.inf, 0.0)
    needs = frozenset({"weights"})

    def __post_init__(self) -> None:
        for parameter in ("download", "lower_references"):
            value = getattr(self, parameter)
            if value not in ("yes", "no"):
                raise HemmError(f"metric parameter {parameter}={value!r} is none of yes, no")
        if not self.batch_size.isdecimal() or int(self.batch_size) < 1:
            raise HemmError(f"metric parameter batch_size={self.batch_size!r} is no whole number from 1 up")

    @property
    def parameters(self) -> Mapping[str, str]:
        """Checkpoint and revision, once ``prepared`` has found it, and what else changes values."""
        given = {"model": self.model, "revision": self.revision}
        if self.lower_references == "yes":
            given["lower_references"] = "yes"
        return {name: value for name, value in given.items() if value}

    def prepared(self) -> BartScore:
        """The same metric with the revision of the weights on this machine, or downloaded if so asked.

        Raises MissingExtra without torch and transformers, HemmError where there are no weights.
        """
        return replace(self, revision=self._found()[1])

    def over(self, samples: Sequence[Sample]) -> BartScore:
        """The same metric with the ceilings of these samples computed together."""
        bound = replace(self)
        bound._identity.update(self._identities([r for s in samples for r in texts(s)]))
        return bound

    def value(self, answer: Any, sample: Sample) -> float:
        pairs = [(written(answer).lower(), self._target(r)) for r in texts(sample)]
        return max(self._likelihoods(pairs), default=math.nan)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches; None where a sample has no text reference."""
        said = [(written(g[0].value).lower(), g[0].sample) for g in groups]
        pairs = [(source, self._target(r)) for source, sample in said for r in texts(sample)]
        values = iter(self._likelihoods(pairs))
        best = [max((next(values) for _ in texts(sample)), default=None) for _, sample in said]
        return [{"": value} for value in best]

    def ceiling(self, group: Sequence[Sample]) -> float:
        references = texts(group[0])
        known = self._identity
        if any(r not in known for r in references):
            known = self._identities(references)
        return max((known[r] for r in references), default=0.0)

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    def _target(self, reference: str) -> str:
        return reference.lower() if self.lower_references == "yes" else reference

    def _identities(self, references: Sequence[str]) -> dict[str, float]:
        distinct = list(dict.fromkeys(references))
        values = self._likelihoods([(r.lower(), self._target(r)) for r in distinct])
        return dict(zip(distinct, values, strict=True))

    def _likelihoods(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if not pairs:
            return []
        from hemm.metrics.seq2seq import scorer

        return scorer(str(self._found()[0]), self.device).likelihoods(pairs, int(self.batch_size))

    def _found(self) -> tuple[Path, str]:
        """Folder and revision of the checkpoint."""
        if any(find_spec(package) is None for package in ("torch", "transformers")):
            raise MissingExtra("metric bartscore", "hf")
        from hemm.metrics.weights import folder_weights, hub_weights, is_folder

        if is_folder(self.model):
            return folder_weights(self.name, Path(self.model).expanduser(), self.revision)
        return hub_weights(self.name, self.model, self.revision, download=self.download == "yes")
