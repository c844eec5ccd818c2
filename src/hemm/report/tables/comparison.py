"""A comparison of models as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hemm.analysis.compare import Comparison
from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.analysis.compare.published_comparison import PublishedComparison, RankedModel
from hemm.analysis.study.failure_policy import DESCRIPTIONS, PolicyScores
from hemm.analysis.study.normalise import MEANINGS
from hemm.core.terminal import printable
from hemm.core.text import counted
from hemm.report.tables.robustness import robustness_lines, robustness_tables
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import p_value
from hemm.stats.intervals import Estimate
from hemm.stats.label_effects import LabelEffects, LabelOverlap
from hemm.stats.power import POINTS, Power
from hemm.stats.ranks import Rank
from hemm.stats.regression import Effect

SHOWN_TOGETHER = 12


def tables(result: Comparison) -> Iterator[Table]:
    """All tables of a comparison, in the order in which they are printed. Titles name the overlay."""
    found = with_overlay(result, _tables(result))
    more = () if result.robustness is None else robustness_tables(result.robustness, full=True)
    yield from (*found, *more)


def with_overlay(result: Comparison, tables: Iterable[Table]) -> Iterator[Table]:
    """Tables of a comparison under an overlay: titles name it; then the values without and with it."""
    over = "" if result.overlay is None else f" · {printable(result.overlay.words)}"
    for title, rows, columns in tables:
        yield title if " · overlay " in title else f"{title}{over}", rows, columns
    if over and result.without is not None:
        for title, rows in (("Differences", _both_rows(result)), ("Ranks", _both_ranks(result))):
            if rows:
                yield table_of(f"{title} without and with the{over.removeprefix(' ·')}", rows)


def _both_rows(result: Comparison) -> list[dict[str, Any]]:
    """The differences of the pair without the overlay and with it."""
    found: list[dict[str, tuple[Estimate, float | None]]] = []
    for one in (result.without, result):
        if one is None or one.overall is None:
            return []
        rows = {name_of(c): (c.difference, c.p_holm) for c in (one.overall, *one.categories)}
        rows |= {t.task: (t.pair.difference, t.p_holm) for t in one.tasks if t.pair is not None}
        found.append(rows)
    before, now = found
    nothing = (None, None)
    return [
        {
            "": name,
            "without": getattr(before.get(name, nothing)[0], "value", None),
            "95 %": ends(before.get(name, nothing)[0]),
            "Holm": p_value(before.get(name, nothing)[1]),
            "with": getattr(now.get(name, nothing)[0], "value", None),
            "95 % with": ends(now.get(name, nothing)[0]),
            "Holm with": p_value(now.get(name, nothing)[1]),
        }
        for name in dict.fromkeys((*before, *now))
    ]


def _both_ranks(result: Comparison) -> list[dict[str, Any]]:
    """Ranks and scores without the overlay and with it; the labels differ in the overlay alone."""
    if result.ranks is None or result.without is None or result.without.ranks is None:
        return []
    over = "".join(f" · overlay {name} [{content[:6]}]" for name, content in _files(result))
    before = {result.without.labels[r.subject]: r for r in result.without.ranks.rows}
    rows = []
    for rank in result.ranks.rows:
        plain = result.labels[rank.subject].replace(over, "")
        was = before.get(plain)
        rows.append(
            {
                "model": printable(plain),
                "rank without": None if was is None else was.rank,
                "score without": None if was is None else was.estimate.value,
                "rank with": rank.rank,
                "score with": rank.estimate.value,
            }
        )
    return rows


def _files(result: Comparison) -> tuple[tuple[str, str], ...]:
    return () if result.overlay is None else result.overlay.names


def _tables(result: Comparison) -> Iterator[Table]:
    if result.pair is not None and result.overall is not None:
        a, b = (printable(result.labels[key]) for key in result.pair)
        yield from _pair_tables(result, f"{a} less {b}")
    if result.ranks is not None:
        yield table_of("Ranks", _rank_rows(result))
    for table in result.label_effects:
        if table.effects:
            yield table_of(
                f"Labels with the others held equal, over {table.level}", list(_effect_rows(table))
            )
        travel = travelling(table)
        if travel:
            rows = [
                {
                    "label": f"{t.dimension}={t.category}",
                    "travels with": f"{t.other}={t.other_category}",
                    "of": t.n,
                    "both": t.both,
                    "else": f"{t.everywhere:.0%}",
                }
                for t in travel
            ]
            yield table_of(f"Labels that travel together, over {table.level}", rows)
    if result.published is not None:
        title = f"Beside the paper's models (BARTScore, subset {result.published.subset})"
        yield table_of(title, [published_row(result.published, m) for m in result.published.models])


def published_row(found: PublishedComparison, model: RankedModel) -> dict[str, Any]:
    forced = {"forced": found.forced} if found.forced else {}
    return {
        "rank": model.rank,
        "model": printable(model.model),
        f"{counted(len(found.common), 'common task')}": None if model.common is None else model.common.value,
        "95 %": ends(model.common),
        "failed": None if model.published else model.failures,
        "rank, failures as worst": model.worst_rank,
        "failures as worst": None if model.as_worst is None else model.as_worst.value,
        "its 95 %": ends(model.as_worst),
        "own tasks": model.tasks,
        "over own tasks": model.estimate.value,
        "from": "paper" if model.published else "here",
        **forced,
    }


def travelling(table: LabelEffects) -> list[LabelOverlap]:
    """Pairs of labels that occur together far more often than elsewhere."""
    return [t for t in table.together if t.close][:SHOWN_TOGETHER]


def _pair_tables(result: Comparison, title: str) -> Iterator[Table]:
    if result.tasks:
        yield table_of(f"{title}: tasks, each on its metric's scale", [_task_row(t) for t in result.tasks])
    known = [
        c for c in (result.overall, *result.categories) if c is not None and c.difference.value is not None
    ]
    if known:
        yield table_of(f"{title}: normalised ({result.choice.normalise})", [_category_row(c) for c in known])
        yield table_of(f"{title}: power", [_power_row(name_of(c), c.power) for c in known[:1]]
                  + [_power_row(t.task, t.pair.power) for t in result.tasks if t.pair])  # fmt: skip
    rows = [(name_of(c), c.by_policy) for c in known] + [(t.task, t.by_policy) for t in result.tasks]
    failed = [{"": name, **_policy_row(r)} for name, r in rows if r is not None and r.left_out]
    if failed:
        yield table_of(f"{title}: failures in three readings", failed)


def name_of(row: CategoryPair) -> str:
    return f"{row.dimension}={row.category}" if row.category else "overall"


def ends(estimate: Estimate | None) -> str:
    """``0.012 to 0.034``; empty where there is no interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _task_row(row: TaskPair) -> dict[str, Any]:
    pair = row.pair
    if pair is None:
        return dict.fromkeys(_TASK_COLUMNS) | {"task": row.task, "metric": row.metric, "n": row.common,
                                               "note": row.why}  # fmt: skip
    flips = "" if pair.won is None else f"+{pair.won} -{pair.lost}"
    values = (row.task, row.metric, pair.difference.n, pair.a, pair.b, pair.difference.value,
              ends(pair.difference), ends(pair.bootstrap), flips, pair.effect, pair.effect_name,
              p_value(pair.p), p_value(row.p_holm), p_value(row.p_bh),
              pair.test, row.why or pair.difference.note)  # fmt: skip
    return dict(zip(_TASK_COLUMNS, values, strict=True))


