"""Does a task keep its contract?"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from hemm.core import (
    DIMENSIONS,
    BadData,
    CorpusMetric,
    HemmError,
    Layout,
    Media,
    Message,
    Metric,
    Pack,
    Sample,
    Task,
    canonical,
    check_labels,
    storable,
)
from hemm.testing.answer_format import check_answers
from hemm.testing.findings import Findings, words
from hemm.testing.metric import answered

ACCESS = ("open", "form", "login", "gated", "generated", "private")
REQUIRED_LABELS = (
    "use_case",
    "interaction",
    "fine_grained",
    "reasoning",
    "external_knowledge",
    "information_flow",
)
CLOSE = 1e-6
OPTION_SAMPLES = 50
"""In so many samples every option is scored as if it were the right one."""


def check_task(
    task: Task, *, folder: Path | None = None, pack: Pack | None = None, limit: int | None = 2000
) -> None:
    """Raise AssertionError with every rule that ``task`` breaks.

    ``folder`` holds the data set's original files (or some of them) in the layout of one of the sources;
    ``pack`` is a prepared pack instead. Tasks whose first source is at hand (drawn, or ``Local``) need
    neither. Ids are checked over all samples, the rest over the first ``limit`` of them (None: all). Raises
    HemmError for a file that a reader finds damaged.

    The card of a published data set tells its licence, citation, homepage, size, splits and labels; that of a
    private one, whose files are at hand or whose ``access`` is ``private``, needs none of them.

    Checked are the card, labels, ids (unique, equal when read again), that references survive the answer
    format and score the metrics' ceiling, that every option can be told apart, that prompts render with all
    media and depend on nothing that a model must not see, that media open, and that classes have strata.

    >>> from hemm.core import Card, Layout, Sample, Task
    >>> from hemm.data import Generated
    >>> from hemm.parsing import Number
    >>> def sums(folder):
    ...     for n in range(1, 4):
    ...         yield Sample(f"sum-{n}", fields={"question": f"{n} + {n} = ?"}, references=(f"{2 * n} owls",))
    >>> source = Generated(Layout((), sums))
    >>> check_task(Task("sums", Card("Sums"), (source,), "{{ image }}", Number(), ("accuracy",)))
    Traceback (most recent call last):
        ...
    AssertionError: task 'sums' breaks 1 rule:
      - the prompt says something: sum-1; sum-2; sum-3
    """
    findings = Findings(f"task {task.name!r}")
    _check_card(task, findings)
    metrics = _metrics(task, findings)
    with tempfile.TemporaryDirectory(prefix="hemm-check-") as scratch:
        try:
            first = _read(task, folder, pack, Path(scratch))
            again = _read(task, folder, pack, Path(scratch))
        except HemmError:
            raise
        except Exception as error:  # whatever a reader raises is a finding
            findings.add("the samples can be read", words(error))
            findings.finish()
            return
        findings.require(bool(first), "the task has samples")
        _check_ids(first, again, findings)
        chosen = first if limit is None else first[:limit]
        _check_hashes(chosen, again[: len(chosen)], findings)
        for sample in chosen:
            _check_sample(task, sample, findings)
        _check_strata(task, chosen, findings)
        _check_fields(task, chosen, findings)
        if not findings:
            for metric in metrics:
                _check_metric(task, metric, chosen, findings)
    findings.finish()


def _read(task: Task, folder: Path | None, pack: Pack | None, scratch: Path) -> list[Sample]:
    if pack is not None:
        return [*pack.samples(), *pack.samples(split="shots")]
    if folder is not None:
        layout = _layout(task, folder)
    else:
        source = next(iter(task.sources), None)
        if source is not None and source.at_hand:
            folder, _ = source.fetch(scratch)
        if source is None or folder is None or (folder == scratch and source.layout.required):
            raise HemmError(f"checking task {task.name!r} needs folder= (its original files) or pack=")
        layout = source.layout
    return [s for s in layout.read(folder) if isinstance(s, Sample)]


def _layout(task: Task, folder: Path) -> Layout:
    lacking: dict[str, list[str]] = {}
    for source in task.sources:
        missing = [name for name in source.layout.required if not _there(folder, name)]
        if not missing:
            return source.layout
        lacking[source.name] = missing
    tried = "; ".join(f"{name} wants {', '.join(missing)}" for name, missing in lacking.items())
    raise HemmError(
        f"{folder} holds the files of no source of task {task.name!r}: {tried or 'it has no source'}"
    )


def _there(folder: Path, name: str) -> bool:
    return (folder / name).exists() or next(folder.glob(name), None) is not None


def _check_card(task: Task, findings: Findings) -> None:
    card = task.card
    name = re.fullmatch(r"[a-z0-9][a-z0-9_.-]*(:[a-z0-9_.-]+)?", task.name)
    findings.require(
        name is not None, "the name is lower-case letters, digits, '_', '.', '-'", repr(task.name)
    )
    private = _is_private(task)
    for part in ("title",) if private else ("title", "licence"):
        findings.require(bool(getattr(card, part)), f"the card has a {part}")
    if not private and card.access != "generated":
        for part in ("citation", "homepage", "size"):
            findings.require(bool(getattr(card, part)), f"the card of a published data set has a {part}")
    findings.require(card.access in ACCESS, f"access is one of {', '.join(ACCESS)}", repr(card.access))
    counts = all(isinstance(n, int) and n >= 0 for n in card.splits.values())
    findings.require(
        counts and (bool(card.splits) or private),
        "the card tells how many samples each split has",
        repr(dict(card.splits)),
    )
    findings.require(bool(task.sources), "the task has a source")
    findings.require(task.max_new_tokens >= 1, "max_new_tokens is at least 1", repr(task.max_new_tokens))
    for variant, other in task.variants.items():
        same = other.name == f"{task.name}:{variant}"
        findings.require(same, "a variant is called task:variant", f"{variant!r} is {other.name!r}")


def _is_private(task: Task) -> bool:
    """Whether the data are the user's own: nobody has published them, so there is nothing to cite."""
    own = task.card.access != "generated" and all(source.at_hand for source in task.sources)
    return own or task.card.access == "private"


