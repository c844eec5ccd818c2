"""Votes on pairs of models, and in what ways they depend on each other.

Votes on one question are alike, and so are votes of one annotator, who has a taste. So there are two ways of
clustering, and neither lies within the other. The variance is that of two-way clustering (Cameron, Gelbach
and Miller 2011): the one over questions, plus the one over annotators, less the one over the votes of one
annotator on one question, and at least the larger of the two; t has the smaller number of clusters less 1 as
its degrees of freedom. Fewer than ``LEAST_VOTERS`` annotators do not tell how annotators vary: then intervals
are about these annotators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_VOTERS = 3


class Votes(Protocol):
    """Votes as arrays of equal length.

    models    names; ``a`` and ``b`` are indices into it
    outcome   1: a won, 0: b won, 0.5: a tie
    clusters  the number of each vote's question
    voters    the number of each vote's annotator, below ``named_voters`` (how many are known); each vote
              without one has a number of its own
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
    @property
    def voters(self) -> Ints: ...
    @property
    def named_voters(self) -> int: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Ballots:
    """Some of the votes, with numbers anew."""

    models: tuple[str, ...]
    a: Ints
    b: Ints
    outcome: Floats
    clusters: Ints
    voters: Ints
    named_voters: int

    @classmethod
    def between(cls, votes: Votes, models: Ints) -> Ballots:
        """The votes on pairs of ``models`` (indices in ascending order)."""
        kept = np.isin(votes.a, models) & np.isin(votes.b, models)
        voters = votes.voters[kept]
        return cls(
            tuple(votes.models[m] for m in models.tolist()),
            np.searchsorted(models, votes.a[kept]),
            np.searchsorted(models, votes.b[kept]),
            votes.outcome[kept],
            _numbered(votes.clusters[kept]),
            _numbered(voters),
            len(np.unique(voters[voters < votes.named_voters])),
        )

    def __len__(self) -> int:
        return len(self.a)


def _numbered(codes: Ints) -> Ints:
    return np.asarray(np.unique(codes, return_inverse=True)[1].reshape(-1), dtype=np.int64)


class Clusterings:
    """The ways in which ``votes`` are clustered."""

    def __init__(self, votes: Votes) -> None:
        self._ways: list[Ints] = []
        if int(votes.clusters.max()) > 0:
            self._ways.append(votes.clusters)
        if votes.named_voters >= LEAST_VOTERS:
            self._ways.append(votes.voters)
        pairs = np.stack([votes.clusters, votes.voters], axis=1)
        self._pairs = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)

    @property
    def df(self) -> int:
        """Degrees of freedom; 0 where no variance can be had."""
        return min((int(way.max()) for way in self._ways), default=0)

    def variance(self, over: Callable[[Ints, bool], Floats]) -> Floats | None:
        """Two-way variances; None where there is neither a second question nor enough annotators.

        over  variances over clusters, from their codes; True: with the correction for their number
        """
        parts = [over(way, True) for way in self._ways]
        if len(parts) < 2:
            return parts[0] if parts else None
        total = parts[0] + parts[1] - over(self._pairs, False)
        return np.maximum(total, np.maximum(*parts))


def members(codes: Ints) -> list[Ints]:
    """The votes of each cluster."""
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
