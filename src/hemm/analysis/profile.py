"""The profile: what a model can do, by every dimension, with its uncertainty and its failures.

A category's value is the mean over its tasks of the task's normalised headline score. Where the samples of
a task differ in a dimension, each category gets the part of the task that carries its label.
``docs/profile.md`` has the definitions and the schema of the JSON.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hemm.analysis.intervals import Estimate, combine, mean_interval
from hemm.analysis.load import OUTCOMES, Loaded, Scores, load
from hemm.analysis.normalise import (
    NORMALISERS,
    OVERALL,
    Lowest,
    ends,
    normal_value,
    own_scale,
    parts_of,
    worst_models,
)
from hemm.core import DIMENSIONS, CorpusMetric, HemmError, UnknownName

if TYPE_CHECKING:
    from hemm.results.read import Cell


@dataclass(frozen=True)
class Subject:
    """Who was asked, and how: a model with its settings. ``control`` is empty for the task as it is."""

    key: str
    label: str
    model: str
    revision: str
    control: str


@dataclass(frozen=True)
class MetricValue:
    """One component of one metric (its spec) on one task; ``corpus`` values are no means and have no
    interval."""

    metric: str
    component: str
    estimate: Estimate
    corpus: bool = False


@dataclass(frozen=True)
class TaskRow:
    """One task asked of one subject.

    values      the headline first, on the metric's own scale
    normalised  the headline after normalising; None where that is not possible, ``why`` says why
    floor, ceiling  means of what 0 and 1 stand for, on the metric's own scale
    """

    subject: Subject
    task: str
    title: str
    values: tuple[MetricValue, ...]
    normalised: Estimate | None
    why: str
    floor: float | None
    ceiling: float | None
    units: int
    outcomes: Mapping[str, int]
    cut: int
    selection: Mapping[str, Any]
    state: str
    folder: str

    @property
    def headline(self) -> MetricValue:
        return self.values[0]


@dataclass(frozen=True)
class CategoryRow:
    """One category of one dimension for one subject; ``tasks`` are those in the mean."""

    subject: Subject
    dimension: str
    category: str
    estimate: Estimate
    tasks: tuple[str, ...]
    units: int
    outcomes: Mapping[str, int]
    cut: int


@dataclass(frozen=True)
class ControlRow:
    """Score with the picture minus score under a control, on answers that both have; ``task`` is empty for
    the
    mean over tasks, which is of normalised scores."""

    subject: Subject
    task: str
    control: str
    difference: Estimate
    normalised: Estimate | None


@dataclass(frozen=True)
class Profile:
    """All rows, and ``notes``: what a reader must know of them (intersections, what is listed and not
    averaged)."""

    normaliser: str
    subjects: tuple[Subject, ...]
    tasks: tuple[TaskRow, ...]
    categories: tuple[CategoryRow, ...]
    controls: tuple[ControlRow, ...]
    notes: tuple[str, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """Everything as plain values: the JSON."""
        from hemm.analysis.render import plain

        return plain(self)

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each value: the CSV."""
        from hemm.analysis.render import flat

        return flat(self)

    def text(self, format_: str = "table", width: int | None = None) -> str:
        """The profile as ``table`` (``width`` columns), ``json``, ``csv`` or ``markdown``."""
        from hemm.analysis.render import render

        return render(self, format_, width)

    def print(self, width: int | None = None) -> None:
        """Print the tables, as wide as the terminal."""
        from hemm.analysis.render import show

        show(self, width)


def profile(cells: Iterable[Cell], normalise: str = "anchored", *, common: bool = True) -> Profile:
    """The profile of these cells.

    common  where several models (without controls) were asked a task, use only the groups that all of them
    have an
            answer for; else each has its own
    Raises UnknownName for a normaliser, HemmError where no cell can be read.
    """
    if normalise not in NORMALISERS:
        raise UnknownName("normaliser", normalise, NORMALISERS)
    loaded, notes = _load(cells)
    shared = _shared(loaded) if common else {}
    loaded = [_restrict(item, shared, notes) for item in loaded]
    subjects = _subjects(loaded, notes)
    lowest = worst_models(loaded) if normalise == "paper" else {}
    tasks: list[TaskRow] = []
    categories: list[CategoryRow] = []
    for key, subject in subjects.items():
        own = [item for item in loaded if item.subject == key]
        tasks += [_task_row(item, subject, normalise, lowest) for item in own]
        categories += _categories(own, subject, normalise, lowest)
    notes += [f"{t.subject.label} on {t.task}: listed, not averaged: {t.why}" for t in tasks if t.why]
    notes += _unshared(tasks)
    controls = _controls(loaded, subjects)
    return Profile(
        normalise,
        tuple(subjects.values()),
        tuple(tasks),
        tuple(categories),
        tuple(controls),
        tuple(dict.fromkeys(notes)),
    )