_TASK_COLUMNS = (
    "task", "metric", "n", "first", "second", "difference", "95 %", "bootstrap", "won, lost",
    "effect", "effect is", "p",
    "Holm", "BH", "test", "note",
)  # fmt: skip


def _category_row(row: CategoryPair) -> dict[str, Any]:
    return {
        "": name_of(row),
        "first": row.a,
        "second": row.b,
        "difference": row.difference.value,
        "these tasks": ends(row.difference),
        "bootstrap": ends(row.bootstrap),
        "p": p_value(row.p),
        "tasks like these": ends(row.like.estimate),
        "p there": p_value(row.like.p),
        "Holm": p_value(row.p_holm),
        "BH": p_value(row.p_bh),
        "tasks": len(row.tasks),
        "n": row.difference.n,
    }


def _power_row(name: str, power: Power) -> dict[str, Any]:
    needed = {f"clusters for {k}": power.needed[k] for k in POINTS}
    return {"": name, "clusters": power.clusters, "found with 80 %": power.detectable, **needed}


def _policy_row(r: PolicyScores) -> dict[str, Any]:
    return {"worst score": r.as_worst, "left out": r.exclude, "first worst, second best": r.worst,
            "first best, second worst": r.best, "without value": r.left_out}  # fmt: skip


def _rank_rows(result: Comparison) -> list[dict[str, Any]]:
    others = {} if result.ranks_like is None else {r.subject: r for r in result.ranks_like.rows}
    return [_rank_row(r, others.get(r.subject), result) for r in (result.ranks.rows if result.ranks else ())]


