"""Strengths of models from votes: win rates, Elo as in the HEMM paper, Bradley-Terry with ties.

*Elo* (K 4, scale 400, base 10, start 1000): ratings change vote by vote, so they depend on the order; the
paper takes the median over 1,000 shuffles. The spread over shuffles comes from the order and is no interval.
The interval here is t(G-1) times the error of a bootstrap over the G questions, each resample in a random
order (percentiles of the same resamples cover 86 to 92 % with 10 to 40 questions).

*Bradley-Terry with ties* (Davidson 1970): with strengths s on the log scale, a win of a has weight exp(s_a),
a win of b exp(s_b), and a tie nu exp((s_a + s_b) / 2). The maximum likelihood does not depend on the order.
It is finite if and only if every model can be reached from every other by wins and ties (Ford 1957).
Intervals are t(G-1) times cluster-robust errors over the G questions (sandwich, with G/(G-1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hemm.stats.intervals import t_quantile

K, SCALE, BASE, START = 4.0, 400.0, 10.0, 1000.0
SHUFFLES = RESAMPLES = 1000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Votes(Protocol):
    """Votes as arrays of equal length.

    models    names; ``a`` and ``b`` are indices into it
    outcome   1: a won, 0: b won, 0.5: a tie
    clusters  the number of each vote's question, since votes on one question depend on each other
    """

    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def a(self) -> Ints: ...
    @property
    def b(self) -> Ints: ...
    @property
    def outcome(self) -> Floats: ...
    @property
    def clusters(self) -> Ints: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Strength:
    """One model.

    elo                  median over shuffles
    elo_low, elo_high    by bootstrap over questions; None with one question
    strength, low, high  Bradley-Terry, natural-log scale with mean zero over models; None where not finite
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


@dataclass(frozen=True)
class Strengths:
    """All models, strongest first; ``tie_rate`` is Davidson's nu; ``why`` no strength is finite, else empty.

    win_rates  share of votes that the row's model won against the column's, ties as half; NaN: no votes. Rows
               and columns are in the order of ``rows``
    """

    rows: tuple[Strength, ...]
    win_rates: Floats
    tie_rate: float | None
    why: str


def strengths(votes: Votes, *, seed: int = 0) -> Strengths:
    """Win rates, Elo and Bradley-Terry strengths of ``votes``."""
    count = len(votes.models)
    won = np.zeros((count, count))
    met = np.zeros((count, count))
    np.add.at(won, (votes.a, votes.b), votes.outcome)
    np.add.at(won, (votes.b, votes.a), 1 - votes.outcome)
    np.add.at(met, (votes.a, votes.b), 1)
    np.add.at(met, (votes.b, votes.a), 1)
    rng = np.random.default_rng([seed, 1952])
    elo = np.median(elo_ratings(votes, orders(len(votes), SHUFFLES, rng)), axis=0)
    reach = _elo_reach(votes, rng)
    fit = bradley_terry(votes)
    order = np.argsort(-(elo if fit.strengths is None else fit.strengths), kind="stable")
    rows = tuple(_row(votes, m, elo[m], None if reach is None else reach[m], fit) for m in order.tolist())
    with np.errstate(invalid="ignore"):
        rates = (won / met)[np.ix_(order, order)]
    return Strengths(rows, rates, fit.tie_rate, fit.why)


def _row(votes: Votes, m: int, elo: float, spread: float | None, fit: BradleyTerry) -> Strength:
    results = np.concatenate([votes.outcome[votes.a == m], 1 - votes.outcome[votes.b == m]])
    known = fit.strengths is not None and fit.errors is not None
    s = float(fit.strengths[m]) if fit.strengths is not None else None
    reach = t_quantile(fit.clusters - 1) * float(fit.errors[m]) if known and fit.errors is not None else None
    bounded = s is not None and reach is not None
    return Strength(
        votes.models[m],
        int((results == 1).sum()),
        int((results == 0.5).sum()),
        int((results == 0).sum()),
        float(elo),
        None if spread is None else float(elo - spread),
        None if spread is None else float(elo + spread),
        s,
        s - reach if bounded and s is not None and reach is not None else None,
        s + reach if bounded and s is not None and reach is not None else None,
    )


