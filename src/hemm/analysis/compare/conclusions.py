"""Conclusions of a comparison in words, by fixed rules on its numbers.

What is said of models and of categories is said of tasks like these; where it holds for these tasks alone, or
where fewer than three tasks tell nothing of others, the sentence says so.

All sentences of one page together are false in ``ERROR`` of pages at most where nothing differs. So the kinds
of sentences (on models, on single tasks, on each table of labels; in the report also on categories and on the
picture) share that equally, and within a kind p is corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Iterator

from hemm.analysis.compare.comparison import Comparison
from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.core import DIMENSIONS
from hemm.core.text import counted
from hemm.stats.between_tasks import LEAST
from hemm.stats.intervals import LEVEL
from hemm.stats.label_effects import AdjustedEffect, LabelEffects
from hemm.stats.ranks import Ranking

INFLATED = 5.0
ERROR = 1 - LEVEL
"""Most pages with any false sentence, where nothing differs."""
UNKNOWN_ELSEWHERE = f"Of other tasks like these nothing is known: that takes {LEAST} tasks."


def kinds(comparison: Comparison) -> int:
    """How many kinds of sentences the comparison can have, which share ``ERROR``."""
    models = comparison.ranks is not None or comparison.overall is not None
    tasks = sum(row.p_holm is not None for row in comparison.tasks) > 1
    tables = sum(any(row.p_holm is not None for row in t.effects) for t in comparison.label_effects)
    return models + tasks + tables


def conclusions(comparison: Comparison, labels: bool = True, error: float | None = None) -> list[str]:
    """The sentences, most general first.

    labels  including those on the effects of labels
    error   most pages with a false sentence of one kind; None: the comparison's share of ``ERROR``
    """
    error = ERROR / max(1, kinds(comparison)) if error is None else error
    out: list[str] = []
    if comparison.pair is not None and comparison.overall is not None:
        names = (comparison.labels[comparison.pair[0]], comparison.labels[comparison.pair[1]])
        out += _overall(comparison, comparison.overall, names, error)
        out += _tasks(comparison.tasks, names, error)
        out += _failures(comparison.overall)
    out += ranked(comparison, error)
    if labels:
        for table in comparison.label_effects:
            out += effects(table, error)
    return out


def effects(table: LabelEffects, error: float) -> list[str]:
    """Sentences on the effects of labels in one table."""
    return list(_effects(table, error))


def verdict(comparison: Comparison, error: float) -> list[str]:
    """The first sentences: which of two models is ahead, which of several is best."""
    pair, overall, labels = comparison.pair, comparison.overall, comparison.labels
    first: list[str] = []
    if pair is not None and overall is not None and overall.difference.value is not None:
        first = _overall(comparison, overall, (labels[pair[0]], labels[pair[1]]), error)[:1]
    return first + (ranked(comparison, error) if len(labels) > 2 else [])


def ranked(comparison: Comparison, error: float) -> list[str]:
    """A sentence on which models may be the best: of tasks like these, with too few tasks of these."""
    ranks = comparison.ranks_like or comparison.ranks
    if ranks is None or len(ranks.rows) < 2:
        return []
    top, *others = (row.subject for row in ranks.rows)
    apart = [s for s in others if (p := ranks.p[top, s]) is not None and p < error]
    where = "On tasks like these" if comparison.ranks_like is not None else _on(comparison.ranked_tasks)
    best = [comparison.labels[s] for s in (top, *others) if s not in apart]
    if len(best) > 1:
        near = [p for s in others if s not in apart and (p := ranks.p[top, s]) is not None and p < ERROR]
        return [
            f"{where} the data do not tell which is best of {_listed(best)}"
            f"{_brackets(min(near), error) if near else ''}."
        ]
    return [f"{where} {best[0]} is better than every other model here."]


def _on(tasks: tuple[str, ...]) -> str:
    return f"On {tasks[0]}" if len(tasks) == 1 else f"On these {len(tasks)} tasks"


def _overall(comparison: Comparison, row: CategoryPair, names: tuple[str, str], error: float) -> list[str]:
    e = row.difference
    if e.value is None:
        return [f"{names[0]} and {names[1]} cannot be compared overall: {e.note}."]
    ahead, behind = names if e.value >= 0 else names[::-1]
    amount = _amount(e.value)
    p, p_like = _of_pair(comparison, row)
    few, here = len(row.tasks) < LEAST, _on(row.tasks)
    if p_like is not None and p_like < error:
        over = counted(len(row.tasks), "task")
        return [
            f"On tasks like these {ahead} scores higher than {behind}, over {over} {amount} "
            f"({_of(p_like, row.like.p)})."
        ]
    if p is not None and p < error:
        known = (
            ""
            if few
            else f" For other tasks like these no difference is shown{_brackets(row.like.p, error)}."
        )
        out = [
            f"{here} {ahead} scores higher than {behind} {amount} ({_of(p, row.p)}).{'' if few else known}"
        ]
        return [*out, UNKNOWN_ELSEWHERE] if few else out
    near = _brackets(p, error) if p is not None and p < ERROR else ""
    out = [
        f"{here} no difference between {names[0]} and {names[1]} is shown{near}: {_higher(ahead, e.value)}."
    ]
    if row.power.detectable is not None:
        out.append(
            f"That is no sign that they are equal: a true difference below {row.power.detectable:.3f} on "
            f"{'it' if len(row.tasks) == 1 else 'them'} is found in less than 80 % of such comparisons."
        )
    return [*out, UNKNOWN_ELSEWHERE] if few else out


def _of_pair(comparison: Comparison, row: CategoryPair) -> tuple[float | None, float | None]:
    """p of the two models for these tasks and for tasks like these, corrected over all pairs of models."""
    assert comparison.pair is not None
    a, b = comparison.pair

    def corrected(own: float | None, ranks: Ranking | None) -> float | None:
        known = {} if ranks is None else dict(ranks.p)
        of_ranks = known.get((a, b), known.get((b, a)))
        return own if own is None or of_ranks is None else max(own, of_ranks)

    return corrected(row.p, comparison.ranks), corrected(row.like.p, comparison.ranks_like)


def _amount(value: float) -> str:
    """``by 0.123``; what rounds to nothing is said in words."""
    return f"by {abs(value):.3f}" if abs(value) >= 0.0005 else "by less than 0.001"


def _higher(ahead: str, value: float) -> str:
    return f"{ahead} is higher {_amount(value)}" if value else "their means are the same"


def _brackets(p: float | None, error: float) -> str:
    """``p``, and what it would have to be where it is small."""
    needed = f", where {error:.2g} is needed" if p is not None and error <= p < ERROR else ""
    return "" if p is None else f" ({_p(p)}{needed})"


def _of(p: float, own: float | None) -> str:
    """``p``, and that it is corrected where it is larger than the pair's own, which tables give."""
    return f"{'corrected ' if own is not None and p > own else ''}{_p(p)}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"


