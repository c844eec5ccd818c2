"""Ranks with what the data leave open, and shares of wins."""

from __future__ import annotations

import numpy as np
import pytest

from hemm.stats.intervals import Estimate
from hemm.stats.ranks import ranking, win_shares


def test_win_rates_count_ties_as_half() -> None:
    table = np.array([[1.0, 0.0, np.nan], [0.0, 0.0, 1.0], [0.0, 1.0, np.nan]])
    wanted = [[1.0, 0.25, np.nan], [0.25, 0.25, np.nan], [0.25, 1.0, np.nan]]
    assert win_shares(table) == pytest.approx(np.array(wanted), nan_ok=True)


def test_models_that_cannot_be_separated_share_a_rank() -> None:
    def at(v: float) -> Estimate:
        return Estimate(v, v - 0.1, v + 0.1, 10, 10)

    scores = {"a": at(0.9), "b": at(0.8), "c": at(0.7), "d": at(0.1)}
    p = {("a", "b"): 0.5, ("a", "c"): 0.004, ("b", "c"): 0.3, ("a", "d"): 1e-9, ("d", "b"): 1e-9,
         ("c", "d"): 1e-9}  # fmt: skip
    rows = {r.subject: r for r in ranking(scores, p).rows}
    assert {s: (r.rank, r.low, r.high) for s, r in rows.items()} == {
        "a": (1, 1, 2), "b": (1, 1, 3), "c": (2, 2, 3), "d": (4, 4, 4),
    }  # fmt: skip
    assert [rows[s].groups for s in "abcd"] == ["a", "ab", "b", "c"]
