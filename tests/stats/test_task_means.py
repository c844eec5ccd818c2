"""Differences over several tasks: flips against every pattern written out, and what the mean promises."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from hemm.stats.flips import flip_signs
from hemm.stats.paired import Options, paired
from hemm.stats.power import power_of
from hemm.stats.task_means import TaskMean, TaskPart, mean_of_tasks
from simulated import GROUPS, KINDS, SPREADS, differences, rare_losses, rng_of, sizes_of, task_parts

Floats = NDArray[np.float64]
NONE = Options(resamples=0)


def part(d: Floats, sizes: NDArray[np.int64]) -> TaskPart:
    names = np.repeat(np.arange(len(sizes)), sizes)
    binary = np.isin(d, (-1.0, 0.0, 1.0)).all()
    a, b = (np.maximum(d, 0), np.maximum(-d, 0)) if binary else (d, np.zeros(len(d)))
    return TaskPart.of(paired(a, b, names, (0.0, 1.0), NONE))


def several(
    kind: str, spread: str, groups: int, p: float, tasks: int, count: int, gap: float = 0.0
) -> list[TaskMean]:
    rng, sizes = rng_of(kind, spread, groups, p, tasks, gap), sizes_of(spread, groups)
    drawn = [differences(kind, sizes, p, count, rng, gap) for _ in range(tasks)]
    same = mean_of_tasks([part(d[0], sizes) for d in drawn])
    found = [mean_of_tasks(parts) for parts in zip(*(task_parts(d, sizes) for d in drawn), strict=True)]
    if tasks > 1:  # the quick way is the one of hemm compare
        wanted = (same.p, same.estimate.low, same.estimate.high)
        assert (found[0].p, found[0].estimate.low, found[0].estimate.high) == pytest.approx(wanted)
    return found


def called(found: list[TaskMean]) -> float:
    return float(np.mean([m.p is not None and m.p < 0.05 for m in found]))


@pytest.mark.parametrize(
    "parts", [[0.1, 0.2, 0.05, -0.02, 0.1, 0.1, 0.03], [0.1] * 6, [0.0, 0.2, 0.1, 0.3, 0.0, 0.1, 0.2]]
)
def test_every_pattern_of_signs_is_counted(parts: list[float]) -> None:
    x = np.array(parts)
    w = np.arange(1, len(x) + 1) / sum(range(1, len(x) + 1))

    def p_of(truth: float) -> float:
        y = x - truth * w
        sums = [abs(float(np.dot(s, y))) for s in product((1, -1), repeat=len(y))]
        seen = abs(float(y.sum()))
        counts = [1.0 if s > seen + 1e-12 else 0.5 if s > seen - 1e-12 else 0.0 for s in sums]
        return float(np.mean([1.0, *counts[1:-1], 1.0]))  # the data's own pattern and its opposite: whole

    found = flip_signs(x, w)
    assert found.p == pytest.approx(p_of(0.0))
    step = 1e-6  # inside the ends a difference is not rejected, outside it is
    assert p_of(found.low + step) > 0.05 >= p_of(found.low - step)
    assert p_of(found.high - step) > 0.05 >= p_of(found.high + step)


def test_many_clusters_are_students() -> None:
    from scipy import stats

    x = np.random.default_rng(3).normal(0.1, 1, 4000)
    found = flip_signs(x / 4000, np.full(4000, 1 / 4000))
    wanted = stats.ttest_1samp(x, 0.0)
    ends = wanted.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.003)
    assert found.p <= 2 * wanted.pvalue + 1e-6
    clear = flip_signs(np.full(400, 1 / 400), np.full(400, 1 / 400))
    assert clear.p < 1e-80


def test_too_few_clusters_reject_nothing() -> None:
    found = flip_signs(np.full(5, 0.2), np.full(5, 0.2))
    assert (found.p, found.low) == (1 / 16, -np.inf)
    ones = part(np.ones(5), np.array([5]))
    both = mean_of_tasks([ones, ones])  # each alone has p = .5
    assert ones.p == 0.5
    assert both.p is not None
    assert both.p >= 0.5
    assert both.estimate.low is not None
    assert both.estimate.low <= 0


def test_one_task_is_itself() -> None:
    sizes = sizes_of("cv2", 30)
    one = part(differences("graded", sizes, 0.5, 1, rng_of(1))[0], sizes)
    found = mean_of_tasks([one])
    assert (found.p, found.error, found.df) == (one.p, one.error, pytest.approx(one.df))
    assert (found.estimate.low, found.estimate.high) == (one.estimate.low, one.estimate.high)


def test_p_and_interval_say_the_same() -> None:
    for spread in SPREADS:
        for found in several("right_wrong", spread, 10, 0.5, 2, 60, 0.2):
            low, high = found.estimate.low, found.estimate.high
            assert found.p is not None
            assert low is not None
            assert high is not None
            if min(abs(low), abs(high)) > 1e-6:  # with ties 0 may be an end
                assert (found.p >= 0.05) == (low <= 0 <= high), found


SHORT = [
    ("right_wrong", "cv2", 10, 0.5, 2),
    ("graded", "giant", 10, 0.5, 7),
    ("right_wrong", "equal", 30, 0.9, 2),
]
FULL = [
    (kind, spread, groups, p, tasks)
    for kind in KINDS
    for spread in SPREADS
    for groups in GROUPS
    for p in (0.1, 0.5)
    for tasks in (2, 7, 28)
    if kind in ("right_wrong", "graded") or tasks == 7
]


def check_level(kind: str, spread: str, groups: int, p: float, tasks: int, count: int) -> None:
    """Of equal models 6 % at most are called different, and the interval covers."""
    found = several(kind, spread, groups, p, tasks, count)
    error = 2.5 * np.sqrt(0.06 * 0.94 / count)
    assert called(found) <= 0.06 + error, called(found)
    covers = np.mean([(m.estimate.low or 0) <= 1e-9 and (m.estimate.high or 0) >= -1e-9 for m in found])
    assert covers >= 0.94 - error, covers


@pytest.mark.parametrize("cell", SHORT)
def test_equal_models_are_not_called_different(cell: tuple[str, str, int, float, int]) -> None:
    check_level(*cell, 300)


@pytest.mark.full
@pytest.mark.parametrize("cell", FULL)
def test_equal_models_are_not_called_different_on_the_whole_grid(
    cell: tuple[str, str, int, float, int],
) -> None:
    check_level(*cell, 400)


def test_a_difference_is_found_as_often_as_by_students_t() -> None:
    """With equal clusters, for which Student's t on the tasks' cluster means is exact."""
    from scipy import stats

    sizes, count, tasks = sizes_of("equal", 10), 400, 2
    rng = rng_of("power")
    drawn = [differences("graded", sizes, 0.5, count, rng, 0.2) for _ in range(tasks)]
    found = called([mean_of_tasks([part(d[i], sizes) for d in drawn]) for i in range(count)])
    means = np.concatenate([d.reshape(count, 10, 3).mean(axis=2) for d in drawn], axis=1)
    wanted = float(np.mean(stats.ttest_1samp(means, 0.0, axis=1).pvalue < 0.05))
    assert found == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("tasks", [1, 2])
def test_rare_large_losses_against_many_small_wins(tasks: int) -> None:
    """The largest clusters have never been lost in many data sets: no sign of a difference."""
    sizes, count = sizes_of("cv2", 10), 300
    drawn = [rare_losses(sizes, count, rng_of("rare", t)) for t in range(tasks)]
    assert called([mean_of_tasks([part(d[i], sizes) for d in drawn]) for i in range(count)]) <= 0.06


def test_power_is_as_said_where_tasks_are_very_unequal() -> None:
    """One task of ten clusters and one of three hundred: the difference that is said to be found in four of
    five data sets is found in about as many."""
    rng = np.random.default_rng(8)
    sizes = [np.ones(g, dtype=np.int64) for g in (10, 300)]
    said = []
    for _ in range(50):
        mean = mean_of_tasks([part(rng.normal(0, 0.2, len(m)), m) for m in sizes])
        said.append(power_of(mean.error, 310, mean.df).detectable or 0.0)
    gap = float(np.median(said))
    found = [mean_of_tasks([part(rng.normal(gap, 0.2, len(m)), m) for m in sizes]) for _ in range(150)]
    assert 0.7 <= called(found) <= 0.9


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-np.inf, 0.0)])
@pytest.mark.parametrize("sizes", [[2, 2], [2, 1, 2, 1], [3], [1] * 6])
def test_no_interval_of_a_mean_is_a_point(sizes: list[int], bounds: tuple[float, float]) -> None:
    """Also where every answer of one model is as much better: flips of signs reject all but that."""
    names = np.repeat(np.arange(len(sizes)), sizes)
    high = max(bounds[1], 0.0)
    for tasks in (1, 2, 9):
        one = paired(np.full(len(names), high), np.full(len(names), high - 1), names, bounds, Options(200))
        mean = mean_of_tasks([TaskPart.of(one, 0.83)] * tasks)
        assert mean.estimate.value == pytest.approx(1 / 0.83)
        for found in (mean.estimate, mean.bootstrap):
            if found is not None and found.low is not None and found.high is not None:
                assert found.high - found.low > 0.01
