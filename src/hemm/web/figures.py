"""Figures for pages that allow no inline style: those of the report, and curves."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from markupsafe import Markup

from hemm.analysis.curves import Curve
from hemm.report.text import number, one_line, span

_STYLE = re.compile(r' style="([^"]*)"')
_SHEET = re.compile(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>|<style[^>]*>[^<]*</style>")
WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 34
MOST = 6
"""Most models that a figure can distinguish."""


def plain_svg(figure: Markup) -> Markup:
    """A figure of the report with attributes in place of inline styles, which the policy forbids. What
    matplotlib writes as a style sheet stands in ``explorer.css``."""

    def attributes(match: re.Match[str]) -> str:
        pairs = (rule.partition(":") for rule in match[1].split(";") if ":" in rule)
        kept = [(name.strip(), value.strip()) for name, _, value in pairs if name.strip() != "max-width"]
        return "".join(f' {name}="{value}"' for name, value in kept)

    return Markup(_STYLE.sub(attributes, _SHEET.sub("", str(figure))))


def curve_figure(curves: Sequence[Curve], key: str) -> Markup:
    """The curves of one task, by the number ``key``; each point has its values in words."""
    points = [p for c in curves[:MOST] for p in c.points if p.estimate.value is not None]
    ends = [e for p in points for e in (p.estimate.value, p.estimate.low, p.estimate.high) if e is not None]
    x, y = _Scale([p.at for p in points]), _Scale([0.0, 1.0, *ends])
    parts = [Markup("").join(_grid(x, y, key))]
    for n, curve in enumerate(curves[:MOST]):
        parts.append(_line(curve, n, len(curves[:MOST]), x, y))
    title = f"{one_line(curves[0].task, 40)}: score by {one_line(key, 40)}"
    return Markup('<svg class="figure curve" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


class _Scale:
    """Round ticks over some values."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        rough = (high - low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        self.step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough)
        self.low, self.high = low, high
        first = math.ceil(low / self.step - 1e-9)
        self.ticks = [n * self.step for n in range(first, math.floor(high / self.step + 1e-9) + 1)]

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def _x(scale: _Scale, value: float) -> float:
    return round(LEFT + 8 + scale.share(value) * (WIDTH - LEFT - RIGHT - 16), 1)


def _y(scale: _Scale, value: float) -> float:
    return round(HEIGHT - BOTTOM - scale.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def _grid(x: _Scale, y: _Scale, key: str) -> list[Markup]:
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    words = Markup('<text class="{}" x="{}" y="{}">{}</text>')
    heights = [(tick, _y(y, tick)) for tick in y.ticks]
    out = [line.format(LEFT, WIDTH - RIGHT, at, at) for _, at in heights]
    out += [words.format("tick end", LEFT - 6, at + 4, f"{tick:g}") for tick, at in heights]
    out += [words.format("tick middle", _x(x, t), HEIGHT - BOTTOM + 16, f"{t:g}") for t in x.ticks]
    return [*out, words.format("axis middle", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, one_line(key, 60))]


def _line(curve: Curve, n: int, count: int, x: _Scale, y: _Scale) -> Markup:
    aside = (n - (count - 1) / 2) * 5  # so that intervals of several models do not cover one another
    places, marks = [], []
    for point in curve.points:
        e = point.estimate
        if e.value is None:
            continue
        px, py = round(_x(x, point.at) + aside, 1), _y(y, e.value)
        places.append(f"{px},{py}")
        at = f"{point.low:g}" if point.low == point.high else f"{point.low:g} to {point.high:g}"
        words = f"{one_line(curve.label, 60)} at {at}: {number(e.value)} ({span(e.low, e.high)}), n {e.n}"
        bar = Markup("")
        if e.low is not None and e.high is not None:
            bar = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                px, px, _y(y, e.low), _y(y, e.high)
            )
        marks.append(
            Markup(
                '<g class="point" data-tip="{}"><title>{}</title>{}<circle cx="{}" cy="{}" r="4"/></g>'
            ).format(words, words, bar, px, py)
        )
    return Markup('<g class="line c{}"><polyline points="{}"/>{}</g>').format(
        n, " ".join(places), Markup("").join(marks)
    )
