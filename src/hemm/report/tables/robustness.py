"""What perturbations cost, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hemm.analysis.compare.corruption_errors import CorruptionErrors
from hemm.analysis.compare.robustness import Drop, MeanDrop, Robustness
from hemm.core.terminal import printable
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import p_value
from hemm.stats.intervals import Estimate


def robustness_tables(found: Robustness, full: bool) -> Iterator[Table]:
    """The mean drops, with each level (``full``), and the corruption errors."""
    if found.means:
        title = "What perturbations cost: the score as it is less the perturbed one, mean over levels"
        yield table_of(title, [_mean_row(row) for row in found.means])
    if full and found.drops:
        yield table_of("What perturbations cost, by level", [_drop_row(row) for row in found.drops])
    if found.errors:
        yield table_of(_title(found), [_error_row(row) for row in found.errors])
        if full:
            yield table_of("Corruption errors by corruption", list(_by_name(found.errors)))


def robustness_lines(found: Robustness) -> list[str]:
    """The lines below the tables."""
    out = [
        printable(f"{row.label} on {row.task}: {note}")
        for row in found.errors
        for note in dict.fromkeys((row.mean.note, row.relative.note))
        if note
    ]
    if found.errors and not found.reference:
        out.append(
            "No reference: errors are not normalised. mCE as published divides them by those of a reference "
            "model: --reference MODEL."
        )
    if some := [e for e in found.errors if not e.complete]:
        there = len(some[0].names)
        out.append(f"Over {there} of the 15 corruptions: mCE as published is over all (--perturb c/all).")
    return [*out, *map(printable, found.notes)]


def _ends(estimate: Estimate, times: float = 1.0, digits: int = 3) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low * times:.{digits}f} to {estimate.high * times:.{digits}f}"


def _mean_row(row: MeanDrop) -> dict[str, Any]:
    worst = row.worst.pair.pair
    return {
        "task": row.task,
        "model": printable(row.label),
        "perturbation": row.name,
        "levels": row.levels,
        "as it is": row.clean,
        "drop": row.drop.value,
        "95 %": _ends(row.drop),
        "worst": row.worst.level if row.name == row.worst.name else f"{row.worst.name}:{row.worst.level}",
        "its drop": None if worst is None else worst.difference.value,
    }


def _drop_row(row: Drop) -> dict[str, Any]:
    pair = row.pair.pair
    return {
        "task": row.task,
        "model": printable(row.label),
        "perturbation": f"{row.name}:{row.level}",
        "n": None if pair is None else pair.difference.n,
        "as it is": None if pair is None else pair.a,
        "perturbed": None if pair is None else pair.b,
        "drop": None if pair is None else pair.difference.value,
        "95 %": "" if pair is None else _ends(pair.difference),
        "Holm": p_value(row.pair.p_holm),
        "not perturbed": row.unchanged or None,
        "note": row.pair.why if pair is None else "",
    }


def _title(found: Robustness) -> str:
    if found.reference:
        return f"Corruption errors in % of those of {printable(found.reference)}: mCE and relative mCE"
    return "Corruption errors in %, without a reference"


def _error_row(row: CorruptionErrors) -> dict[str, Any]:
    mean, above = ("mCE", "relative mCE") if row.normalised else ("mean error", "above the clean error")

    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f}"

    return {
        "task": row.task,
        "model": printable(row.label),
        "corruptions": len(row.names),
        "clean error": percent(row.clean),
        mean: percent(row.mean.value),
        "95 %": _ends(row.mean, 100, 1),
        above: percent(row.relative.value),
        "its 95 %": _ends(row.relative, 100, 1),
    }


def _by_name(rows: tuple[CorruptionErrors, ...]) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys(name for row in rows for name in row.names):
        for row in rows:
            if name in row.by_name:
                yield {
                    "corruption": name,
                    "task": row.task,
                    "model": printable(row.label),
                    "CE" if row.normalised else "mean error": f"{100 * row.by_name[name]:.1f}",
                }
