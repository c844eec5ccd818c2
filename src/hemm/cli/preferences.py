"""``hemm preferences``: what pairwise votes say of the models, of the voters, and of the metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hemm.cli._common import format_option
from hemm.core.terminal import echo
from hemm.report.tables.writer import print_json, print_tables

if TYPE_CHECKING:
    from hemm.analysis.preferences.sections import SectionRate
    from hemm.analysis.preferences.validity import Unmatched, Validity
    from hemm.analysis.preferences.votes import Votes


@click.command("preferences")
@click.argument("path", metavar="DIR|FILE", type=click.Path(path_type=Path))
@click.option(
    "--results",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Results with the scores of the answers that were voted on; DIR itself by default.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of shuffles and resamples."
)
@click.option("--by", default="", metavar="KEY", help="Win rates by a key of the samples' metadata.")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write the answers side by side with their votes, as one HTML file.",
)
@format_option("table", "json", "markdown")
def command(path: Path, results: Path | None, seed: int, by: str, page: Path | None, format_: str) -> None:
    """Elo as the paper has it, Bradley-Terry, win rates, agreement of voters, and metrics against people.

    Votes are .jsonl, .csv, .json or .parquet with a, b, winner, sample, and where known task and annotator:
    a FILE, or the files in preferences/ of a folder of results, and what hemm annotate stored there.
    """
    from hemm.analysis.preferences.vote_files import read_votes
    from hemm.analysis.preferences.votes import vote_counts
    from hemm.report.tables.preferences import (
        notes,
        section_tables,
        sections_json,
        tables,
        to_json,
        unmatched_notes,
    )
    from hemm.stats.agreement import fleiss_kappa, krippendorff_alpha
    from hemm.stats.strengths import strengths

    folder = results or (path if path.is_dir() else None)
    votes, checked, lacks = _validity(read_votes(path), folder)
    rates = _sections(votes, folder, by, page)
    ranked = strengths(votes, seed=seed)
    counts = vote_counts(votes)
    agreement = {
        "items": int((counts.sum(axis=1) > 1).sum()),
        "fleiss_kappa": fleiss_kappa(counts),
        "krippendorff_alpha": krippendorff_alpha(counts),
    }
    if format_ == "json":
        print_json({**to_json(votes, ranked, agreement, checked, lacks), **sections_json(rates, by)})
    else:
        lines = [*notes(votes, ranked, agreement), *unmatched_notes(votes, lacks)]
        print_tables([*tables(ranked, checked), *section_tables(rates, by)], lines, format_)


def _sections(votes: Votes, folder: Path | None, by: str, page: Path | None) -> list[SectionRate]:
    """Win rates by section; the page, where one is wanted, is written."""
    from hemm.core import HemmError
    from hemm.results.read import cells

    if not by and page is None:
        return []
    if folder is None:
        raise HemmError("sections and the page are made of results: name them by --results DIR")
    from hemm.analysis.preferences.sections import section_rates, sections_of
    from hemm.report.page.side_by_side import write

    stored = cells(folder)
    sections = sections_of(stored, by) if by else {}
    if page is not None:
        write(stored, votes, sections, page)
        echo(str(page), err=True)
    return section_rates(votes, sections) if by else []


def _validity(votes: Votes, folder: Path | None) -> tuple[Votes, list[Validity], Unmatched | None]:
    """The votes with one name for each subject, the metrics against them, and what has no scores; None
    without results.

    Raises HemmError where a name in the votes may be several subjects': they are never one player.
    """
    from hemm.analysis.preferences.validity import as_subjects, metric_scores, unmatched, validity
    from hemm.analysis.study import Study
    from hemm.core import HemmError
    from hemm.results.read import cells

    if folder is None:
        return votes, [], None
    try:
        study = Study.of(cells(folder), strict=True)
    except HemmError as error:
        echo(f"hemm: metrics are not compared with the votes: {error}", err=True)
        return votes, [], None
    votes = as_subjects(study, votes)
    scores = metric_scores(study, votes.models)
    return votes, validity(votes, scores), unmatched(votes, scores)