def _metrics(task: Task, findings: Findings) -> list[Metric]:
    from hemm.metrics import resolve

    metrics = []
    for spec in task.metrics:
        try:
            metrics.append(resolve(spec))
        except Exception as error:  # whatever a plug-in raises is a finding
            findings.add("every metric that the task names exists", f"{spec}: {words(error)}")
    return metrics


def _check_ids(first: Sequence[Sample], again: Sequence[Sample], findings: Findings) -> None:
    ids = [s.id for s in first]
    for name, count in Counter(ids).items():
        findings.require(count == 1, "ids are unique", f"{name!r} ({count} times)")
    findings.require(ids == [s.id for s in again], "reading again gives the same ids in the same order")
    seen: set[str] = set()
    for sample in first:
        if sample.after is not None:
            findings.require(
                sample.after in seen, "after names an earlier sample", f"{sample.id} after {sample.after}"
            )
        findings.require(
            sample.split in ("test", "shots"), "split is test or shots", f"{sample.id}: {sample.split!r}"
        )
        seen.add(sample.id)


def _check_hashes(first: Sequence[Sample], again: Sequence[Sample], findings: Findings) -> None:
    for one, other in zip(first, again, strict=False):
        try:
            same = replace(one, stored_hash="").sample_hash == replace(other, stored_hash="").sample_hash
        except Exception as error:  # whatever content a reader gives
            findings.add(
                "a sample has a hash: JSON values, media that are there", f"{one.id}: {words(error)}"
            )
            continue
        findings.require(same, "reading again gives the same sample_hash", one.id)


