"""Rows, figures and examples of a profile for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.core import CONTROLS, DIMENSIONS, HemmError
from hemm.report.examples import CARDS, Group, ModelCell, examples
from hemm.report.figures.drawing import MOST
from hemm.report.text import one_line

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import CategoryRow, ControlRow, Profile, TaskRow
    from hemm.analysis.study import Study, Subject
    from hemm.analysis.study.failure_policy import PolicyScores
    from hemm.report.pictures import Gallery
    from hemm.results.read import Cell

FAILURES = ("unparsable", "refused", "truncated", "error")


@dataclass(frozen=True)
class CategoryLine:
    """One category with the value of each subject (None: it has none)."""

    dimension: str
    title: str
    name: str
    cells: tuple[CategoryRow | None, ...]


@dataclass(frozen=True)
class TaskExamples:
    """The examples of one task, or a note why there are none."""

    task: str
    title: str
    groups: tuple[Group, ...]
    note: str = ""


def main_subjects(profile: Profile) -> list[Subject]:
    """The subjects of the page: those without control; if there are none, the controls. Where they are more
    than a figure has, by overall score, highest first: figures have those of highest score."""
    models = [s for s in profile.subjects if not s.control] or list(profile.subjects)
    if len(models) <= MOST:
        return models
    overall = {r.subject.key: r.estimate.value for r in profile.categories if r.dimension == "overall"}
    values = {key: value for key, value in overall.items() if value is not None}
    return sorted(models, key=lambda s: -values.get(s.key, -math.inf))


def lines(profile: Profile, subjects: Sequence[Subject]) -> list[CategoryLine]:
    """The overall row, then every category that has answers, in the order of the dimensions."""
    return _lines(profile.categories, subjects)


def beside_proposed(
    profile: Profile, subjects: Sequence[Subject]
) -> list[tuple[CategoryLine | None, CategoryLine]]:
    """Each category of the tasks whose labels are proposals, beside that of the others."""
    others = {(line.dimension, line.name): line for line in lines(profile, subjects)}
    found = _lines(profile.proposed, subjects)
    return [(others.get((line.dimension, line.name)), line) for line in found]


def _lines(rows_of: Sequence[CategoryRow], subjects: Sequence[Subject]) -> list[CategoryLine]:
    by_category: dict[tuple[str, str], dict[str, CategoryRow]] = {}
    for row in rows_of:
        by_category.setdefault((row.dimension, row.category), {})[row.subject.key] = row
    out = []
    order = [("overall", ""), *((d, c) for d, about in DIMENSIONS.items() for c in about.categories)]
    for dimension, category in order:
        rows = by_category.get((dimension, category), {})
        cells = tuple(rows.get(s.key) for s in subjects)
        if any(cells):
            title = DIMENSIONS[dimension].title if category else ""
            out.append(CategoryLine(dimension, title, category.replace("_", " ") or "Overall", cells))
    return out


def shown_examples(
    study: Study,
    profile: Profile,
    subjects: Sequence[Subject],
    gallery: Gallery,
    per_group: int | None,
) -> list[TaskExamples]:
    """Examples by task, in the order of the tasks table; ``per_group`` None: as many as fit on the page."""
    number = {s.key: n for n, s in enumerate(subjects)}
    rows: dict[str, list[TaskRow]] = {}
    for row in profile.tasks:
        if row.subject.key in number:
            rows.setdefault(row.task, []).append(row)
    if per_group is None:
        per_group = max(1, min(3, CARDS // (3 * max(1, len(rows)))))
    if per_group == 0:
        return []
    by_folder = {str(item.cell.folder): item for item in study.cells}
    out = []
    for task, of_task in rows.items():
        try:
            model_cells = [
                ModelCell(by_folder[r.folder], number[r.subject.key], r.subject.label) for r in of_task[:MOST]
            ]
            groups = examples(model_cells, gallery, per_group)
        except HemmError as error:
            out.append(TaskExamples(task, of_task[0].title, (), str(error)))
            continue
        out.append(
            TaskExamples(task, of_task[0].title, tuple(groups), "" if groups else "no answers to show")
        )
    return out


@dataclass(frozen=True)
class PolicyLine:
    """One score under every failure policy: (model, scores) of each model that has answers without a
    value."""

    title: str
    name: str
    task: bool
    rows: tuple[tuple[str, PolicyScores], ...]


def policy_lines(
    profile: Profile, of: Sequence[CategoryLine], subjects: Sequence[Subject]
) -> list[PolicyLine]:
    """Overall, categories and tasks with answers without a value, under every failure policy."""
    by_name: dict[tuple[str, str, bool], list[tuple[str, PolicyScores]]] = {}

    def add(title: str, name: str, task: bool, label: str, values: PolicyScores | None) -> None:
        if values is not None and values.left_out:
            by_name.setdefault((title, name, task), []).append((label, values))

    for line in of:
        for cell in line.cells:
            if cell is not None:
                add(line.title, line.name, False, cell.subject.label, cell.by_policy)
    keys = {s.key for s in subjects}
    for row in sorted(profile.tasks, key=lambda r: r.task):
        if row.subject.key in keys:
            add("Tasks", row.task, True, row.subject.label, row.by_policy)
    return [PolicyLine(title, name, task, tuple(rows)) for (title, name, task), rows in by_name.items()]


def controls_of(profile: Profile) -> list[ControlRow]:
    """Rows of the controls' table: by model and control, the mean last."""
    order = {s.key: n for n, s in enumerate(profile.subjects)}
    return sorted(profile.controls, key=lambda r: (order[r.subject.key], r.control, not r.task))


def shown_instead(profile: Profile) -> str:
    """What the controls of the page show in place of the picture, in words."""
    used = [c.full for name, c in CONTROLS.items() if any(row.control == name for row in profile.controls)]
    return " or ".join([", ".join(used[:-1]), used[-1]] if len(used) > 1 else used)


def totals(profile: Profile, subjects: Sequence[Subject]) -> Mapping[str, int]:
    """Outcomes of all answers of these subjects."""
    keys = {s.key for s in subjects}
    out = dict.fromkeys(("ok", *FAILURES), 0)
    for row in profile.tasks:
        if row.subject.key in keys:
            for outcome, n in row.outcomes.items():
                out[outcome] += n
    return out


NAME = 80
"""Characters of a name in the page's title: two models that differ in their settings alone differ late."""


def title(profile: Profile | None, cells: Sequence[Cell], subjects: Sequence[Subject]) -> str:
    """The page's title, as ``tiny on 6 tasks``, with two names at most."""
    names = list(dict.fromkeys(s.label for s in subjects)) or list(dict.fromkeys(c.model for c in cells))
    tasks = list(dict.fromkeys(c.task for c in cells))
    who = " and ".join(one_line(n, NAME) for n in names[:2])
    if len(names) > 2:
        who = f"{one_line(names[0], NAME)}, {one_line(names[1], NAME)} and {len(names) - 2} more"
    return f"{who} on {one_line(tasks[0], NAME) if len(tasks) == 1 else f'{len(tasks)} tasks'}"
