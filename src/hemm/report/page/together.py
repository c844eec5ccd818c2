"""What the report shows of interactions: a figure for each model, and rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.analysis.interactions.behaviour import HARM, NAMES
from hemm.core import HemmError
from hemm.report.figures.interactions import Stack, stacks
from hemm.report.page.drawings import Titled

if TYPE_CHECKING:
    from hemm.analysis.interactions import Interactions, TaskInteractions
    from hemm.analysis.study import Study

KINDS = (*(n for n in NAMES if n not in HARM and n != "never right"), "harm", "never right")
BITS = ("with both", "text", "picture", "redundant", "unique to text", "unique to picture", "synergy")


@dataclass(frozen=True)
class Together:
    """The section of the report: what was found, and a figure for each model."""

    found: Interactions
    figures: tuple[Titled, ...]
    kinds: tuple[str, ...] = KINDS
    quantities: tuple[str, ...] = BITS

    @property
    def with_bits(self) -> list[TaskInteractions]:
        return [item for item in self.found.tasks if item.information is not None]

    @property
    def with_decisions(self) -> list[TaskInteractions]:
        return [
            i for i in self.with_bits if i.information is not None and i.information.decisions is not None
        ]

    def shares(self, item: TaskInteractions) -> tuple[float, ...]:
        return shares(item)


def together(study: Study, bits: bool = True) -> Together | None:
    """The section; None where nothing was asked in all conditions. ``bits`` as in ``interactions``."""
    from hemm.analysis.interactions import interactions

    if not any(item.control for item in study.cells):
        return None
    try:
        found = interactions(study, bits)
    except HemmError:
        return None
    return Together(found, tuple(figures(found.tasks)))


def shares(item: TaskInteractions) -> tuple[float, ...]:
    """The share of each of ``KINDS``, weighted as scores are, so that they add up to 1."""
    kinds = {name: e.value or 0.0 for name, (_, e) in item.behaviour.kinds.items()}
    whole = sum(kinds.values()) or 1.0
    kinds["harm"] = sum(kinds[name] for name in HARM)
    return tuple(kinds[name] / whole for name in KINDS)


def figures(tasks: Sequence[TaskInteractions]) -> list[Titled]:
    """A figure for each model, with a bar for each of its tasks."""
    out = []
    for number, model in enumerate(dict.fromkeys(item.model for item in tasks)):
        own = [item for item in tasks if item.model == model]
        rows = [Stack(item.task, shares(item), item.behaviour.n) for item in own]
        title = f"{model}: what it gets right with picture and text, and with each alone"
        drawing = stacks(rows, KINDS, title, f"interactions-{number + 1}")
        out.append(Titled(model, "shares of the samples", drawing))
    return out
