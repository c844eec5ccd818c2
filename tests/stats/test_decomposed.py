"""Parts of decisions from samples: bias is taken away, intervals hold, clusters count."""

from __future__ import annotations

import numpy as np

from hemm.stats.decomposed import decomposed
from hemm.stats.partial_information import decompose


def _drawn(table: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    places = rng.choice(table.size, n, p=table.ravel())
    return np.stack(np.unravel_index(places, table.shape), axis=1)


def test_parts_of_a_known_distribution_come_back_within_their_intervals() -> None:
    rng = np.random.default_rng(21)
    table = rng.dirichlet(np.full(27, 0.25)).reshape(3, 3, 3)
    truth = decompose(table)
    expected = (truth.redundancy, truth.first, truth.second, truth.synergy, truth.total)
    held, bias, plain = np.zeros(5), np.zeros(5), np.zeros(5)
    runs = 10
    for _ in range(runs):
        found = decomposed(_drawn(table, 700, rng), 3, np.arange(700))
        held += [p.estimate.low <= t <= p.estimate.high for p, t in zip(found, expected, strict=True)]
        bias += [(p.estimate.value - t) / runs for p, t in zip(found, expected, strict=True)]
        plain += [(p.plain - t) / runs for p, t in zip(found, expected, strict=True)]
    assert held.sum() >= 44, held
    assert abs(bias[4]) < abs(plain[4]) + 0.01
    assert np.abs(bias).max() < 0.03


def test_unrelated_decisions_show_what_chance_makes_and_nothing_after_it() -> None:
    rng = np.random.default_rng(4)
    found = decomposed(rng.integers(0, 3, (600, 3)), 3, np.arange(600))
    total = found[4]
    assert total.plain > 0.01
    assert abs(total.unrelated - total.plain) < 0.02
    assert total.estimate.low < 0.005


def test_samples_that_repeat_in_clusters_are_not_more_of_them() -> None:
    rng = np.random.default_rng(9)
    decisions = _drawn(np.full((2, 2, 2), 1 / 8), 150, rng)
    once = decomposed(decisions, 2, np.arange(150))
    four = decomposed(np.repeat(decisions, 4, axis=0), 2, np.repeat(np.arange(150), 4))
    for a, b in zip(once, four, strict=True):
        assert a.plain == b.plain
        widths = [p.estimate.high - p.estimate.low for p in (a, b)]
        assert widths[1] > 0.8 * widths[0]