def orders(size: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` shuffled orders of the votes (count x votes)."""
    return rng.permuted(np.broadcast_to(np.arange(size), (count, size)), axis=1)


def elo_ratings(votes: Votes, order: NDArray[np.int64]) -> Floats:
    """Elo ratings (orders x models) after the votes in each order (orders x votes; -1 is no vote)."""
    a, b = np.append(votes.a, 0), np.append(votes.b, 0)
    outcome = np.append(votes.outcome, 0.5)  # -1 points to this last vote, which changes nothing
    ratings = np.full((len(order), len(votes.models)), START)
    row = np.arange(len(order))
    for step in range(order.shape[1]):
        vote = order[:, step]
        first, second = a[vote], b[vote]
        expected = 1 / (1 + BASE ** ((ratings[row, second] - ratings[row, first]) / SCALE))
        change = K * (outcome[vote] - expected)
        ratings[row, first] += change
        ratings[row, second] -= change
    return ratings


def _elo_reach(votes: Votes, rng: np.random.Generator) -> Floats | None:
    """Half the width of each model's interval; None with one question."""
    clusters = votes.clusters
    members = np.split(np.argsort(clusters, kind="stable"), np.cumsum(np.bincount(clusters))[:-1])
    count = len(members)
    if count < 2:
        return None
    drawn = []
    for _ in range(RESAMPLES):
        picked = np.concatenate([members[g] for g in rng.integers(0, count, count)])
        drawn.append(rng.permutation(picked))
    order = np.full((RESAMPLES, max(map(len, drawn))), -1, dtype=np.int64)
    for i, picked in enumerate(drawn):
        order[i, : len(picked)] = picked
    error = elo_ratings(votes, order).std(axis=0, ddof=1) * math.sqrt(count / (count - 1))
    return np.asarray(t_quantile(count - 1) * error, dtype=np.float64)


@dataclass(frozen=True)
class BradleyTerry:
    """Strengths (mean zero) with their errors, Davidson's nu, and the number of questions."""

    strengths: Floats | None
    errors: Floats | None
    tie_rate: float | None
    clusters: int
    why: str = ""


def bradley_terry(votes: Votes) -> BradleyTerry:
    """Maximum likelihood of Davidson's model, by Newton's method with step halving."""
    clusters = votes.clusters
    count = int(clusters.max()) + 1
    why = _unbounded(votes)
    if why:
        return BradleyTerry(None, None, None, count, why)
    models = len(votes.models)
    ties = bool((votes.outcome == 0.5).any())
    # parameters: strengths of all but the first model, then log nu where there are ties
    beta = np.zeros(models - 1 + ties)
    design = np.zeros((len(votes), models))
    row = np.arange(len(votes))
    design[row, votes.a] += 1
    design[row, votes.b] -= 1
    design = design[:, 1:]
    value = -math.inf
    for _ in range(100):
        likelihood, score, information = _likelihood(beta, design, votes.outcome, ties)
        step = np.linalg.solve(information, score.sum(axis=0))
        size = 1.0
        while size > 1e-6:
            tried = _likelihood(beta + size * step, design, votes.outcome, ties)[0]
            if tried >= likelihood - 1e-12:
                break
            size /= 2
        beta = beta + size * step
        if abs(likelihood - value) < 1e-12 * (1 + abs(likelihood)) and float(np.abs(step).max()) < 1e-10:
            break
        value = likelihood
    _, score, information = _likelihood(beta, design, votes.outcome, ties)
    centre = np.eye(models)[:, 1:] - 1 / models
    if count < 2:
        error = None
    else:
        sums = np.zeros((count, len(beta)))
        np.add.at(sums, clusters, score)
        inverse = np.linalg.inv(information)
        covariance = inverse @ (sums.T @ sums * count / (count - 1)) @ inverse
        error = np.sqrt(np.diag(centre @ covariance[: models - 1, : models - 1] @ centre.T))
    nu = float(np.exp(beta[-1])) if ties else 0.0
    return BradleyTerry(centre @ beta[: models - 1], error, nu, count)


def _likelihood(beta: Floats, design: Floats, outcome: Floats, ties: bool) -> tuple[float, Floats, Floats]:
    """Log-likelihood, scores of each vote, and the information matrix."""
    log_nu = beta[-1] if ties else -math.inf
    gap = design @ (beta[:-1] if ties else beta)
    logits = np.stack([gap / 2, np.full_like(gap, log_nu), -gap / 2], axis=1)
    top = logits.max(axis=1, keepdims=True)
    p = np.exp(logits - top)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    result = np.where(outcome == 1, 0, np.where(outcome == 0.5, 1, 2))
    value = float((logits[np.arange(len(gap)), result] - top[:, 0] - np.log(total[:, 0])).sum())
    # each logit's derivative: half the design row, nu's column, minus half the row
    half = np.array([0.5, 0.0, -0.5])
    mean = p @ half
    by_gap = (half[result] - mean)[:, None] * design
    spread = p @ half**2 - mean**2
    columns = len(beta)
    information = np.zeros((columns, columns))
    inner = columns - ties
    information[:inner, :inner] = design.T @ (spread[:, None] * design)
    score = by_gap
    if ties:
        score = np.hstack([by_gap, ((result == 1) - p[:, 1])[:, None]])
        cross = -(mean * p[:, 1]) @ design
        information[:inner, inner] = information[inner, :inner] = cross
        information[inner, inner] = float((p[:, 1] * (1 - p[:, 1])).sum())
    return value, score, information


def _unbounded(votes: Votes) -> str:
    """Why strengths are not finite, else empty.

    They are not where some model cannot be reached from another by wins and ties, nor where strengths and
    the rate of ties can grow together and explain the votes ever better.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    winners = np.concatenate([votes.a[votes.outcome > 0], votes.b[votes.outcome < 1]])
    losers = np.concatenate([votes.b[votes.outcome > 0], votes.a[votes.outcome < 1]])
    graph = csr_matrix((np.ones(len(winners)), (winners, losers)), shape=(len(votes.models),) * 2)
    parts, which = connected_components(graph, directed=True, connection="strong")
    if parts == 1:
        if bool((votes.outcome == 0.5).all()):
            return "every vote is a tie"
        apart = (
            "no finite strengths: by these wins and ties models may be any distance apart; more votes tell"
        )
        return apart if _grow_together(votes) else ""
    smallest = int(np.argmin(np.bincount(which)))
    names = ", ".join(votes.models[i] for i in np.flatnonzero(which == smallest))
    return f"no finite strengths: {names} always won, always lost, or was never compared with the others"


def _grow_together(votes: Votes) -> bool:
    """Whether the likelihood rises for ever as strengths and log nu grow in proportion.

    So it does where numbers exist that differ by at least 1 for each win and by at most 1 for each tie (the
    winner's logit is then never below nu's, and a tie's never above it). Difference constraints have a
    solution exactly where relaxing them (Bellman and Ford) ends after one round for each model.
    """
    tied = votes.outcome == 0.5
    if not tied.any():
        return False
    won = np.where(votes.outcome > 0.5, votes.a, votes.b)[~tied]
    lost = np.where(votes.outcome > 0.5, votes.b, votes.a)[~tied]
    start = np.concatenate([won, votes.a[tied], votes.b[tied]])
    end = np.concatenate([lost, votes.b[tied], votes.a[tied]])
    most = np.concatenate([np.full(len(won), -1), np.full(2 * int(tied.sum()), 1)])
    places = np.zeros(len(votes.models), dtype=np.int64)
    for _ in range(len(places) + 1):
        before = places.copy()
        np.minimum.at(places, end, places[start] + most)
        if np.array_equal(before, places):
            return True
    return False