def _rank_row(row: Rank, like: Rank | None, result: Comparison) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "ranks possible": possible(row),
        "groups": row.groups,
        "model": printable(result.labels[row.subject]),
        "score": row.estimate.value,
        "these tasks": ends(row.estimate),
        "tasks like these": "" if like is None else ends(like.estimate),
        "ranks possible there": "" if like is None else possible(like),
    }


def effect_interval(effect: Effect) -> str:
    """The interval of a label's effect; empty where there is none."""
    return "" if effect.low is None else f"{effect.low:.3f} to {effect.high:.3f}"


def possible(row: Rank) -> str:
    """The rank interval: ``1 to 3``, or ``2``."""
    return f"{row.low} to {row.high}" if row.low != row.high else str(row.low)


def _effect_rows(table: LabelEffects) -> Iterator[dict[str, Any]]:
    for row in table.effects:
        e = row.effect
        left_out = "" if row.low_out is None else f"{row.low_out:.3f} to {row.high_out:.3f}"
        yield {
            "dimension": e.dimension,
            "label": e.a,
            "against": e.b,
            "raw difference": row.raw,
            "adjusted": e.value,
            "95 %": effect_interval(e),
            "p": p_value(e.p),
            "Holm": p_value(row.p_holm),
            "inflation": e.inflation,
            "without one task": left_out,
        }


def conclusions(result: Comparison) -> list[str]:
    """The sentences above the tables."""
    return [printable(line) for line in result.conclusions]


def lines(result: Comparison) -> list[str]:
    """The lines below the tables: scale, failure policy, notes."""
    out = terms(result)
    out += result.published.notes if result.published is not None else ()
    if result.published is not None and result.published.new_worst:
        forced = f" [forced: {result.published.forced}]" if result.published.forced else ""
        names = ", ".join(result.published.new_worst)
        out.append(f"One of your models is the worst, and so the 0, of {names}{forced}")
    cost = [] if result.robustness is None else robustness_lines(result.robustness)
    return [*cost, *(printable(line) for line in (*out, *result.notes))]


def terms(result: Comparison) -> list[str]:
    """Sentences on the scale, the failure policy, and the meaning of ranks."""
    name = result.choice.normalise
    words = DESCRIPTIONS[result.choice.failures]
    out = []
    out.append(f"Normalised scores and ranks are on the scale {name!r}: {MEANINGS[name]}.")
    out.append(f"{words[0].upper()}{words[1:]}; p values under bounds are of the worst score.")
    if result.ranks is not None:
        over = counted(len(result.ranked_tasks), "task")
        out.append(
            f"Ranks are over {over} that all models share; models without a "
            "Holm-corrected difference from the best share rank 1; a common letter: not separated."
        )
    return out
