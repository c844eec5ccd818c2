"""Which two models a further vote tells most of.

Strengths have a normal prior (mean 0, standard deviation ``PRIOR``), so that they are finite from the first
vote on; with the votes so far, their posterior is taken as normal around its mode (Laplace). A vote between i
and j is a win of i with chance p = 1 / (1 + exp(s_j - s_i)), a tie half a win to either side, and tells of
the difference D = s_i - s_j, whose variance is V. The information that a vote is expected to add is about
p (1 - p) V: much where little is known, little where the winner is known beforehand.
"""

from __future__ import annotations

import numpy as np

from hemm.stats.votes import Floats

PRIOR = 2.0


def vote_gains(wins: Floats) -> Floats:
    """The expected information of a vote on each pair (... x models x models, symmetric, 0 on the diagonal).

    wins  votes that the row's model won against the column's; a tie is half a vote for each. Leading axes are
          studies of their own

    Three models of which the third met nobody: a vote on it tells most.

    >>> import numpy as np
    >>> gains = vote_gains(np.array([[0, 6, 0], [5, 0, 0], [0, 0, 0]]))
    >>> bool(gains[0, 2] > 3 * gains[0, 1])
    True
    """
    strengths, information = posterior(wins)
    p = _chances(strengths)
    covariance = np.linalg.inv(information)
    own = np.diagonal(covariance, axis1=-2, axis2=-1)
    variance = own[..., :, None] + own[..., None, :] - 2 * covariance
    gains = p * (1 - p) * variance
    return np.asarray(gains * (1 - np.eye(wins.shape[-1])), dtype=np.float64)


def posterior(wins: Floats) -> tuple[Floats, Floats]:
    """The mode of the strengths (... x models) and the information there (... x models x models)."""
    wins = np.asarray(wins, dtype=np.float64)
    met = wins + np.swapaxes(wins, -1, -2)
    eye = np.eye(wins.shape[-1])
    strengths = np.zeros(wins.shape[:-1])
    for _ in range(100):
        p = _chances(strengths)
        score = (wins - met * p).sum(axis=-1) - strengths / PRIOR**2
        weight = met * p * (1 - p)
        information = eye * (weight.sum(axis=-1) + 1 / PRIOR**2)[..., None] - weight
        step = np.linalg.solve(information, score[..., None])[..., 0]
        strengths = strengths + np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max(initial=0.0)) < 1e-9:
            break
    return strengths, information


def _chances(strengths: Floats) -> Floats:
    """The chance that the row's model wins against the column's."""
    return np.asarray(1 / (1 + np.exp(strengths[..., None, :] - strengths[..., :, None])), dtype=np.float64)
