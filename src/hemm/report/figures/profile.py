"""Figures as SVG text without scripts, fonts or files; colours follow the page's light or dark mode.

The page has the values of a figure in a table as well; ``describe`` is its text alternative.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from hemm.report.text import LABEL, MINUS, one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE = 3.5
"""Width in inches at which the page shows a figure, so that its text has the size that is set here."""
MOST = 6
"""Most models that a figure can distinguish."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's palette, distinct with every kind of colour vision. ``style.css`` has the same."""
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (3, 3)), (0, (8, 2)))

# colours that occur nowhere else: they are replaced by the page's variables
INK, PAPER, GRID, MUTED = "#010203", "#fdfefc", "#c1c2c4", "#616264"
_VARIABLES = {INK: "var(--ink)", PAPER: "var(--paper)", GRID: "var(--line)", MUTED: "var(--muted)"}

_RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hemm",
    "font.family": ["DejaVu Sans"],
    "font.size": 11.0,
    "text.parse_math": False,  # a name may hold a $
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "xtick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.color": GRID,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 1.2,
}


@dataclass(frozen=True)
class Bar:
    """A value with its interval for these tasks, and for tasks like these (None: there is none)."""

    value: float | None
    low: float | None
    high: float | None
    like: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One row of a figure, with a bar for each model (None: no value)."""

    name: str
    bars: tuple[Bar | None, ...]
    group: str = ""


@contextmanager
def _style() -> Iterator[None]:
    import warnings

    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with matplotlib.rc_context(_RC), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the reader's fonts draw it
        yield


def bars(
    rows: Sequence[Row], models: Sequence[str], limits: tuple[float, float], title: str, longest: int = 0
) -> Markup:
    """Horizontal bars from 0 with intervals: in each row one bar for each model.

    longest  characters of the longest name in a series of figures, so that their axes line up
    """
    from matplotlib.figure import Figure

    with _style():
        count = len(models)
        size = 0.62 if count == 1 else 0.8
        height = 0.3 + len(rows) * max(0.27, 0.13 * count + 0.08)
        figure = Figure(figsize=(WIDE, height))
        longest = min(24, max(longest, *(len(row.name) for row in rows)))
        margin = (0.12 + 0.066 * longest) / WIDE
        axes = figure.add_axes((margin, 0.24 / height, 0.96 - margin, 1 - 0.28 / height))
        for y, row in enumerate(rows):
            for number, bar in enumerate(row.bars):
                if bar is not None and bar.value is not None:
                    _bar(
                        axes,
                        bar,
                        y + (number - (count - 1) / 2) * size / count,
                        size / count,
                        number,
                    )
        axes.set_xlim(*limits)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), [one_line(row.name, 24) for row in rows])
        axes.set_xticks([t for t in (-1, -0.5, 0, 0.5, 1) if limits[0] <= t <= limits[1]])
        axes.tick_params(axis="x", length=0, labelsize=8)
        axes.tick_params(axis="y", length=0, labelsize=9, pad=margin * WIDE * 72)
        for label in axes.get_yticklabels():
            label.set_horizontalalignment("left")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
        _frame(axes)
        return _svg(figure, title, describe(rows, models))


def _frame(axes: Axes) -> None:
    axes.xaxis.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.axvline(0, color=MUTED, linewidth=1)


def _bar(axes: Axes, bar: Bar, y: float, height: float, number: int) -> None:
    value = bar.value or 0.0
    colour, hatch = COLOURS[number % MOST], HATCHES[number % MOST]
    axes.barh(y, value, height * 0.92, color=colour, edgecolor=PAPER, linewidth=0, hatch=hatch)
    if bar.like is not None:
        axes.plot(bar.like, [y, y], color=INK, linewidth=0.8, solid_capstyle="butt")
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [y, y], color=INK, linewidth=2.2, solid_capstyle="butt")
        cap = min(height * 0.28, 0.12)
        for end in bar.like or (bar.low, bar.high):
            axes.plot([end, end], [y - cap, y + cap], color=INK, linewidth=0.8 if bar.like else 1.3)
    if bar.low is None or abs(value) < 1e-9:
        axes.plot([value], [y], MARKERS[number % MOST], color=INK, markersize=3)


def radar(rows: Sequence[Row], models: Sequence[str], title: str) -> Markup:
    """Categories on spokes from 0 (centre) to 1 (rim); values below 0 are drawn at the centre."""
    import numpy as np
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(4.7, 3.8))
        axes: Any = figure.add_axes((0.255, 0.12, 0.49, 0.76), projection="polar")
        axes.set_theta_offset(np.pi / 2)
        axes.set_theta_direction(-1)
        angles = np.linspace(0, 2 * np.pi, len(rows), endpoint=False)
        for number, _ in enumerate(models):
            values = [row.bars[number].value if row.bars[number] else None for row in rows]  # type: ignore[union-attr]
            clipped = np.array([np.nan if v is None else min(1.0, max(0.0, v)) for v in values])
            _trace(axes, angles, clipped, number, len(models) == 1)
        axes.set_ylim(0, 1)
        axes.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", ""])
        axes.set_rlabel_position(180 / len(rows))
        axes.tick_params(axis="y", labelsize=8, labelcolor=MUTED)
        axes.set_xticks(angles, [""] * len(rows))
        axes.grid(color=GRID, linewidth=0.6)
        axes.spines["polar"].set_color(GRID)
        for angle, row in zip(angles, rows, strict=True):
            _spoke(axes, float(angle), row)
        return _svg(figure, title, describe(rows, models))


def _trace(axes: Any, angles: Any, values: Any, number: int, alone: bool) -> None:
    import numpy as np

    around, closed = np.append(angles, angles[0]), np.append(values, values[0])
    colour = COLOURS[number % MOST]
    axes.plot(around, closed, color=colour, linewidth=1.8, linestyle=DASHES[number % MOST],
              marker=MARKERS[number % MOST], markersize=4)  # fmt: skip
    if alone and not np.isnan(values).any():
        axes.fill(around, closed, color=colour, alpha=0.14, linewidth=0)


def _spoke(axes: Any, angle: float, row: Row) -> None:
    import math

    side, up = math.sin(angle), math.cos(angle)
    across = "center" if abs(side) < 0.18 else "left" if side > 0 else "right"
    y = 0.0 if abs(up) < 0.9 else 0.05 * math.copysign(1, up)
    place = (angle, 1.1 + abs(y))
    axes.annotate(one_line(row.name, 22), place, xytext=(0, 1), textcoords="offset points", ha=across,
                  va="bottom", fontsize=9, annotation_clip=False)  # fmt: skip
    axes.annotate(one_line(row.group, 24), place, xytext=(0, -1), textcoords="offset points", ha=across,
                  va="top", fontsize=7.5, color=MUTED, annotation_clip=False)  # fmt: skip


def describe(rows: Sequence[Row], models: Sequence[str]) -> str:
    """The values of a figure as text, for readers who cannot see it."""
    lines = []
    for number, model in enumerate(models):
        values = [
            f"{row.group + ' ' if row.group else ''}{row.name} {bar.value:.2f}"
            for row in rows
            if (bar := row.bars[number]) is not None and bar.value is not None
        ]
        lines.append(f"{one_line(model, LABEL)}: {', '.join(values) or 'no values'}")
    return ". ".join(lines)


_drawn = re.compile(r"(\bid=\"|url\(#|xlink:href=\"#)")
_font = re.compile(r"font: ((?:\w+ )*?)([\d.]+)px [^;\"]*")


def _svg(figure: Figure, title: str, description: str) -> Markup:
    """The figure as an ``<svg>`` element that scales with its container."""
    from hemm.core import digest

    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    name = f"f{digest([title, description], 8)}-"
    text = _drawn.sub(lambda m: m.group() + name, text)  # ids are unique in the page
    text = _font.sub(r"font-size: \2px", text)
    text = re.sub(r"stop-color|#[0-9a-f]{6}\b", lambda m: _VARIABLES.get(m.group(), m.group()), text)
    head, _, body = text.partition(">")
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None
    width = box.group().split()[2].rstrip('"')
    return (
        Markup('<svg class="figure" role="img" style="max-width:{w}pt" ').format(w=width)
        + Markup(box.group())
        + Markup(' aria-labelledby="{n}t {n}d" xmlns="http://www.w3.org/2000/svg" ').format(n=name)
        + Markup('xmlns:xlink="http://www.w3.org/1999/xlink">')
        + Markup('<title id="{n}t">{t}</title><desc id="{n}d">{d}</desc>').format(
            n=name, t=title, d=escape(description)
        )
        + Markup(body)
    )
