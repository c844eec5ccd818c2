"""Models that ignore pictures: chance, the most frequent answer, and the right one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hemm.core import (
    BatchModel,
    Capabilities,
    HemmError,
    Identity,
    Judged,
    Media,
    Metric,
    Outcome,
    Pack,
    Request,
    Response,
    Sample,
    SetMetric,
    Task,
    Usage,
    keyed_number,
)
from hemm.data.pack.columns import RowNumbers
from hemm.metrics import resolve as metric_of
from hemm.models.options import ModelOptions
from hemm.parsing.picture_format import Pictured

SURE = 0.99
"""Probability that a baseline gives to its answer when options are scored by likelihood."""


class Baseline(BatchModel):
    """Base of the baselines. The references come from ``bind``, never from a request."""

    version = "1"
    draws = False
    spec: str
    identity: Identity
    capabilities: Capabilities
    batch_size: int

    def __init__(self, spec: str, options: ModelOptions) -> None:
        options.read("baseline", {})
        self.spec = spec
        self.identity = Identity(spec, self.version)
        self.capabilities = Capabilities(
            outputs=frozenset({"text", "image"}), likelihood=True, draws=self.draws
        )
        self.batch_size = options.batch_size or 256
        self._task: Task | None = None
        self._pack: Pack
        self._rows = RowNumbers(())

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def bind(self, task: Task, pack: Pack) -> None:
        """Take the references of ``pack`` (prepared from ``task``)."""
        self._task, self._pack = task, pack
        self._rows = RowNumbers(pack.index().ids)

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One answer for each request. Raises HemmError before ``bind`` and for a sample of another pack."""
        rows = self._rows.of([r.sample_id for r in requests]).tolist()
        return [self._respond(request, row) for request, row in zip(requests, rows, strict=True)]

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The answer of this baseline: text as a model would write it, or a picture."""
        raise NotImplementedError

    def _respond(self, request: Request, row: int) -> Response:
        if self._task is None:
            raise HemmError(f"{self.spec} knows no references: bind it to a task and its pack first")
        if row < 0:
            raise HemmError(f"{self.spec}: sample {request.sample_id!r} is not in the pack it is bound to")
        text = self.answer(self._task, self._pack.sample(row), request)
        if isinstance(text, Media):
            return Response(media=(text,))
        if not request.options:
            return Response(text=text, usage=Usage(0, 0, 0.0))
        scores = one_hot(text, request.options)
        best = max(range(len(scores)), key=scores.__getitem__)
        return Response(text=request.options[best], options=scores, usage=Usage(0, 0, 0.0))


class Oracle(Baseline):
    """The right answer, as a perfect answerer would write it."""

    _metric: Metric | None = None

    def bind(self, task: Task, pack: Pack) -> None:
        """Find the headline metric, by which the best of several references is chosen."""
        super().bind(task, pack)
        metric = metric_of(task.metrics[0])
        judges = metric.group == "sample" and not metric.needs
        if judges and isinstance(metric, SetMetric):
            metric = metric.over([replace(s, media=(), stored_hash=s.sample_hash) for s in pack.samples()])
        self._metric = metric if judges else None

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The reference that the headline metric scores highest; of equal ones the most frequent, then the
        first.

        If that metric scores several samples at once or needs weights, the most frequent reference.
        """
        counts = Counter(sample.references)
        if len(counts) < 2 or self._metric is None:
            return written(task, _reference(sample), sample)
        best = max(counts, key=lambda r: (self._score(task, r, sample), counts[r]))
        return written(task, best, sample)

    def _score(self, task: Task, reference: str | Media, sample: Sample) -> float:
        text = written(task, reference, sample)
        value = task.answer.parse(text, sample) if isinstance(text, str) else None
        if self._metric is None or value is None:
            return -math.inf
        judged = Judged(sample, 0, Response(text=str(text)), Outcome.OK, value)
        found = self._metric.score([[judged]])[0][""]
        if found is None:
            return -math.inf
        return found if self._metric.higher_is_better else -found


