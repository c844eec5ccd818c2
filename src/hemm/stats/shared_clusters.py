"""Tasks that share clusters (pictures): how far their errors go together, and the degrees of freedom.

A cluster is one over all tasks that show it. In task i it has the share w_ig of the values, and r_ig is the
sum of its values less the task's mean, over the number of the task's values; so the error of the task's mean
is the sum of r_ig. The covariance of two tasks' means is, as CR2 has it for one,

    sum over g of r_ig r_jg / sqrt((1 - w_ig) (1 - w_jg)),

and their correlation is that over the roots of the two variances of this form. It is 0 for tasks without a
common cluster.

*Degrees of freedom* of the mean over tasks (Satterthwaite): the variance is a sum over all clusters of A_g
times the square of (sum over i of r_ig). For independent values, in task i of the variance n_i v_i, these
sums have the covariance D - sum over i of v_i w_i w_i', D diagonal with d_g = sum over i of v_i w_ig, and A_g
= d_g / (d_g - sum over i of v_i w_ig^2) makes each square right on average. For one task that is
``clusters.satterthwaite_df``, for tasks without common clusters Welch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClusterParts:
    """The clusters of one task's mean: their names (equal names in two tasks are one cluster; none where no
    task shares any), their shares of the values (which sum to 1), and their parts in the error of the mean
    (which sum to 0)."""

    names: NDArray[Any]
    weights: Floats
    residuals: Floats

    @classmethod
    def of(cls, values: ArrayLike, names: NDArray[Any] | None, width: float = 1.0) -> ClusterParts:
        """Of ``values`` (NaN are left out) in the clusters ``names``, in units of ``width``."""
        if names is None:
            return cls(np.zeros(0), np.zeros(0), np.zeros(0))
        x = np.asarray(values, dtype=np.float64)
        known = ~np.isnan(x)
        x, n = x[known], max(1, int(known.sum()))
        own, codes = np.unique(names[known], return_inverse=True)
        rest = (x - x.mean()) / width if len(x) else x
        sizes, sums = (np.bincount(codes, weights=w, minlength=len(own)) for w in (None, rest))
        return cls(own, np.asarray(sizes / n, dtype=np.float64), np.asarray(sums / n, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Joined:
    """The clusters of several tasks: tasks x clusters, 0 where a task does not have one."""

    weights: Floats
    residuals: Floats

    @classmethod
    def of(cls, tasks: Sequence[ClusterParts]) -> Joined | None:
        """None where no two of ``tasks`` have a cluster in common."""
        if len(tasks) < 2 or not all(len(t.names) for t in tasks):
            return None
        names, codes = np.unique(np.concatenate([t.names for t in tasks]), return_inverse=True)
        if len(names) == len(codes):
            return None
        weights = np.zeros((len(tasks), len(names)))
        residuals = np.zeros_like(weights)
        at = 0
        for row, task in enumerate(tasks):
            own = codes[at : at + len(task.names)]
            np.add.at(weights[row], own, task.weights)  # own clusters may be one through another task
            np.add.at(residuals[row], own, task.residuals)
            at += len(own)
        return cls(weights, residuals)

    @property
    def clusters(self) -> int:
        return int(self.weights.shape[1])

    def correlation(self) -> Floats:
        """Of the errors of the tasks' means."""
        with np.errstate(divide="ignore", invalid="ignore"):
            grown = np.where(self.weights < 1, self.residuals / np.sqrt(1 - self.weights), 0.0)
        covariance = grown @ grown.T
        root = np.sqrt(np.diag(covariance))
        root = np.where(root > 0, root, np.inf)
        correlation: Floats = covariance / np.outer(root, root)
        np.fill_diagonal(correlation, 1.0)
        return correlation

    def df(self, variances: ArrayLike) -> float:
        """Degrees of freedom of the mean over tasks whose own means have these variances; at least 1."""
        v = np.asarray(variances, dtype=np.float64)
        w = self.weights[:, (self.weights > 0).any(axis=0)]
        own, taken = v @ w, v @ w**2
        grown = np.where(own > taken * (1 + 1e-12), own / np.maximum(own - taken, 1e-300), 0.0)
        cross = np.sqrt(np.outer(v, v)) * ((w * grown) @ w.T)
        squares = float((grown**2 * (own**2 - 2 * own * taken)).sum() + (cross**2).sum())
        return max(1.0, float(v.sum()) ** 2 / squares) if squares > 0 else 1.0

    def widening(self, variances: ArrayLike) -> float:
        """How many times larger the error of the mean over tasks is than that of independent tasks whose own
        means have these variances; at least 1."""
        root = np.sqrt(np.asarray(variances, dtype=np.float64))
        total = float(root @ self.correlation() @ root)
        return math.sqrt(max(1.0, total / float((root**2).sum()))) if root.any() else 1.0
