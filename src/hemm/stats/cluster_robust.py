"""The variance of a contrast of least squares, robust to clusters: CR3.

Each cluster's residual is as if that cluster had been left out; the degrees of freedom are Satterthwaite's
(Bell and McCaffrey 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Leverage:
    """The design with each cluster's rows as if it were left out: the rows of cluster g of ``adjusted`` are
    (I - H_gg)^-1 X_g."""

    design: Floats
    adjusted: Floats
    codes: NDArray[Any]
    inverse: Floats

    @classmethod
    def of(cls, x: Floats, codes: NDArray[Any], inverse: Floats) -> Leverage:
        adjusted = np.empty_like(x)
        order = np.argsort(codes, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(codes))[:-1]):
            hat: Floats = x[rows] @ inverse @ x[rows].T
            adjusted[rows] = np.linalg.lstsq(np.eye(len(rows)) - hat, x[rows], rcond=1e-8)[0]
        return cls(x, adjusted, codes, inverse)

    def variance(self, rest: Floats, contrast: Floats) -> tuple[float, float]:
        """CR3 of a contrast from the residuals ``rest``, and its degrees of freedom (at least 1).

        The variance is a sum of squares of one score for each cluster. For independent residuals of equal
        variance the scores have the covariance diag(own) - U M U', with M the inverse of X'X.
        """
        groups = int(self.codes.max()) + 1
        weights: Floats = self.adjusted @ self.inverse @ contrast
        scores = np.bincount(self.codes, weights=weights * rest, minlength=groups)
        own = np.bincount(self.codes, weights=weights**2, minlength=groups)
        u = np.zeros((groups, self.design.shape[1]))
        np.add.at(u, self.codes, self.design * weights[:, None])
        shared = ((u @ self.inverse) * u).sum(axis=1)
        squared = self.inverse @ (u.T @ u)
        trace = float((own - shared).sum())
        squares = float(np.trace(squared @ squared) - (shared**2).sum() + ((own - shared) ** 2).sum())
        df = trace**2 / squares if squares > 0 else groups - 1
        return float((scores**2).sum()) * (groups - 1) / groups, max(1.0, df)
