"""Prepares scores and labels for the two models of ``stats.label_effects``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hemm.analysis.study.cell_scores import CellScores
from hemm.analysis.study.normalise import Scale, TaskSlice, limits, normal_value
from hemm.analysis.study.variants import left_out
from hemm.core.taxonomy import taxonomy
from hemm.stats.label_effects import LabelEffects, LabelledSamples, by_samples, by_tasks


def label_effects(
    cells: Sequence[CellScores], labels: dict[str, str], scale: Scale, notes: list[str]
) -> tuple[LabelEffects, ...]:
    """Effects of labels over the tasks with one label each, and within the tasks whose samples differ in
    labels."""
    if scale.name == "rank":
        notes.append(
            "no effects of labels under rank: the models' win rates average one half whatever the label"
        )
        return ()
    # labels of people's own, which few samples have, would leave few samples with all labels
    known_to = taxonomy()
    by_task: dict[str, list[CellScores]] = {}
    for item in cells:
        if item.subject in labels and len(item.headline):
            by_task.setdefault(item.task, []).append(item)
    labels_of_task: dict[str, dict[str, str]] = {}
    columns: list[list[float]] = []
    varying: dict[str, list[CellScores]] = {}
    for task, items in by_task.items():
        if task in left_out(by_task):
            continue
        categories = {d: set(c.tolist()) for d, c in items[0].headline.labels.items() if d in known_to}
        if any(len(c) > 1 for c in categories.values()):
            if all(i.headline.anytime is None for i in items):
                varying[task] = items
            continue
        known = {d: next(iter(c)) for d, c in categories.items() if None not in c}
        if not known:
            notes.append(f"{task} has no labels: left out of the effects of labels")
            continue
        values = [normal_value(i.headline, scale, TaskSlice(i.subject, task))[0] for i in items]
        columns.append([np.nan if v is None or v.value is None else v.value for v in values])
        labels_of_task[task] = known
    order = {name: d.categories for name, d in known_to.items()}
    out = []
    if labels_of_task:
        out.append(by_tasks(np.array(columns).T, list(labels_of_task), labels_of_task, order))
    samples = labelled_samples(varying, scale)
    if samples is not None:
        out.append(by_samples(samples, order))
    return tuple(out)


def labelled_samples(varying: Mapping[str, Sequence[CellScores]], scale: Scale) -> LabelledSamples | None:
    """The samples of tasks (task -> a cell of each model), with the mean over models of their normalised
    scores; None where no task has a scale."""
    y, tasks, clusters = [], [], []
    labels: dict[str, list[Any]] = {d: [] for d in taxonomy()}
    models = 0
    for task, items in varying.items():
        rows = []
        for item in items:
            task_slice = TaskSlice(item.subject, task)
            floor, ceiling, why = limits(item.headline, scale, task_slice)
            if why:
                continue
            rows.append((item.headline.values - floor) / (ceiling - floor))
        if len(rows) < len(items):  # a model without a scale would unbalance the task
            continue
        models = max(models, len(rows))
        lead = items[0].headline
        y.append(np.mean(rows, axis=0))
        tasks += [task] * len(lead)
        clusters += lead.clusters.tolist()
        for d in labels:
            column = lead.labels.get(d)
            labels[d] += [None] * len(lead) if column is None else column.tolist()
    if not y:
        return None
    as_object = {d: np.array(c, dtype=object) for d, c in labels.items()}
    kinds = (np.array(tasks, dtype=object), np.array(clusters, dtype=object))
    return LabelledSamples(np.concatenate(y), *kinds, as_object, models)
