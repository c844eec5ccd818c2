"""Where the uncertainty of a model's score comes from: tasks, clusters, samples, prompts, seeds, repeats.

The cells of one model that differ in nothing but prompt and seed are one design. Within each task the
variances are those of ``stats.variance_components``; between tasks, that of the tasks' means. All are on the
scale of the profile (``anchored``). ``docs/variance.md`` has the definitions and the schema of the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hemm.analysis.study import Study
from hemm.analysis.variance.design import Design, TaskDesign, designs_of
from hemm.analysis.variance.pool import KINDS, LEAST_TASKS, OF_SAMPLES, ORDER, Pool, TaskParts, components_of
from hemm.core import HemmError
from hemm.core.text import counted
from hemm.stats.variance_components import Component

SCHEMA_VERSION = 1
FEW_LEVELS = 6
"""With fewer levels than these a note says how badly a component is known."""


@dataclass(frozen=True)
class Row:
    """One component of the variance, over all tasks that can tell it.

    name      of the factor; ``sample + repeat`` where the design cannot tell them apart
    tasks     number of tasks that it is a mean over
    levels    number of levels, over all tasks; prompts that tasks share count once
    variance  of one answer, a mean over these tasks; a negative estimate is 0
    share     of the variance of one answer
    error     what the component adds to the squared standard error of the score
    error_share  the same as a share
    negative  number of tasks (or of all, for ``task``) whose estimate was below 0
    """

    name: str
    tasks: int
    levels: int
    variance: float
    share: float
    error: float
    error_share: float
    negative: int = 0


@dataclass(frozen=True)
class Change:
    """What more units of one kind would buy.

    what     in words: ``twice the samples``
    answers  how many times as many answers that takes
    error    predicted standard error for these tasks; ``limit``: with any number of such units (None: of
             tasks)
    error_tasks  the same for tasks like these; None with fewer than three tasks
    """

    what: str
    answers: float
    error: float
    limit: float | None
    error_tasks: float | None


@dataclass(frozen=True)
class ModelVariance:
    """The variance of one model's score.

    label        the subject's, with the options that its cells have in common
    tasks        its tasks, with what was varied there
    score        the mean over tasks of the normalised score, each a mean over its cells
    error        standard error for these tasks; ``error_tasks`` for tasks like these (None: too few tasks)
    rows         the components
    changes      what more units would buy
    not_varied   factor -> why it has no row of its own
    notes        what readers must know: few levels, negative estimates, answers left out
    """

    label: str
    tasks: tuple[TaskDesign, ...]
    score: float
    error: float
    error_tasks: float | None
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    not_varied: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variance:
    """The variance of the scores of all models. ``notes``: cells and tasks that are left out, and why."""

    models: tuple[ModelVariance, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm variance``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "models": [
                {
                    **{k: getattr(m, k) for k in ("label", "score", "error", "error_tasks")},
                    "tasks": [task.to_json() for task in m.tasks],
                    "components": [asdict(row) for row in m.rows],
                    "changes": [asdict(change) for change in m.changes],
                    "not_varied": dict(m.not_varied),
                    "notes": list(m.notes),
                }
                for m in self.models
            ],
            "notes": list(self.notes),
        }


def variance(study: Study) -> Variance:
    """The variance components of every model of ``study``, and what more of each unit would buy. Raises
    HemmError where no score can be used.

    >>> import hemm
    >>> result = variance(hemm.run("baseline/random", "probe_shapes", limit=40).study)
    >>> (model,) = result.models
    >>> sorted(model.not_varied)
    ['prompt', 'repeat', 'seed', 'task']
    >>> [row.name for row in model.rows]
    ['cluster', 'sample + repeat']
    """
    designs, notes = designs_of(study)
    if not designs:
        raise HemmError(f"there is no score whose variance could be told: {'; '.join(notes)}")
    return Variance(tuple(_of_model(design) for design in designs), tuple(notes))


def _of_model(design: Design) -> ModelVariance:
    tasks = [TaskParts(task, components_of(task)) for task in design.tasks]
    pool = Pool(tasks)
    rows = _rows(pool)
    squared = math.fsum(pool.by_name().values())
    over_tasks = None if pool.between is None else squared + max(0.0, pool.between) / len(tasks)
    return ModelVariance(
        label=design.label,
        tasks=tuple(design.tasks),
        score=math.fsum(task.mean for task in design.tasks) / len(tasks),
        error=math.sqrt(squared),
        error_tasks=None if over_tasks is None else math.sqrt(over_tasks),
        rows=tuple(rows),
        changes=tuple(_changes(pool)),
        not_varied=_not_varied(tasks),
        notes=(*design.notes, *_notes(tasks, rows)),
    )


def _rows(pool: Pool) -> list[Row]:
    count, errors = len(pool.tasks), pool.by_name()
    of_one: dict[str, list[Component]] = {}
    for task in pool.tasks:
        for name, part in task.parts.items():
            of_one.setdefault(name, []).append(part)
    facts = {
        name: (
            len(parts),
            _levels(pool.tasks, name),
            math.fsum(max(0.0, part.variance) for part in parts) / len(parts),
            errors[name],
            sum(part.variance < -1e-12 for part in parts),
        )
        for name, parts in of_one.items()
    }
    if pool.between is not None:
        known = max(0.0, pool.between)
        facts["task"] = (count, count, known, known / count, int(pool.between < 0))
    # a component that some tasks lack counts with its tasks' part of one answer, as all tasks weigh the same
    total = math.fsum(v * n / count for n, _, v, _, _ in facts.values())
    squared = math.fsum(error for *_, error, _ in facts.values())
    rows = [
        Row(name, n, levels, v, _part(v * n / count, total), error, _part(error, squared), negative)
        for name, (n, levels, v, error, negative) in facts.items()
    ]
    return sorted(rows, key=lambda row: ORDER.index(row.name.split(" + ")[0]))


def _levels(tasks: Sequence[TaskParts], name: str) -> int:
    """Levels of a component over all tasks; a prompt that several tasks share is one."""
    those = [task for task in tasks if name in task.parts]
    if name == "prompt":
        return len({prompt for task in those for prompt in task.design.prompts})
    return sum(task.parts[name].levels for task in those)


def _freedom(tasks: Sequence[TaskParts], row: Row) -> int:
    """Degrees of freedom: one less than levels in each task, and once where tasks share prompts."""
    own = sum(task.parts[row.name].levels for task in tasks if row.name in task.parts)
    return row.levels - (1 if row.name == "task" or row.levels < own else row.tasks)


def _part(value: float, total: float) -> float:
    return value / total if total > 0 else 0.0


# what more units would buy


def _changes(pool: Pool) -> list[Change]:
    count = len(pool.tasks)
    found = []
    for kind in KINDS:
        numbers = [n for task in pool.tasks if (n := kind.number(task.design))]
        clustered = any("cluster" in task.parts for task in pool.tasks)
        if numbers and (kind.scaled is not OF_SAMPLES or clustered):
            answers = math.fsum((n + 1) / n for n in numbers) / count + (count - len(numbers)) / count
            found.append(_change(pool, kind.what, pool.by_name(kind), answers, pool.by_name(kind, True)))
    if pool.between is not None:
        found.append(_change(pool, "one more task", pool.by_name(), (count + 1) / count, None, count + 1))
    return found


def _change(
    pool: Pool,
    what: str,
    errors: Mapping[str, float],
    answers: float,
    least: Mapping[str, float] | None,
    tasks: int = 0,
) -> Change:
    tasks = tasks or len(pool.tasks)
    squared = math.fsum(errors.values()) * len(pool.tasks) / tasks
    over_tasks = None if pool.between is None else math.sqrt(squared + max(0.0, pool.between) / tasks)
    limit = None if least is None else math.sqrt(math.fsum(least.values()))
    return Change(what, answers, math.sqrt(squared), limit, over_tasks)


# what the design does not tell


def _not_varied(tasks: Sequence[TaskParts]) -> dict[str, str]:
    """Factor -> why no row is its own. A factor that some task can tell is not listed."""
    names = {name for task in tasks for name in task.parts}
    joined = {each: name for name in names if " + " in name for each in name.split(" + ")}
    designs = [task.design for task in tasks]
    found: dict[str, str] = {}
    if len(tasks) < LEAST_TASKS:
        found["task"] = f"{len(tasks)} of at least {LEAST_TASKS} tasks"
    for name in ("cluster", "prompt", "prompt by sample", "seed", "seed by sample", "repeat"):
        unit = name.partition(" by ")[0]
        once = unit in ("prompt", "seed") and all(len(set(getattr(t, unit))) < 2 for t in designs)
        if name in names or (once and name != unit):
            continue
        part = f"; it is part of {joined[name]!r}" if name in joined else ""
        if once:
            found[name] = f"every task was asked with one {name}"
        elif name == "repeat" and all(t.repeats == 1 for t in designs):
            found[name] = f"every sample was asked once in each way{part}"
        elif name == "cluster" and part:
            found[name] = f"every cluster has one sample{part}"
        else:
            found[name] = f"these answers do not tell it from the others{part}"
    return found


def _notes(tasks: Sequence[TaskParts], rows: Sequence[Row]) -> list[str]:
    notes = [
        f"{task.design.task}: all answers score the same, what they vary by is not known and shown as 0"
        for task in tasks
        if float(np.ptp(task.design.values)) == 0
    ]
    negative = [
        f"{row.name} (in {row.negative} of {counted(row.tasks, 'task')})"
        if row.tasks > 1 and row.name != "task"
        else row.name
        for row in rows
        if row.negative
    ]
    if negative:
        notes.append(f"estimated below 0, shown as 0: {', '.join(negative)}")
    count = len(tasks)
    notes += [
        f"{row.name}: of {row.tasks} of {counted(count, 'task')} alone, "
        f"{counted(count - row.tasks, 'other does', 'others do')} not tell it"
        for row in rows
        if row.tasks < count
    ]
    for row in rows:
        freedom = _freedom(tasks, row)
        if freedom < FEW_LEVELS - 1:
            low, high = _factors(freedom)
            notes.append(
                f"{row.name}: known from {counted(row.levels, 'level')}; the true spread may be {low:.1f} to "
                f"{high:.1f} times that (95 %, for normal effects)"
            )
    return notes


def _factors(freedom: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a standard deviation, as multiples of its estimate."""
    from scipy.special import chdtri  # scipy.stats takes half a second to import

    return tuple(math.sqrt(freedom / float(chdtri(freedom, above))) for above in (0.025, 0.975))  # type: ignore[return-value]
