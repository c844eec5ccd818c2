"""The rows of a profile. ``docs/profile.md`` has the definitions and the schema of the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.analysis.profile.model_dimensions import ModelDimensions
from hemm.analysis.profile.option_orders import OptionOrder
from hemm.analysis.profile.perceptual import PerceptualScore
from hemm.analysis.study import Subject
from hemm.analysis.study.failure_policy import FailurePolicy, PolicyScores
from hemm.analysis.study.overlays import OverlayUse
from hemm.core import storable
from hemm.stats.between_tasks import TasksLike
from hemm.stats.intervals import LEVEL, Estimate
from hemm.stats.task_means import TaskScore

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class MetricValue:
    """One component of one metric (its spec) on one task. ``corpus`` values are no means; their intervals, if
    any, are by ``stats.jackknife``."""

    metric: str
    component: str
    estimate: Estimate
    corpus: bool = False


@dataclass(frozen=True)
class TaskRow:
    """The scores of one subject on one task.

    values      on the metrics' own scales, the headline first
    normalised  the headline on the normaliser's scale; None if there is none, for the reason ``why``
    floor, ceiling  the means on the metric's own scale that become 0 and 1
    by_policy   the headline on its own scale under every failure policy
    bootstrap   the headline's interval by bootstrap over clusters, if requested
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
    by_policy: PolicyScores | None = None
    bootstrap: Estimate | None = None

    @property
    def headline(self) -> MetricValue:
        return self.values[0]

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.key,
            "task": self.task,
            "title": storable(self.title),
            "metrics": [
                {"metric": v.metric, "component": v.component, "corpus": v.corpus, **v.estimate.to_json()}
                for v in self.values
            ],
            "normalised": None if self.normalised is None else self.normalised.to_json(),
            "not_normalised": self.why,
            "readings": None if self.by_policy is None else self.by_policy.to_json(),
            "bootstrap": None if self.bootstrap is None else self.bootstrap.to_json(),
            "floor": self.floor,
            "ceiling": self.ceiling,
            "units": self.units,
            "outcomes": dict(self.outcomes),
            "cut": self.cut,
            "selection": dict(self.selection),
            "state": self.state,
            "folder": storable(self.folder),
        }


@dataclass(frozen=True)
class CategoryRow:
    """One category of one dimension for one subject: the mean over ``tasks``, and under every failure policy
    (``by_policy``; None under ``rank``).

    estimate  for other samples of these tasks
    like      for tasks like these
    parts     the tasks' values, in the order of ``tasks``
    """

    subject: Subject
    dimension: str
    category: str
    estimate: Estimate
    tasks: tuple[str, ...]
    units: int
    outcomes: Mapping[str, int]
    cut: int
    by_policy: PolicyScores | None
    like: TasksLike
    parts: tuple[TaskScore, ...] = field(default=(), repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.key,
            "dimension": self.dimension,
            "category": self.category,
            **self.estimate.to_json(),
            "tasks_like_these": self.like.to_json(),
            "tasks": list(self.tasks),
            "units": self.units,
            "outcomes": dict(self.outcomes),
            "cut": self.cut,
            "readings": None if self.by_policy is None else self.by_policy.to_json(),
        }


@dataclass(frozen=True)
class SuiteRow:
    """The mean of one subject over the tasks of a suite.

    weights  task -> its weight, of those with a score
    lacking  tasks of the suite without one
    """

    subject: Subject
    suite: str
    estimate: Estimate
    weights: Mapping[str, float]
    lacking: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.key,
            "suite": storable(self.suite),
            **self.estimate.to_json(),
            "weights": dict(self.weights),
            "lacking": list(self.lacking),
        }


@dataclass(frozen=True)
class ControlRow:
    """Score with the picture minus score under a control, on groups that both have.

    task  empty for the mean of the tasks' normalised differences
    like  of that mean, for tasks like these
    p     of no difference on these tasks
    """

    subject: Subject
    task: str
    control: str
    difference: Estimate
    normalised: Estimate | None
    like: TasksLike | None = None
    p: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.key,
            "task": self.task,
            "control": self.control,
            **self.difference.to_json(),
            "p": self.p,
            "tasks_like_these": None if self.like is None else self.like.to_json(),
            "normalised": None if self.normalised is None else self.normalised.to_json(),
        }


@dataclass(frozen=True, slots=True)
class BesideRow:
    """One value without the overlay and with it; None where there is none.

    task       empty for a category
    dimension  empty for a task; ``overall`` for the mean over all tasks
    changed    samples of it that the overlay corrects, leaves out, or moves into it or out of it
    n, n_with  groups that count
    """

    subject: str
    label: str
    task: str
    dimension: str
    category: str
    without: float | None
    with_: float | None
    changed: int
    n: int
    n_with: int

    @property
    def difference(self) -> float | None:
        return None if self.without is None or self.with_ is None else self.with_ - self.without

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "label": storable(self.label),
            "task": self.task,
            "dimension": self.dimension,
            "category": self.category,
            "without": self.without,
            "with": self.with_,
            "difference": self.difference,
            "changed": self.changed,
            "n_without": self.n,
            "n_with": self.n_with,
        }


@dataclass(frozen=True)
class Profile:
    """All rows, and notes on them. ``failures`` is the failure policy, ``overlay`` what lies over the cells,
    ``beside`` the values without it, where they were asked for. ``proposed`` are the categories of tasks
    whose labels are proposals, where other tasks are at hand too, which ``categories`` are of. ``suites`` are
    the means of the suite that was asked for, ``perceptual`` the shares of scores that are owed to
    the picture, ``option_orders`` what the published order of options is worth."""

    normaliser: str
    subjects: tuple[Subject, ...]
    tasks: tuple[TaskRow, ...]
    categories: tuple[CategoryRow, ...]
    controls: tuple[ControlRow, ...]
    notes: tuple[str, ...] = field(default=())
    failures: str = FailurePolicy.AS_WORST
    model_dimensions: ModelDimensions | None = None
    overlay: OverlayUse | None = None
    beside: tuple[BesideRow, ...] = ()
    proposed: tuple[CategoryRow, ...] = ()
    suites: tuple[SuiteRow, ...] = ()
    perceptual: tuple[PerceptualScore, ...] = ()
    option_orders: tuple[OptionOrder, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm profile``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "normaliser": self.normaliser,
            "failures": self.failures,
            "level": LEVEL,
            "subjects": [s.to_json() for s in self.subjects],
            "model_dimensions": None if self.model_dimensions is None else self.model_dimensions.to_json(),
            "categories": [row.to_json() for row in self.categories],
            "tasks": [row.to_json() for row in self.tasks],
            "controls": [row.to_json() for row in self.controls],
            "notes": [storable(note) for note in self.notes],
            **({} if self.overlay is None else {"overlay": self.overlay.to_json()}),
            **({"beside": [row.to_json() for row in self.beside]} if self.beside else {}),
            **({"perceptual": [row.to_json() for row in self.perceptual]} if self.perceptual else {}),
            **(
                {"option_orders": [row.to_json() for row in self.option_orders]} if self.option_orders else {}
            ),
            **({"suites": [row.to_json() for row in self.suites]} if self.suites else {}),
            **({"proposed": [row.to_json() for row in self.proposed]} if self.proposed else {}),
        }
