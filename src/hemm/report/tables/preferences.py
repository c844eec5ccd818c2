"""Models, voters and metrics according to votes, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hemm.core.text import counted
from hemm.report.tables.writer import Table, table_of

if TYPE_CHECKING:
    from hemm.analysis.preferences.sections import SectionRate
    from hemm.analysis.preferences.validity import Unmatched, Validity
    from hemm.analysis.preferences.votes import Votes
    from hemm.stats.strengths import Strengths


def to_json(
    votes: Votes,
    ranked: Strengths,
    agreement: dict[str, Any],
    checked: Sequence[Validity],
    lacks: Unmatched | None = None,
) -> dict[str, Any]:
    """The JSON, documented in docs/preferences.md."""
    names = [r.model for r in ranked.rows]
    return {
        "votes": len(votes),
        "questions": len(set(votes.clusters.tolist())),
        "annotators": votes.named_voters,
        "models": [asdict(r) for r in ranked.rows],
        "tie_rate": ranked.tie_rate,
        "why_no_strengths": ranked.why,
        "scope": ranked.scope,
        "win_rates": {
            a: {b: None if v != v else float(v) for b, v in zip(names, row, strict=True) if a != b}
            for a, row in zip(names, ranked.win_rates, strict=True)
        },
        "agreement": agreement,
        "metrics": [asdict(v) for v in checked],
        "unmatched": None if lacks is None else asdict(lacks),
        "notes": [*votes.notes, *_perhaps_one(votes)],
    }


def tables(ranked: Strengths, checked: Sequence[Validity]) -> list[Table]:
    """Tables of models, win rates and, if there are scores, the agreement of metrics with the votes."""
    names = [r.model for r in ranked.rows]
    models = [
        {
            "model": r.model,
            "wins": r.wins,
            "ties": r.ties,
            "losses": r.losses,
            "Elo (paper)": round(r.elo, 1),
            "Elo 95 %": "" if r.elo_low is None else f"{r.elo_low:.1f} to {r.elo_high:.1f}",
            "Bradley-Terry": r.strength,
            "Bradley-Terry 95 %": _strength_ends(r.low, r.high),
        }
        for r in ranked.rows
    ]
    rates = [
        {
            "model": a,
            **{b: None if v != v or a == b else round(float(v), 3) for b, v in zip(names, row, strict=True)},
        }
        for a, row in zip(names, ranked.win_rates, strict=True)
    ]
    tables: list[Table] = [
        table_of("Models", models),
        ("Win rates (row against column)", rates, ["model", *names]),
    ]
    if checked:
        rows = [
            {
                "metric": v.metric + (f" [{v.component}]" if v.component else ""),
                "votes": v.votes,
                "agrees": v.accuracy.value,
                "95 %": _ends(v.accuracy),
                "Kendall": v.kendall.value,
                "Kendall 95 %": _ends(v.kendall),
                "Spearman": v.spearman.value,
                "Spearman 95 %": _ends(v.spearman),
            }
            for v in checked
        ]
        tables.append(table_of("Metrics against the votes (0.5 is chance)", rows))
    return tables


def section_tables(rates: Sequence[SectionRate], key: str) -> list[Table]:
    """Win rates by section; none without sections."""
    rows = [
        {
            key: r.section or "all",
            "model": r.model,
            "votes": r.rate.n,
            "questions": r.questions,
            "wins": r.wins,
            "ties": r.ties,
            "losses": r.losses,
            "win rate": r.rate.value,
            "95 %": _ends(r.rate),
        }
        for r in rates
    ]
    return [table_of(f"Win rates by {key} (ties as half)", rows)] if rows else []


def sections_json(rates: Sequence[SectionRate], key: str) -> dict[str, Any]:
    return {"by": key, "sections": [asdict(r) for r in rates]} if rates else {}


def _strength_ends(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"{low:.2f} or more" if low is not None else f"{high:.2f} or less" if high is not None else ""
    return f"{low:.2f} to {high:.2f}"


def _ends(estimate: Any) -> str:
    return "" if estimate.low is None else f"{estimate.low:.3f} to {estimate.high:.3f}"


def notes(votes: Votes, ranked: Strengths, agreement: dict[str, Any]) -> list[str]:
    lines = [f"{counted(len(votes), 'vote')} on {counted(len(set(votes.clusters.tolist())), 'question')}"]
    lines += [*votes.notes, *_perhaps_one(votes)]
    if ranked.why:
        lines.append(ranked.why)
    lines += [f"{r.model} {r.note}" for r in ranked.rows if r.note]
    if any(end is not None for r in ranked.rows for end in (r.elo_low, r.low, r.high)):
        lines.append(ranked.scope)
    if agreement["items"]:
        values = {k: "not defined" if agreement[k] is None else f"{agreement[k]:.3f}" for k in agreement}
        lines.append(
            f"agreement on {counted(agreement['items'], 'pair')} with several voters: "
            f"Fleiss' kappa {values['fleiss_kappa']}, Krippendorff's alpha {values['krippendorff_alpha']}"
        )
    else:
        lines.append("no pair has several voters: their agreement is not known")
    known = any(r.elo_low is not None for r in ranked.rows)
    lines.append(f"Elo is a median over shuffled orders{'; its interval is a bootstrap' if known else ''}")
    return lines


def _perhaps_one(votes: Votes) -> list[str]:
    """Names that differ by a revision alone."""
    found = [(name, name.rpartition("@")[0]) for name in votes.models]
    return [f"{name} and {model} are counted as two models" for name, model in found if model in votes.models]


SHOWN_SAMPLES = 20


def unmatched_notes(votes: Votes, lacks: Unmatched | None) -> list[str]:
    """What of the votes is not compared with metrics, by name."""
    if lacks is None:
        return ["metrics are not compared with the votes: no results are named (--results DIR)"]
    if lacks.matched == len(votes):
        return []
    lines = [f"metrics are compared with {lacks.matched} of {counted(len(votes), 'vote')}"]
    if lacks.models:
        lines.append(f"models without results by these names: {', '.join(lacks.models)}")
    if lacks.tasks:
        lines.append(f"tasks without results: {', '.join(lacks.tasks)}")
    if lacks.without_task:
        told = counted(lacks.without_task, "vote")
        lines.append(f"{told} without a task, and the results have several: write task into the votes")
    if lacks.samples:
        shown = ", ".join("/".join(filter(None, pair)) for pair in lacks.samples[:SHOWN_SAMPLES])
        more = len(lacks.samples) - SHOWN_SAMPLES
        rest = f" and {more} more (--format json has all)" if more > 0 else ""
        lines.append(f"samples without a score: {shown}{rest}")
    return lines
