"""Perceptual scores as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hemm.core import CONTROLS
from hemm.report.text import number, p_value, span

if TYPE_CHECKING:
    from hemm.analysis.profile.perceptual import PerceptualScore

HEAD = ["", "compared with", "score", "compared score", "share", "95% interval", "above floor", "p"]


def perceptual_lines(rows: Sequence[PerceptualScore]) -> Iterator[tuple[str, list[str]]]:
    """A line for each task, then for each category: the score, without the picture, the share that is owed to
    it, and what is left without it above chance or the majority answer."""
    for row in rows:
        above = row.above_floor
        yield (
            "row",
            [
                name_of(row),
                CONTROLS[row.control].full,
                number(row.score),
                number(row.without),
                number(row.share.value),
                span(row.share.low, row.share.high) if row.share.low is not None else row.share.note,
                "" if above is None else f"{number(above.value)} ({span(above.low, above.high)})",
                "" if above is None else p_value(row.p),
            ],
        )


def name_of(row: PerceptualScore) -> str:
    """The task, or ``reasoning: more``."""
    if row.task:
        return row.task
    return f"{row.dimension}: {row.category}".replace("_", " ") if row.category else "over tasks"
