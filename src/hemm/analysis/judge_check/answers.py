"""The scored answers of several cells by one metric, a row for each answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.analysis.study.subjects import members_of
from hemm.core import HemmError
from hemm.core.text import counted
from hemm.metrics import stored
from hemm.metrics.scoring import worst
from hemm.results.counted import reading

if TYPE_CHECKING:
    from hemm.results.read import Cell

JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One answer. ``digest`` is that of its text (``response_hash`` of the scores); ``score`` is None where
    the metric has none."""

    sample: str
    repeat: int
    cluster: str
    digest: str
    score: float | None


@dataclass(frozen=True)
class ScoredCell:
    """The answers of one cell: of ``subject`` (a label of the profile) to ``task``."""

    cell: Cell
    subject: str
    answers: tuple[ScoredAnswer, ...]

    @property
    def task(self) -> str:
        return self.cell.task


@dataclass(frozen=True)
class ScoredCells:
    """The cells that one metric scored.

    spec       of the metric; ``low`` and ``high`` are the ends of its scale
    left_out   cells that it did not score, in words
    """

    spec: str
    low: float
    high: float
    cells: tuple[ScoredCell, ...]
    left_out: tuple[str, ...] = ()


def scored_cells(cells: Sequence[Cell], metric: str = "", judged: bool = True) -> ScoredCells:
    """The answers of ``cells`` as ``metric`` scored them: its spec, the beginning of one, or its key.

    Without ``metric``: the judge that scored them; if not ``judged`` any metric will do. Raises HemmError
    where it is none or several, or does not score single samples.
    """
    rows = [cell.aggregates().get("metrics", {}) for cell in cells]
    spec = _chosen({row["spec"]: key for found in rows for key, row in found.items()}, metric, judged)
    members, _ = members_of(cells)
    labels = {member.number: member.subject.label for member in reversed(members)}
    found, left_out = [], []
    low, high = -math.inf, math.inf
    for number, (cell, metrics) in enumerate(zip(cells, rows, strict=True)):
        key = next((k for k, row in metrics.items() if row["spec"] == spec), None)
        if key is None:
            left_out.append(f"{labels[number]} on {cell.task}: not scored by {spec}")
            continue
        own = stored(metrics[key])
        if own.group != "sample":
            raise HemmError(f"{spec} scores a {own.group} at once; people label single answers")
        low, high = (float(end) for end in own.range)
        found.append(ScoredCell(cell, labels[number], _answers(cell, key, worst(own))))
    return ScoredCells(spec, low, high, tuple(found), tuple(left_out))


def _chosen(known: Mapping[str, str], metric: str, judged: bool) -> str:
    specs = list(known)
    if not specs:
        raise HemmError("no answers are scored here yet: hemm score does that")
    if metric:
        found = [s for s in specs if s == metric or known[s] == metric] or [
            s for s in specs if s.startswith(metric)
        ]
    else:
        found = [s for s in specs if s.partition(":")[0] == JUDGE]
        if not found and not judged:
            return specs[0]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(found or specs)
    if found:
        raise HemmError(f"{counted(len(found), 'metric')} fit: name one by --metric: {listed}")
    what = f"no answers are scored by {metric!r}" if metric else "no answers are scored by a judge"
    raise HemmError(
        f"{what}: hemm score --metric judge:model=... does that; or name one by --metric: {listed}"
    )


def _answers(cell: Cell, key: str, lowest: float) -> tuple[ScoredAnswer, ...]:
    names = ("group", "repeat", "cluster", "response_hash", "component", "value", "outcome")
    table = cell.scores(key)
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    return tuple(
        ScoredAnswer(sample, repeat, cluster, digest, reading(value, outcome, lowest))
        for sample, repeat, cluster, digest, component, value, outcome in rows
        if component == "" and repeat is not None
    )


def answer_texts(cell: Cell) -> dict[tuple[str, int], dict[str, Any]]:
    """(sample, repeat) -> prompt, references and text of each answer."""
    table = cell.answers(["id", "repeat", "prompt", "references", "raw"])
    return {(row["id"], row["repeat"]): row for row in table.to_pylist()}