def _load(cells: Iterable[Cell]) -> tuple[list[Loaded], list[str]]:
    loaded: list[Loaded] = []
    notes: list[str] = []
    for cell in cells:
        try:
            item = load(cell)
        except HemmError as error:
            notes.append(str(error))
            continue
        if not len(item.headline):
            notes.append(f"{item.label} on {item.task}: no answers yet")
            continue
        if cell.state == "open":
            so_far = int(item.headline.counts.sum())
            notes.append(f"{item.label} on {item.task}: the run is not finished, {so_far} answers so far")
        loaded.append(item)
    if not loaded:
        raise HemmError(notes[0] if notes else "no results to profile")
    return loaded, notes


def _shared(loaded: Sequence[Loaded]) -> dict[str, set[str]]:
    """Task -> groups that every plain cell of it has; only for tasks of several."""
    found: dict[str, list[set[str]]] = {}
    for item in loaded:
        if not item.control:
            found.setdefault(item.task, []).append(set(item.headline.groups))
    return {task: set.intersection(*each) for task, each in found.items() if len(each) > 1}


def _restrict(item: Loaded, shared: Mapping[str, set[str]], notes: list[str]) -> Loaded:
    groups = shared.get(item.task)
    if groups is None or item.control or groups >= set(item.headline.groups):
        return item
    kept = np.array([g in groups for g in item.headline.groups], dtype=bool)
    part = f"{int(kept.sum())} of {len(kept)} {_groups(item.headline)}"
    notes.append(f"{item.label} on {item.task}: {part}, those that all models at hand were asked")
    units = set(item.headline.units[kept])
    others = tuple(s.take(np.array([u in units for u in s.units], dtype=bool)) for s in item.others)
    return Loaded(
        item.cell, item.subject, item.pair, item.label, item.control, item.headline.take(kept), others, {}
    )


def _groups(scores: Scores) -> str:
    return {"sample": "samples", "unit": "units"}.get(scores.metric.group, "groups")


def _subjects(loaded: list[Loaded], notes: list[str]) -> dict[str, Subject]:
    """Subjects by key, plain ones before controls. A second cell of the same task is a subject of its own."""
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(loaded):
        if (item.subject, item.task) in seen:
            name = f"{item.label} [{item.cell.protocol[:6]}]"
            key = f"{item.subject}-{item.cell.protocol[:6]}"
            pair = f"{item.pair}-{item.cell.protocol[:6]}"
            notes.append(
                f"{item.label} has several protocols of task {item.task}: one of them is shown as {name}"
            )
            loaded[number] = item = replace(item, subject=key, pair=pair, label=name)
        seen.add((item.subject, item.task))
    ordered = sorted(loaded, key=lambda i: (i.cell.model, i.control != "", i.label))
    found: dict[str, Subject] = {}
    for item in ordered:
        known = Subject(item.subject, item.label, item.cell.model, item.cell.revision, item.control)
        found.setdefault(item.subject, known)
    return _told_apart(found)


def _told_apart(subjects: dict[str, Subject]) -> dict[str, Subject]:
    """Revisions are shown only where one name has several."""
    revisions: dict[str, set[str]] = {}
    for s in subjects.values():
        revisions.setdefault(s.model, set()).add(s.revision)
    out = {}
    for key, s in subjects.items():
        label = s.label
        if len(revisions[s.model]) == 1 and s.revision:
            label = label.replace(f"{s.model}@{s.revision[:8]}", s.model, 1)
        out[key] = Subject(s.key, label, s.model, s.revision, s.control)
    return out


# rows


def _task_row(item: Loaded, subject: Subject, normalise: str, lowest: Lowest) -> TaskRow:
    scores = item.headline
    bottom = lowest.get((item.task, OVERALL, ""))
    normalised, why = normal_value(scores, normalise, bottom)
    floor, ceiling = ends(scores, normalise, bottom)
    run = item.cell.run
    return TaskRow(
        subject=subject,
        task=item.task,
        title=str(run.get("card", {}).get("title") or item.task),
        values=_values(item),
        normalised=normalised,
        why=why,
        floor=floor if math.isfinite(floor) else None,
        ceiling=ceiling if math.isfinite(ceiling) else None,
        units=len(set(scores.units)),
        outcomes=scores.outcomes,
        cut=int(scores.cut.sum()),
        selection=_selection(run),
        state=item.cell.state,
        folder=str(item.cell.folder),
    )


def _values(item: Loaded) -> tuple[MetricValue, ...]:
    """The headline, the other metrics and components, then corpus values that no single answer has."""
    found = [_value(scores, item.corpus) for scores in (item.headline, *item.others)]
    told = {(v.metric, v.component) for v in found}
    for (metric, component), value in item.corpus.items():
        if (metric, component) not in told:
            n, clusters = len(item.headline), len(set(item.headline.clusters))
            estimate = Estimate(value, None, None, n, clusters, "a corpus value")
            found.append(MetricValue(metric, component, estimate, corpus=True))
    return tuple(found)


