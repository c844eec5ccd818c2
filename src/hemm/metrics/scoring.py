"""Computes scores and aggregates of stored answers, from tables to tables, without reading or writing
files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from hemm.core import (
    AnswerFormat,
    CorpusMetric,
    HemmError,
    Metric,
    Outcome,
    Sample,
    SetMetric,
    completed,
    digest,
)
from hemm.data.arrow import array, kind_of
from hemm.metrics import own
from hemm.metrics.answer_groups import AnswerGroup, group_answers
from hemm.metrics.classes.majority import Majority, finite
from hemm.metrics.corpus_blocks import CHEAP, CorpusBlocks
from hemm.metrics.groups.repeats import repeats
from hemm.metrics.judged_answers import judged_answers
from hemm.metrics.totals import Totals
from hemm.results.layout import SCORE_SCHEMA
from hemm.results.stored_media import Lookup

if TYPE_CHECKING:
    import pyarrow as pa


class HasAnswer(Protocol):
    """The part of a task that scoring needs."""

    @property
    def answer(self) -> AnswerFormat: ...


def score_answers(
    answers: pa.Table,
    task: HasAnswer,
    metric: Metric,
    media: Lookup | None = None,
    majority: Majority | None = None,
) -> pa.Table:
    """Scores (``layout.SCORE_SCHEMA``) of stored answers (``answer_record.ANSWER_SCHEMA``) by one metric.

    One row for each group, repeat and component. If an answer of a group is not ok, all its components are
    null and its outcome is the worst of its answers (error, truncated, refused, unparsable, in this order).
    Unit, cluster and labels are those of the group's first answer. With several repeats, rows over all of
    them (repeat null) follow: ``mean@k``, ``pass@k``, ``maj@k``. ``media`` reads the pictures of the answers.
    ``majority``: that of a larger set, of which these are a part.
    """
    rows = judged_answers(answers, task.answer, media)
    members = group_answers(rows, metric)
    try:
        bound = bind_to_set(members, metric, task.answer)
        return _scored(members, bound, task.answer, majority).table(answers)
    except Exception as error:
        told = own.fault(metric, error, [m.judged for m in members if m.outcome is Outcome.OK])
        raise told from told.__cause__


def _scored(
    members: Sequence[AnswerGroup], metric: Metric, answer_format: AnswerFormat, majority: Majority | None
) -> _Rows:
    values = _values(members, metric)
    bounds = _bounds(members, metric, answer_format, majority)
    out = _Rows()
    for member, scored, bound in zip(members, values, bounds, strict=True):
        for component, value in scored.items():
            out.add(member, component, value, _UNKNOWN if component else bound)
    for group, values_of in repeats(members, [v.get("") for v in values], [b[0] for b in bounds], metric):
        for component, value in values_of.items():
            out.add(group, component, value, _UNKNOWN)
    return out


Bound = tuple[float | None, float | None, float | None]
_UNKNOWN: Bound = (None, None, None)


class _Rows:
    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._labels: list[int] = []

    def add(self, group: AnswerGroup, component: str, value: float | None, bound: Bound) -> None:
        first = group.judged[0].sample
        known = (group.outcome.value, group.cut, *bound, group.hash, *group.read_by)
        self._rows.append((group.key, first.unit, first.cluster, group.repeat, component, value, *known))
        self._labels.append(group.first)

    def table(self, answers: pa.Table) -> pa.Table:
        import pyarrow as pa

        schema = SCORE_SCHEMA
        columns = list(zip(*self._rows, strict=True)) or [()] * (len(schema) - 1)
        labels = answers.column("labels").combine_chunks().take(array(self._labels, "int64"))
        arrays = dict(zip((f.name for f in schema if f.name != "labels"), columns, strict=True))
        return pa.table(
            [labels if f.name == "labels" else array(arrays[f.name], kind_of(f.type)) for f in schema],
            schema=schema,
        )


def bind_to_set(members: Sequence[AnswerGroup], metric: Metric, answer_format: AnswerFormat) -> Metric:
    """A ``SetMetric`` bound to the samples of the groups without an error; any other metric unchanged.

    It gets each sample once, with the values of ``_Guessable`` as its choices.
    """
    if not isinstance(metric, SetMetric):
        return metric
    guessable = _Guessable(answer_format)
    samples = {s.id: s for m in members if m.outcome is not Outcome.ERROR for s in m.samples}
    given = metric.over([guessable(s) for s in samples.values()])
    bound: Metric = completed(given, Metric, f"what over of metric {metric.name!r} gives")
    return bound


def _values(members: Sequence[AnswerGroup], metric: Metric) -> list[dict[str, float | None]]:
    """For each group its values by component; None where it failed."""
    fine = [m for m in members if m.outcome is Outcome.OK]
    scored = list(metric.score([m.judged for m in fine])) if fine else []
    if len(scored) != len(fine):
        raise HemmError(f"metric {metric.name!r} gave {len(scored)} values for {len(fine)} groups")
    own.check_values(metric, [m.judged for m in fine], scored)
    names: dict[str, None] = {"": None}
    for values in scored:
        names.update(dict.fromkeys(values))
    done = iter(scored)
    out: list[dict[str, float | None]] = []
    for member in members:
        if member.outcome is Outcome.OK:
            out.append({c: finite(v) for c, v in next(done).items()})
        else:
            out.append(dict.fromkeys(metric.components(member.samples) or names))
    return out


def _bounds(
    members: Sequence[AnswerGroup], metric: Metric, answer_format: AnswerFormat, majority: Majority | None
) -> list[Bound]:
    """Ceiling, chance and majority of each group, computed once for all repeats."""
    lead = [m for m in members if m.repeat == members[0].repeat]
    if majority is None:
        majority = Majority([s for m in lead for s in m.samples], answer_format)
    guessable = _Guessable(answer_format)
    samples_of = {m.key: m.samples for m in reversed(members)}
    most = dict(zip(samples_of, majority.scores(list(samples_of.values()), metric), strict=True))
    known: dict[str, Bound] = {}
    for member in members:
        if member.key not in known:
            samples = [guessable(s) for s in member.samples]
            known[member.key] = (float(metric.ceiling(samples)), metric.chance(samples), most[member.key])
    return [known[m.key] for m in members]


class _Guessable:
    """Replaces a sample's choices by the answers that a guesser chooses from, in the form of references.

    Samples of open formats get none.
    """

    def __init__(self, answer_format: AnswerFormat) -> None:
        self._format = answer_format
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]] = {}

    def __call__(self, sample: Sample) -> Sample:
        options = self._format.options(sample)
        key = (sample.choices, options)
        if key not in self._known:
            parsed = [self._format.parse(option, sample) for option in options]
            values = tuple(v for v in parsed if isinstance(v, str))
            self._known[key] = values if len(values) == len(parsed) else ()
        values = self._known[key]
        return sample if values == sample.choices else replace(sample, choices=values)


def worst(metric: Metric) -> float:
    """The worst possible value of the metric, which may be infinite."""
    return float(metric.range[0] if metric.higher_is_better else metric.range[1])


def aggregate(
    scores: pa.Table,
    metric: Metric,
    answers: pa.Table | None = None,
    task: HasAnswer | None = None,
    media: Lookup | None = None,
) -> dict[str, Any]:
    """The entry of one metric in aggregates.json.

    ``components``: component -> value, n (groups that count), groups, clusters, nulls, outcome counts and cut
    answers. Refused, truncated and unparsable groups count as the worst score (if that is infinite, they are
    left out); errors are left out. A corpus metric gives its value over the groups without an error, which
    needs ``answers`` and ``task``. If values depend on the set that is scored, ``over`` identifies it:
    numbers of groups and samples, and a digest of the sorted sample ids. The fields of ``Metric.record`` are
    added.
    """
    totals = Totals(worst(metric))
    totals.add(scores)
    components = totals.components()
    scored_set: dict[str, Any] = {}
    if answers is not None and task is not None and _belongs_to_its_set(metric):
        members = group_answers(judged_answers(answers, task.answer, media), metric)
        counted = [m for m in members if m.outcome is not Outcome.ERROR]
        ids = sorted({s.id for m in counted for s in m.samples})
        scored_set = {"over": {"groups": len(counted), "samples": len(ids), "ids": digest(ids, 16)}}
        corpus: Mapping[str, float] = {}
        if (
            isinstance(metric, CorpusMetric) and counted
        ):  # binding may be costly, and no other metric needs it here
            try:
                bound: Any = bind_to_set(members, metric, task.answer)
                corpus = bound.aggregate([m.judged for m in counted])
            except Exception as error:
                told = own.fault(metric, error)
                raise told from told.__cause__
            if own.is_hemms(metric) and len(members) <= CHEAP and not metric.needs - {"media"}:
                blocks = CorpusBlocks.of(counted, lambda part: bind_to_set(part, metric, task.answer))
                scored_set["blocks"] = blocks.to_json()
        for name, value in corpus.items():
            components.setdefault(name, {})
            components[name] |= {"value": finite(value), "corpus": True}
    return described_scores(metric, components, scored_set)


def described_scores(
    metric: Metric, components: Mapping[str, Any], scored_set: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The entry of one metric in aggregates.json."""
    return {
        **described(metric),
        "reading": "refused, truncated and unparsable answers count as the worst score; errors are left out",
        **(scored_set or {}),
        **metric.record(),
        "components": components,
    }


def described(metric: Metric) -> dict[str, Any]:
    """What aggregates.json says of a metric itself."""
    return {
        "metric": metric.name,
        "version": metric.version,
        "parameters": dict(metric.parameters),
        "range": [b if math.isfinite(b) else None for b in metric.range],
        "higher_is_better": metric.higher_is_better,
    }


def _belongs_to_its_set(metric: Metric) -> bool:
    """Whether values depend on which samples are scored together."""
    return isinstance(metric, CorpusMetric | SetMetric)


def outcome_counts(answers: pa.Table, task: HasAnswer, media: Lookup | None = None) -> dict[str, int]:
    """Outcome -> number of stored answers; ``cut``: answers that were parsed although they were cut off."""
    judged = judged_answers(answers, task.answer, media).judged
    counts = Counter(answer.outcome for answer in judged)
    return {**{o.value: counts[o] for o in Outcome}, "cut": sum(answer.cut for answer in judged)}


def parser_versions(answer_format: AnswerFormat) -> Mapping[str, Any]:
    """The versions on which the outcomes and values of scores depend, besides the metric's."""
    from hemm.parsing.outcome import VERSION

    return {"format": answer_format.name, "format_version": answer_format.version, "outcome_version": VERSION}
