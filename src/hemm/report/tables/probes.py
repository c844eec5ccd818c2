"""The design of the factorial probes, and what they say of models, as tables, CSV rows and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hemm.analysis.probe_findings import DialFit, ModelFindings, ProbeFindings, by_dial
from hemm.core.terminal import printable
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import p_value
from hemm.stats.label_interactions import LabelInteraction
from hemm.tasks.probes.factorial.cells import (
    DRAWN_FLOWS,
    INFEASIBLE,
    TEXT_FLOWS,
    balance,
    cells,
    columns_of,
    correlations,
    plans,
)

SHOWN = 12
"""Most interactions of a model in a table, those of the smallest p; JSON and CSV have all."""
COLUMNS = ("model", "what", "of", "level", "against", "other", "at", "less_at", "value", "low", "high", "p",
           "p_holm", "n")  # fmt: skip
"""Of the CSV: a row for each effect, interaction, level of a dial, threshold, and rung of a ladder."""
ANSWERED = (("answered in words", TEXT_FLOWS), ("answered with a picture", DRAWN_FLOWS))


def design_tables() -> Iterator[Table]:
    """Balance and correlations of both kinds of questions, over two blocks of all cells."""
    for words, flows in ANSWERED:
        every = cells(flows)
        columns = columns_of(plans(flows, 2 * len(every)))
        title = f"{len(every)} cells, {words}: samples of each level in {2 * len(every)}"
        yield table_of(
            title,
            [
                {"factor": name, **{f"level {i + 1}": f"{k} {n}" for i, (k, n) in enumerate(levels.items())}}
                for name, levels in sorted(balance(columns).items(), key=lambda row: -len(row[1]))
            ],
        )
        found = correlations(columns)
        names = list(columns)
        yield table_of(
            f"Cramer's V of each pair of factors, {words}",
            [
                {"": a, **{b: "" if a == b else found.get((a, b), found.get((b, a))) for b in names}}
                for a in names
            ],
        )
    rows = [{"flow": flow, "interaction": kind, "why not": why} for flow, kind, why in INFEASIBLE]
    yield table_of("Infeasible", rows)


def design_notes() -> Iterator[str]:
    """What the tables of the design do not say."""
    yield (
        "Reasoning is less at one step and more at several, and held says in more detail what interaction "
        "does: these two pairs are one thing each. held hangs on the flow by the two infeasible halves."
    )


def design_json() -> dict[str, Any]:
    """The design as JSON."""
    kinds = []
    for words, flows in ANSWERED:
        every = cells(flows)
        columns = columns_of(plans(flows, 2 * len(every)))
        pairs = [{"a": a, "b": b, "cramers_v": v} for (a, b), v in correlations(columns).items()]
        kinds.append({"kind": words, "cells": len(every), "balance": balance(columns), "correlations": pairs})
    return {"designs": kinds, "infeasible": [list(row) for row in INFEASIBLE], "notes": list(design_notes())}


def tables(found: ProbeFindings) -> Iterator[Table]:
    """Effects and interactions of each model, then the dials."""
    for model in found.models:
        name = printable(model.label)
        if model.effects and model.effects.effects:
            yield table_of(f"{name}: labels with the others held equal", _effects(model))
        if model.interactions and model.interactions.rows:
            rows = sorted(model.interactions.rows, key=lambda r: 2.0 if r.p is None else r.p)
            yield table_of(
                f"{name}: where one label changes what another costs (smallest p first)",
                [_interaction(row) for row in rows[:SHOWN]],
            )
    for dial, fits in by_dial(found.models).items():
        yield table_of(f"{dial}: score by level, the easiest first", [_levels(fit) for fit in fits])


def _effects(model: ModelFindings) -> list[dict[str, Any]]:
    assert model.effects is not None
    return [
        {
            "dimension": e.effect.dimension,
            "label": e.effect.a,
            "against": e.effect.b,
            "difference": e.effect.value,
            "95 %": _span(e.effect.low, e.effect.high),
            "p": p_value(e.effect.p),
            "Holm": p_value(e.p_holm),
        }
        for e in model.effects.effects
    ]


def _interaction(row: LabelInteraction) -> dict[str, Any]:
    return {
        "difference": f"{row.dimension}: {row.a1} less {row.b1}",
        "at": f"{row.other}: {row.a2}",
        "less at": row.b2,
        "by": row.value,
        "95 %": _span(row.low, row.high),
        "p": p_value(row.p),
        "Holm": p_value(row.p_holm),
    }


def _levels(fit: DialFit) -> dict[str, Any]:
    at = "" if fit.at is None else f"{fit.at:.3g}"
    low, high = ("" if v is None else f"{v:.3g}" for v in fit.ends)
    return {
        "model": printable(fit.label),
        **{f"{level.level:g}": level.score for level in fit.levels},
        "n": sum(level.n for level in fit.levels),
        "threshold": at,
        "95 %": f"{low or 'open'} to {high or 'open'}" if at else "",
    }


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def sentences(found: ProbeFindings) -> list[str]:
    """What breaks first, for every model."""
    return [printable(line) for model in found.models for line in model.sentences]


def notes(found: ProbeFindings) -> Iterator[str]:
    """Scale, and what is not shown."""
    yield (
        "Differences are of normalised scores (0 is chance, 1 the best possible), by least squares over "
        "samples with a term for each task, errors robust to clusters. Levels of dials are on the metric's "
        "own scale, over all use cases. Unparsable, refused and truncated answers count as wrong, errors are "
        "left out."
    )
    for model in found.models:
        rows = len(model.interactions.rows) if model.interactions else 0
        if rows > SHOWN:
            shown = f"{SHOWN} of {rows} interactions are shown, all are in --format csv and json"
            yield f"{printable(model.label)}: {shown}"
        parts = (model.effects, model.interactions)
        for why in dict.fromkeys(part.why for part in parts if part is not None and part.why):
            yield f"{printable(model.label)}: {why}"
    yield from map(printable, found.notes)


def flat(found: ProbeFindings) -> list[dict[str, Any]]:
    """The rows of the CSV."""
    rows = [{"model": printable(model.label), **row} for model in found.models for row in _rows_of(model)]
    return [{column: row.get(column) for column in COLUMNS} for row in rows]


def _rows_of(model: ModelFindings) -> Iterator[dict[str, Any]]:
    for row in model.effects.effects if model.effects else ():
        e = row.effect
        yield {"what": "effect", "of": e.dimension, "level": e.a, "against": e.b, "value": e.value,
               "low": e.low, "high": e.high, "p": e.p, "p_holm": row.p_holm}  # fmt: skip
    for r in model.interactions.rows if model.interactions else ():
        yield {"what": "interaction", "of": r.dimension, "level": r.a1, "against": r.b1, "other": r.other,
               "at": r.a2, "less_at": r.b2, "value": r.value, "low": r.low, "high": r.high, "p": r.p,
               "p_holm": r.p_holm}  # fmt: skip
    for fit in model.fits:
        for level in fit.levels:
            yield {"what": "score", "of": fit.dial, "level": level.level, "value": level.score, "n": level.n}
        low, high = fit.ends
        yield {"what": "threshold", "of": fit.dial, "value": fit.at, "low": low, "high": high}
    for rung in model.ladder:
        yield {"what": "ladder", "of": "text_carries", "level": rung.level, "value": rung.score, "n": rung.n}
