"""No interval is a point: all that a profile and a comparison print, of small and uniform data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hemm.analysis.compare import Choice, compare
from hemm.analysis.profile import Extras, profile
from hemm.analysis.study import Study
from stored_cells import Stored, question


def points(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where an interval in JSON has no width."""
    if isinstance(values, dict):
        low, high = values.get("low"), values.get("high")
        if low is not None and high is not None and not high - low > 1e-9:
            yield (*path, low, high)
        for name, value in values.items():
            yield from points(value, (*path, name))
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield from points(value, (*path, number))


@pytest.mark.parametrize("metrics", [("accuracy", "macro_f1"), ("wer",)])
@pytest.mark.parametrize("chance", [0.0, 1.0, 0.8])
@pytest.mark.parametrize(("size", "count"), [(1, 3), (5, 5), (2, 12)])
def test_no_interval_is_a_point(metrics: tuple[str, ...], chance: float, size: int, count: int) -> None:
    """Three tasks, the last two with pictures in common; the second model is the other way round."""
    rng = np.random.default_rng(5)
    cells = [
        Stored(
            [
                question(i, bool(rng.random() < p), cluster=f"c{i // size}", media=[f"{t > 0:d}{i:063d}"])
                for i in range(count)
            ],
            task=f"t{t}",
            model=model,
            control=control,
            protocol=f"p{control}",
            metrics=metrics,
        )
        for t in range(3)
        for model, control, p in (("a", "", chance), ("b", "", 1 - chance), ("a", "none", chance))
    ]
    for normalise, failures in (("anchored", "zero"), ("paper", "bounds"), ("rank", "out")):
        study = Study.of(cells)
        found = profile(study, normalise, failures=failures, extras=Extras(bootstrap=True, resamples=40))
        choice = Choice(normalise=normalise, failures=failures, resamples=40)
        for values in (found.to_json(), compare(study, choice).to_json()):
            assert list(points(values)) == []
