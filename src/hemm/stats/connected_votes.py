"""Which models have a finite strength, and bounds for the others.

Strengths are finite among models of which each can be reached from every other by wins and ties (Ford 1957):
a strongly connected part. The largest part is fitted. A model outside of it won, or lost, all its votes
against it. Its strength has no highest (lowest) value, but a bound on the other side: the one at which what
was seen has a chance of 2.5 %, given the other votes (the profile likelihood falls by -log(.025); for one
opponent of known strength that is Clopper and Pearson's bound). Votes depend on each other, so they count as
fewer: by the design effect of the fitted part, and at most one for each question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemm.stats.bradley_terry import BradleyTerry, Terms, likelihood, maximum
from hemm.stats.votes import Ballots, Ints, Votes

FALL = -math.log(0.025)
FARTHEST = 40.0


@dataclass(frozen=True)
class Parts:
    """The part to fit, and where the other models are.

    fitted  indices of the largest strongly connected part (of the most votes among equal ones)
    above   whether each model beats, perhaps by way of others, a fitted one; ``below`` the opposite
    """

    fitted: Ints
    above: NDArray[np.bool_]
    below: NDArray[np.bool_]


def parts(votes: Votes) -> Parts:
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    won, lost = votes.outcome > 0, votes.outcome < 1
    winners = np.concatenate([votes.a[won], votes.b[lost]])
    losers = np.concatenate([votes.b[won], votes.a[lost]])
    count = len(votes.models)
    graph = csr_matrix((np.ones(len(winners)), (winners, losers)), shape=(count, count))
    which = connected_components(graph, directed=True, connection="strong")[1]
    sizes = np.bincount(which)
    inside = np.bincount(which[votes.a][which[votes.a] == which[votes.b]], minlength=len(sizes))
    fitted = np.flatnonzero(which == max(range(len(sizes)), key=lambda k: (sizes[k], inside[k], -k)))
    above, below = (
        np.isin(np.arange(count), breadth_first_order(g, int(fitted[0]))[0]) for g in (graph.T, graph)
    )
    return Parts(fitted.astype(np.int64), above & ~below, below & ~above)


def why_unbounded(votes: Votes) -> str:
    """Why the strengths of strongly connected ``votes`` are not finite, else empty.

    They are not where strengths and the rate of ties can grow together and explain the votes ever better.
    """
    if len(votes.models) < 2:
        return "no finite strengths: of any two models that met one always won"
    if bool((votes.outcome == 0.5).all()):
        return "no finite strengths: every vote between models of which neither always won is a tie"
    if _grow_together(votes):
        return "no finite strengths: by these wins and ties models may be any distance apart; more votes tell"
    return ""


def bound(votes: Votes, fitted: Ballots, places: Ints, fit: BradleyTerry, model: int) -> float | None:
    """The lower bound of a model that won all its votes against the fitted ones (``places``: their indices in
    ``votes``), the upper one if it lost them all; None where it has no such votes."""
    met = ((votes.a == model) & np.isin(votes.b, places)) | ((votes.b == model) & np.isin(votes.a, places))
    if not met.any():
        return None
    opponents = np.searchsorted(places, np.where(votes.a[met] == model, votes.b[met], votes.a[met]))
    won = bool(((votes.outcome[met] == 1) == (votes.a[met] == model)).all())
    count = len(opponents)
    weight = min(1 / (fit.design or math.inf), len(np.unique(votes.clusters[met])) / count)
    if fit.design is None:
        weight = 1 / count
    own = Terms.of(fitted)
    sign = 1.0 if won else -1.0
    design = np.vstack([own.design, -fit.centre[opponents]])
    outcome = np.concatenate([own.outcome, np.full(count, 1.0 if won else 0.0)])
    highest, start = likelihood(fit.beta, own)[0], fit.beta

    def fallen(distance: float) -> float:
        offset = np.concatenate([own.offset, np.full(count, sign * distance)])
        terms = Terms(design, offset, outcome, own.ties)
        return weight * (highest - likelihood(maximum(terms, start), terms)[0]) - FALL

    from scipy.optimize import brentq

    low, high = -FARTHEST, FARTHEST
    if fallen(low) < 0:  # so few votes that any strength goes with them
        return None
    return sign * float(brentq(fallen, low, high, xtol=1e-6))


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
