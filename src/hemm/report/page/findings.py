"""The sentences at the top of the page that sum up its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hemm.analysis.compare.conclusions import ERROR
from hemm.analysis.profile.gaps import Gap, enough, gaps
from hemm.analysis.study.anytime_interval import MARK
from hemm.core import CONTROLS, DIMENSIONS
from hemm.report.text import LABEL, count, more_than, number, one_line, p_value, plural, span
from hemm.stats.between_tasks import LEAST
from hemm.stats.corrections import holm

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import CategoryRow, ControlRow, Profile
    from hemm.analysis.study import Subject
    from hemm.stats.intervals import Estimate

GAPS = 3
"""Most dimensions whose widest gap is told of a single model."""
FEW = 4
"""Most categories that are named for having too few tasks."""


def findings(
    profile: Profile, subjects: Sequence[Subject], verdict: Sequence[str] = (), error: float | None = None
) -> list[str]:
    """Sentences on overall scores, on what holds, and on failures.

    verdict  who is ahead: the result of tests
    error    most pages with a false sentence of one kind, where nothing differs; None: a page without a
             comparison
    """
    overall = {c.subject.key: c for c in profile.categories if not c.category}
    rows = [overall[s.key] for s in subjects if s.key in overall]
    scores = [_overall(row) for row in rows if row.estimate.value is not None]
    held = holding(profile, subjects, verdict, error)
    return [*scores, *held, *asides(profile, subjects), failed(profile, subjects)]


def holding(
    profile: Profile, subjects: Sequence[Subject], verdict: Sequence[str] = (), error: float | None = None
) -> list[str]:
    """The sentences that rest on tests: who is ahead (``verdict``), gaps between categories, the controls."""
    error = ERROR / max(1, kinds(profile, subjects)) if error is None else error
    return [*verdict, *_gaps(profile, subjects, error), *_controls(profile, error)]


def kinds(profile: Profile, subjects: Sequence[Subject]) -> int:
    """How many kinds of sentences that rest on a test the findings have beside the comparison's: on
    categories, on the picture."""
    return bool(gaps(profile, subjects)) + bool(profile.controls)


def _bracket(e: Estimate) -> str:
    return f"{number(e.value)} ({span(e.low, e.high)}{MARK if e.anytime else ''})"


def _overall(row: CategoryRow) -> str:
    over = f"over {plural(len(row.tasks), 'task')} and {plural(row.units, 'unit')}"
    like = row.like.estimate
    if like.low is None:
        other = "of other tasks like these nothing is known" if not enough(row) else like.note
    else:
        other = f"on tasks like these {span(like.low, like.high)}"
    return f"{_who(row.subject)} scores {_bracket(row.estimate)} {over}; {other}."


def _gaps(profile: Profile, subjects: Sequence[Subject], error: float) -> list[str]:
    """The widest gap of each dimension, if it is there on tasks like these."""
    found: dict[tuple[str, str], Gap] = {}
    for gap in sorted(gaps(profile, subjects), key=lambda g: -g.width):
        if gap.p_holm < error:
            found.setdefault((gap.above.subject.key, gap.above.dimension), gap)
    name = len(subjects) > 1
    out: list[str] = []
    for subject in subjects:
        own = [gap for (key, _), gap in found.items() if key == subject.key]
        out += [_gap(gap, name) for gap in own[: 1 if name else GAPS]]
    return out


def asides(profile: Profile, subjects: Sequence[Subject]) -> list[str]:
    """What cannot be said: a sentence on categories with too few tasks to speak of others like them."""
    keys = {s.key for s in subjects}
    rows = [r for r in profile.categories if r.subject.key in keys and r.category and r.parts]
    few = dict.fromkeys(_category(r) for r in rows if not enough(r))
    if few and len(few) < len({_category(r) for r in rows}):
        some = list(few)[:FEW]
        more = f" and {len(few) - FEW} more" if len(few) > FEW else ""
        return [
            f"Too few tasks ({LEAST - 1} at most) to say how others like them go: {', '.join(some)}{more}."
        ]
    return [f"No category has {LEAST} tasks: how others like them go is not known."] if few else []


def _category(row: CategoryRow) -> str:
    return f"{DIMENSIONS[row.dimension].title.lower()} {row.category.replace('_', ' ')}"


def _gap(gap: Gap, name: bool) -> str:
    above, below = gap.above, gap.below
    title = DIMENSIONS[above.dimension].title
    where = f"{_who(above.subject)}, {title.lower()}" if name else title
    high, low = (
        f"{row.category.replace('_', ' ')} {number(row.estimate.value)} "
        f"({span(row.like.estimate.low, row.like.estimate.high)})"
        for row in (above, below)
    )
    p = p_value(gap.p_holm)
    return f"{where}, on tasks like these: {high} is above {low}, p {p if '<' in p else f'= {p}'}."


def _controls(profile: Profile, error: float) -> list[str]:
    """A sentence for each control of each model."""
    rows = [row for row in profile.controls if _summary(row, profile.controls)]
    here = holm([row.p for row in rows])
    there = holm([None if row.like is None else row.like.p for row in rows])
    return [
        _control(row, *(p is not None and p < error for p in both))
        for row, *both in zip(rows, here, there, strict=True)
    ]


def _summary(row: ControlRow, rows: Sequence[ControlRow]) -> bool:
    """Whether the row is the mean over tasks, or the only task."""
    same = [r for r in rows if r.subject.key == row.subject.key and r.control == row.control]
    return not row.task or len(same) == 1


def _control(row: ControlRow, here: bool, there: bool) -> str:
    """``here``, ``there``: the difference is there on these tasks, and on tasks like these."""
    e = row.difference if row.task else row.normalised or row.difference
    with_ = CONTROLS[row.control].full
    if e.value is None:
        return f"{_who(row.subject)} with {with_}: no answers to compare."
    like = row.like is not None and row.like.error is not None
    elsewhere = like and (there or not here)
    where = (
        f" on {one_line(row.task)}"
        if row.task
        else " on tasks like these"
        if elsewhere
        else " on these tasks"
    )
    amount = more_than(e.value)
    if e.low is None or e.high is None:
        return (
            f"{_who(row.subject)} scores {amount} with {with_}{where}, with the right picture; whether that "
            "holds for other samples is not known."
        )
    if here or there:
        verdict = "the picture matters" if e.value > 0 else "it does better without the right picture"
    else:
        verdict = "no sign that the picture matters"
    open_ = "; on others like them that is open" if here and like and not there else ""
    own = span(e.low, e.high) + (MARK if e.anytime else "")
    other = row.like.estimate if row.like is not None else None
    beyond = f"; tasks like these: {span(other.low, other.high)}" if like and other is not None else ""
    scored = f"With the right picture it scores {amount} with {with_} (difference {own}{beyond})."
    return f"{_who(row.subject)}: {verdict}{where}{open_}. {scored}"


def failed(profile: Profile, subjects: Sequence[Subject]) -> str:
    """How many answers of these subjects failed, and how."""
    keys = {s.key for s in subjects}
    total: dict[str, int] = {}
    for row in profile.tasks:
        if row.subject.key in keys:
            for outcome, n in row.outcomes.items():
                total[outcome] = total.get(outcome, 0) + n
    answers = sum(total.values())
    failures = {o: n for o, n in total.items() if o != "ok" and n}
    if not failures:
        return f"All {plural(answers, 'answer')} could be read." if answers else "There are no answers."
    kinds = ", ".join(f"{n} {o}" for o, n in failures.items())
    return f"{count(sum(failures.values()))} of {plural(answers, 'answer')} failed: {kinds}."


def _who(subject: Subject) -> str:
    return one_line(subject.label, LABEL)
