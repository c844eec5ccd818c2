"""From planned rows to requests: read, transform, render, key. Runs in the reader's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hemm.core import (
    BadData,
    Capabilities,
    Failure,
    Generation,
    HemmError,
    Media,
    Message,
    Pack,
    Request,
    Response,
    Sample,
    Task,
    request_key,
)
from hemm.core.text import counted
from hemm.models.image_fit import fit
from hemm.parsing.picture_format import Pictured
from hemm.tasks.perturbations.texts import CannotPerturb
from hemm.tasks.prompt import Renderer
from hemm.tasks.transforms import NoDonor, Ring, Transform, identity

REQUEST_RULES = 2
"""Version of what makes requests of samples: rendering, fitting of pictures, choice of donors and shots.

Rises with every change to what is sent (``tests/unchanged`` holds that); stored answers are compared anew."""

Numbers = np.ndarray[Any, np.dtype[np.int64]]

Earlier = Callable[[str, int], Response]
"""(sample id, repeat) -> its answer in this cell."""


class Item:
    """One planned answer: its request, or why there can be none (``failure``).

    ``known``: the journal has the answer to exactly this request. ``stale``: that answer was stored with
    another judging side of its sample.
    """

    __slots__ = ("failure", "known", "position", "repeat", "request", "sample", "stale")

    def __init__(
        self, position: int, repeat: int, sample: Sample, request: Request, failure: Failure | None
    ) -> None:
        self.position, self.repeat = position, repeat
        self.sample, self.request, self.failure = sample, request, failure
        self.known = self.stale = False

    @property
    def unanswered(self) -> bool:
        """Whether the model is still to be asked."""
        return not self.known and self.failure is None


@dataclass(frozen=True)
class Shots:
    """Seeded choice of examples: never of the sample's own cluster, never one that shows its pictures."""

    count: int
    ring: Ring
    samples: Sequence[Sample]

    @classmethod
    def of(cls, pack: Pack, count: int, seed: int) -> Shots | None:
        """None if ``count`` is 0. Raises HemmError where the pack has too few shots."""
        if not count:
            return None
        samples = [s for s in pack.samples(split="shots") if not s.problem and s.references]
        if len(samples) < count:
            raise HemmError(
                f"--shots {count}: task {pack.task} has {len(samples) or 'no'} samples to serve as shots"
            )
        return cls(count, Ring("shots", seed, [s.id for s in samples]), samples)

    def for_sample(self, sample: Sample) -> list[Sample]:
        digests = {m.digest for m in sample.media}
        chosen: list[Sample] = []
        for number in self.ring.walk(sample.id):
            shot = self.samples[number]
            if shot.cluster == sample.cluster or not digests.isdisjoint(m.digest for m in shot.media):
                continue
            chosen.append(shot)
            if len(chosen) == self.count:
                return chosen
        raise HemmError(
            f"--shots {self.count}: only {len(chosen)} shots are of another cluster than sample {sample.id!r}"
        )


