"""Ranks of models with their uncertainty.

Each pair of models is compared over the same samples of the same tasks; the p values of all pairs are
corrected by Holm's method, so that with 95 % certainty no equal pair is called different. A model's *rank* is
1 plus the number of models found to be better: all models that are not separated from the best have rank 1.
Its *rank interval* goes from there to the number of models minus those found to be worse. Not separated does
not mean equal, and is not transitive: a may be separated from c while b is separated from neither. *Groups*
are the longest runs of models, in the order of their scores, in which no pair is separated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.corrections import holm
from hemm.stats.intervals import LEVEL, Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rank:
    """One model: its score, rank, rank interval (``low`` to ``high``), and the letters of its groups."""

    subject: str
    estimate: Estimate
    rank: int
    low: int
    high: int
    groups: str


@dataclass(frozen=True)
class Ranking:
    """Models, best first. ``p``: Holm-corrected p of each pair (keys in the order of scores)."""

    rows: tuple[Rank, ...]
    p: Mapping[tuple[str, str], float | None]

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": [
                {
                    "model": row.subject,
                    **row.estimate.to_json(),
                    "rank": row.rank,
                    "rank_low": row.low,
                    "rank_high": row.high,
                    "groups": row.groups,
                }
                for row in self.rows
            ],
            "pairs": [{"a": a, "b": b, "p_holm": p} for (a, b), p in self.p.items()],
        }


def ranking(scores: Mapping[str, Estimate], p: Mapping[tuple[str, str], float | None]) -> Ranking:
    """Ranks from scores by subject (higher is better) and the uncorrected p of each pair."""
    order = sorted(scores, key=lambda s: -(scores[s].value or 0.0))
    pairs = list(combinations(order, 2))
    raw = [p[pair] if pair in p else p.get((pair[1], pair[0])) for pair in pairs]
    corrected = dict(zip(pairs, holm(raw), strict=True))
    apart = {
        pair
        for pair, value in corrected.items()
        if value is not None and value < 1 - LEVEL and scores[pair[0]].value != scores[pair[1]].value
    }
    letters = _letters(order, apart)
    rows = []
    for s in order:
        better = sum((rival, s) in apart for rival in order)
        worse = sum((s, rival) in apart for rival in order)
        rows.append(Rank(s, scores[s], 1 + better, 1 + better, len(order) - worse, letters[s]))
    return Ranking(tuple(rows), corrected)


def win_shares(table: Floats) -> Floats:
    """The share of other models that each model beats in each group, ties as half; NaN where there is no
    other.

    table  scores (models x groups; NaN: none)

    >>> win_shares(np.array([[1.0, 0.5], [0.0, 0.5], [0.5, np.nan]])).tolist()
    [[1.0, 0.5], [0.0, 0.5], [0.5, nan]]
    """
    known = ~np.isnan(table)
    others = known.sum(axis=0) - 1
    won = np.zeros_like(table)
    for row in table:
        with np.errstate(invalid="ignore"):
            won += (table > row) + 0.5 * (table == row)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known & (others > 0), (won - 0.5) / np.maximum(others, 1), np.nan)


def _letters(order: Sequence[str], apart: set[tuple[str, str]]) -> dict[str, str]:
    """Model -> the letters of its groups."""
    runs: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and not any(
            (order[i], order[last + 1]) in apart for i in range(first, last + 1)
        ):
            last += 1
        if not runs or last > runs[-1][1]:
            runs.append((first, last))
    out = dict.fromkeys(order, "")
    for number, (first, last) in enumerate(runs):
        name = chr(ord("a") + number) if number < 26 else f"({number + 1})"
        for i in range(first, last + 1):
            out[order[i]] += name
    return out
