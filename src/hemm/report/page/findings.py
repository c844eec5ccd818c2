"""The sentences at the top of the page that sum up its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hemm.analysis.study.anytime_interval import MARK
from hemm.core import CONTROLS, DIMENSIONS
from hemm.report.text import LABEL, count, number, one_line, plural, span

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import CategoryRow, ControlRow, Profile
    from hemm.analysis.study import Subject
    from hemm.stats.intervals import Estimate

GAPS = 3


def findings(profile: Profile, subjects: Sequence[Subject], verdict: Sequence[str] = ()) -> list[str]:
    """Sentences on overall scores, who is ahead (``verdict``: the result of tests), gaps between categories,
    the controls, and failures."""
    lines: list[str] = []
    overall = {c.subject.key: c for c in profile.categories if not c.category}
    for subject in subjects:
        row = overall.get(subject.key)
        if row is not None and row.estimate.value is not None:
            lines.append(_overall(row))
    lines += verdict or _ahead([overall[s.key] for s in subjects if s.key in overall])
    for subject in subjects:
        lines += _gaps([c for c in profile.categories if c.subject.key == subject.key], len(subjects) > 1)
    for control in profile.controls:
        if _summary(control, profile.controls):
            lines.append(_control(control))
    lines.append(_failures(profile, subjects))
    return lines


def _bracket(e: Estimate) -> str:
    return f"{number(e.value)} ({span(e.low, e.high)}{MARK if e.anytime else ''})"


def _overall(row: CategoryRow) -> str:
    return (
        f"{_who(row.subject)} scores {_bracket(row.estimate)} over "
        f"{plural(len(row.tasks), 'task')} and {plural(row.units, 'unit')}."
    )


def apart(a: Estimate, b: Estimate) -> bool:
    """Whether two intervals do not overlap, which is stricter than a test for a difference."""
    ends = (a.low, a.high, b.low, b.high)
    if any(e is None for e in ends):
        return False
    return (a.low or 0.0) > (b.high or 0.0) or (b.low or 0.0) > (a.high or 0.0)


def _ahead(rows: Sequence[CategoryRow]) -> list[str]:
    known = [r for r in rows if r.estimate.value is not None]
    if len(known) < 2 or len({r.tasks for r in known}) > 1:
        return []
    first, second, *_ = sorted(known, key=lambda r: -(r.estimate.value or 0.0))
    gap = (first.estimate.value or 0.0) - (second.estimate.value or 0.0)
    sure = apart(first.estimate, second.estimate)
    return [
        f"{_who(first.subject)} is ahead of {_who(second.subject)} by {number(gap)}; "
        f"their intervals {'do not overlap' if sure else 'overlap'}."
    ]


def _gaps(rows: Sequence[CategoryRow], name: bool) -> list[str]:
    """The widest gaps within dimensions, if the intervals of the categories do not overlap."""
    gaps: list[tuple[float, str]] = []
    for dimension, about in DIMENSIONS.items():
        known = [r for r in rows if r.dimension == dimension and r.estimate.value is not None]
        if len(known) < 2:
            continue
        best = max(known, key=lambda r: r.estimate.value or 0.0)
        worst = min(known, key=lambda r: r.estimate.value or 0.0)
        if not apart(best.estimate, worst.estimate):
            continue
        gap = (best.estimate.value or 0.0) - (worst.estimate.value or 0.0)
        who = f"{_who(best.subject)}, " if name else ""
        where = about.title.lower() if name else about.title
        gaps.append(
            (
                -gap,
                f"{who}{where}: {best.category.replace('_', ' ')} {_bracket(best.estimate)} is above "
                f"{worst.category.replace('_', ' ')} {_bracket(worst.estimate)}.",
            )
        )
    return [line for _, line in sorted(gaps)[: 1 if name else GAPS]]


def _summary(row: ControlRow, rows: Sequence[ControlRow]) -> bool:
    """Whether the row is the mean over tasks, or the only task."""
    same = [r for r in rows if r.subject.key == row.subject.key and r.control == row.control]
    return not row.task or len(same) == 1


def _control(row: ControlRow) -> str:
    e = row.difference if row.task else row.normalised or row.difference
    with_ = CONTROLS[row.control].full
    if e.value is None:
        return f"{_who(row.subject)} with {with_}: no answers to compare."
    where = f" on {one_line(row.task)}" if row.task else ""
    if e.low is None or e.high is None:
        return (
            f"{_who(row.subject)} scores {number(e.value)} more{where} with the right picture "
            f"than with {with_}; whether that holds for other samples is not known."
        )
    if e.low > 0:
        verdict = "the picture matters"
    elif e.high < 0:
        verdict = "it does better without the right picture"
    else:
        verdict = "there is no sign that the picture matters"
    return (
        f"{_who(row.subject)}: {verdict}{where}. With the right picture it scores {_bracket(e)} "
        f"more than with {with_}."
    )


def _failures(profile: Profile, subjects: Sequence[Subject]) -> str:
    keys = {s.key for s in subjects}
    total: dict[str, int] = {}
    for row in profile.tasks:
        if row.subject.key in keys:
            for outcome, n in row.outcomes.items():
                total[outcome] = total.get(outcome, 0) + n
    answers = sum(total.values())
    failed = {o: n for o, n in total.items() if o != "ok" and n}
    if not failed:
        return f"All {plural(answers, 'answer')} could be read." if answers else "There are no answers."
    kinds = ", ".join(f"{n} {o}" for o, n in failed.items())
    return f"{count(sum(failed.values()))} of {plural(answers, 'answer')} failed: {kinds}."


def _who(subject: Subject) -> str:
    return one_line(subject.label, LABEL)
