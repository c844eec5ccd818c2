"""``hemm compare``. ``docs/compare.md`` has the definitions and the schema of the JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from hemm.analysis.compare.comparison import Choice, Comparison
from hemm.analysis.compare.conclusions import conclusions
from hemm.analysis.compare.label_effects import label_effects
from hemm.analysis.compare.pairs import (
    CategoryPair,
    TaskPair,
    category_pairs,
    common_groups,
    corrected,
    task_difference,
)
from hemm.analysis.compare.pairs import task_pair as pair_task
from hemm.analysis.compare.published_comparison import compare_with_published
from hemm.analysis.compare.robustness import Robustness, robustness
from hemm.analysis.study import Study
from hemm.analysis.study.anytime_interval import UNTESTED
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.failure_policy import FailurePolicy, without_failures
from hemm.analysis.study.labels import Subject
from hemm.analysis.study.normalise import (
    NORMALISERS,
    Scale,
    TaskSlice,
    limits,
    mean_bounds,
    scale_of,
    task_score,
)
from hemm.analysis.study.same_samples import old_data
from hemm.analysis.study.sampling import Common
from hemm.analysis.study.variants import left_out, notes_on
from hemm.core import HemmError, UnknownName
from hemm.core.text import counted
from hemm.stats.between_tasks import LEAST
from hemm.stats.clusters import codes_of
from hemm.stats.paired import Options
from hemm.stats.ranks import Ranking, ranking
from hemm.stats.task_means import mean_of_scores, mean_of_tasks


def compare(study: Study, choice: Choice | None = None) -> Comparison:
    """Compare the models of ``study``: two of them sample by sample, all of them by rank.

    Raises UnknownName or HemmError for bad input, HemmError for cells judged against different data.
    ``notes`` and the rows say what cannot be computed, and why.

    >>> import hemm
    >>> models = ["baseline/oracle", "baseline/random"]
    >>> comparison = compare(hemm.run(models, "probe_shapes", limit=40).study, Choice(resamples=0))
    >>> [comparison.labels[key] for key in comparison.pair]
    ['baseline/oracle', 'baseline/random']
    >>> comparison.overall.difference.value > 0 and comparison.overall.p < 0.05
    True
    """
    choice = choice or Choice()
    study, cost = _checked(study, choice)
    chosen = _chosen(study, choice)
    notes = [*study.notes, *([] if chosen else _alone(study))]
    models = [s for s in study.subjects.values() if not s.control or s.key in chosen]
    labels = {s.key: s.label for s in models}
    keep = _kept(study, labels)
    notes += [*_unmatched(keep, labels), *_stopped(keep)]
    rated = _rated(models)
    published = None
    if choice.published:
        published = compare_with_published(keep, labels, choice.published, force=choice.force)
    shared = _shared(keep, set(labels))
    columns = [without_failures(i) if choice.failures == FailurePolicy.EXCLUDE else i for i in shared]
    scale, why = _scale(columns, choice)
    notes += [why] if why else []
    overall: CategoryPair | None = None
    tasks: list[TaskPair] = []
    categories: list[CategoryPair] = []
    columns = [item for item in columns if item.subject in rated and not item.apart]
    ranks, ranks_like, ranked = _ranks(columns, rated, scale, notes)
    if choice.best and not choice.models and ranks is not None:
        chosen = [row.subject for row in ranks.rows[:2]]
    if chosen:
        by_subject = {key: {i.task: i for i in keep if i.subject == key} for key in chosen}
        common = [t for t in by_subject[chosen[0]] if t in by_subject[chosen[1]]]
        pairs = {t: (by_subject[chosen[0]][t], by_subject[chosen[1]][t]) for t in common}
        tasks, overall, categories = _pairwise(pairs, scale, choice, notes, labels, chosen)
    effects = label_effects(columns, rated, scale, notes)
    comparison = Comparison(
        choice=choice,
        labels=labels,
        pair=(chosen[0], chosen[1]) if chosen else None,
        overall=overall,
        tasks=tuple(tasks),
        categories=tuple(categories),
        ranks=ranks,
        ranks_like=ranks_like,
        ranked_tasks=ranked,
        label_effects=effects,
        published=published,
        notes=tuple(dict.fromkeys(notes)),
        overlay=study.overlay,
        robustness=cost,
    )
    return replace(comparison, conclusions=tuple(conclusions(comparison)))


def _checked(study: Study, choice: Choice) -> tuple[Study, Robustness | None]:
    """What is compared, without suites of perturbations unless models are named, and what those cost."""
    _check(study, choice)
    cost = robustness(study.whole, choice.failures, choice.reference)
    return (study if choice.models else study.plain), cost


def _check(study: Study, choice: Choice) -> None:
    """Raise UnknownName for words that are none, and HemmError where the paper's figures would stand beside
    scores of other right answers."""
    if choice.normalise not in NORMALISERS:
        raise UnknownName("normaliser", choice.normalise, NORMALISERS)
    FailurePolicy.check(choice.failures)
    if choice.published and study.overlay is not None:
        over = study.overlay.words
        raise HemmError(f"the paper's figures are of the right answers as published: leave out the {over}")


def _kept(study: Study, labels: Mapping[str, str]) -> list[CellScores]:
    """The cells of these subjects. Raises HemmError where two of one task have different data."""
    keep = [item for item in study.cells if item.subject in labels]
    if old := old_data(keep):
        raise HemmError("; ".join(map(str, old)))
    return keep


def _chosen(study: Study, choice: Choice) -> list[str]:
    """The keys of the two subjects to compare, in the order of the cells where none are named: the only two
    models, or a single model and its only control; else empty."""
    if not choice.models:
        models = [
            key for key in dict.fromkeys(i.subject for i in study.cells) if not study.subjects[key].control
        ]
        if len(models) == 1 and len(controls := _controls_of(study, models[0])) == 1:
            return [models[0], controls[0].key]
        return models if len(models) == 2 else []
    if len(choice.models) != 2:
        raise HemmError(f"hemm compare takes no --model, or two ({len(choice.models)} given)")
    keys = [study.named(spec)[0].key for spec in choice.models]
    if keys[0] == keys[1]:
        raise HemmError(
            f"{choice.models[0]!r} and {choice.models[1]!r} are the same results: name two different ones"
        )
    return keys


def _controls_of(study: Study, key: str) -> list[Subject]:
    """The same model with the same options under each control."""
    plain = study.subjects[key]
    same = (plain.model, plain.revision, plain.options)
    return [s for s in study.subjects.values() if s.control and (s.model, s.revision, s.options) == same]


def _alone(study: Study) -> list[str]:
    """A note where nothing is compared sample by sample for want of a second model."""
    plain = [s for s in study.subjects.values() if not s.control]
    if len(plain) != 1:
        return [] if plain else ["no models: controls alone"]
    controls = _controls_of(study, plain[0].key)
    if not controls:
        return [f"{plain[0].label} is the only model: nothing to compare it with"]
    words = " ".join(f"--model {shlex.quote(s.label)}" for s in (plain[0], controls[0]))
    return [f"{plain[0].label} is the only model; to compare it with one of its controls: {words}"]


def _rated(subjects: Sequence[Subject]) -> dict[str, str]:
    """Key -> label of those that are ranked: a single model has no rank among its controls."""
    plain = [s for s in subjects if not s.control]
    return {s.key: s.label for s in (plain if len(plain) == 1 else subjects)}


def _unmatched(items: Sequence[CellScores], labels: dict[str, str]) -> list[str]:
    """Notes on tasks that some model was not run on."""
    tasks = {key: {i.task for i in items if i.subject == key} for key in labels}
    all_tasks = set().union(*tasks.values())
    return [
        f"{labels[key]} has no score of {', '.join(sorted(all_tasks - asked))}: not compared there"
        for key, asked in tasks.items()
        if asked != all_tasks
    ]


def _stopped(items: Sequence[CellScores]) -> list[str]:
    names = dict.fromkeys(i.task for i in items if i.headline.anytime is not None)
    return [f"{', '.join(names)}: {UNTESTED}"] if names else []


def _shared(items: Sequence[CellScores], keys: set[str]) -> list[CellScores]:
    """The cells of tasks that every model was run on, on the groups that all have, in one order."""
    by_task: dict[str, dict[str, CellScores]] = {}
    for item in items:
        by_task.setdefault(item.task, {})[item.subject] = item
    out = []
    for row in by_task.values():
        if set(row) != keys:
            continue
        common = Common.of([(i.headline.groups, i.headline.sampling) for i in row.values()])
        order = [g for g in next(iter(row.values())).headline.groups.tolist() if g in common.groups]
        out += [_with_headline(item, item.headline.in_common(order, common)) for item in row.values()]
    return out


def _with_headline(item: CellScores, headline: ScoreColumn) -> CellScores:
    """The cell with this headline alone; clusters become numbers, which sort faster than names."""
    codes: Any = codes_of(headline.clusters)
    headline = replace(headline, clusters=codes)
    return replace(item, control="", headline=headline, others=())


def _scale(cells: Sequence[CellScores], choice: Choice) -> tuple[Scale, str]:
    """The normaliser over the shared groups; if there are none, a note."""
    known = [i for i in cells if len(i.headline)]
    if choice.normalise == "anchored":
        return scale_of(known, "anchored", choice.failures), ""
    if not known:
        return Scale(choice.normalise, failures=choice.failures), "no samples that all models were asked"
    return scale_of(known, choice.normalise, choice.failures), ""


def _pairwise(
    pairs: dict[str, tuple[CellScores, CellScores]],
    scale: Scale,
    choice: Choice,
    notes: list[str],
    labels: dict[str, str],
    chosen: Sequence[str],
) -> tuple[list[TaskPair], CategoryPair | None, list[CategoryPair]]:
    names = [labels[key] for key in chosen]
    if not pairs:
        notes.append(f"{names[0]} and {names[1]} have no task in common: nothing is compared")
        return [], None, []
    options = Options(choice.resamples, choice.seed)
    tasks = corrected([pair_task(a, b, scale, options) for a, b in pairs.values()])
    notes += [f"{t.task}: {t.why}" for t in tasks if t.why not in ("", UNTESTED)]
    together = {task: pair for task, pair in pairs.items() if not pair[0].apart}
    overall, categories = category_pairs(together, scale, options)
    notes += notes_on(left_out(pairs).items())
    if overall.difference.value is None:
        notes.append("no overall difference: no task has a normalised one")
    small = min((t.pair.difference.clusters for t in tasks if t.pair), default=99)
    if small < 10:
        notes.append(
            f"the smallest task has {counted(small, 'cluster')}: intervals from so few are wide and rough"
        )
    return tasks, overall, categories


def _ranks(
    cells: Sequence[CellScores], labels: dict[str, str], scale: Scale, notes: list[str]
) -> tuple[Ranking | None, Ranking | None, tuple[str, ...]]:
    """Ranks of the models on these tasks and on tasks like these (None with too few), and the tasks they are
    over: those with a normalised score of every model."""
    if len(labels) < 2:
        return None, None, ()
    usable = _usable(cells, scale)
    notes += notes_on(left_out(usable).items())
    usable = {task: row for task, row in usable.items() if task not in left_out(usable)}
    if not usable:
        notes.append("no ranks: no task has a normalised score of every model on common samples")
        return None, None, ()
    scores, others = {}, {}
    for key in labels:
        parts = [
            task_score(row[key].headline, scale, TaskSlice(key, task))[0] for task, row in usable.items()
        ]
        scores[key], like = mean_of_scores([p for p in parts if p is not None], mean_bounds(scale))
        others[key] = like.estimate
    p: dict[tuple[str, str], float | None] = {}
    p_like: dict[tuple[str, str], float | None] = {}
    for a, b in combinations(labels, 2):
        differences = []
        for task, row in usable.items():
            left, right, why = common_groups(row[a].headline, row[b].headline)
            if not why:
                difference, why = task_difference(left, right, TaskSlice(a, task), TaskSlice(b, task), scale)
                differences += [difference] if difference is not None else []
            notes += [f"{task}: {why}"] if why else []
        mean = mean_of_tasks([d.part for d in differences]) if differences else None
        p[a, b], p_like[a, b] = (None, None) if mean is None else (mean.p, mean.like.p)
    ranks_like = None if len(usable) < LEAST else ranking(others, p_like)
    return ranking(scores, p), ranks_like, tuple(usable)


def _usable(cells: Sequence[CellScores], scale: Scale) -> dict[str, dict[str, CellScores]]:
    """Task -> the cell of each model, for tasks with a normalised score of every model."""
    by_task: dict[str, dict[str, CellScores]] = {}
    for item in cells:
        by_task.setdefault(item.task, {})[item.subject] = item
    usable = {}
    for task, row in by_task.items():
        whys = [limits(i.headline, scale, TaskSlice(i.subject, task))[2] for i in row.values()]
        if not any(whys) and all(i.headline.anytime is None for i in row.values()):
            usable[task] = row
    return usable
