"""The figures of a profile: bars with intervals, and a radar with bands.

The page has the values of a figure in a table as well; ``describe`` is its text alternative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.report.figures.drawing import COLOURS, DASHES, HATCHES, MARKERS, MOST, WIDE, Drawing, Pen
from hemm.report.text import LABEL, MINUS, number, one_line, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BANDS = 3
"""Most models whose intervals a radar fills; of more, it draws them as lines, which cover less."""


@dataclass(frozen=True)
class Bar:
    """A value with its interval for these tasks, and for tasks like these (None: there is none).

    words  what else is said of it where one points at it, as its n
    """

    value: float | None
    low: float | None
    high: float | None
    like: tuple[float, float] | None = None
    words: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a figure, with a bar for each model (None: no value)."""

    name: str
    bars: tuple[Bar | None, ...]
    group: str = ""


def _said(row: Row, bar: Bar, model: str) -> str:
    """What a point says: ``tiny, reasoning more: 0.41 (0.33 to 0.49), n 120``."""
    like = f"; tasks like these {span(*bar.like)}" if bar.like is not None else ""
    more = f", {bar.words}" if bar.words else ""
    where = f"{row.group}: {row.name}" if row.group else row.name
    return (
        f"{one_line(model, 60)} · {one_line(where, 80)}: "
        f"{number(bar.value)} ({span(bar.low, bar.high)}{like}){more}"
    )


def bars(
    rows: Sequence[Row],
    models: Sequence[str],
    limits: tuple[float, float],
    title: str,
    *,
    longest: int = 0,
    name: str = "bars",
) -> Drawing:
    """Horizontal bars from 0 with intervals: in each row one bar for each model.

    longest  characters of the longest name in a series of figures, so that their axes line up
    name     of the figure's files
    """
    longest = min(24, max(longest, *(len(row.name) for row in rows)))

    def draw(pen: Pen) -> Figure:
        return _bars(pen, rows, models, limits, longest)

    return Drawing(name, "bars", title, describe(rows, models), tuple(models), draw)


