"""What a model does with picture and text: of each task one bar of shares that add up to all samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.report.figures.drawing import COLOURS, WIDE, Drawing, Pen
from hemm.report.text import number, one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATTERNS = ("", "////", "....", "", "xxxx", "")


@dataclass(frozen=True)
class Stack:
    """One bar: the share of each kind, from 0 to 1, and how many samples there are."""

    name: str
    shares: tuple[float, ...]
    n: int


def stacks(rows: Sequence[Stack], kinds: Sequence[str], title: str, name: str) -> Drawing:
    """Horizontal bars of the shares of ``kinds`` (six at most, the last one pale), with their legend."""

    def draw(pen: Pen) -> Figure:
        return _draw(pen, rows, kinds)

    words = "; ".join(
        f"{row.name}: " + ", ".join(f"{k} {number(s)}" for k, s in zip(kinds, row.shares, strict=True))
        for row in rows
    )
    return Drawing(name, "stacks", title, words, (), draw)


def _draw(pen: Pen, rows: Sequence[Stack], kinds: Sequence[str]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = [COLOURS[0], COLOURS[4], COLOURS[1], COLOURS[2], COLOURS[5], pen.grid]
    lines = (len(kinds) + 1) // 2
    legend, foot, bars = 0.19 * lines + 0.08, 0.24, 0.3 * len(rows)
    height = legend + bars + foot
    figure = Figure(figsize=(WIDE, height))
    margin = (0.12 + 0.066 * min(24, max(len(row.name) for row in rows))) / WIDE
    axes = figure.add_axes((margin, foot / height, 0.96 - margin, bars / height))
    for y, row in enumerate(rows):
        start = 0.0
        for n, (kind, share) in enumerate(zip(kinds, row.shares, strict=True)):
            (drawn,) = axes.barh(
                y, share, 0.72, left=start, color=colours[n], edgecolor=pen.back, linewidth=0.8,
                hatch=PATTERNS[n],
            )  # fmt: skip
            if not pen.paper and share > 0:
                pen.mark(drawn, "hit", f"{one_line(row.name, 60)}, {kind}: {number(share)}, n {row.n:,}")
            start += share
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [one_line(row.name, 24) for row in rows])
    axes.set_xticks([0, 0.5, 1])
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.tick_params(axis="y", length=0, labelsize=9, pad=margin * WIDE * 72)
    for label in axes.get_yticklabels():
        label.set_horizontalalignment("left")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    keys = [
        Patch(facecolor=colours[n], hatch=PATTERNS[n], edgecolor=pen.back, linewidth=0.8)
        for n in range(len(kinds))
    ]
    figure.legend(
        keys, list(kinds), loc="upper left", ncols=2, fontsize=8, frameon=False, handlelength=1.4,
        borderaxespad=0.1, columnspacing=1.4, labelspacing=0.25,
    )  # fmt: skip
    return figure