@dataclass(frozen=True)
class RequestBuilder:
    """Turns rows of a pack into the requests of one protocol.

    earlier  finds the answers that chained samples continue; without it (a dry run has no answers) every
             sample is rendered as the first of its chain
    judge    a sample that is asked -> what its answer is judged by, where the transform changes options or
             right answer
    """

    task: Task
    pack: Pack
    renderer: Renderer
    transform: Transform
    shots: Shots | None
    protocol: str
    generation: Generation
    capabilities: Capabilities
    earlier: Earlier | None = None
    judge: Transform = identity

    def items(self, rows: Numbers, repeats: Numbers, positions: Numbers) -> Iterator[Item]:
        """The items of these rows, in order. Rows ascend; equal rows are repeats of one sample."""
        unique, starts = np.unique(rows, return_index=True)
        ends = [*starts.tolist(), len(rows)][1:]
        for sample, start, end in zip(self.pack.samples(unique), starts.tolist(), ends, strict=True):
            prepared: tuple[Sample, tuple[Message, ...]] | None = None
            for index in range(start, end):
                repeat, position = int(repeats[index]), int(positions[index])
                try:
                    if sample.after is not None and self.earlier is not None:
                        messages = self._continue(sample, repeat, self.earlier)
                    else:
                        prepared = prepared or (sample, self.messages(sample))
                        messages = prepared[1]
                except _Unaskable as error:
                    yield self._item(position, repeat, sample, (), error.failure)
                    continue
                yield self._item(position, repeat, sample, messages, None)

    def _item(
        self,
        position: int,
        repeat: int,
        sample: Sample,
        messages: tuple[Message, ...],
        failure: Failure | None,
    ) -> Item:
        options: tuple[str, ...] = ()
        sample = sample if failure is not None else self.judge(sample)
        if self.generation.scoring == "likelihood":
            options = self.task.answer.options(sample)
            if not options:
                raise HemmError(
                    f"--set scoring=likelihood: task {self.task.name} has open answers, no options to score"
                )
        key = request_key(self.protocol, messages, repeat, options)
        request = Request(sample.id, repeat, messages, self.generation, key, options)
        return Item(position, repeat, sample, request, failure)

    def messages(self, sample: Sample, history: Sequence[Message] = ()) -> tuple[Message, ...]:
        """The messages for one sample: transform it, render it, fit its pictures to the model."""
        transformed = self._transformed(sample)
        shots = self.shots.for_sample(sample) if self.shots is not None else ()
        messages = self.renderer.messages(transformed, shots, history)
        return self._fitted(messages)

    def _transformed(self, sample: Sample) -> Sample:
        try:
            transformed = self.transform(sample)
        except BadData as error:
            raise _Unaskable(Failure("media", str(error), permanent=True)) from error
        except NoDonor as error:
            raise _Unaskable(Failure("donor", str(error), permanent=True)) from error
        except CannotPerturb as error:
            raise _Unaskable(Failure("perturb", f"cannot be perturbed: {error}", permanent=True)) from error
        if transformed.problem:
            raise _Unaskable(Failure("media", transformed.problem, permanent=True))
        return transformed

    def _fitted(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        limit = self.capabilities.max_images
        count = sum(not isinstance(p, str) for m in messages for p in m.parts)
        if limit is not None and count > limit:
            raise HemmError(
                f"task {self.task.name} shows {counted(count, 'picture')} in one prompt, "
                f"the model takes {limit}" + (": ask with fewer --shots" if self.shots else "")
            )
        return tuple(Message(m.role, tuple(self._fit(p) for p in m.parts)) for m in messages)

    def _fit(self, part: str | Media) -> str | Media:
        if isinstance(part, str):
            return part
        try:
            return fit(part, self.capabilities.image_types, self.generation.max_pixels)
        except BadData as error:
            raise _Unaskable(Failure("media", str(error), permanent=True)) from error

    # chains

    def _continue(self, sample: Sample, repeat: int, earlier: Earlier) -> tuple[Message, ...]:
        """The messages for a sample that continues another: the earlier turns and its own.

        If the earlier answer is a picture, the sample is shown that picture instead. In a task answered with
        pictures, turns without a picture are skipped; if all were, the sample keeps its own picture.
        """
        assert sample.after is not None
        if isinstance(self.task.answer, Pictured):
            drawn = self._last_drawn(self.task.answer, sample.after, repeat, earlier)
            media = sample.media if drawn is None else (drawn,)
            return self.messages(replace(sample, media=media, stored_hash=sample.sample_hash))
        answer = self._answered(sample.after, repeat, earlier)
        if answer.media:
            return self.messages(replace(sample, media=answer.media, stored_hash=sample.sample_hash))
        return self.messages(sample, self._history(sample.after, repeat, earlier))

    def _answered(self, name: str, repeat: int, earlier: Earlier) -> Response:
        answer = earlier(name, repeat)
        if answer.failure is not None:
            raise _Unaskable(
                Failure(
                    "earlier_turn",
                    f"{name}, which this sample continues, has no answer: {answer.failure.message}",
                    answer.failure.permanent,
                )
            )
        return answer

    def _last_drawn(self, answer: Pictured, name: str | None, repeat: int, earlier: Earlier) -> Media | None:
        """The last picture drawn in the chain up to ``name``, as the answer format reads it."""
        while name is not None:
            sample = self.pack.sample(self._row_of()[name])
            drawn: Media | None = answer.pictured(self._answered(name, repeat, earlier), sample)
            if drawn is not None:
                return drawn
            name = sample.after
        return None

    def _history(self, name: str, repeat: int, earlier: Earlier) -> list[Message]:
        sample = self.pack.sample(self._row_of()[name])
        before = self._history(sample.after, repeat, earlier) if sample.after is not None else []
        turn = self.renderer.messages(self._transformed(sample))[-1]
        return [*before, turn, Message("assistant", (earlier(name, repeat).text,))]

    def _row_of(self) -> Mapping[str, int]:
        rows: Mapping[str, int] | None = self.__dict__.get("_rows")
        if rows is None:
            rows = {name: row for row, name in enumerate(self.pack.index().ids)}
            self.__dict__["_rows"] = rows
        return rows


class _Unaskable(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
