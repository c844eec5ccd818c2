"""Where a model is strong and weak: its highest and lowest slices.

A slice is a category with a value. Categories with the same tasks, samples and score are one slice with
several names: ten names of one number would hide all others. The order is that of the values and no test:
``above`` and ``below`` are the categories of the same dimension from which a slice is told apart on tasks
like these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemm.analysis.profile.gaps import Gap
from hemm.analysis.profile.rows import CategoryRow, Profile
from hemm.analysis.study import Subject

SHOWN = 3
"""Most slices of each kind."""


@dataclass(frozen=True)
class Slice:
    """A slice of one subject: the row of its first category, and all of its (dimension, category)."""

    row: CategoryRow
    names: tuple[tuple[str, str], ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Strengths:
    """Slices of a subject above and below its overall score, highest first; ``between`` counts all others."""

    subject: Subject
    strong: tuple[Slice, ...]
    weak: tuple[Slice, ...]
    between: int


def strengths(
    profile: Profile, subject: Subject, found: Sequence[Gap] = (), error: float = 0.0
) -> Strengths | None:
    """The highest and lowest slices of a subject; None with fewer than two slices that differ.

    found  of ``gaps``; those with a corrected p below ``error`` count

    >>> import hemm
    >>> from hemm.analysis.profile import profile
    >>> found = profile(hemm.run("baseline/random", ["probe_shapes", "probe_scenes"], limit=12).study)
    >>> own = strengths(found, found.subjects[0])
    >>> own is None or own.strong[0].row.estimate.value >= own.weak[-1].row.estimate.value
    True
    """
    own = _slices(profile, subject, [g for g in found if g.p_holm < error])
    overall = [r for r in profile.categories if r.subject.key == subject.key and not r.category]
    if len(own) < 2 or not overall or (middle := overall[0].estimate.value) is None:
        return None
    strong = [s for s in own if (s.row.estimate.value or 0.0) > middle][:SHOWN]
    weak = [s for s in own if (s.row.estimate.value or 0.0) < middle][-SHOWN:]
    if not strong and not weak:
        return None
    return Strengths(subject, tuple(strong), tuple(weak), len(own) - len(strong) - len(weak))


def _slices(profile: Profile, subject: Subject, sure: Sequence[Gap]) -> list[Slice]:
    by_content: dict[object, list[CategoryRow]] = {}
    whole: object = None
    for row in profile.categories:
        if row.subject.key != subject.key or row.estimate.value is None:
            continue
        content: object = (row.tasks, row.units, row.estimate.value, row.estimate.n)
        if not row.category:
            whole = content
        else:
            by_content.setdefault(content, []).append(row)
    out = []
    for content, rows in by_content.items():
        if content == whole:  # what all samples have in common tells nothing apart
            continue
        keys = {(r.dimension, r.category) for r in rows}
        pairs = [g for g in sure if g.above.subject.key == subject.key]
        above = [g.below.category for g in pairs if (g.above.dimension, g.above.category) in keys]
        below = [g.above.category for g in pairs if (g.below.dimension, g.below.category) in keys]
        names = tuple((r.dimension, r.category) for r in rows)
        out.append(Slice(rows[0], names, tuple(dict.fromkeys(above)), tuple(dict.fromkeys(below))))
    return sorted(out, key=lambda s: -(s.row.estimate.value or 0.0))
