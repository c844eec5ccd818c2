"""The figures of a page, of a profile and its study: the same in the report, the explorer and in papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from hemm.core import DIMENSIONS
from hemm.report.figures.curves import at, curve_drawing
from hemm.report.figures.drawing import MOST, WIDE, Drawing
from hemm.report.figures.profile import Bar, Row
from hemm.report.figures.profile import bars as draw_bars
from hemm.report.figures.profile import radar as draw_radar
from hemm.report.page.overview import CategoryLine, lines, main_subjects
from hemm.report.text import plural

if TYPE_CHECKING:
    from hemm.analysis.curves import Curve, CurvePoint
    from hemm.analysis.profile.picture import PictureGain
    from hemm.analysis.profile.rows import CategoryRow, Profile
    from hemm.analysis.study import Study, Subject

CURVES = 6
"""Most curves on a page: those in which the score changes most."""


@dataclass(frozen=True)
class Titled:
    """A drawing with what stands above it."""

    title: str
    about: str
    drawing: Drawing

    @cached_property
    def svg(self) -> Markup:
        return self.drawing.page()


def _bar(row: CategoryRow | None) -> Bar | None:
    if row is None or row.estimate.value is None:
        return None
    other = row.like.estimate
    like = None if other.low is None or other.high is None else (other.low, other.high)
    words = f"{plural(len(row.tasks), 'task')}, n {row.units}"
    return Bar(row.estimate.value, row.estimate.low, row.estimate.high, like, words)


def _rows(of: Sequence[CategoryLine], count: int) -> list[Row]:
    rows = [Row(line.name, tuple(map(_bar, line.cells[:count])), line.title) for line in of]
    return [row for row in rows if any(row.bars)]


def radar(of: Sequence[CategoryLine], subjects: Sequence[Subject]) -> Drawing | None:
    """The radar over all categories; None with fewer than three that have values."""
    drawn = subjects[:MOST]
    rows = _rows([line for line in of if line.dimension != "overall"], len(drawn))
    if len(rows) < 3:
        return None
    return draw_radar(rows, [s.label for s in drawn], "Normalised score by category")


def bars(of: Sequence[CategoryLine], subjects: Sequence[Subject]) -> list[Titled]:
    """The bars of each dimension with values; the overall score first if there are several models."""
    models = [s.label for s in subjects[:MOST]]
    rows = _rows(of, len(models))
    if not rows:
        return []
    limits = _limits([bar for row in rows for bar in row.bars if bar])
    out = []
    for dimension in dict.fromkeys(line.dimension for line in of):
        own = _rows([line for line in of if line.dimension == dimension], len(models))
        if own and (dimension in DIMENSIONS or len(models) > 1):
            about = DIMENSIONS.get(dimension)
            title = about.title if about else "Overall"
            drawing = draw_bars(
                own,
                models,
                limits,
                f"{title}: normalised score, 95 % intervals",
                longest=max(len(row.name) for row in rows),
                name=f"scores-{dimension}",
            )
            out.append(Titled(title, about.describes if about else "all tasks", drawing))
    return out


def _limits(of: Sequence[Bar]) -> tuple[float, float]:
    """From what is lowest to 1 at least, with a margin, for all bars of a page."""
    values = [v for b in of for v in (b.value, b.low, b.high, *(b.like or ())) if v is not None]
    return (min(-0.02, *values) - 0.02, max(1.0, *values) + 0.02)


def gain_bars(gains: Sequence[PictureGain], subjects: Sequence[Subject]) -> list[Titled]:
    """Bars of what the picture adds, for each dimension; empty where that is not known."""
    models = [s for s in subjects[:MOST] if any(g.subject.key == s.key for g in gains)]
    own = {(g.dimension, g.category, g.subject.key): _gain(g) for g in gains}
    places = dict.fromkeys((g.dimension, g.category) for g in gains)
    rows = {
        place: Row(
            place[1].replace("_", " ") or "Overall",
            tuple(own.get((*place, s.key)) for s in models),
            _title(place[0]),
        )
        for place in sorted(places, key=lambda p: list(DIMENSIONS).index(p[0]) if p[1] else -1)
    }
    known = [bar for bar in own.values() if bar is not None]
    if not known:
        return []
    limits, out = _limits(known), []
    for dimension in dict.fromkeys(d for d, _ in rows):
        shown = [row for (d, _), row in rows.items() if d == dimension and any(row.bars)]
        if shown:
            drawing = draw_bars(
                shown,
                [s.label for s in models],
                limits,
                f"{_title(dimension) or 'Overall'}: what the picture adds, 95 % intervals",
                longest=max(len(row.name) for row in rows.values()),
                name=f"picture-{dimension}",
            )
            about = DIMENSIONS[dimension].describes if dimension in DIMENSIONS else "all tasks"
            out.append(Titled(_title(dimension) or "Overall", about, drawing))
    return out


def _title(dimension: str) -> str:
    return DIMENSIONS[dimension].title if dimension in DIMENSIONS else ""


def _gain(gain: PictureGain) -> Bar | None:
    e, other = gain.estimate, gain.like.estimate
    if e.value is None:
        return None
    like = None if other.low is None or other.high is None else (other.low, other.high)
    return Bar(e.value, e.low, e.high, like, f"{plural(len(gain.tasks), 'task')}, n {e.n}")


@dataclass(frozen=True)
class CurveFigure:
    """The curves of one task over one number, drawn and as rows of a table: (number, a point or None for each
    curve)."""

    task: str
    key: str
    curves: tuple[Curve, ...]
    drawing: Drawing

    @cached_property
    def svg(self) -> Markup:
        return self.drawing.page()

    @property
    def rows(self) -> list[tuple[str, list[CurvePoint | None]]]:
        places = sorted({(p.low, p.high) for c in self.curves for p in c.points})
        own = [{(p.low, p.high): p for p in c.points} for c in self.curves]
        out = []
        for place in places:
            points = [known.get(place) for known in own]
            out.append((at(next(p for p in points if p is not None)), points))
        return out


def curve_figure(curves: Sequence[Curve], key: str, wide: float = WIDE) -> CurveFigure:
    """One figure, as the report and the explorer show it."""
    return CurveFigure(curves[0].task, key, tuple(curves), curve_drawing(curves, key, wide))


def curve_figures(study: Study, subjects: Sequence[Subject]) -> tuple[list[CurveFigure], int]:
    """The curves of these models over the numbers in the data, ``CURVES`` at most, those first in which the
    score changes most beyond its intervals; and how many more there are."""
    from hemm.analysis.curves import Numbers, change, curves_of

    order = {s.key: n for n, s in enumerate(subjects)}
    items = sorted((i for i in study.cells if i.subject in order), key=lambda i: order[i.subject])
    numbers = Numbers(items)
    found = [
        (curves, key)
        for task, keys in numbers.keys.items()
        for key in keys
        if (curves := curves_of(numbers, task, key))
    ]
    found.sort(key=lambda pair: -change(pair[0]))
    return _figures(found, subjects), max(0, len(found) - CURVES)


def _figures(found: Sequence[tuple[Sequence[Curve], str]], subjects: Sequence[Subject]) -> list[CurveFigure]:
    """The first figures. A model without a curve has one without points before those of later models, so that
    each has the colour that it has in the legend."""
    from hemm.analysis.curves import Curve

    figures = []
    for curves, key in found[:CURVES]:
        own, first = {curve.subject: curve for curve in curves}, curves[0]
        last = max(n for n, s in enumerate(subjects) if s.key in own)
        row = [
            own.get(s.key) or Curve(first.task, s.key, s.label, first.metric, (), 0)
            for s in subjects[: last + 1]
        ]
        figures.append(curve_figure(row, key))
    return figures


def level_figures(study: Study, subjects: Sequence[Subject]) -> tuple[list[CurveFigure], int]:
    """The curves of these models over the levels of perturbations: that over all corruptions of each task,
    then those in which the score changes most beyond its intervals, ``CURVES`` at most; and how many more."""
    from hemm.analysis.compare.perturbation_curves import perturbation_curves
    from hemm.analysis.compare.robustness import ALL
    from hemm.analysis.curves import change

    found = perturbation_curves(study.whole, [s.key for s in subjects])
    found.sort(key=lambda pair: (f" {ALL} " not in pair[1], -change(pair[0])))
    return _figures(found, subjects), max(0, len(found) - CURVES)


def for_papers(study: Study, profile: Profile, common: bool = True) -> list[Drawing]:
    """Every figure of the report: radar, bars by dimension, what the picture adds, curves."""
    from hemm.analysis.profile.picture import picture_gains

    subjects = main_subjects(profile)
    of = lines(profile, subjects)
    gains = picture_gains(study, common) if profile.controls else []
    spokes = radar(of, subjects)
    drawn = [one.drawing for one in (*bars(of, subjects), *gain_bars(gains, subjects))]
    drawn += [one.drawing for one in curve_figures(study, subjects)[0]]
    drawn += [one.drawing for one in level_figures(study, subjects)[0]]
    return drawn if spokes is None else [spokes, *drawn]