def _check_sample(task: Task, sample: Sample, findings: Findings) -> None:
    where = sample.id
    try:
        check_labels(sample.labels, f"sample {where}")
    except HemmError as error:
        findings.add("labels are declared dimensions and categories", str(error))
    for name in () if _is_private(task) else REQUIRED_LABELS:
        known = name in task.labels_of(sample) or name not in DIMENSIONS
        findings.require(known, f"card or sample has a label for {name}", where)
    texts = [*sample.fields.values(), *sample.choices, *(r for r in sample.references if isinstance(r, str))]
    strings = all(isinstance(t, str) for t in texts)
    findings.require(strings, "fields and choices are texts", where)
    if strings:
        findings.require(all(storable(t) == t for t in texts), "texts hold no lone surrogates", where)
    try:
        canonical(dict(sample.metadata))
    except TypeError as error:
        findings.add("metadata are JSON values", f"{where}: {words(error)}")
    for media in (*sample.media, *(r for r in sample.references if isinstance(r, Media))):
        _check_media(media, where, findings)
    findings.require(
        len(set(sample.choices)) == len(sample.choices), "choices differ from one another", where
    )
    findings.require(bool(sample.references), "every sample has a reference", sample.id)
    check_answers(task.answer, sample, findings)
    _check_prompt(task, sample, findings)


def _check_media(media: Media, where: str, findings: Findings) -> None:
    rule = "media open"
    if media.problem:
        findings.add(rule, f"{where}: {media.problem}")
        return
    try:
        if media.kind == "image":
            media.pixels()
        else:
            findings.require(media.kind in ("audio", "video"), rule, f"{where}: {media.mime}")
    except (BadData, OSError) as error:
        findings.add(rule, f"{where}: {words(error)}")


def _check_prompt(task: Task, sample: Sample, findings: Findings) -> None:
    from hemm.tasks.prompt import render

    try:
        messages = render(task, sample)
        media = [p for m in messages for p in m.parts if isinstance(p, Media)]
        hidden = replace(sample, references=("\u2307 not for the model \u2307",), stored_hash="")
        blind = render(task, replace(hidden, metadata={}, labels={}, stratum=""))
    except Exception as error:  # whatever a template raises
        findings.add("the prompt renders", f"{sample.id}: {words(error)}")
        return
    every = {id(m) for m in media} == {id(m) for m in sample.media}
    findings.require(every, "the prompt shows all media of the sample", f"{sample.id}: {len(media)} shown")
    text = _text(messages)
    has_text = any(isinstance(p, str) and p.strip() for m in messages for p in m.parts)
    findings.require(has_text, "the prompt says something", sample.id)
    own = " ".join((*sample.fields.values(), *sample.choices))  # data may hold braces of their own
    left = any(mark in text and mark not in own for mark in ("{{", "{%"))
    findings.require(not left, "the prompt has no template left in it", sample.id)
    rule = "the prompt depends on nothing that the model must not see (references, metadata, labels)"
    findings.require(text == _text(blind), rule, sample.id)


def _text(messages: Iterable[Message]) -> str:
    return "\n".join(p if isinstance(p, str) else f"<{p.kind}>" for m in messages for p in m.parts)


def _check_fields(task: Task, samples: Sequence[Sample], findings: Findings) -> None:
    """A field that is the reference itself, and that the prompt shows, gives the answer away."""
    names = {name for sample in samples for name in sample.fields}
    used = {name for name in names if re.search(rf"\b{re.escape(name)}\b", task.prompt)}
    for name in sorted(used):
        leaking = [s for s in samples if s.fields.get(name) and s.fields[name] in _hidden(task, s)]
        if leaking and len(leaking) * 2 > len(samples):
            findings.add("no field that the prompt shows is the reference", f"{name!r} of {leaking[0].id}")


def _hidden(task: Task, sample: Sample) -> set[str]:
    """References that are no options: no prompt may hold them."""
    visible = {*sample.choices, *task.answer.options(sample)}
    return {r for r in sample.references if isinstance(r, str) and r not in visible}


