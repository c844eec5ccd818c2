"""``hemm preferences``: what pairwise votes say of the models, of the voters, and of the metrics."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import format_option, print_json, print_table, to_markdown

if TYPE_CHECKING:
    from hemm.analysis.preferences.strengths import Strengths
    from hemm.analysis.preferences.validity import Validity
    from hemm.analysis.preferences.votes import Votes


@click.command("preferences")
@click.argument("path", metavar="DIR|FILE", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Results with the scores of the answers that were voted on; DIR itself by default.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of shuffles and resamples.")
@format_option("table", "json", "markdown")
def command(path: Path, results: Path | None, seed: int, format_: str) -> None:
    """Elo as the paper has it, Bradley-Terry, win rates, agreement of voters, and metrics against people.

    Votes are .jsonl or .csv with a, b, winner, sample, and where known task and annotator: a FILE, or the
    files in preferences/ of a folder of results.
    """
    from hemm.analysis.preferences.agreement import fleiss_kappa, krippendorff_alpha, vote_counts
    from hemm.analysis.preferences.strengths import strengths
    from hemm.analysis.preferences.votes import read_votes

    found = read_votes(path)
    ranked = strengths(found, seed=seed)
    counts = vote_counts(found)
    agreement = {
        "items": int((counts.sum(axis=1) > 1).sum()),
        "fleiss_kappa": fleiss_kappa(counts),
        "krippendorff_alpha": krippendorff_alpha(counts),
    }
    checked = _validity(found, results or (path if path.is_dir() else None))
    if format_ == "json":
        print_json(plain(found, ranked, agreement, checked))
        return
    for title, rows, columns in _tables(ranked, checked):
        if format_ == "markdown":
            click.echo(f"## {title}\n\n{to_markdown(rows, columns)}\n")
        else:
            print_table(rows, columns, title)
    for note in _notes(found, ranked, agreement):
        click.echo(f"{'- ' if format_ == 'markdown' else '  '}{note}")


def plain(
    found: Votes, ranked: Strengths, agreement: dict[str, Any], checked: list[Validity]
) -> dict[str, Any]:
    """The JSON, documented in docs/preferences.md."""
    names = [r.model for r in ranked.rows]
    return {
        "votes": len(found),
        "questions": len(set(found.clusters.tolist())),
        "annotators": len(set(found.annotator.tolist())),
        "models": [asdict(r) for r in ranked.rows],
        "tie_rate": ranked.tie_rate,
        "why_no_strengths": ranked.why,
        "win_rates": {
            a: {b: None if v != v else float(v) for b, v in zip(names, row, strict=True) if a != b}
            for a, row in zip(names, ranked.win_rates, strict=True)
        },
        "agreement": agreement,
        "metrics": [asdict(v) for v in checked],
    }


def _validity(found: Votes, folder: Path | None) -> list[Validity]:
    from hemm.analysis.preferences.validity import metric_scores, validity
    from hemm.analysis.study import Study
    from hemm.core import HemmError
    from hemm.results.read import cells

    if folder is None:
        return []
    try:
        study = Study.of(cells(folder), strict=True)
    except HemmError as error:
        click.echo(f"hemm: metrics are not compared with the votes: {error}", err=True)
        return []
    return validity(found, metric_scores(study))


def _tables(ranked: Strengths, checked: list[Validity]) -> list[tuple[str, list[dict[str, Any]], list[str]]]:
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
            "95 %": "" if r.low is None or r.high is None else f"{r.low:.2f} to {r.high:.2f}",
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
    tables = [
        ("Models", models, list(models[0])),
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
        tables.append(("Metrics against the votes (0.5 is chance)", rows, list(rows[0])))
    return tables


def _ends(estimate: Any) -> str:
    return "" if estimate.low is None else f"{estimate.low:.3f} to {estimate.high:.3f}"


def _notes(found: Votes, ranked: Strengths, agreement: dict[str, Any]) -> list[str]:
    notes = [f"{len(found)} votes on {len(set(found.clusters.tolist()))} questions"]
    if ranked.why:
        notes.append(ranked.why)
    if agreement["items"]:
        told = {k: "not defined" if agreement[k] is None else f"{agreement[k]:.3f}" for k in agreement}
        notes.append(
            f"agreement on {agreement['items']} pairs with several voters: "
            f"Fleiss' kappa {told['fleiss_kappa']}, Krippendorff's alpha {told['krippendorff_alpha']}"
        )
    else:
        notes.append("no pair has several voters: their agreement is not known")
    notes.append("Elo is a median over shuffled orders; its interval is a bootstrap over questions")
    return notes