def _bars(
    pen: Pen, rows: Sequence[Row], models: Sequence[str], limits: tuple[float, float], longest: int
) -> Figure:
    from matplotlib.figure import Figure

    count = len(models)
    size = 0.62 if count == 1 else 0.8
    height = 0.3 + len(rows) * max(0.27, 0.13 * count + 0.08)
    figure = Figure(figsize=(WIDE, height))
    margin = (0.12 + 0.066 * longest) / WIDE
    axes = figure.add_axes((margin, 0.24 / height, 0.96 - margin, 1 - 0.28 / height))
    for n, model in enumerate(models):
        for y, row in enumerate(rows):
            bar = row.bars[n]
            if bar is not None and bar.value is not None:
                place = y + (n - (count - 1) / 2) * size / count
                _bar(pen, axes, bar, place, size / count, n)
                if not pen.paper:
                    _slot(pen, axes, limits, place, max(size, 0.96 if count == 1 else size) / count)
                    pen.mark(axes.patches[-1], f"hit m{n}", _said(row, bar, model))
    axes.set_xlim(*limits)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [one_line(row.name, 24) for row in rows])
    axes.set_xticks([t for t in (-1, -0.5, 0, 0.5, 1) if limits[0] <= t <= limits[1]])
    axes.tick_params(axis="x", length=0, labelsize=8)
    axes.tick_params(axis="y", length=0, labelsize=9, pad=margin * WIDE * 72)
    for label in axes.get_yticklabels():
        label.set_horizontalalignment("left")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    axes.xaxis.grid(True, color=pen.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.axvline(0, color=pen.muted, linewidth=1)
    return figure


def _slot(pen: Pen, axes: Axes, limits: tuple[float, float], y: float, height: float) -> None:
    """What a reader points at: the whole line of a bar."""
    from matplotlib.patches import Rectangle

    place = (limits[0], y - height / 2)
    axes.add_patch(
        Rectangle(place, limits[1] - limits[0], height, facecolor="none", edgecolor="none", zorder=9)
    )


def _bar(pen: Pen, axes: Axes, bar: Bar, y: float, height: float, n: int) -> None:
    value = bar.value or 0.0
    (drawn,) = axes.barh(
        y, value, height * 0.92, color=COLOURS[n % MOST], edgecolor=pen.back, linewidth=0,
        hatch=HATCHES[n % MOST],
    )  # fmt: skip
    pen.mark(drawn, f"m{n}")

    def line(x: Sequence[float], ys: Sequence[float], width: float) -> None:
        (made,) = axes.plot(x, ys, color=pen.ink, linewidth=width, solid_capstyle="butt")
        pen.mark(made, f"m{n}")

    if bar.like is not None:
        line(bar.like, [y, y], 0.8)
    if bar.low is not None and bar.high is not None:
        line([bar.low, bar.high], [y, y], 2.2)
        cap = min(height * 0.28, 0.12)
        for end in bar.like or (bar.low, bar.high):
            line([end, end], [y - cap, y + cap], 0.8 if bar.like else 1.3)
    if bar.low is None or abs(value) < 1e-9:
        (dot,) = axes.plot([value], [y], MARKERS[n % MOST], color=pen.ink, markersize=3)
        pen.mark(dot, f"m{n}")


def radar(rows: Sequence[Row], models: Sequence[str], title: str) -> Drawing:
    """Categories on spokes from 0 (centre) to 1 (rim), with intervals for these tasks as bands; values below
    0 are drawn at the centre."""

    def draw(pen: Pen) -> Figure:
        return _radar(pen, rows, models)

    return Drawing("radar", "spokes", title, describe(rows, models), tuple(models), draw)


def _radar(pen: Pen, rows: Sequence[Row], models: Sequence[str]) -> Figure:
    import numpy as np
    from matplotlib.figure import Figure

    width, small = (WIDE, 0.86) if pen.paper else (4.7, 1.0)
    figure = Figure(figsize=(width, 0.81 * width))
    room = (0.27, 0.14, 0.46, 0.72) if pen.paper else (0.255, 0.12, 0.49, 0.76)
    axes: Any = figure.add_axes(room, projection="polar")
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    angles = [2 * math.pi * n / len(rows) for n in range(len(rows))]
    for n, model in enumerate(models):
        _intervals(pen, axes, angles, [row.bars[n] for row in rows], n, len(models))
        _trace(pen, axes, angles, [row.bars[n] for row in rows], n)
        if not pen.paper:
            _points(pen, axes, angles, rows, n, model)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", ""])
    axes.set_rlabel_position(180 / len(rows))
    axes.tick_params(axis="y", labelsize=max(7, 8 * small), labelcolor=pen.muted)
    axes.set_xticks(angles, [""] * len(rows))
    axes.grid(color=pen.grid, linewidth=0.6)
    axes.spines["polar"].set_color(pen.grid)
    for angle, row in zip(angles, rows, strict=True):
        _spoke(pen, axes, angle, row, small)
    return figure


def _inside(value: float | None) -> float:
    """On the disc; NaN for None."""
    return math.nan if value is None else min(1.0, max(0.0, value))


def _trace(pen: Pen, axes: Any, angles: Sequence[float], of: Sequence[Bar | None], n: int) -> None:
    values = [_inside(bar.value if bar else None) for bar in of]
    (line,) = axes.plot(
        [*angles, angles[0]], [*values, values[0]], color=COLOURS[n % MOST], linewidth=1.8,
        linestyle=DASHES[n % MOST], marker=MARKERS[n % MOST], markersize=4,
    )  # fmt: skip
    pen.mark(line, f"m{n}")


def _intervals(
    pen: Pen, axes: Any, angles: Sequence[float], of: Sequence[Bar | None], n: int, count: int
) -> None:
    """The intervals of a model: a band between neighbours that have one; lines where models are many."""
    from matplotlib.patches import Polygon

    ends = [None if b is None or b.low is None else (_inside(b.low), _inside(b.high)) for b in of]
    aside = 0.0 if count <= BANDS else (n - (count - 1) / 2) * 0.025
    size = len(ends)
    for at, own in enumerate(ends):
        following = ends[(at + 1) % size]
        alone = following is None and ends[at - 1] is None
        if own is not None and (count > BANDS or alone):
            (line,) = axes.plot(
                [angles[at] + aside] * 2, own, color=COLOURS[n % MOST], linewidth=1.6, alpha=0.6
            )
            pen.mark(line, f"band m{n}")
        elif own is not None and following is not None:
            first, second = angles[at], angles[at] + 2 * math.pi / size
            corners = [(first, own[0]), (first, own[1]), (second, following[1]), (second, following[0])]
            band = Polygon(corners, color=COLOURS[n % MOST], alpha=0.2 if count == 1 else 0.16, linewidth=0)
            axes.add_patch(band)
            pen.mark(band, f"band m{n}")


def _points(pen: Pen, axes: Any, angles: Sequence[float], rows: Sequence[Row], n: int, model: str) -> None:
    """What a reader points at: a disc around each value."""
    for angle, row in zip(angles, rows, strict=True):
        bar = row.bars[n]
        if bar is not None and bar.value is not None:
            (disc,) = axes.plot(
                [angle], [_inside(bar.value)], "o", markersize=11, markerfacecolor="none",
                markeredgecolor="none", zorder=9, clip_on=False,
            )  # fmt: skip
            pen.mark(disc, f"hit m{n}", _said(row, bar, model))


def _spoke(pen: Pen, axes: Any, angle: float, row: Row, small: float) -> None:
    side, up = math.sin(angle), math.cos(angle)
    across = "center" if abs(side) < 0.18 else "left" if side > 0 else "right"
    y = 0.0 if abs(up) < 0.9 else 0.05 * math.copysign(1, up)
    place = (angle, 1.1 + abs(y))
    axes.annotate(one_line(row.name, 22), place, xytext=(0, 1), textcoords="offset points", ha=across,
                  va="bottom", fontsize=9 * small, annotation_clip=False)  # fmt: skip
    axes.annotate(one_line(row.group, 24), place, xytext=(0, -1), textcoords="offset points", ha=across,
                  va="top", fontsize=max(7, 7.5 * small), color=pen.muted, annotation_clip=False)  # fmt: skip


def describe(rows: Sequence[Row], models: Sequence[str]) -> str:
    """The values of a figure as text, for readers who cannot see it."""
    lines = []
    for n, model in enumerate(models):
        values = [
            f"{row.group + ' ' if row.group else ''}{row.name} {bar.value:.2f}"
            for row in rows
            if (bar := row.bars[n]) is not None and bar.value is not None
        ]
        lines.append(f"{one_line(model, LABEL)}: {', '.join(values) or 'no values'}")
    return ". ".join(lines)
