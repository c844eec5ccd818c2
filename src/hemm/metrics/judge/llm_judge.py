"""A model as judge of answers, by a rubric or in comparison with another answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from hemm.core import (
    Generation,
    Group,
    HemmError,
    Identity,
    Judge,
    Judged,
    Media,
    Message,
    Metric,
    ProtocolSpec,
    Request,
    Response,
    Sample,
    canonical,
    request_key,
)
from hemm.metrics.base import one_of, texts, written
from hemm.metrics.judge.rubrics import RUBRICS, Block, Rubric, framed, rubric_named, verdict

_ABSENT = object()

Others = Mapping[tuple[str, int], str | None]
"""(sample id, repeat) -> another model's answer; None where it failed."""


@dataclass(frozen=True)
class LlmJudge(Metric):
    """What a language model says of an answer.

    ``graded``: the verdict by a rubric, on its scale: ``graded`` 1 to 5 against the references, ``correct`` 0
    or 1, ``caption`` 1 to 5, or a file of your own. ``pairwise``: 1 where the answer is preferred to another
    one, 0.5 for a tie, 0 where the other is preferred. The judge is asked in both orders, and a side wins
    where it has more of the two verdicts; two verdicts for the same place are a tie. Components: ``win``,
    ``tie``, ``loss``, and the share of answers where both verdicts were for the ``first`` or the ``second``
    place.

    The judge sees the prompt (pictures as ``[image]``), the fields that its rubric names, the references and
    the answer as it was parsed, no picture. Verdicts are read from the last line of its reply alone; one that
    cannot be read is a null with its own count. Verdicts are kept beside the scores: nothing is asked twice.

    model      the judge, as models are written: openai/NAME, http://host:port/v1#NAME, hf/ORG/NAME, ...
    rubric     graded, correct, caption, attempted, or ./FILE.yaml
    mode       graded or pairwise
    against    pairwise: ``reference`` (the first one), or the name of a model that answered the same task in
               the same results folder
    tokens     how long a reply may be (512)
    settings   of the judge's adapter: KEY:VALUE;KEY:VALUE
    judge, revision, text, scale, extra  who the judge is and what it is told; found from ``model`` and
               ``rubric``, and enough to read stored verdicts
    """

    model: str = ""
    rubric: str = ""
    mode: str = "graded"
    against: str = "reference"
    tokens: str = "512"
    settings: str = ""
    judge: str = ""
    revision: str = ""
    text: str = ""
    scale: str = ""
    extra: str = ""
    _judge: Judge | None = field(default=None, init=False, repr=False, compare=False)
    _others: Others | None = field(default=None, init=False, repr=False, compare=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    name: ClassVar[str] = "judge"
    title: ClassVar[str] = "verdict of a language model by a rubric"
    version: ClassVar[int] = 2
    group: ClassVar[str] = "sample"
    higher_is_better: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"judge"})

    def __post_init__(self) -> None:
        one_of("mode", self.mode, ("graded", "pairwise"))
        if self.scale and not re.fullmatch(r"-?[\d.]+\.\.-?[\d.]+", self.scale):
            raise HemmError(f"metric parameter scale={self.scale!r} is no LOW..HIGH")
        if not self.tokens.isdecimal() or int(self.tokens) < 1:
            raise HemmError(f"metric parameter tokens={self.tokens!r} is no whole number from 1 up")
        if self.mode == "graded" and self.against != "reference":
            raise HemmError("metric judge: against= is for mode=pairwise")
        if self.rubric == "pairwise" and self.mode != "pairwise":
            raise HemmError("metric judge: rubric=pairwise is for mode=pairwise")
        if self.mode == "pairwise" and self.rubric in RUBRICS and not RUBRICS[self.rubric].pairwise:
            raise HemmError(f"metric judge: rubric={self.rubric} is for mode=graded")

    # what it is

    @cached_property
    def by(self) -> Rubric:
        """The rubric. Raises UnknownName or BadData, and HemmError if its file has changed since it was
        used."""
        pairwise = self.mode == "pairwise"
        rubric = rubric_named(self.rubric or self.mode, pairwise=pairwise)
        if self.text and self.text != rubric.digest:
            raise HemmError(
                f"metric judge: rubric {rubric.name} is not the one that was used (text {rubric.digest}, "
                f"not {self.text}): leave out text= to judge by the new one"
            )
        return rubric

    @property
    def range(self) -> tuple[float, float]:
        if self.scale:  # stored with the scores, so that they can be read without the rubric's file
            low, _, high = self.scale.partition("..")
            return float(low), float(high)
        return self.by.range

    @property
    def parameters(self) -> Mapping[str, str]:
        """The judge's identity, settings and rubric, without its address."""
        values = {
            "judge": self.judge,
            "revision": self.revision,
            "rubric": self.rubric or self.mode,
            "text": self.text,
            "mode": "" if self.mode == "graded" else self.mode,
            "against": "" if self.against == "reference" else self.against,
            "tokens": "" if self.tokens == "512" else self.tokens,
            "scale": self.scale,
            "extra": self.extra,
        }
        if not (self.judge or self.model):  # so that the bare name gives itself back
            values["rubric"] = self.rubric
        return {name: value for name, value in values.items() if value}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("", "win", "tie", "loss", "first", "second") if self.mode == "pairwise" else ("",)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return self.range[1]

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None

    # called by the engine

    def known_as(self, identity: Identity, extra: Sequence[tuple[str, str]] = ()) -> LlmJudge:
        """The same metric with the judge's identity, its settings that change answers (``extra``), and the
        rubric's digest and scale as parameters. Raises as ``by`` does."""
        low, high = self.by.range
        return replace(
            self,
            judge=identity.name,
            revision=identity.revision,
            text=self.by.digest,
            scale="" if (self.rubric or self.mode) in RUBRICS else f"{low:g}..{high:g}",
            extra=";".join(f"{key}:{value}" for key, value in extra),
        )

    def asking(self, judge: Judge, others: Others | None = None) -> LlmJudge:
        """The same metric with its judge, and the answers to compare with (``against``)."""
        bound = replace(self)
        object.__setattr__(bound, "_judge", judge)
        object.__setattr__(bound, "_others", others)
        return bound

    def record(self) -> dict[str, Any]:
        """Judge, rubric, and counts of the last scoring: verdicts, unreadable ones, failed and unsent
        requests."""
        facts = {"rubric": self.by.name, "rubric_version": self.by.version, "rubric_text": self.by.text}
        who = {} if self._judge is None else self._judge.record()
        return {"judge": {**who, **facts, **self._counts}}

    # judging

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups; None where there is no verdict. Raises HemmError without a judge."""
        if not groups:
            return []
        if self._judge is None:
            raise HemmError(
                "metric judge has no model to ask: name one, as in --metric judge:model=openai/NAME"
            )
        self._counts.update(verdicts=0, unreadable=0, failed=0, not_asked=0)
        judged = [group[0] for group in groups]
        requests = [self._requests(j) for j in judged]
        replies = iter(self._judge.ask([request for pair in requests for request, _ in pair]))
        read = [[self._read(next(replies), code) for _, code in pair] for pair in requests]
        if self.mode == "pairwise":
            return [self._preferred(j, verdicts) for j, verdicts in zip(judged, read, strict=True)]
        return [{"": verdicts[0]} for verdicts in read]

    def _read(self, response: Response, code: str) -> float | None:
        value = verdict(response, code, self.by)
        failure = response.failure
        kind = "verdicts"
        if failure is not None:
            kind = "not_asked" if failure.kind == "not_asked" else "failed"
        elif value is None:
            kind = "unreadable"
        self._counts[kind] += 1
        return value

    def _requests(self, judged: Judged) -> list[tuple[Request, str]]:
        """The requests about an answer, each with the code that its verdict must name."""
        if isinstance(judged.value, Media):
            raise HemmError("metric judge reads texts, and these answers are pictures")
        sample, answer = judged.sample, written(judged.value)
        prompt = sample.fields.get("prompt", "")
        head: list[Block] = [("question", prompt)] if prompt else []
        head += [(name.replace("_", " ").lower(), self._field(sample, name)) for name in self.by.fields]
        references = texts(sample)
        if self.mode == "graded":
            return [self._request(judged, [*head, *_numbered(references), ("answer", answer)])]
        other = self._other(judged)
        if not isinstance(other, str) or other == answer:
            return []
        if self.against != "reference":
            head += _numbered(references)
        orders = ((answer, other), (other, answer))
        return [self._request(judged, [*head, ("first answer", a), ("second answer", b)]) for a, b in orders]

    def _field(self, sample: Sample, name: str) -> str:
        value = sample.metadata.get(name)
        if value in (None, ""):
            there = ", ".join(sample.metadata) or "none"
            raise HemmError(
                f"metric judge: rubric {self.by.name} shows the field {name!r} of a sample's metadata, which "
                f"sample {sample.id!r} does not have; it has: {there}"
            )
        return value if isinstance(value, str) else canonical(value).decode()

    def _request(self, judged: Judged, blocks: Sequence[Block]) -> tuple[Request, str]:
        assert self._judge is not None
        text, code = framed(self.by, blocks)
        extra = tuple((k, v) for k, _, v in (item.partition(":") for item in self.extra.split(";") if item))
        generation = Generation(max_new_tokens=int(self.tokens), extra=extra)
        spec = ProtocolSpec(self._judge.identity, self.by.digest, "", generation=generation)
        messages = (Message("user", (text,)),)
        key = request_key(spec.digest, messages, 0)
        return Request(judged.sample.id, 0, messages, generation, key), code

    def _other(self, judged: Judged) -> str | bool | None:
        """The text of the answer that this one is compared with; False if it failed, None if there is
        none."""
        if self.against == "reference":
            return next(iter(texts(judged.sample)), None)
        text = (self._others or {}).get((judged.sample.id, judged.repeat), _ABSENT)
        return None if text is _ABSENT else text if isinstance(text, str) else False

    def _preferred(self, judged: Judged, verdicts: Sequence[float | None]) -> dict[str, float | None]:
        other = self._other(judged)
        if other is False:
            return _sides(1.0, 0.0, 0.0)
        if other is None or None in verdicts:
            return dict.fromkeys(self.components((judged.sample,)))
        if not verdicts:  # the same text
            return _sides(0.5, 0.0, 0.0)
        shown_first, shown_second = verdicts
        assert shown_first is not None
        assert shown_second is not None
        both_first = shown_first == 1.0 and shown_second == 1.0
        both_second = shown_first == 0.0 and shown_second == 0.0
        share = (shown_first + 1.0 - shown_second) / 2
        value = 0.5 if share == 0.5 else float(share > 0.5)
        return _sides(value, float(both_first), float(both_second))


def _numbered(references: Sequence[str]) -> list[Block]:
    if len(references) == 1:
        return [("reference", references[0])]
    return [(f"reference {number}", text) for number, text in enumerate(dict.fromkeys(references), 1)]


def _sides(value: float, first: float, second: float) -> dict[str, float | None]:
    won = {"win": float(value == 1.0), "tie": float(value == 0.5), "loss": float(value == 0.0)}
    return {"": value, **won, "first": first, "second": second}
