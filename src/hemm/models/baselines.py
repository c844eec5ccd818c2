"""Models that look at no picture: chance, the most frequent answer, and the right one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hemm.core import (
    Capabilities,
    HemmError,
    Identity,
    Media,
    Request,
    Response,
    Sample,
    Task,
    Usage,
    keyed_number,
)
from hemm.models.options import ModelOptions

SURE = 0.99
"""Probability that a baseline gives to its answer where the options are scored by likelihood."""


class Baseline:
    """What the baselines share. The references come with ``bind``, never through a request."""

    version = "1"

    def __init__(self, spec: str, options: ModelOptions) -> None:
        options.read("baseline", {})
        self.spec = spec
        self.identity = Identity(spec, self.version)
        self.capabilities = Capabilities(likelihood=True)
        self.batch_size = options.batch_size or 256
        self._task: Task | None = None
        self._pack: Any = None
        self._rows: dict[str, int] = {}

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def bind(self, task: Task, pack: Any) -> None:
        """Take the references of ``pack`` (a ``hemm.data.Pack`` of ``task``)."""
        self._task, self._pack = task, pack
        self._rows = {id: row for row, id in enumerate(pack.index().ids)}

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One answer for each request. Raises HemmError before ``bind`` and for a sample of another pack."""
        return [self._respond(r) for r in requests]

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The reference that this baseline answers with."""
        raise NotImplementedError

    def _respond(self, request: Request) -> Response:
        if self._task is None:
            raise HemmError(f"{self.spec} knows no references: bind it to a task and its pack first")
        row = self._rows.get(request.sample_id)
        if row is None:
            raise HemmError(f"{self.spec}: sample {request.sample_id!r} is not in the pack it is bound to")
        sample = self._pack.sample(row)
        reference = self.answer(self._task, sample, request)
        if isinstance(reference, Media):
            return Response(media=(reference,))
        text = self._task.answer.render(reference, sample)
        if not request.options:
            return Response(text=text, usage=Usage(0, 0, 0.0))
        scores = one_hot(text, request.options)
        best = max(range(len(scores)), key=scores.__getitem__)
        return Response(text=request.options[best], options=scores, usage=Usage(0, 0, 0.0))


class Oracle(Baseline):
    """The right answer, as a perfect answerer would write it."""

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The most frequent reference, the first of equals."""
        return _reference(sample)


class Random(Baseline):
    """Chance: one of the options, uniform; for open questions the reference of another sample."""

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """Drawn by the run's seed, the sample and the repeat alone."""
        key = ("baseline/random", request.generation.seed, sample.id, request.repeat)
        options = candidates(task, sample)
        if options:
            return options[keyed_number(*key) % len(options)]
        total = len(self._rows)
        for attempt in range(64):
            other = self._pack.sample(keyed_number(*key, attempt) % total)
            if other.cluster != sample.cluster and other.references:
                return _reference(other)
        raise HemmError(f"{self.spec}: the pack has no sample of another cluster to draw an answer from")


class Majority(Baseline):
    """The most frequent reference of the shots split, or of the other clusters where there is none."""

    def __init__(self, spec: str, options: ModelOptions) -> None:
        super().__init__(spec, options)
        self._texts: Counter[str] = Counter()
        self._places: Counter[int] = Counter()
        self._own: dict[str, tuple[Counter[str], Counter[int]]] = {}

    def bind(self, task: Task, pack: Any) -> None:
        """Count the references once: of the shots split, else of all samples and of each cluster."""
        super().bind(task, pack)
        self._texts, self._places, self._own = Counter(), Counter(), {}
        shots = len(pack.index("shots").ids) > 0
        for sample in pack.samples(split="shots" if shots else "test"):
            if not sample.references:
                continue
            reference = _reference(sample)
            if isinstance(reference, Media):
                continue
            options = candidates(task, sample)
            place = options.index(reference) if reference in options else -1
            texts, places = (
                (Counter(), Counter())
                if shots
                else self._own.setdefault(sample.cluster, (Counter(), Counter()))
            )
            for text_counts, place_counts in ((self._texts, self._places), (texts, places)):
                text_counts[reference] += 1
                if place >= 0:
                    place_counts[place] += 1

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The most frequent one; among this sample's options where it has some.

        Where none of the options was ever a reference, the most frequent place in the list. Equals: the
        first in the list, or in the alphabet for open questions.
        """
        texts, places = self._own.get(sample.cluster, (Counter(), Counter()))
        options = candidates(task, sample)
        if options:
            counts = [self._texts[o] - texts[o] for o in options]
            if not any(counts):
                counts = [self._places[i] - places[i] for i in range(len(options))]
            return options[max(range(len(options)), key=lambda i: (counts[i], -i))]
        best = min(self._texts, key=lambda t: (texts[t] - self._texts[t], t), default=None)
        if best is None or self._texts[best] == texts[best]:
            raise HemmError(f"{self.spec}: no other cluster of the pack has a reference to count")
        return best


def candidates(task: Task, sample: Sample) -> tuple[str, ...]:
    """The possible references of a sample: its choices, or the options that its answer format lists."""
    return tuple(sample.choices) or task.answer.options(sample)


def one_hot(text: str, options: Sequence[str]) -> tuple[float, ...]:
    """Natural-log probabilities: ``SURE`` for ``text``, the rest shared; uniform where it is no option."""
    if text not in options:
        return tuple(-math.log(len(options)) for _ in options)
    if len(options) == 1:
        return (0.0,)
    rest = math.log((1 - SURE) / (len(options) - 1))
    return tuple(math.log(SURE) if o == text else rest for o in options)


def _reference(sample: Sample) -> str | Media:
    """The most frequent reference of a sample, the first of equals."""
    if not sample.references:
        raise HemmError(f"sample {sample.id!r} has no reference")
    counts = Counter(sample.references)
    return max(counts, key=counts.__getitem__)
