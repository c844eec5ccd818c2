"""Curves by a number in the metadata, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import hemm
from hemm.analysis.curves import DISTINCT, curves
from hemm.analysis.study import Study
from hemm.core import HemmError
from stored_cells import Stored, answer


def study(numbers: list[object], right: list[bool], model: str = "m") -> Study:
    rows = [
        answer(
            f"s{n:03d}",
            "yes" if ok else "no",
            "yes",
            choices=["yes", "no"],
            metadata={"length": number, "kind": "x"},
        )
        for n, (number, ok) in enumerate(zip(numbers, right, strict=True))
    ]
    return Study.of([Stored(rows, model=model)])  # type: ignore[list-item]


def test_each_number_is_a_point_where_there_are_few() -> None:
    (curve,) = curves(study([1, 1, 2, 2, 3, 3], [True, False, True, True, False, False]).cells, "length")
    assert [(p.low, p.high, p.estimate.value, p.estimate.n) for p in curve.points] == [
        (1, 1, 0.5, 2),
        (2, 2, 1.0, 2),
        (3, 3, 0.0, 2),
    ]
    assert curve.metric == "accuracy"
    assert all(p.estimate.low is not None and p.estimate.low < p.estimate.high for p in curve.points)  # type: ignore[operator]


def test_many_numbers_are_ranges_that_cut_no_equal_ones_apart_and_lose_no_answer() -> None:
    rng = np.random.default_rng(3)
    numbers = [float(n) for n in rng.integers(0, 60, 400)] + [None, "7", True]
    right = [bool(b) for b in rng.random(403) < 0.5]
    (curve,) = curves(study(numbers, right).cells, "length")
    assert 3 <= len(curve.points) <= DISTINCT
    assert curve.without == 3, "what is no number is counted"
    assert sum(p.estimate.n for p in curve.points) == 400
    for one, other in zip(curve.points, curve.points[1:], strict=False):
        assert one.high < other.low
    for point in curve.points:
        inside = [
            ok
            for n, ok in zip(numbers, right, strict=True)
            if isinstance(n, float) and point.low <= n <= point.high
        ]
        assert point.estimate.value == pytest.approx(np.mean(inside))


def test_without_different_numbers_there_is_none() -> None:
    same = study([4, 4, 4], [True, False, True])
    for key in ("length", "nothing"):
        with pytest.raises(HemmError, match="no task of these results has different numbers"):
            curves(same.cells, key)


def test_a_real_run_has_them_for_every_model(tmp_path: object) -> None:
    for model in ("baseline/oracle", "baseline/random"):
        hemm.run(model, "probe_charts", limit=12, out=tmp_path)
    results = hemm.load(tmp_path)
    with pytest.raises(HemmError, match="'template'"):
        curves(results.study.cells, "template")
