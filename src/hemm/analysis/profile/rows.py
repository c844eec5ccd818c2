"""The rows of a profile. ``docs/profile.md`` has the definitions and the schema of the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.analysis.profile.model_dimensions import ModelDimensions
from hemm.analysis.study.failure_policy import FailurePolicy, PolicyScores
from hemm.analysis.study.study import Subject
from hemm.stats.intervals import Estimate


@dataclass(frozen=True)
class MetricValue:
    """One component of one metric (its spec) on one task; ``corpus`` values are no means: their
    intervals are by jackknife (``analysis.jackknife``), where there are any."""

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
    by_policy   the headline on its own scale under every failure policy
    bootstrap   the headline's interval by bootstrap over clusters, where asked for
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


@dataclass(frozen=True)
class CategoryRow:
    """One category of one dimension for one subject; ``tasks`` are those in the mean, ``by_policy`` the
    normalised value under every failure policy (None under ``rank``)."""

    subject: Subject
    dimension: str
    category: str
    estimate: Estimate
    tasks: tuple[str, ...]
    units: int
    outcomes: Mapping[str, int]
    cut: int
    by_policy: PolicyScores | None = None


@dataclass(frozen=True)
class ControlRow:
    """Score with the picture minus score under a control, on answers that both have; ``task`` is empty for
    the mean over tasks, which is of normalised scores."""

    subject: Subject
    task: str
    control: str
    difference: Estimate
    normalised: Estimate | None


@dataclass(frozen=True)
class Profile:
    """All rows, and ``notes``: what a reader must know of them (intersections, what is listed and not
    averaged). ``failures`` is the failure policy."""

    normaliser: str
    subjects: tuple[Subject, ...]
    tasks: tuple[TaskRow, ...]
    categories: tuple[CategoryRow, ...]
    controls: tuple[ControlRow, ...]
    notes: tuple[str, ...] = field(default=())
    failures: str = FailurePolicy.AS_WORST
    made: ModelDimensions | None = None
    """Means by model dimension."""

    def plain(self) -> dict[str, Any]:
        """Everything as plain values: the JSON."""
        from hemm.analysis.profile.render import plain

        return plain(self)

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each value: the CSV."""
        from hemm.analysis.profile.render import flat

        return flat(self)

    def text(self, format_: str = "table", width: int | None = None) -> str:
        """The profile as ``table`` (``width`` columns), ``json``, ``csv`` or ``markdown``."""
        from hemm.analysis.profile.render import render

        return render(self, format_, width)

    def print(self, width: int | None = None) -> None:
        """Print the tables, as wide as the terminal."""
        from hemm.analysis.profile.render import show

        show(self, width)