def _check_strata(task: Task, samples: Sequence[Sample], findings: Findings) -> None:
    empty = [s.id for s in samples if not s.stratum]
    if empty and len(empty) < len(samples):
        findings.add("all samples have a stratum, or none", f"{len(empty)} have none, first {empty[0]}")
    classes = {(s.choices, task.answer.options(s)) for s in samples}
    one_set = len(classes) == 1 and any(next(iter(classes)))
    answers = {s.references for s in samples}
    pure = len({(s.unit, s.references) for s in samples}) == len({s.unit for s in samples})
    if empty and one_set and pure and len(answers) > 1:  # a unit of several answers has no class
        findings.add("samples of a classification have a stratum, which limited scores are weighted by")


def _check_metric(task: Task, metric: Metric, samples: Sequence[Sample], findings: Findings) -> None:
    if metric.needs - {"media"} or isinstance(metric, CorpusMetric):
        return  # needs more than the references, or has no value for each group
    kind = Media if metric.needs else str
    keyed = [s for s in samples if any(isinstance(r, kind) for r in s.references)]
    if metric.needs:
        keyed = keyed[:OPTION_SAMPLES]  # pictures take their time
    if metric.group not in ("sample", "unit"):
        parts = metric.group.split("+")
        without = [s.id for s in keyed if metric.group not in s.metadata and not {*parts} <= {*s.metadata}]
        if without:
            findings.add(f"metric {metric.name} groups by {metric.group!r}, which metadata have", without[0])
            return
    groups = _Reference(task, metric, findings)
    for _, members in groupby(sorted(keyed, key=lambda s: _key(metric, s)), lambda s: _key(metric, s)):
        groups.check(list(members))
    if metric.group == "sample":
        for sample in keyed[:OPTION_SAMPLES]:
            groups.check_options(sample)


def _key(metric: Metric, sample: Sample) -> str:
    from hemm.metrics.answer_groups import group_key

    return group_key(sample, metric.group)


@dataclass(frozen=True)
class _Reference:
    """The references as answers: the best of them reaches the ceiling."""

    task: Task
    metric: Metric
    findings: Findings

    def check(self, group: list[Sample]) -> None:
        """One group that is scored together."""
        rule = f"a reference as the answer scores the ceiling of {self.metric.name}"
        try:
            ceiling = self.metric.ceiling(group)
            tries = max(len(self._answer_of(s)) for s in group)
            values = [self._value(group, n) for n in range(tries)]
        except Exception as error:  # whatever a plug-in raises is a finding
            self.findings.add(rule, f"{group[0].id}: {words(error)}")
            return
        reached = any(v is not None and abs(v - ceiling) <= CLOSE for v in values)
        best = ", ".join(sorted({f"{v:g}" for v in values if v is not None}))
        self.findings.require(reached, rule, f"{group[0].id}: {best or 'no value'}, ceiling {ceiling:g}")

    def check_options(self, sample: Sample) -> None:
        """Every option, were it the right one, scores the ceiling when a model answers with it."""
        for option in self.task.answer.options(sample):
            value = self.task.answer.parse(option, sample)
            if isinstance(value, str):
                self.check([replace(sample, references=(value,), stored_hash="")])

    def _answer_of(self, sample: Sample) -> list[str | Media]:
        """The references as a perfect answerer would give them, those of the metric's kind."""
        kind = Media if self.metric.needs else str
        own = dict.fromkeys(r for r in sample.references if isinstance(r, kind))
        return [self.task.answer.render(r, sample) if isinstance(r, str) else r for r in own]

    def _value(self, group: list[Sample], number: int) -> float | None:
        """The group's value where each sample is answered with its reference ``number`` (or its last)."""
        judged = []
        for sample in group:
            text = self._answer_of(sample)
            judged.append(answered(self.task.answer, sample, text[min(number, len(text) - 1)]))
        return self.metric.score([judged])[0].get("")
