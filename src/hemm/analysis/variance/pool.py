"""The components of several tasks together: what each adds to the error of a score, now and with more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hemm.analysis.variance.design import TaskDesign
from hemm.stats.variance_components import Component, common_variance, components, variance_of_means

LEAST_TASKS = 3
"""Fewest tasks that tell how tasks differ."""
ORDER = ("task", "cluster", "sample", "prompt", "prompt by sample", "seed", "seed by sample", "repeat")


@dataclass(frozen=True)
class TaskParts:
    """One task with its components; ``parts``: name -> component."""

    design: TaskDesign
    parts: Mapping[str, Component]

    @property
    def error(self) -> float:
        """The squared standard error of the task's mean; negative estimates count, so that it is unbiased."""
        return math.fsum(part.variance * part.concentration for part in self.parts.values())


@dataclass(frozen=True)
class Pool:
    """A model's tasks together.

    alike    variance of what a prompt adds to all tasks alike
    between  variance of the tasks' true means, None with too few tasks
    """

    tasks: Sequence[TaskParts]

    @cached_property
    def alike(self) -> float:
        return max(0.0, common_variance([task.design.prompts for task in self.tasks]))

    @cached_property
    def between(self) -> float | None:
        count = len(self.tasks)
        if count < LEAST_TASKS:
            return None
        shared = self.alike * self._overlap() / (count * (count - 1))
        errors = [task.error for task in self.tasks]
        return variance_of_means([task.design.mean for task in self.tasks], errors, shared)

    def _overlap(self) -> float:
        """Sum over pairs of different tasks of the shared weight of their prompts."""
        tables = [task.design.prompts for task in self.tasks]
        return math.fsum(
            len(one.keys() & other.keys()) / (len(one) * len(other))
            for i, one in enumerate(tables)
            for j, other in enumerate(tables)
            if i != j
        )

    def by_name(self, kind: Kind | None = None, limit: bool = False) -> dict[str, float]:
        """What each component adds to the squared error of the score for these tasks; with one more unit of
        ``kind``, or with any number of them."""
        count = len(self.tasks)
        found: dict[str, float] = {}
        for task in self.tasks:
            factor = {} if kind is None else kind.factors(task.design, limit)
            for name, part in task.parts.items():
                found[name] = found.get(name, 0.0) + part.error * _factor(name, factor) / count**2
        if self.alike:
            name = next(n for n in found if "prompt" in n.split(" + "))
            factor = {} if kind is None else kind.factors(self.tasks[0].design, limit)
            found[name] += self.alike * self._overlap() * factor.get("prompt", 1.0) / count**2
        return found


def _factor(name: str, factor: Mapping[str, float]) -> float:
    """The factor of a component; of several that cannot be told apart, the largest."""
    return max(factor.get(each, 1.0) for each in name.split(" + "))


@dataclass(frozen=True)
class Kind:
    """A kind of unit of which there may be more.

    scaled  the components that become smaller
    unit    repeat, prompt or seed: there is one more where it was varied; else there are twice as many
    """

    what: str
    scaled: tuple[str, ...]
    unit: str = ""

    def number(self, task: TaskDesign) -> float:
        """How many there are; 0 where it was not varied."""
        if not self.unit:
            return 1.0
        count = task.repeats if self.unit == "repeat" else float(len(set(getattr(task, self.unit))))
        return count if count > 1 else 0.0

    def factors(self, task: TaskDesign, limit: bool) -> dict[str, float]:
        number = self.number(task)
        return dict.fromkeys(self.scaled, 0.0 if limit else number / (number + 1)) if number else {}


OF_SAMPLES = ("sample", "prompt by sample", "seed by sample", "repeat")
KINDS = (
    Kind("twice the samples", ("cluster", *OF_SAMPLES)),
    Kind("twice the samples of each cluster", OF_SAMPLES),
    Kind("one more repeat", ("repeat",), "repeat"),
    Kind("one more prompt", ("prompt", "prompt by sample", "repeat"), "prompt"),
    Kind("one more seed", ("seed", "seed by sample", "repeat"), "seed"),
)


def components_of(task: TaskDesign) -> dict[str, Component]:
    factors: dict[str, Sequence[object]] = {"cluster": task.cluster, "sample": task.sample}
    for name, own in (("prompt", task.prompt), ("seed", task.seed)):
        if len(set(own)) > 1:
            factors[name] = own
            factors[f"{name} by sample"] = list(zip(own, task.sample, strict=True))
    found = components(task.values, factors, "repeat", task.weights)
    order = {name: n for n, name in enumerate(ORDER)}
    return {" + ".join(sorted(part.names, key=order.__getitem__)): part for part in found}
