"""Conclusions of a comparison in words, by fixed rules on its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from hemm.analysis.compare.comparison import Comparison
from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.core import DIMENSIONS
from hemm.stats.intervals import LEVEL
from hemm.stats.label_effects import AdjustedEffect, LabelEffects

INFLATED = 5.0


def conclusions(comparison: Comparison, labels: bool = True) -> list[str]:
    """The sentences, most general first; ``labels``: including those on the effects of labels."""
    out: list[str] = []
    if comparison.pair is not None and comparison.overall is not None:
        names = (comparison.labels[comparison.pair[0]], comparison.labels[comparison.pair[1]])
        out += _overall(comparison.overall, names)
        out += _tasks(comparison.tasks, names)
        out += _failures(comparison.overall)
    out += ranked(comparison)
    if labels:
        for table in comparison.label_effects:
            out += effects(table)
    return out


def effects(table: LabelEffects) -> list[str]:
    """Sentences on the effects of labels in one table."""
    return list(_effects(table))


def verdict(comparison: Comparison) -> list[str]:
    """The first one or two sentences: which of two models is ahead, which of several is best."""
    pair, overall, labels = comparison.pair, comparison.overall, comparison.labels
    first: list[str] = []
    if pair is not None and overall is not None and overall.difference.value is not None:
        first = _overall(overall, (labels[pair[0]], labels[pair[1]]))[:1]
    return first + (ranked(comparison) if len(labels) > 2 else [])


def ranked(comparison: Comparison) -> list[str]:
    """A sentence on which models may be the best."""
    out: list[str] = []
    if comparison.ranks is not None:
        best = [comparison.labels[r.subject] for r in comparison.ranks.rows if r.rank == 1]
        if len(best) > 1:
            out.append(f"The data do not tell which is best of {_listed(best)}.")
        elif len(comparison.ranks.rows) > 1:
            out.append(f"{best[0]} is better than every other model here.")
    return out


def _overall(row: CategoryPair, names: tuple[str, str]) -> list[str]:
    e = row.difference
    if e.value is None:
        return [f"{names[0]} and {names[1]} cannot be compared overall: {e.note}."]
    ahead, behind = names if e.value >= 0 else names[::-1]
    amount = f"{abs(e.value):.3f} over {_count(len(row.tasks), 'task')}"
    if row.p is not None and row.p < 1 - LEVEL:
        out = [f"{ahead} scores higher than {behind} by {amount} ({_p(row.p)})."]
    else:
        out = [f"No difference between {names[0]} and {names[1]} is shown: {ahead} is higher by {amount}."]
        if row.power.detectable is not None:
            out.append(
                f"That is no sign that they are equal: a true difference below {row.power.detectable:.3f} is "
                "found in less than 80 % of such comparisons."
            )
    if len(row.tasks) > 1:
        out.append("This holds for other samples of these tasks; other tasks may differ.")
    return out


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


def _tasks(rows: tuple[TaskPair, ...], names: tuple[str, str]) -> list[str]:
    tested = [r for r in rows if r.p_holm is not None]
    sure = [r for r in tested if (r.p_holm or 0.0) < 1 - LEVEL]
    raw = [r for r in tested if r.pair is not None and (r.pair.p or 0.0) < 1 - LEVEL]
    if len(tested) < 2:
        return []
    out = []
    for name, sign in ((names[0], 1), (names[1], -1)):
        better = [r.task for r in sure if _sign(r) == sign]
        if better:
            out.append(f"{name} is better on {_listed(better)}, corrected for {len(tested)} tests.")
    if len(raw) > len(sure):
        rest = [r.task for r in raw if r not in sure]
        out.append(f"On {_listed(rest)} a difference has p below 0.05 that does not stand after correction.")
    return out


def _sign(row: TaskPair) -> int:
    e = row.normalised or (row.pair.difference if row.pair is not None else None)
    return 0 if e is None or e.value is None else (e.value > 0) - (e.value < 0)


def _failures(row: CategoryPair) -> list[str]:
    r = row.by_policy
    if r is None or not r.left_out or r.as_worst is None:
        return []
    if r.worst is not None and r.best is not None and r.worst < 0 < r.best:
        return [f"{_count(r.left_out, 'answer')} without a value could turn the order of the two models."]
    if r.exclude is not None and (r.exclude > 0) != (r.as_worst > 0):
        return ["The order turns when answers without a value are left out: failures decide it."]
    return []


def _effects(table: LabelEffects) -> Iterator[str]:
    where = "tasks" if table.level == "tasks" else "samples within tasks"
    if table.why:
        yield f"Nothing can be said of the labels' own effects over {where}: {table.why}."
        return
    for row in table.effects:
        yield from _effect(row, table)
    yield (
        "Labels came with the tasks: even an adjusted effect may be that of something else they differ in."
        if table.level == "tasks"
        else "Within these tasks no other label explains these effects; other tasks may differ."
    )


def _effect(row: AdjustedEffect, table: LabelEffects) -> Iterator[str]:
    e = row.effect
    title = DIMENSIONS[e.dimension].title.lower() if e.dimension in DIMENSIONS else e.dimension
    a, b = (f"{c.replace('_', ' ')}" for c in (e.a, e.b))
    contrast = f"{title}: {a} against {b}"
    if e.value is None:
        companions = _companions(row, table)
        yield f"{contrast} cannot be told apart from the other labels{companions}."
        return
    if e.low is None or e.high is None or e.p is None:
        yield f"{contrast}: nothing varies, so nothing is known of other samples."
        return
    if row.p_holm is not None and row.p_holm < 1 - LEVEL:
        steady = row.low_out is not None and row.high_out is not None and row.low_out * row.high_out > 0
        yield (
            f"{contrast}: {e.value:+.3f} ({e.low:+.3f} to {e.high:+.3f}) with the other labels equal"
            + ("." if steady and not row.lost else "; it hangs on single tasks.")
        )
    elif row.raw is not None and abs(row.raw) > 2 * abs(e.value) and abs(row.raw) > 0.05:
        yield (
            f"{contrast}: the raw difference of {row.raw:+.3f} shrinks to {e.value:+.3f} with the other "
            f"labels equal; it may be theirs{_companions(row, table)}."
        )
    elif (e.inflation or 0.0) > INFLATED:
        yield f"{contrast}: open, the labels travel together too closely{_companions(row, table)}."


def _companions(row: AdjustedEffect, table: LabelEffects) -> str:
    e = row.effect
    close = [t for t in table.together if t.dimension == e.dimension and t.category in (e.a, e.b) and t.close]
    if not close:
        return ""
    t = close[0]
    title = DIMENSIONS[t.other].title.lower() if t.other in DIMENSIONS else t.other
    return (
        f" ({t.both} of {t.n} with {t.category.replace('_', ' ')} are "
        f"{title} {t.other_category.replace('_', ' ')})"
    )


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
