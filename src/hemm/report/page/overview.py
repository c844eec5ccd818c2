"""From a profile to the rows, figures and examples of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from hemm.core import DIMENSIONS, HemmError
from hemm.report.examples import CARDS, Asked, Group, examples
from hemm.report.figures import profile as figures
from hemm.report.text import one_line

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import CategoryRow, ControlRow, Profile, TaskRow
    from hemm.analysis.study import Study, Subject
    from hemm.analysis.study.failure_policy import PolicyScores
    from hemm.report.pictures import Gallery
    from hemm.results.read import Cell

FAILURES = ("unparsable", "refused", "truncated", "error")


@dataclass(frozen=True)
class Line:
    """One category with one value a subject (None: it has none there)."""

    dimension: str
    title: str
    name: str
    cells: tuple[CategoryRow | None, ...]


@dataclass(frozen=True)
class Shown:
    """The examples of one task, or why there are none."""

    task: str
    title: str
    groups: tuple[Group, ...]
    note: str = ""


def main_subjects(profile: Profile) -> list[Subject]:
    """Who the page is about: the models as they are; controls where there is nothing else."""
    plain = [s for s in profile.subjects if not s.control]
    return plain or list(profile.subjects)


def lines(profile: Profile, subjects: Sequence[Subject]) -> list[Line]:
    """The overall row, then every category that has answers, in the order of the dimensions."""
    found: dict[tuple[str, str], dict[str, CategoryRow]] = {}
    for row in profile.categories:
        found.setdefault((row.dimension, row.category), {})[row.subject.key] = row
    out = []
    wanted = [("overall", ""), *((d, c) for d, about in DIMENSIONS.items() for c in about.categories)]
    for dimension, category in wanted:
        rows = found.get((dimension, category), {})
        cells = tuple(rows.get(s.key) for s in subjects)
        if any(cells):
            title = DIMENSIONS[dimension].title if category else ""
            out.append(Line(dimension, title, category.replace("_", " ") or "Overall", cells))
    return out


def _bar(row: CategoryRow | None) -> figures.Bar | None:
    if row is None or row.estimate.value is None:
        return None
    return figures.Bar(row.estimate.value, row.estimate.low, row.estimate.high)


def _rows(of: Sequence[Line], count: int) -> list[figures.Row]:
    rows = [figures.Row(line.name, tuple(map(_bar, line.cells[:count])), line.title) for line in of]
    return [row for row in rows if any(row.bars)]


def radar(of: Sequence[Line], subjects: Sequence[Subject]) -> Markup | None:
    """The radar over all categories; None with fewer than three that have values."""
    shown = subjects[: figures.MOST]
    rows = _rows([line for line in of if line.dimension != "overall"], len(shown))
    if len(rows) < 3:
        return None
    return figures.radar(rows, [s.label for s in shown], "Normalised score by category")


def bars(of: Sequence[Line], subjects: Sequence[Subject]) -> list[tuple[str, str, Markup]]:
    """(title, what the dimension is, figure) for each dimension with values; the overall score first where
    there is anything to compare it with."""
    shown = subjects[: figures.MOST]
    rows = _rows(of, len(shown))
    if not rows:
        return []
    values = [
        v for row in rows for bar in row.bars if bar for v in (bar.value, bar.low, bar.high) if v is not None
    ]
    limits = (min(-0.02, *values) - 0.02, max(1.0, *values) + 0.02)
    out = []
    for dimension in dict.fromkeys(line.dimension for line in of):
        own = _rows([line for line in of if line.dimension == dimension], len(shown))
        if own and (dimension in DIMENSIONS or len(shown) > 1):
            about = DIMENSIONS.get(dimension)
            title = about.title if about else "Overall"
            drawn = figures.bars(
                own,
                [s.label for s in shown],
                limits,
                f"{title}: normalised score, 95 % interval",
                max(len(row.name) for row in rows),
            )
            out.append((title, about.describes if about else "all tasks", drawn))
    return out


def shown_examples(
    study: Study,
    profile: Profile,
    subjects: Sequence[Subject],
    gallery: Gallery,
    per_group: int | None,
) -> list[Shown]:
    """Examples by task, in the order of the tasks table; ``per_group`` None: as many as the page bears."""
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
    for task, own in rows.items():
        try:
            asked = [
                Asked(by_folder[r.folder], number[r.subject.key], r.subject.label)
                for r in own[: figures.MOST]
            ]
            groups = examples(asked, gallery, per_group)
        except HemmError as error:
            out.append(Shown(task, own[0].title, (), str(error)))
            continue
        out.append(Shown(task, own[0].title, tuple(groups), "" if groups else "no answers to show"))
    return out


@dataclass(frozen=True)
class Reading:
    """What failures do to one score: (model, readings) of each model that has answers without a value."""

    title: str
    name: str
    task: bool
    rows: tuple[tuple[str, PolicyScores], ...]


def readings(profile: Profile, of: Sequence[Line], subjects: Sequence[Subject]) -> list[Reading]:
    """Overall, categories and tasks in which answers without a value occur, in every reading of them."""
    found: dict[tuple[str, str, bool], list[tuple[str, PolicyScores]]] = {}

    def add(title: str, name: str, task: bool, label: str, values: PolicyScores | None) -> None:
        if values is not None and values.left_out:
            found.setdefault((title, name, task), []).append((label, values))

    for line in of:
        for cell in line.cells:
            if cell is not None:
                add(line.title, line.name, False, cell.subject.label, cell.by_policy)
    keys = {s.key for s in subjects}
    for row in sorted(profile.tasks, key=lambda r: r.task):
        if row.subject.key in keys:
            add("Tasks", row.task, True, row.subject.label, row.by_policy)
    return [Reading(title, name, task, tuple(rows)) for (title, name, task), rows in found.items()]


def controls_of(profile: Profile) -> list[ControlRow]:
    """Rows of the picture table: by model and control, the mean last."""
    order = {s.key: n for n, s in enumerate(profile.subjects)}
    return sorted(profile.controls, key=lambda r: (order[r.subject.key], r.control, not r.task))


def totals(profile: Profile, subjects: Sequence[Subject]) -> Mapping[str, int]:
    """Outcomes of all answers of these subjects."""
    keys = {s.key for s in subjects}
    out = dict.fromkeys(("ok", *FAILURES), 0)
    for row in profile.tasks:
        if row.subject.key in keys:
            for outcome, n in row.outcomes.items():
                out[outcome] += n
    return out


def title(profile: Profile | None, cells: Sequence[Cell], subjects: Sequence[Subject]) -> str:
    """``tiny on 6 tasks``: two names at most."""
    names = list(dict.fromkeys(s.label for s in subjects)) or list(dict.fromkeys(c.model for c in cells))
    tasks = list(dict.fromkeys(c.task for c in cells))
    who = " and ".join(one_line(n, 40) for n in names[:2])
    if len(names) > 2:
        who = f"{one_line(names[0], 40)}, {one_line(names[1], 40)} and {len(names) - 2} more"
    return f"{who} on {one_line(tasks[0], 40) if len(tasks) == 1 else f'{len(tasks)} tasks'}"
