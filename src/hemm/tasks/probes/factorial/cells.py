"""The design of the factorial probes: which labels meet in which cell, and tables that show their balance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from hemm.core import Sample

INTERACTIONS = ("redundancy", "uniqueness", "synergy")
YES_NO = ("yes", "no")
STEPS = (1, 2, 3, 4)
TEXT_FLOWS = ("querying", "translation", "fusion")
DRAWN_FLOWS = ("translation", "editing")
"""Flows of the questions that are answered in words, and of those that are answered with a picture."""

PICTURE, TEXT, BOTH = "picture", "text", "both"

Held = tuple[str, str]
"""Where the starts are, and where the order is."""

HELD: dict[str, tuple[Held, Held]] = {
    "redundancy": ((BOTH, BOTH), (BOTH, BOTH)),
    "uniqueness": ((PICTURE, PICTURE), (TEXT, TEXT)),
    "synergy": ((PICTURE, TEXT), (TEXT, PICTURE)),
}
"""The two ways in which each interaction is made."""

INFEASIBLE = (
    ("translation into words", "unique to the text", "a text that is put into words is not translated"),
    (
        "translation into a picture",
        "unique to the picture",
        "a picture that is drawn again is not translated",
    ),
)
"""Cells that are left out, as (flow, interaction, reason). Both are halves of a cell of labels, uniqueness x
translation, which the other half fills: so every combination of labels occurs."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of the levels of all factors but the use case.

    steps  from 1 to 4: how often the order is followed
    """

    interaction: str
    fine_grained: str
    steps: int
    knowledge: str
    flow: str

    def labels(self, use_case: str) -> dict[str, str]:
        """The six labels of a sample of this cell."""
        return {
            "use_case": use_case,
            "interaction": self.interaction,
            "fine_grained": self.fine_grained,
            "reasoning": "less" if self.steps == 1 else "more",
            "external_knowledge": self.knowledge,
            "information_flow": self.flow,
        }


def cells(flows: Sequence[str]) -> tuple[Cell, ...]:
    """Every cell of the full factorial with these flows: 48 for each of them."""
    levels = product(INTERACTIONS, YES_NO, STEPS, YES_NO, flows)
    return tuple(Cell(*level) for level in levels)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn for one sample: its cell and what varies evenly within the cell.

    held     where the starts and the order are
    signs    0 or 1: which of the use case's two sets of signs
    side     0 or 1: which side is asked about, where one is
    """

    cell: Cell
    held: Held
    signs: int
    side: int

    @property
    def holder(self) -> str:
        """``picture``, ``text``, ``both`` or ``split``: what the answer can be had from."""
        return self.held[0] if self.held[0] == self.held[1] else "split"


def plan(cell: Cell, flows: Sequence[str], turn: int) -> Plan:
    """The plan of a cell in its ``turn``-th block: an even and an odd block together are balanced.

    What varies within a cell follows parities of the levels (a fractional factorial), so that it is
    orthogonal to every factor and to what else varies.
    """
    fine, known = YES_NO.index(cell.fine_grained), YES_NO.index(cell.knowledge)
    low, high = (cell.steps - 1) & 1, (cell.steps - 1) >> 1
    kind, flow = INTERACTIONS.index(cell.interaction), flows.index(cell.flow)
    way = (turn + fine + known + low + flow) % 2
    signs = (turn + fine + high + kind) % 2
    side = (turn + known + high + flow + kind) % 2
    held = HELD[cell.interaction][way]
    if cell.flow == "translation" and cell.interaction == "uniqueness":
        held = HELD["uniqueness"][0 if "querying" in flows else 1]
    return Plan(cell, held, signs, side)


def plans(flows: Sequence[str], size: int, order: Sequence[int] = ()) -> Iterator[Plan]:
    """The plans of ``size`` samples, block by block of one sample a cell.

    order  the order of the cells in a block; as they are listed where it is empty
    """
    every = cells(flows)
    picked = order or range(len(every))
    for index in range(size):
        turn, place = divmod(index, len(every))
        yield plan(every[picked[place]], flows, turn)


Column = Sequence[object]


def factors(samples: Iterable[Sample]) -> dict[str, list[str]]:
    """Factor -> its level in each sample: the labels and what varies within cells.

    >>> sample = Sample("1", labels={"reasoning": "more"}, metadata={"steps": 3, "held": "text"})
    >>> factors([sample])
    {'reasoning': ['more'], 'steps': ['3'], 'held': ['text']}
    """
    rows = [
        {**s.labels, **{k: str(v) for k, v in s.metadata.items() if k in ("steps", "held", "signs", "side")}}
        for s in samples
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: [row.get(name, "") for row in rows] for name in names}
    return {name: column for name, column in found.items() if len(rows) == 1 or len(set(column)) > 1}


def columns_of(planned: Iterable[Plan]) -> dict[str, list[str]]:
    """The factors of plans, as ``factors`` gives those of samples."""
    rows = [
        Sample(
            "plan",
            labels=plan.cell.labels(""),
            metadata={
                "steps": plan.cell.steps,
                "held": plan.holder,
                "signs": f"set {plan.signs + 1}",
                "side": ("left", "right")[plan.side],
            },
        )
        for plan in planned
    ]
    return factors(rows)


def balance(columns: Mapping[str, Column]) -> dict[str, dict[str, int]]:
    """How many samples have each level of each factor.

    >>> balance({"steps": ["1", "2", "2"]})
    {'steps': {'1': 1, '2': 2}}
    """
    return {name: {str(k): n for k, n in sorted(Counter(column).items())} for name, column in columns.items()}


def correlations(columns: Mapping[str, Column]) -> dict[tuple[str, str], float]:
    """Cramer's V of each pair of factors (0: independent, 1: one follows from the other).

    >>> correlations({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "c": [1, 1, 0, 0]})
    {('a', 'b'): 0.0, ('a', 'c'): 1.0, ('b', 'c'): 0.0}
    """
    return {(a, b): cramers_v(columns[a], columns[b]) for a, b in combinations(columns, 2)}


def cramers_v(one: Column, other: Column) -> float:
    """Cramer's V of two columns of equal length: the root of chi squared over n (levels - 1), with the
    smaller number of levels; for two levels each it is the size of the correlation. 0 where one is constant.
    """
    n, rows, columns = len(one), Counter(one), Counter(other)
    least = min(len(rows), len(columns)) - 1
    if least < 1:
        return 0.0
    both = Counter(zip(one, other, strict=True))
    chi = math.fsum(
        (both[a, b] - rows[a] * columns[b] / n) ** 2 / (rows[a] * columns[b] / n)
        for a in rows
        for b in columns
    )
    return math.sqrt(chi / n / least)
