"""Studies of votes with planted strengths, many at once: how far a way of drawing pairs gets with how many.

Strengths are normal; votes come from Davidson's model with nu 0.5. ``tools/adaptive_draws.py`` makes the
table of docs/annotate.md with the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.stats.next_vote import posterior, vote_gains

Floats = NDArray[np.float64]
NU = 0.5


@dataclass(frozen=True)
class Field:
    """``models`` models whose strengths have the standard deviation ``spread``; ``studies`` of ``votes``."""

    models: int
    spread: float
    studies: int
    votes: int
    seed: int = 5


def studies(draw: str, field: Field) -> Iterator[tuple[int, Floats, Floats]]:
    """(votes so far, wins, true strengths) after each vote of all studies."""
    rng = np.random.default_rng(field.seed)
    truth = rng.normal(0, field.spread, (field.studies, field.models))
    truth -= truth.mean(axis=1, keepdims=True)
    wins, every = np.zeros((field.studies, field.models, field.models)), np.arange(field.studies)
    first, second = np.triu_indices(field.models, 1)
    for votes in range(1, field.votes + 1):
        value: Any = -(wins + np.swapaxes(wins, 1, 2)) if draw == "balanced" else vote_gains(wins)
        value = value[:, first, second]
        pick = np.argmax(value + 1e-6 * rng.random(value.shape), axis=1)
        a, b = first[pick], second[pick]
        gap = truth[every, a] - truth[every, b]
        weights = np.stack([np.exp(gap / 2), np.full(field.studies, NU), np.exp(-gap / 2)], axis=1)
        ends = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
        said = np.array([1.0, 0.5, 0.0])[(rng.random(field.studies)[:, None] > ends).sum(axis=1)]
        wins[every, a, b] += said
        wins[every, b, a] += 1 - said
        yield votes, wins, truth


def in_order(draw: str, field: Field, marks: Sequence[int]) -> dict[int, float]:
    """Votes -> the share of pairs of models that are estimated in their true order."""
    return {votes: _order(wins, truth) for votes, wins, truth in studies(draw, field) if votes in marks}


def errors(draw: str, field: Field, marks: Sequence[int]) -> dict[int, float]:
    """Votes -> the median error of the strengths (root mean square), all scaled by one number, since ties
    as half wins shrink them."""
    return {votes: _error(wins, truth) for votes, wins, truth in studies(draw, field) if votes in marks}


def _order(wins: Floats, truth: Floats) -> float:
    found = posterior(wins)[0]
    first, second = np.triu_indices(truth.shape[1], 1)
    signs = [np.sign(s[:, first] - s[:, second]) for s in (found, truth)]
    return float((signs[0] == signs[1]).mean())


def _error(wins: Floats, truth: Floats) -> float:
    found = posterior(wins)[0]
    scale = np.median((found * truth).sum(axis=1) / (found**2).sum(axis=1))
    return float(np.median(np.sqrt(((found * scale - truth) ** 2).mean(axis=1))))
