"""Perceptual scores, and what the published order of options is worth, as lines of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hemm.core import CONTROLS
from hemm.report.text import number, p_value, signed, span

if TYPE_CHECKING:
    from hemm.analysis.profile.option_orders import OptionOrder
    from hemm.analysis.profile.perceptual import PerceptualScore

HEAD = ["", "compared with", "score", "compared score", "share", "95% interval", "above floor", "p"]

ORDER_HEAD = ["", "orders", "score", "gap", "95% interval", "bits", "95% interval", "p"]


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


def order_lines(rows: Sequence[OptionOrder]) -> Iterator[tuple[str, list[str]]]:
    """A line for each task: score, gap, and bits where log-probabilities are stored."""
    for row in rows:
        bits = row.likelihood
        yield (
            "row",
            [
                row.task,
                str(row.orders),
                number(row.score),
                signed(row.gap.value),
                span(row.gap.low, row.gap.high) if row.gap.low is not None else row.gap.note,
                "" if bits is None else signed(bits.value),
                row.why.partition(":")[0] if bits is None else span(bits.low, bits.high),
                "" if row.p is None else p_value(row.p),
            ],
        )


def name_of(row: PerceptualScore) -> str:
    """The task, or ``reasoning: more``."""
    if row.task:
        return row.task
    return f"{row.dimension}: {row.category}".replace("_", " ") if row.category else "over tasks"
