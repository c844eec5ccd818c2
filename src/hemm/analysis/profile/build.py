"""The profile: scores of models by every dimension, with intervals and failures.

A category's value is the mean over its tasks of the task's normalised headline score. Where the samples of a
task differ in a dimension, each category gets the samples with its label. ``docs/profile.md`` has the
definitions and the schema of the JSON.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.analysis.early_stopping import check_words
from hemm.analysis.profile.controls import control_rows
from hemm.analysis.profile.model_dimensions import ModelDimensions, model_dimensions
from hemm.analysis.profile.option_orders import option_orders
from hemm.analysis.profile.perceptual import perceptual_scores
from hemm.analysis.profile.rows import CategoryRow, MetricValue, Profile, TaskRow
from hemm.analysis.profile.suite_mean import suite_rows
from hemm.analysis.study import Study, Subject
from hemm.analysis.study.anytime_interval import NO_INTERVAL
from hemm.analysis.study.cell_scores import OUTCOMES, CellScores, ScoreColumn
from hemm.analysis.study.corpus_values import CorpusValues
from hemm.analysis.study.failure_policy import (
    FailurePolicy,
    PolicyScores,
    mean_over,
    under_each_policy,
    without_failures,
)
from hemm.analysis.study.normalise import (
    NORMALISERS,
    Scale,
    TaskSlice,
    ends,
    limits,
    mean_bounds,
    normal_value,
    own_scale,
    scale_of,
    slice_order,
    slices_of,
    task_score,
)
from hemm.core import CorpusMetric, HemmError, UnknownName
from hemm.results.selections import CLUSTERS, distinct, order_of
from hemm.stats.between_tasks import tasks_like
from hemm.stats.bootstrap import RESAMPLES, bootstrap_interval
from hemm.stats.intervals import Estimate
from hemm.stats.task_means import TaskScore, mean_of_scores

if TYPE_CHECKING:
    from hemm.tasks.suite_lists import Suite


@dataclass(frozen=True, slots=True)
class Extras:
    """Optional parts of a profile: bootstrap intervals of the tasks' headlines; the mean over a suite; what
    log-probabilities of options tell, for which tasks are looked up."""

    bootstrap: bool = False
    resamples: int = RESAMPLES
    seed: int = 0
    suite: Suite | None = None
    bits: bool = True


def profile(
    study: Study,
    normalise: str = "anchored",
    *,
    common: bool = True,
    failures: str = FailurePolicy.AS_WORST,
    extras: Extras = Extras(),
) -> Profile:
    """The profile of the cells of ``study``.

    normalise  ``anchored``, ``paper`` or ``rank`` (``study.normalise``)
    common     score the models of a task on the groups that all of them have answers to; else each on its own
    failures   a ``FailurePolicy`` or its word: how answers without a value count
    Raises UnknownName for another normaliser or policy, HemmError where a normaliser needs several models.

    >>> import hemm
    >>> result = profile(hemm.run("baseline/oracle", "probe_shapes", limit=4).study)
    >>> (row,) = result.tasks
    >>> row.task, row.headline.metric, row.headline.estimate.value
    ('probe_shapes', 'accuracy', 1.0)
    >>> result.to_json()["categories"][0]["value"]
    1.0
    """
    if normalise not in NORMALISERS:
        raise UnknownName("normaliser", normalise, NORMALISERS)
    FailurePolicy.check(failures)
    whole, study = study.whole, study.plain
    study = study.on_common_samples if common else study
    raw = loaded = list(study.cells)
    subjects, notes = study.subjects, list(study.notes)
    if failures == FailurePolicy.EXCLUDE:
        loaded = [without_failures(item) for item in loaded]
    scale = scale_of(loaded, normalise, failures)
    tasks: list[TaskRow] = []
    categories: list[CategoryRow] = []
    proposed: list[CategoryRow] = []
    for key, subject in subjects.items():
        cells = [(item, r.headline) for item, r in zip(loaded, raw, strict=True) if item.subject == key]
        tasks += [_task_row(item, headline, subject, scale, extras) for item, headline in cells]
        categories += _categories([c for c in cells if not c[0].apart], subject, scale)
        proposed += _categories([c for c in cells if c[0].apart], subject, scale)
    notes += [f"{t.subject.label} on {t.task}: listed, not averaged: {t.why}" for t in tasks if t.why]
    notes += _unshared(tasks)
    notes += [f"{i.label} on {i.task}: {words}" for i in loaded if (words := check_words(i.cell.run))]
    dimensions = _model_dimensions(tasks, loaded, notes)
    return Profile(
        normalise,
        tuple(subjects.values()),
        tuple(tasks),
        tuple(categories),
        tuple(control_rows(loaded, subjects)),
        tuple(dict.fromkeys(notes)),
        failures,
        dimensions,
        study.overlay,
        proposed=tuple(proposed),
        suites=tuple(suite_rows(categories, extras.suite)) if extras.suite else (),
        perceptual=tuple(perceptual_scores(study)),
        option_orders=tuple(option_orders(whole, extras.bits)),
    )


def _model_dimensions(
    tasks: Sequence[TaskRow], loaded: Sequence[CellScores], notes: list[str]
) -> ModelDimensions | None:
    """Means by model dimension; None, and a note, where the cards contradict each other."""
    try:
        dimensions = model_dimensions_of(tasks, {str(i.cell.folder): i.cell.run for i in loaded})
    except HemmError as error:
        notes.append(str(error))
        return None
    notes += dimensions.notes()
    plain = [row.subject for row in tasks if not row.subject.control]
    several = {s.model for s in plain if len({t.key for t in plain if t.model == s.model}) > 1}
    if dimensions.rows:
        names = [s.label for model, s in _plainest(plain).items() if model in several]
        notes += [f"means by model dimension: {name} stands for its model" for name in names]
    return dimensions


def model_dimensions_of(rows: Iterable[TaskRow], runs: Mapping[str, Mapping[str, Any]]) -> ModelDimensions:
    """Means by model dimension; ``runs`` is folder -> run.json.

    Controls are left out. Of a model with several subjects, the one with the fewest options counts. A model's
    card is the one in run.json; older runs without one use hemm's card of that name. Raises HemmError where
    two runs of one model have different labels.
    """
    from hemm.models.cards import find

    scored = [r for r in rows if not r.subject.control and r.normalised and r.normalised.value is not None]
    chosen = _plainest(r.subject for r in scored)
    scores: dict[str, dict[str, float]] = {}
    labels: dict[str, dict[str, str] | None] = {}
    for row in scored:
        model, run = row.subject.model, runs[row.folder]
        if row.subject.key == chosen[model].key and row.normalised and row.normalised.value is not None:
            scores.setdefault(model, {})[row.task] = row.normalised.value
        if "model_card" in run:
            card = run["model_card"]
            card_labels = None if card is None else dict(card["labels"])
        else:
            known = find(model)
            card_labels = None if known is None else dict(known.labels)
        if labels.setdefault(model, card_labels) != card_labels:
            raise HemmError(f"runs of {model} have different model cards: {row.folder} and one before it")
    return model_dimensions(scores, labels)


def _plainest(subjects: Iterable[Subject]) -> dict[str, Subject]:
    """Model -> its subject with the fewest options; of several, the first."""
    chosen: dict[str, Subject] = {}
    for subject in subjects:
        before = chosen.setdefault(subject.model, subject)
        if len(subject.options) < len(before.options):
            chosen[subject.model] = subject
    return chosen


# rows


def _task_row(
    item: CellScores, headline: ScoreColumn, subject: Subject, scale: Scale, extras: Extras
) -> TaskRow:
    """``headline`` is as loaded; that of ``item`` counts failures by the policy of ``scale``."""
    scores = item.headline
    task_slice = TaskSlice(item.subject, item.task)
    normalised, why = normal_value(scores, scale, task_slice)
    floor, ceiling = ends(scores, scale, task_slice)
    run = item.cell.run
    boot = None
    if extras.bootstrap and scores.anytime is None and not isinstance(scores.metric, CorpusMetric):
        arguments = (scores.metric.range, extras.resamples, extras.seed)
        boot = bootstrap_interval(scores.values, scores.clusters, *arguments, scores.part)
    return TaskRow(
        subject=subject,
        task=item.task,
        title=str(run.get("card", {}).get("title") or item.task),
        values=_values(item, scale.failures),
        normalised=normalised,
        why=why,
        floor=floor if math.isfinite(floor) else None,
        ceiling=ceiling if math.isfinite(ceiling) else None,
        units=len(set(scores.units)),
        outcomes=scores.outcomes,
        cut=int(scores.cut.sum()),
        selection=_selection(run, scores),
        state=item.cell.state,
        folder=str(item.cell.folder),
        by_policy=None
        if isinstance(scores.metric, CorpusMetric)
        else under_each_policy(headline, lambda s: own_scale(s).value),
        bootstrap=boot,
    )


def _values(item: CellScores, failures: str) -> tuple[MetricValue, ...]:
    """The headline, the other metrics and components, then corpus values without values of single answers."""
    corpus = CorpusValues(item)
    values = [value_of(scores, corpus, failures) for scores in item.columns]
    known = {(v.metric, v.component) for v in values}
    for metric, component in corpus.names():
        if (metric, component) not in known:
            estimate = _with_valid_interval(corpus.estimate(metric, component), item.headline)
            values.append(MetricValue(metric, component, estimate, corpus=True))
    return tuple(values)


def value_of(
    scores: ScoreColumn, corpus: CorpusValues, failures: str = FailurePolicy.AS_WORST
) -> MetricValue:
    """The value of one component of one metric, on its own scale, with its valid interval."""
    key = (scores.spec, scores.component)
    if isinstance(scores.metric, CorpusMetric) or key in corpus.names():
        return MetricValue(*key, _with_valid_interval(corpus.estimate(*key), scores), corpus=True)
    return MetricValue(*key, own_scale(scores, failures))


def _with_valid_interval(estimate: Estimate, scores: ScoreColumn) -> Estimate:
    """``estimate`` of a value that is no mean, without its interval if the cell stopped early."""
    return scores.noted(estimate) if scores.anytime is None else NO_INTERVAL.interval(estimate)


def _selection(run: Mapping[str, Any], scores: ScoreColumn) -> dict[str, Any]:
    """The last selection of a cell that no other holds (``asked``: all of these, where there are several);
    of a part, how and what is done with it."""
    asked = distinct(run) or [{}]
    kept = ("seed", "limit", "units", "samples", "repeats")
    keys = (*kept, "clusters", "shard")
    each = [{k: r[k] for k in keys if k in r} | {"order": order_of(r)} for r in asked if r]
    told: dict[str, Any] = {k: asked[-1].get(k) for k in kept}
    if len(each) > 1:
        told["asked"] = each
    elif each and (each[0]["order"] == CLUSTERS or "shard" in each[0]):
        told = each[0]
    if scores.sampling is None:
        return told
    return {**told, "order": scores.sampling.rule, "weights": scores.sampling.words(scores.metric)}


def _categories(
    items: Sequence[tuple[CellScores, ScoreColumn]], subject: Subject, scale: Scale
) -> list[CategoryRow]:
    known: dict[tuple[int, int], _Part] = {}
    by_category: dict[tuple[str, str], list[_Part]] = {}
    for item, headline in items:
        if item.counts_as:
            continue
        slices = list(slices_of(item.headline))
        as_loaded = slices if headline is item.headline else list(slices_of(headline))
        for (dimension, category, scores), (_, _, raw) in zip(slices, as_loaded, strict=True):
            task_slice = TaskSlice(item.subject, item.task, dimension, category)
            # 0 and 1 of ``anchored`` are the groups' own: most categories of a task have all of its groups
            whole = scale.name == "anchored" and scores is item.headline and raw is headline
            part = known.get((id(scores), id(raw))) if whole else None
            if part is None:
                part = _Part.of(task_slice, scores, raw, scale)
            if whole:
                known[id(scores), id(raw)] = part
            by_category.setdefault((dimension, category), []).append(part)
    return [
        _category(subject, *place, parts, scale)
        for place, parts in sorted(by_category.items(), key=lambda kv: slice_order(*kv[0]))
    ]


@dataclass(frozen=True)
class _Part:
    """What one task adds to a category; ``score`` and ``by_policy`` are None where it has no such value."""

    task: str
    score: TaskScore | None
    outcomes: Mapping[str, int]
    cut: int
    units: int
    by_policy: PolicyScores | None

    @classmethod
    def of(cls, task_slice: TaskSlice, scores: ScoreColumn, raw: ScoreColumn, scale: Scale) -> _Part:
        score, _ = task_score(scores, scale, task_slice)
        policies = None
        if score is not None and scale.name != "rank":
            policies = under_each_policy(raw, lambda s: scaled_mean(s, scale, task_slice))
        units = len(set(scores.units.tolist()))
        return cls(task_slice.task, score, scores.outcomes, int(scores.cut.sum()), units, policies)


def _category(
    subject: Subject, dimension: str, category: str, slices: Sequence[_Part], scale: Scale
) -> CategoryRow:
    outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for part in slices:
        outcomes.update(part.outcomes)
    scored = [part for part in slices if part.score is not None]
    parts = [part.score for part in scored if part.score is not None]
    by_policy = [part.by_policy for part in scored if part.by_policy is not None]
    nothing = Estimate(None, None, None, 0, 0, "no normalised score")
    estimate, like = (
        mean_of_scores(parts, mean_bounds(scale)) if parts else (nothing, tasks_like(nothing, [], [], []))
    )
    return CategoryRow(
        subject,
        dimension,
        category,
        estimate,
        tuple(part.task for part in scored),
        sum(part.units for part in scored),
        dict(outcomes),
        sum(part.cut for part in slices),
        mean_over(by_policy) if by_policy else None,
        like,
        tuple(parts),
    )


def scaled_mean(scores: ScoreColumn, scale: Scale, task_slice: TaskSlice) -> float | None:
    """The normalised mean without an interval; None where there is none."""
    floor, ceiling, why = limits(scores, scale, task_slice)
    return None if why else (scores.mean_of(scores.values) - floor) / (ceiling - floor)


def _unshared(tasks: Sequence[TaskRow]) -> list[str]:
    """Notes on models with fewer tasks, whose categories are over fewer tasks than others'."""
    by_subject: dict[str, set[str]] = {}
    for row in tasks:
        if not row.subject.control:
            by_subject.setdefault(row.subject.label, set()).add(row.task)
    all_tasks = set().union(*by_subject.values()) if by_subject else set()
    return [
        f"{label} has no score of {', '.join(sorted(all_tasks - asked))}: its categories are over fewer tasks"
        for label, asked in by_subject.items()
        if asked != all_tasks
    ]
