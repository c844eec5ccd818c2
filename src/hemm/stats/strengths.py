"""Win rates, Elo as in the HEMM paper, and Bradley-Terry strengths of models from votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemm.core.text import counted
from hemm.stats.bradley_terry import BradleyTerry, bradley_terry
from hemm.stats.connected_votes import Parts, bound, parts, why_unbounded
from hemm.stats.elo import elo
from hemm.stats.intervals import t_quantile
from hemm.stats.votes import LEAST_VOTERS, Ballots, Floats, Votes


@dataclass(frozen=True, slots=True)
class Strength:
    """One model.

    elo                  median over shuffles
    elo_low, elo_high    by bootstrap; None with one question and no annotators to go by
    strength, low, high  Bradley-Terry, natural-log scale with mean zero over the models that have one. A
                         model that always won (lost) has no strength, and ``low`` (``high``) alone
    note                 why there is no strength
    """

    model: str
    wins: int
    ties: int
    losses: int
    elo: float
    elo_low: float | None
    elo_high: float | None
    strength: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True)
class Strengths:
    """All models, strongest first; ``tie_rate`` is Davidson's nu; ``why`` no strength is finite, else empty.

    win_rates  share of votes that the row's model won against the column's, ties as half; NaN: no votes. Rows
               and columns are in the order of ``rows``
    scope      of what questions and annotators the intervals speak
    """

    rows: tuple[Strength, ...]
    win_rates: Floats
    tie_rate: float | None
    why: str
    scope: str


def strengths(votes: Votes, *, seed: int = 0) -> Strengths:
    """Win rates, Elo and Bradley-Terry strengths of ``votes``."""
    count = len(votes.models)
    won = np.zeros((count, count))
    met = np.zeros((count, count))
    np.add.at(won, (votes.a, votes.b), votes.outcome)
    np.add.at(won, (votes.b, votes.a), 1 - votes.outcome)
    np.add.at(met, (votes.a, votes.b), 1)
    np.add.at(met, (votes.b, votes.a), 1)
    rating, reach = elo(votes, np.random.default_rng([seed, 1952]))
    part = parts(votes)
    among = Ballots.between(votes, part.fitted)
    why = why_unbounded(among)
    fit = None if why else bradley_terry(among)
    found = [_bradley_terry(votes, m, part, among, fit) for m in range(count)]
    order = sorted(range(count), key=lambda m: _place(m, part, fit, found[m][0], rating))
    rows = tuple(
        _row(votes, m, rating[m], None if reach is None or np.isnan(reach[m]) else float(reach[m]), found[m])
        for m in order
    )
    with np.errstate(invalid="ignore"):
        rates = (won / met)[np.ix_(order, order)]
    return Strengths(rows, rates, None if fit is None else fit.tie_rate, why, _scope(votes))


BradleyTerryRow = tuple[float | None, float | None, float | None, str]
"""Strength, low, high, and why there is no strength."""


def _bradley_terry(
    votes: Votes, m: int, part: Parts, among: Ballots, fit: BradleyTerry | None
) -> BradleyTerryRow:
    if fit is None:
        return None, None, None, ""
    if m in part.fitted:
        at = int(np.searchsorted(part.fitted, m))
        s = float(fit.strengths[at])
        if fit.errors is None:
            return s, None, None, ""
        half = t_quantile(fit.df) * float(fit.errors[at])
        return s, s - half, s + half, ""
    end = bound(votes, among, part.fitted, fit, m)
    if part.above[m]:
        words = "always won" if end is not None else "won by way of others alone"
    elif part.below[m]:
        words = "always lost" if end is not None else "lost by way of others alone"
    else:
        return None, None, None, "never compared with the models that have a strength, nor by way of others"
    note = f"{words} against the models that have a strength: " + (
        "no bound" if end is None else f"at {'least' if part.above[m] else 'most'} {end:.2f}"
    )
    return None, end if part.above[m] else None, end if part.below[m] else None, note


def _place(
    m: int, part: Parts, fit: BradleyTerry | None, strength: float | None, rating: Floats
) -> tuple[int, float]:
    """The sort key: models above the fitted ones, these, those below, and those that nothing places."""
    if fit is None:
        return 0, -float(rating[m])
    if strength is not None:
        return 1, -strength
    return 0 if part.above[m] else 2 if part.below[m] else 3, -float(rating[m])


def _row(votes: Votes, m: int, rating: float, reach: float | None, fitted: BradleyTerryRow) -> Strength:
    results = np.concatenate([votes.outcome[votes.a == m], 1 - votes.outcome[votes.b == m]])
    return Strength(
        votes.models[m],
        int((results == 1).sum()),
        int((results == 0.5).sum()),
        int((results == 0).sum()),
        float(rating),
        None if reach is None else float(rating - reach),
        None if reach is None else float(rating + reach),
        *fitted,
    )


def _scope(votes: Votes) -> str:
    questions, voters, known = int(votes.clusters.max()) + 1, int(votes.voters.max()) + 1, votes.named_voters
    asked = "other questions like these" if questions > 1 else "this one question"
    if known >= LEAST_VOTERS:
        nobodys = counted(
            voters - known, "vote without an annotator counts", "votes without an annotator count"
        )
        own = f"; {nobodys} as one each" if voters > known else ""
        return f"intervals speak of {asked} and other annotators like these ({known}){own}"
    if known:
        word = "these 2 annotators" if known == 2 else "this one annotator"
        return (
            f"intervals speak of {asked} and of {word} alone: fewer than {LEAST_VOTERS} do not tell of others"
        )
    return f"intervals speak of {asked}; annotators are not known, and their tastes are not in them"