def _tasks(rows: tuple[TaskPair, ...], names: tuple[str, str], error: float) -> list[str]:
    tested = [r for r in rows if r.p_holm is not None]
    sure = [r for r in tested if (r.p_holm or 0.0) < error]
    raw = [r for r in tested if r.pair is not None and (r.pair.p or 0.0) < ERROR]
    if len(tested) < 2:
        return []
    out = []
    for name, sign in ((names[0], 1), (names[1], -1)):
        better = [r.task for r in sure if _sign(r) == sign]
        if better:
            out.append(
                f"{name} is better on {_listed(better)}, corrected for {len(tested)} tests "
                f"(p below {error:.2g})."
            )
    if len(raw) > len(sure):
        rest = [r for r in raw if r not in sure]
        least = min(r.p_holm or 0.0 for r in rest)
        near = f" (least p {least:.2g}, where {error:.2g} is needed)" if least < ERROR else ""
        out.append(
            f"On {_listed([r.task for r in rest])} p is below 0.05, but not enough when corrected{near}."
        )
    return out


def _sign(row: TaskPair) -> int:
    e = row.normalised or (row.pair.difference if row.pair is not None else None)
    return 0 if e is None or e.value is None else (e.value > 0) - (e.value < 0)


def _failures(row: CategoryPair) -> list[str]:
    r = row.by_policy
    if r is None or not r.left_out or r.as_worst is None:
        return []
    if r.worst is not None and r.best is not None and r.worst < 0 < r.best:
        return [f"{counted(r.left_out, 'answer')} without a value could turn the order of the two models."]
    if r.exclude is not None and (r.exclude > 0) != (r.as_worst > 0):
        return ["The order turns when answers without a value are left out: failures decide it."]
    return []


def _effects(table: LabelEffects, error: float) -> Iterator[str]:
    where = "tasks" if table.level == "tasks" else "samples within tasks"
    if table.why:
        yield f"Nothing can be said of the labels' own effects over {where}: {table.why}."
        return
    for row in table.effects:
        yield from _effect(row, table, error)
    yield (
        "Labels came with the tasks: even an adjusted effect may be that of something else they differ in."
        if table.level == "tasks"
        else "Within these tasks no other label here explains the effects with the other labels equal; other "
        "tasks may differ."
        if any(_shown(row, error) for row in table.effects)
        else "Within these tasks no label is shown to have an effect of its own."
    )


def _shown(row: AdjustedEffect, error: float) -> bool:
    e = row.effect
    return None not in (e.value, e.low, e.high, e.p) and row.p_holm is not None and row.p_holm < error


def _effect(row: AdjustedEffect, table: LabelEffects, error: float) -> Iterator[str]:
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
    if _shown(row, error):
        steady = row.low_out is not None and row.high_out is not None and row.low_out * row.high_out > 0
        yield (
            f"{contrast}: {_signed(e.value)} ({_signed(e.low)} to {_signed(e.high)}) with the other labels "
            "equal" + ("." if steady and not row.lost else "; it hangs on single tasks.")
        )
    elif row.raw is not None and abs(row.raw) > 2 * abs(e.value) and abs(row.raw) > 0.05:
        yield (
            f"{contrast}: the raw difference of {_signed(row.raw)} shrinks to {_signed(e.value)} with the "
            f"other labels equal; it may be theirs{_companions(row, table)}."
        )
    elif (e.inflation or 0.0) > INFLATED:
        yield f"{contrast}: open, the labels travel together too closely{_companions(row, table)}."


def _signed(value: float) -> str:
    """With its sign, which what rounds to 0 has not."""
    return f"{value:+.3f}" if abs(value) >= 0.0005 else "0.000"


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


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