def _value(scores: Scores, corpus: Mapping[tuple[str, str], float | None]) -> MetricValue:
    key = (scores.spec, scores.component)
    if key in corpus:
        n, clusters = int((~np.isnan(scores.read)).sum()), len(set(scores.clusters))
        return MetricValue(
            *key, Estimate(corpus[key], None, None, n, clusters, "a corpus value"), corpus=True
        )
    if isinstance(scores.metric, CorpusMetric):
        return MetricValue(
            *key, Estimate(None, None, None, len(scores), 0, "not known of a part"), corpus=True
        )
    return MetricValue(*key, own_scale(scores))


def _selection(run: Mapping[str, Any]) -> dict[str, Any]:
    """The last selection of a cell: the largest where each command took more."""
    last = (run.get("selections") or [{}])[-1]
    return {k: last.get(k) for k in ("seed", "limit", "units", "samples", "repeats")}


def _categories(
    items: Sequence[Loaded], subject: Subject, normalise: str, lowest: Lowest
) -> list[CategoryRow]:
    found: dict[tuple[str, str], list[tuple[str, Scores]]] = {}
    for item in items:
        for dimension, category, part in parts_of(item.headline):
            found.setdefault((dimension, category), []).append((item.task, part))
    rows = []
    for (dimension, category), parts in sorted(found.items(), key=lambda kv: _place(*kv[0])):
        estimates: list[Estimate] = []
        names: list[str] = []
        outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        units = cut = 0
        for task, part in parts:
            normalised, _ = normal_value(part, normalise, lowest.get((task, dimension, category)))
            outcomes.update(part.outcomes)
            cut += int(part.cut.sum())
            if normalised is not None:
                estimates.append(normalised)
                names.append(task)
                units += len(set(part.units))
        estimate = (
            combine(estimates) if estimates else Estimate(None, None, None, 0, 0, "no normalised score")
        )
        rows.append(
            CategoryRow(subject, dimension, category, estimate, tuple(names), units, dict(outcomes), cut)
        )
    return rows


def _place(dimension: str, category: str) -> tuple[int, int]:
    if dimension == OVERALL:
        return (-1, 0)
    return list(DIMENSIONS).index(dimension), DIMENSIONS[dimension].categories.index(category)


def _unshared(tasks: Sequence[TaskRow]) -> list[str]:
    """Models that were asked different tasks have categories over different tasks: say so."""
    by_subject: dict[str, set[str]] = {}
    for row in tasks:
        if not row.subject.control:
            by_subject.setdefault(row.subject.label, set()).add(row.task)
    everything = set().union(*by_subject.values()) if by_subject else set()
    return [
        f"{label} was not asked {', '.join(sorted(everything - own))}: its categories are over fewer tasks"
        for label, own in by_subject.items()
        if own != everything
    ]


def _controls(loaded: Sequence[Loaded], subjects: Mapping[str, Subject]) -> list[ControlRow]:
    """Paired differences to every control of the same model, settings and task."""
    plain = {(i.pair, i.task): i for i in loaded if not i.control}
    rows: list[ControlRow] = []
    means: dict[tuple[str, str], list[Estimate]] = {}
    for item in loaded:
        base = plain.get((item.pair, item.task)) if item.control else None
        if base is None or isinstance(base.headline.metric, CorpusMetric):
            continue
        difference, scaled = _paired(base.headline, item.headline)
        rows.append(ControlRow(subjects[base.subject], item.task, item.control, difference, scaled))
        if scaled is not None:
            means.setdefault((base.subject, item.control), []).append(scaled)
    for (key, control), parts in means.items():
        if len(parts) > 1:
            rows.append(ControlRow(subjects[key], "", control, combine(parts), combine(parts)))
    return rows


def _paired(with_picture: Scores, without: Scores) -> tuple[Estimate, Estimate | None]:
    """Mean difference over the groups that both have, and the same on the ``anchored`` scale."""
    where = {g: i for i, g in enumerate(without.groups)}
    pairs = [(i, where[g]) for i, g in enumerate(with_picture.groups) if g in where]
    left = np.array([i for i, _ in pairs], dtype=np.int64)
    right = np.array([j for _, j in pairs], dtype=np.int64)
    low, high = with_picture.metric.range
    differences = with_picture.read[left] - without.read[right]
    estimate = mean_interval(differences, with_picture.clusters[left], (low - high, high - low))
    floor, ceiling = ends(with_picture.take(left), "anchored", None) if pairs else (math.nan, math.nan)
    if estimate.value is None or not math.isfinite(ceiling - floor) or abs(ceiling - floor) < 1e-9:
        return estimate, None
    return estimate, estimate.scaled(0.0, ceiling - floor)
