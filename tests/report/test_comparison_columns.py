"""Tables of a comparison and of a field show both scores, and how many clusters stand behind a score."""

from __future__ import annotations

from pathlib import Path

import pytest

import fake
import hemm
from hemm.analysis.profile.by_field import by_field
from hemm.analysis.study import Study
from hemm.report.tables.by_field import tables
from hemm.report.tables.comparison_brief import brief_tables


def test_both_scores_of_a_category_are_those_of_the_profile(tmp_path: Path) -> None:
    for model in ("baseline/majority", "baseline/random"):
        hemm.run(model, ["probe_shapes", "probe_charts"], limit=24, out=tmp_path)
    results = hemm.load(tmp_path)
    compared = results.compare("baseline/majority", "baseline/random", resamples=100)
    scores = {
        (r.subject.label, r.dimension, r.category): r.estimate.value for r in results.profile().categories
    }
    assert compared.overall is not None
    rows = [compared.overall, *compared.categories]
    assert len(rows) > 5
    for row in rows:
        for label, value in (("baseline/majority", row.a), ("baseline/random", row.b)):
            assert value == pytest.approx(scores[label, row.dimension, row.category])
        assert row.a is not None
        assert row.b is not None
        assert row.difference.value == pytest.approx(row.a - row.b)
    table = next(t for t in brief_tables(compared) if "Normalised" in t[0])
    assert list(table[2])[2:5] == ["a", "b", "a less b"]


def test_a_table_by_field_has_clusters_where_samples_depend_on_one_another(tmp_path: Path) -> None:
    for name, pictures in (("alone", 12), ("shared", 3)):
        samples = [
            fake.sample(n, cluster=f"c{n % pictures}", metadata={"kind": "ab"[n % 2]}) for n in range(12)
        ]
        cell = fake.go(tmp_path / name, fake.Batched(), fake.FakePack(samples))
        assert cell is not None
        (table,) = tables(by_field(Study.of(hemm.load(tmp_path / name)), "kind"))
        assert ("clusters" in table[2]) == (name == "shared")
