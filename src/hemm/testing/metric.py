"""Does a metric keep its contract?"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from hemm.core import (
    AnswerFormat,
    CorpusMetric,
    Group,
    Judged,
    Media,
    Metric,
    Outcome,
    Response,
    Sample,
    SetMetric,
    completed,
    lacking,
)
from hemm.testing.findings import Findings, words

CLOSE = 1e-6
NEEDS = frozenset({"weights", "media", "logprobs", "judge"})
Values = Sequence[Mapping[str, float | None]]

_REFERENCES: tuple[tuple[str, ...], ...] = (
    ("a red bicycle",),
    ("two dogs", "2 dogs", "a pair of dogs"),
    ("Zürich", "zurich"),
    ("东京塔",),
    ("yes",),
    ("thirty-one",),
    ("an old man reading a newspaper on a bench", "a man who reads on a bench"),
)


def example_samples(group: str = "sample") -> list[Sample]:
    """Samples with short text references (several, accents, other scripts); by twos for other groups."""
    single = group == "sample"
    return [
        Sample(
            id=f"example-{i}",
            fields={"question": f"What is shown in picture {i}?"},
            references=references,
            unit="" if single else f"unit-{i // 2}",
            metadata={} if group in ("sample", "unit") else {group: f"group-{i // 2}"},
        )
        for i, references in enumerate(_REFERENCES)
    ]


def example_pictures() -> list[Sample]:
    """Samples whose references are pictures: several sizes, modes and patterns."""
    forms = (("RGB", (16, 12)), ("RGB", (16, 12)), ("L", (12, 16)), ("RGBA", (20, 20)), ("P", (5, 4)))
    return [
        Sample(
            id=f"example-{i}",
            fields={"caption": f"Picture {i}"},
            references=(_drawn(2 * i, *form), _drawn(2 * i + 1, *form))
            if i == 1
            else (_drawn(2 * i, *form),),
        )
        for i, form in enumerate(forms)
    ]


def _drawn(number: int, mode: str, size: tuple[int, int]) -> Media:
    """A small picture with a pattern of its own, as PNG."""
    from PIL import Image

    width, height = size
    values = [
        ((x * (number * 3 + 5) + y * 7) % 256, (y * (number + 9)) % 256, (number * 37 + x * y) % 256)
        for y in range(height)
        for x in range(width)
    ]
    picture = Image.new("RGB", size)
    picture.putdata(values)
    out = io.BytesIO()
    picture.convert(mode).save(out, "PNG")
    return Media(out.getvalue(), name=f"{number}.png", mime="image/png")


def check_metric(
    metric: Metric,
    *,
    samples: Sequence[Sample] | None = None,
    answer: AnswerFormat | None = None,
) -> None:
    """Raise AssertionError with every rule that ``metric`` breaks.

    ``samples`` are samples that it can judge, those of a group side by side (default: short answers in
    several scripts, or pictures where it needs ``media``); ``answer`` is the answer format that reads them
    (default: ``ShortAnswer``, or ``Picture``).

    Checked are its card (name, version, range, needs, parameters), and that values lie in the range, that
    the reference scores the ceiling and nothing more, that wrong answers score worse, that the same answers
    get the same values whatever else is in the batch and in whatever order, and that empty and odd answers
    are judged like others. A metric whose values belong to a set of samples (``over``) is bound to these.

    >>> from hemm.metrics import SampleMetric, texts
    >>> class Contains(SampleMetric):
    ...     name, title = "contains", "Whether the answer has the reference in it"
    ...     def value(self, answer, sample):
    ...         return float(any(reference in answer for reference in texts(sample)))
    >>> check_metric(Contains())
    >>> Contains.version = "2"
    >>> check_metric(Contains())
    Traceback (most recent call last):
        ...
    AssertionError: metric 'contains' breaks 1 rule:
      - the version is a whole number from 1 up: '2'
    """
    findings = Findings(f"metric {getattr(metric, 'name', metric)!r}")
    for name in lacking(metric, Metric):
        findings.add("a metric has all that hemm.core.Metric tells", f"no {name}")
    findings.finish()
    _check_card(metric, findings)
    examples = samples is None
    if not findings:
        from hemm.parsing.formats import ShortAnswer
        from hemm.parsing.picture_format import Picture

        looks = "media" in metric.needs
        if answer is None:
            answer = Picture() if looks else ShortAnswer()
        if samples is None:
            samples = example_pictures() if looks else example_samples(metric.group)
        chosen = list(samples)
        metric = completed(metric, Metric, "it")
        bound = metric.over(chosen) if isinstance(metric, SetMetric) else metric
        groups = tuple(tuple(g) for g in _grouped(metric.group, chosen))
        _Check(bound, answer, groups, findings, examples).all()
    findings.finish()


def _check_card(metric: Metric, findings: Findings) -> None:
    findings.require(
        re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", str(metric.name)) is not None,
        "the name is lower-case letters, digits, '_', '.', '-'",
        repr(metric.name),
    )
    findings.require(
        isinstance(metric.version, int) and metric.version >= 1,
        "the version is a whole number from 1 up",
        repr(metric.version),
    )
    findings.require(
        isinstance(metric.group, str) and bool(metric.group), "group is 'sample', 'unit' or a metadata key"
    )
    low, high = metric.range
    findings.require(low < high, "range is (lowest, highest)", repr(metric.range))
    findings.require(
        set(metric.needs) <= NEEDS, f"needs are among {', '.join(sorted(NEEDS))}", repr(metric.needs)
    )
    findings.require(
        all(isinstance(k, str) and isinstance(v, str) for k, v in metric.parameters.items()),
        "parameters are texts",
        repr(dict(metric.parameters)),
    )


def _grouped(group: str, samples: Sequence[Sample]) -> list[list[Sample]]:
    def key(sample: Sample) -> str:
        if group in ("sample", "unit"):
            return sample.id if group == "sample" else sample.unit
        return str(sample.metadata.get(group, sample.id))

    return [list(members) for _, members in groupby(samples, key)]


@dataclass(frozen=True)
class _Check:
    metric: Metric
    answer: AnswerFormat
    groups: tuple[tuple[Sample, ...], ...]
    found: Findings
    examples: bool
    """Whether the samples are our own examples, on which any metric tells right from wrong."""

    def all(self) -> None:
        """Every rule about values."""
        perfect = [self._perfect(group) for group in self.groups]
        if any(group is None for group in perfect):
            return
        right = [group for group in perfect if group is not None]
        best = self._score(right, "the references")
        if best is None:
            return
        wrong = [self._wrong(i, group) for i, group in enumerate(right)]
        worst = self._score(wrong, "wrong answers")
        self._ceiling(best, worst or [])
        self._direction(best, worst or [])
        mixed = [*right, *wrong]
        self._same_values(mixed)
        self._odd(right)
        if isinstance(self.metric, CorpusMetric):
            self._corpus(self.metric, mixed)

    def _judged(self, sample: Sample, text: str | Media) -> Judged | None:
        judged = answered(self.answer, sample, text)
        return judged if judged.outcome is Outcome.OK else None

    def _perfect(self, group: Sequence[Sample]) -> Group | None:
        answers = []
        for sample in group:
            perfect = [self.answer.render(r, sample) if isinstance(r, str) else r for r in sample.references]
            read = [j for j in (self._judged(sample, s) for s in perfect) if j is not None]
            if not read:
                self.found.add("the samples given have references that the answer format reads", sample.id)
                return None
            answers.append(self._best(read))
        return answers

    def _best(self, candidates: list[Judged]) -> Judged:
        """The reference that scores best alone, where the metric judges samples alone; else the first."""
        if self.metric.group != "sample" or len(candidates) == 1:
            return candidates[0]
        sign = 1 if self.metric.higher_is_better else -1
        try:
            values = [self.metric.score([[c]])[0].get("") for c in candidates]
        except Exception:  # the check of the references reports it
            return candidates[0]
        ranked = [(sign * v, -i) for i, v in enumerate(values) if v is not None]
        return candidates[-max(ranked)[1]] if ranked else candidates[0]

    def _wrong(self, index: int, right: Group) -> Group:
        """The group answered with other samples' references, or another option, or nonsense."""
        others = [r for g in self.groups for s in g for r in s.references]
        answers = []
        for n, sample in enumerate(self.groups[index]):
            own = {_folded(r) for r in sample.references}
            start = (index * 3 + n + 1) % len(others)
            wrong = [*self.answer.options(sample), *others[start:], *others[:start], "qwxzj"]
            read = (self._judged(sample, s) for s in wrong if _folded(s) not in own)
            first = next((j for j in read if j is not None and j.value != right[n].value), None)
            if first is None and isinstance(right[n].value, str):
                first = replace(right[n], response=Response(text="qwxzj"), value="qwxzj", span=None)
            answers.append(first or right[n])
        return answers

    def _score(self, groups: Sequence[Group], what: str) -> Values | None:
        """Values of ``groups``, checked for form and range; None where there are none to go on with."""
        try:
            values = self.metric.score(groups)
        except Exception as error:  # whatever a plug-in raises is a finding
            self.found.add(
                "score judges the samples given (samples=..., answer=... if it needs others)",
                f"{what}: {words(error)}",
            )
            return None
        if len(values) != len(groups):
            self.found.add(
                "score gives one mapping for each group", f"{len(values)} for {len(groups)} ({what})"
            )
            return None
        low, high = self.metric.range
        for value, group in zip(values, groups, strict=True):
            where = f"{what}, {group[0].sample.id}: {dict(value)!r}"
            self.found.require("" in value, "every mapping has the main value under ''", where)
            for number in value.values():
                finite = number is None or math.isfinite(number)
                self.found.require(finite, "a value is a finite number, or None where there is none", where)
            main = value.get("")
            if main is not None and math.isfinite(main):
                within = low - CLOSE <= main <= high + CLOSE
                self.found.require(within, f"values lie in the range {low:g} to {high:g}", where)
        return values

    def _ceiling(self, best: Values, worst: Values) -> None:
        sign = 1 if self.metric.higher_is_better else -1
        low, high = self.metric.range
        for i, (group, value) in enumerate(zip(self.groups, best, strict=True)):
            top, main = self.metric.ceiling(group), value.get("")
            where = f"{group[0].id}: ceiling {top:g}, reference {main}"
            self.found.require(low - CLOSE <= top <= high + CLOSE, "the ceiling lies in the range", where)
            reached = main is not None and abs(main - top) <= CLOSE
            self.found.require(reached, "the reference as the answer scores the ceiling", where)
            other = worst[i].get("") if i < len(worst) else None
            if other is not None:
                self.found.require(
                    sign * (other - top) <= CLOSE, "nothing scores better than the ceiling", where
                )
            chance = self.metric.chance(group)
            if chance is not None:
                sane = low - CLOSE <= chance <= high + CLOSE and sign * (chance - top) <= CLOSE
                self.found.require(sane, "chance lies in the range and not beyond the ceiling", where)

    def _direction(self, best: Values, worst: Values) -> None:
        pairs = [(b.get(""), w.get("")) for b, w in zip(best, worst, strict=False)]
        known = [(b, w) for b, w in pairs if b is not None and w is not None]
        if known:
            gain = sum(b - w for b, w in known) * (1 if self.metric.higher_is_better else -1)
            even = isinstance(self.metric, CorpusMetric) and not self.examples  # BLEU of one word is 0
            self.found.require(
                gain > CLOSE or (even and gain > -CLOSE),
                "references score better than wrong answers, in the direction it tells",
            )

    def _same_values(self, groups: Sequence[Group]) -> None:
        def same(rule: str, compute: Callable[[], Values]) -> None:
            try:
                self.found.require(_equal(compute(), together), rule)
            except Exception as error:  # whatever a plug-in raises is a finding
                self.found.add(rule, words(error))

        together = self.metric.score(groups)
        same("the same answers get the same values again", lambda: self.metric.score(groups))
        same(
            "a value does not depend on what else is in the batch",
            lambda: [self.metric.score([group])[0] for group in groups],
        )
        same(
            "another order of the batch is another order of the same values",
            lambda: list(reversed(self.metric.score(list(reversed(groups))))),
        )
        same("score takes an empty batch", lambda: [*self.metric.score([]), *together])

    def _odd(self, right: Sequence[Group]) -> None:
        """Answers that nobody expects."""
        if all(isinstance(j.value, Media) for group in right for j in group):
            for mode, size in (("RGB", (1, 1)), ("RGBA", (40, 3)), ("L", (3, 40)), ("1", (8, 8))):
                odd = _drawn(99, mode, size)
                groups = [
                    [replace(j, response=Response(media=(odd,)), value=odd, span=None) for j in right[0]]
                ]
                self._score(groups, f"a picture of {size[0]} x {size[1]} in mode {mode}")
        if not all(isinstance(j.value, str) for group in right for j in group):
            return
        for text in ("", " ", "\n", "😀" * 3, "ﷺ é ß", "a" * 5000, "\u200b", "1e999", "<b>&amp;</b>"):
            groups = [[replace(j, response=Response(text=text), value=text, span=None) for j in right[0]]]
            self._score(groups, f"the answer {text[:12]!r}")

    def _corpus(self, metric: CorpusMetric, groups: Sequence[Group]) -> None:
        try:
            values, again = metric.aggregate(groups), metric.aggregate(list(reversed(groups)))
        except Exception as error:  # whatever a plug-in raises is a finding
            self.found.add("aggregate takes the groups that score takes", words(error))
            return
        self.found.require("" in values, "aggregate has the main value under ''")
        finite = all(math.isfinite(v) for v in values.values())
        self.found.require(finite, "aggregate gives finite numbers", repr(dict(values)))
        same = _equal([values], [again])
        self.found.require(
            same, "aggregate does not depend on the order of the groups", f"{values} / {again}"
        )


def answered(answer: AnswerFormat, sample: Sample, text: str | Media) -> Judged:
    """``said`` as a model's answer, judged: a text, or a picture that it drew."""
    from hemm.parsing.outcome import judge

    response = Response(text=text) if isinstance(text, str) else Response(media=(text,))
    return judge(sample, 0, response, answer)


def _folded(text: str | Media) -> str:
    return text.casefold() if isinstance(text, str) else text.digest


def _equal(one: Values, other: Values) -> bool:
    def near(a: Any, b: Any) -> bool:
        return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)

    return len(one) == len(other) and all(
        x.keys() == y.keys() and all(near(x[k], y[k]) for k in x) for x, y in zip(one, other, strict=True)
    )