class Random(Baseline):
    """Chance: one of the options, uniform; for open questions the reference of another sample."""

    draws = True

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """An option or reference, drawn by the run's seed, the sample and the repeat alone."""
        key = ("baseline/random", request.generation.seed, sample.id, request.repeat)
        options = task.answer.options(sample)
        if options:
            return options[keyed_number(*key) % len(options)]
        total = len(self._rows)
        for attempt in range(64):
            other = self._pack.sample(keyed_number(*key, attempt) % total)
            if other.cluster != sample.cluster and other.references:
                return written(task, _reference(other), sample)
        raise HemmError(f"{self.spec}: the pack has no sample of another cluster to draw an answer from")


class Counts:
    """How often each answer, and each place in the list of options, is right."""

    def __init__(self) -> None:
        self.values: Counter[Any] = Counter()
        self.places: Counter[int] = Counter()

    def add(self, value: Any, place: int) -> None:
        """One more sample; ``place`` is -1 where it has no options."""
        self.values[value] += 1
        if place >= 0:
            self.places[place] += 1


class Majority(Baseline):
    """The most frequent reference of the shots split, or of the other clusters where there is none."""

    def __init__(self, spec: str, options: ModelOptions) -> None:
        super().__init__(spec, options)
        self._all = Counts()
        self._clusters: dict[str, Counts] = {}
        self._texts: dict[Any, str] = {}

    def bind(self, task: Task, pack: Pack) -> None:
        """Count the references once: of the shots split, else of all samples and of each cluster.

        Raises HemmError for a task that is answered with pictures.
        """
        super().bind(task, pack)
        if isinstance(task.answer, Pictured):
            raise HemmError(
                f"{self.spec}: the answers to {task.name} are pictures, of which none is frequent"
            )
        self._all, self._clusters, self._texts = Counts(), {}, {}
        split = "shots" if len(pack.index("shots").ids) > 0 else "test"
        for sample in pack.samples(split=split):
            reference = _reference(sample) if sample.references else None
            if not isinstance(reference, str):
                continue
            text = task.answer.render(reference, sample)
            value = _value(task, text, sample)
            self._texts.setdefault(value, reference)
            options = task.answer.options(sample)
            place = options.index(text) if text in options else -1
            self._all.add(value, place)
            if split == "test":
                self._clusters.setdefault(sample.cluster, Counts()).add(value, place)

    def answer(self, task: Task, sample: Sample, request: Request) -> str | Media:
        """The most frequent reference; for a sample with options, the most frequent of these.

        If none of the options was ever right, the option in the most frequent place. Of equal ones the first
        in the list, or in the alphabet for open questions.
        """
        cluster = self._clusters.get(sample.cluster, Counts())
        options = task.answer.options(sample)
        if options:
            values = [_value(task, o, sample) for o in options]
            counts = [self._all.values[v] - cluster.values[v] for v in values]
            if not any(counts):
                counts = [self._all.places[i] - cluster.places[i] for i in range(len(options))]
            return options[max(range(len(options)), key=lambda i: (counts[i], -i))]
        others = [(cluster.values[v] - n, self._texts[v]) for v, n in self._all.values.items()]
        count, reference = min(others, default=(0, ""))
        if count == 0:
            raise HemmError(f"{self.spec}: no other cluster of the pack has a reference to count")
        return written(task, reference, sample)


def written(task: Task, reference: str | Media, sample: Sample) -> str | Media:
    """A reference as a perfect answerer would give it."""
    return reference if isinstance(reference, Media) else task.answer.render(reference, sample)


def _value(task: Task, text: str, sample: Sample) -> Any:
    """The answer parsed from ``text``, so that different wordings of it count as one."""
    value = task.answer.parse(text, sample)
    return text if value is None else value


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
