"""Bradley-Terry strengths from votes, with ties (Davidson 1970).

With strengths s on the log scale, a win of a has weight exp(s_a), a win of b exp(s_b), and a tie nu
exp((s_a + s_b) / 2). The maximum likelihood does not depend on the order of the votes. It is finite if and
only if every model can be reached from every other by wins and ties (Ford 1957): ``stats.connected_votes``
finds those.

Errors are cluster-robust, over questions and annotators (``stats.votes``). The variance over clusters is that
of a jackknife (CR3): with H the information, H_g that of cluster g and u_g its score, (G-1)/G times the sum
of d d', d = (H - H_g)^-1 u_g. With many clusters (``MANY``) d = H^-1 u_g does as well. It is at least that of
independent votes, H^-1: where each question has a vote for either side, clusters alone show no variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hemm.stats.votes import Clusterings, Floats, Ints, Votes, members

MANY = 1000
LONGEST = 5.0
"""Most that a strength moves in one step."""


@dataclass(frozen=True)
class BradleyTerry:
    """Strengths (mean zero) with their errors, t's degrees of freedom, and Davidson's nu.

    errors  None where there is one question and no annotators to go by
    design  how much more the strengths vary than with independent votes, at least 1; None without errors
    beta, centre  the parameters (strengths of all but the first model less the first's, then log nu where
                  there are ties), and what makes strengths of them
    """

    strengths: Floats
    errors: Floats | None
    df: int
    tie_rate: float
    design: float | None
    beta: Floats
    centre: Floats


@dataclass(frozen=True)
class Terms:
    """What the likelihood of votes is made of: the gap in strength of each vote is ``offset`` + ``design``
    times the parameters."""

    design: Floats
    offset: Floats
    outcome: Floats
    ties: bool

    @classmethod
    def of(cls, votes: Votes) -> Terms:
        design = np.zeros((len(votes), len(votes.models)))
        row = np.arange(len(votes))
        design[row, votes.a] += 1
        design[row, votes.b] -= 1
        ties = bool((votes.outcome == 0.5).any())
        return cls(design[:, 1:], np.zeros(len(votes)), votes.outcome, ties)

    def take(self, picked: Ints) -> Terms:
        return Terms(self.design[picked], self.offset[picked], self.outcome[picked], self.ties)

    @property
    def parameters(self) -> int:
        return int(self.design.shape[1]) + self.ties


def bradley_terry(votes: Votes) -> BradleyTerry:
    """Maximum likelihood of Davidson's model. ``votes`` must have finite strengths
    (``connected_votes.why_unbounded``)."""
    models, terms = len(votes.models), Terms.of(votes)
    beta = maximum(terms, np.zeros(terms.parameters))
    _, score, information = likelihood(beta, terms)
    centre = np.eye(models)[:, 1:] - 1 / models
    inverse = np.linalg.inv(information)

    def over(codes: Ints, corrected: bool) -> Floats:
        steps = _steps(terms, beta, score, information, codes, corrected)
        factor = (len(steps) - 1) / len(steps) if corrected and len(steps) <= MANY else 1.0
        return np.asarray(factor * ((steps[:, : models - 1] @ centre.T) ** 2).sum(axis=0))

    ways = Clusterings(votes)
    variance = ways.variance(over)
    independent = np.diag(centre @ inverse[: models - 1, : models - 1] @ centre.T)
    if variance is not None:
        variance = np.maximum(variance, independent)
    return BradleyTerry(
        centre @ beta[: models - 1],
        None if variance is None else np.sqrt(variance),
        ways.df,
        float(np.exp(beta[-1])) if terms.ties else 0.0,
        None if variance is None else float(variance.sum() / independent.sum()),
        beta,
        centre,
    )


def _steps(
    terms: Terms, beta: Floats, score: Floats, information: Floats, codes: Ints, corrected: bool
) -> Floats:
    """How far the parameters move without each cluster (clusters x parameters)."""
    groups = members(codes)
    sums = np.zeros((len(groups), len(beta)))
    np.add.at(sums, codes, score)
    plain = np.asarray(np.linalg.solve(information, sums.T).T, dtype=np.float64)
    if not corrected or len(groups) > MANY:
        return plain
    weights = _weights(beta, terms)
    rest = np.array([information - _information(terms.take(g), weights[:, g]) for g in groups])
    known = np.linalg.cond(rest) < 1e10  # elsewhere nothing but this cluster tells some strength
    plain[known] = np.linalg.solve(rest[known], sums[known][:, :, None])[:, :, 0]
    return plain


def maximum(terms: Terms, beta: Floats) -> Floats:
    """The parameters of the greatest likelihood, by Newton's method with step halving from ``beta``.

    Far from it all votes are nearly certain and the information is nearly nothing: there it is a short step
    uphill.
    """
    value = -math.inf
    least = 1e-9 * np.eye(len(beta))
    for _ in range(100):
        found, score, information = likelihood(beta, terms)
        step = np.linalg.solve(information + least, score.sum(axis=0))
        step *= min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-300))
        size = 1.0
        while size > 1e-6:
            if likelihood(beta + size * step, terms)[0] >= found - 1e-12:
                break
            size /= 2
        beta = beta + size * step
        if abs(found - value) < 1e-12 * (1 + abs(found)) and float(np.abs(step).max()) < 1e-10:
            break
        value = found
    return beta


def likelihood(beta: Floats, terms: Terms) -> tuple[float, Floats, Floats]:
    """Log-likelihood, scores of each vote, and the information matrix."""
    logits, p = _chances(beta, terms)
    result = np.where(terms.outcome == 1, 0, np.where(terms.outcome == 0.5, 1, 2))
    top = logits.max(axis=1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=1))
    value = float((logits[np.arange(len(top)), result] - top - total).sum())
    score = (_HALF[result] - p @ _HALF)[:, None] * terms.design
    if terms.ties:
        score = np.hstack([score, ((result == 1) - p[:, 1])[:, None]])
    return value, score, _information(terms, _weights(beta, terms))


_HALF = np.array([0.5, 0.0, -0.5])
"""The derivative of the logits of win, tie and loss by the gap in strength."""


def _chances(beta: Floats, terms: Terms) -> tuple[Floats, Floats]:
    """Logits and chances of win, tie and loss of each vote."""
    log_nu = beta[-1] if terms.ties else -math.inf
    gap = terms.offset + terms.design @ (beta[:-1] if terms.ties else beta)
    logits = np.stack([gap / 2, np.full_like(gap, log_nu), -gap / 2], axis=1)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return logits, p / p.sum(axis=1, keepdims=True)


def _weights(beta: Floats, terms: Terms) -> Floats:
    """Of each vote, the information on its gap, on gap and log nu together, and on log nu (3 x votes)."""
    p = _chances(beta, terms)[1]
    mean = p @ _HALF
    return np.stack([p @ _HALF**2 - mean**2, -mean * p[:, 1], p[:, 1] * (1 - p[:, 1])])


def _information(terms: Terms, weights: Floats) -> Floats:
    inner = terms.design.shape[1]
    found = np.zeros((terms.parameters, terms.parameters))
    found[:inner, :inner] = terms.design.T @ (weights[0][:, None] * terms.design)
    if terms.ties:
        found[:inner, inner] = found[inner, :inner] = weights[1] @ terms.design
        found[inner, inner] = weights[2].sum()
    return found
