"""Curves: the score of each model against a number in the data, with intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hemm.report.figures.drawing import COLOURS, DASHES, MARKERS, MOST, WIDE, Drawing, Pen
from hemm.report.text import LABEL, MINUS, number, one_line, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hemm.analysis.curves import Curve, CurvePoint

HIGH = 2.3
"""Height in inches."""


def curve_drawing(curves: Sequence[Curve], key: str, wide: float = WIDE) -> Drawing:
    """The curves of one task over the numbers ``key``: a line for each model (``MOST`` of them), an interval
    for each point.

    wide  inches
    """
    shown = tuple(curves[:MOST])

    def draw(pen: Pen) -> Figure:
        return _draw(pen, shown, key, wide)

    task = shown[0].task
    name = re.sub(r"[^\w.-]+", "-", f"curve-{task}-{key}")[:80]
    title = f"{one_line(task, 40)}: score by {one_line(key, 40)}"
    return Drawing(name, "curve", title, _words(shown), tuple(c.label for c in shown), draw)


def _draw(pen: Pen, curves: Sequence[Curve], key: str, wide: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide, HIGH))
    axes: Any = figure.add_axes((0.4 / wide, 0.44 / HIGH, 1 - 0.48 / wide, 1 - 0.52 / HIGH))
    places = [p.at for c in curves for p in c.points]
    reach = (max(places, default=1.0) - min(places, default=0.0)) or 1.0
    for n, curve in enumerate(curves):
        # so that intervals of several models do not cover one another
        aside = (n - (len(curves) - 1) / 2) * 0.012 * reach * WIDE / wide
        _line(pen, axes, curve, n, aside)
    ends = [v for c in curves for p in c.points for v in (p.estimate.low, p.estimate.value, p.estimate.high)]
    known = [v for v in ends if v is not None]
    axes.set_ylim(min(0.0, *known, 0.0) - 0.02, max(1.0, *known, 1.0) + 0.02)
    axes.tick_params(length=0, labelsize=8)
    axes.tick_params(axis="y", labelcolor=pen.muted)
    axes.xaxis.set_major_formatter(_plain)
    axes.yaxis.set_major_formatter(_plain)
    axes.locator_params(axis="x", nbins=6 if wide <= WIDE else 9)
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel(one_line(key, 40), fontsize=8.5, color=pen.ink)
    axes.yaxis.grid(True, color=pen.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure


def _plain(value: float, _: object = None) -> str:
    return f"{value:g}".replace("-", MINUS)


def _line(pen: Pen, axes: Any, curve: Curve, n: int, aside: float) -> None:
    known = [p for p in curve.points if p.estimate.value is not None]
    colour = COLOURS[n % MOST]
    (line,) = axes.plot(
        [p.at + aside for p in known], [p.estimate.value for p in known], color=colour, linewidth=1.6,
        linestyle=DASHES[n % MOST], marker=MARKERS[n % MOST], markersize=4, zorder=3,
    )  # fmt: skip
    pen.mark(line, f"m{n}")
    for point in known:
        e = point.estimate
        if e.low is not None and e.high is not None:
            (bar,) = axes.plot(
                [point.at + aside] * 2, [e.low, e.high], color=colour, linewidth=1.3, alpha=0.65, zorder=2
            )
            pen.mark(bar, f"m{n}")
        if not pen.paper:
            (disc,) = axes.plot(
                [point.at + aside], [e.value], "o", markersize=11, markerfacecolor="none",
                markeredgecolor="none", zorder=9, clip_on=False,
            )  # fmt: skip
            pen.mark(disc, f"hit m{n}", _said(curve, point))


def at(point: CurvePoint) -> str:
    """The number of a point, or its range: ``3``, ``10 to 20``."""
    low, high = _plain(point.low), _plain(point.high)
    return low if point.low == point.high else f"{low} to {high}"


def _said(curve: Curve, point: CurvePoint) -> str:
    e = point.estimate
    return f"{one_line(curve.label, 60)} · {at(point)}: {number(e.value)} ({span(e.low, e.high)}), n {e.n}"


def _words(curves: Sequence[Curve]) -> str:
    lines = []
    for curve in curves:
        values = [f"at {at(p)} {number(p.estimate.value)}" for p in curve.points]
        lines.append(f"{one_line(curve.label, LABEL)}: {', '.join(values) or 'no values'}")
    return ". ".join(lines)
