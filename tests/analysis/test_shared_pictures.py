"""Tasks that show the same pictures, and forms of one task, in means over tasks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hemm.analysis.compare import Choice, compare
from hemm.analysis.profile import profile
from hemm.analysis.profile.rows import CategoryRow, Profile
from hemm.analysis.study import Study
from hemm.analysis.variance import variance
from stored_cells import Stored, question


def picture(number: int) -> str:
    return hashlib.sha256(f"picture {number}".encode()).hexdigest()


def asked(right: list[bool], pictures: list[int], **facts: Any) -> list[dict[str, Any]]:
    """A question for each picture, whose clusters are named as this task does it."""
    return [
        question(i, r, cluster=f"own{p}", media=[picture(p)], **facts)
        for i, (r, p) in enumerate(zip(right, pictures, strict=True))
    ]


def overall(found: Profile, subject: str = "m") -> CategoryRow:
    return next(c for c in found.categories if c.dimension == "overall" and c.subject.label == subject)


def width(row: CategoryRow) -> float:
    assert row.estimate.low is not None
    assert row.estimate.high is not None
    return row.estimate.high - row.estimate.low


RIGHT = [bool(n % 3) for n in range(60)]


def cells(first: int, **changes: Any) -> list[Stored]:
    """Two tasks with the same answers; the second one's pictures begin at ``first``."""
    rows = (asked(RIGHT, list(range(60))), asked(RIGHT, list(range(first, first + 60))))
    return [Stored(r, task=t, **changes) for t, r in zip("xy", rows, strict=True)]


def test_tasks_that_show_the_same_pictures_are_not_independent() -> None:
    apart, same, half = (profile(Study.of(cells(first))) for first in (100, 0, 30))
    assert width(overall(same)) == pytest.approx(width(overall(apart)) * np.sqrt(2), rel=0.01)
    assert width(overall(apart)) < width(overall(half)) < width(overall(same))
    assert (overall(apart).estimate.clusters, overall(same).estimate.clusters) == (120, 60)
    assert overall(half).estimate.clusters == 90
    assert any("x and y share 30 pictures" in note for note in half.notes)
    assert not any("share" in note for note in apart.notes)


def test_a_picture_is_known_by_its_original() -> None:
    """One model was sent smaller pictures than another."""
    rows = [
        {**row, "media": [picture(1000 + n)], "originals": row["media"]}
        for n, row in enumerate(asked(RIGHT, list(range(60))))
    ]
    found = profile(Study.of([Stored(rows, task="x"), Stored(asked(RIGHT, list(range(60))), task="y")]))
    assert overall(found).estimate.clusters == 60


def test_clusters_of_one_task_are_one_where_another_task_shows_their_pictures_together() -> None:
    pairs = [
        question(i, r, cluster=f"pair{i}", media=[picture(2 * i), picture(2 * i + 1)])
        for i, r in enumerate(RIGHT[:30])
    ]
    single = asked(RIGHT, list(range(60)))
    found = profile(Study.of([Stored(pairs, task="x"), Stored(single, task="y")]))
    assert overall(found).estimate.clusters == 30


@dataclass
class WithShots(Stored):
    """Every question came with two shots, drawn for it."""

    @property
    def run(self) -> dict[str, Any]:
        run = super().run
        run["protocol_spec"]["shots"] = 2
        return run


def test_pictures_of_shots_and_of_controls_are_not_the_tasks_own() -> None:
    shots = [
        [
            {**row, "media": [picture(5000), picture(5001 + n % 7), *row["media"]]}
            for n, row in enumerate(rows)
        ]
        for rows in (asked(RIGHT, list(range(60))), asked(RIGHT, list(range(100, 160))))
    ]
    found = profile(Study.of([WithShots(rows, task=t) for t, rows in zip("xy", shots, strict=True)]))
    assert overall(found, "m · 2 shots").estimate.clusters == 120
    shuffled = [
        Stored(asked(RIGHT, list(range(60))[::-1]), task=t, control="shuffle", protocol="c") for t in "xy"
    ]
    found = profile(Study.of([*cells(100), *shuffled]))
    assert overall(found).estimate.clusters == 120
    odd = [{**row, "media": [picture(5000)] * (n % 2) + row["media"]} for n, row in enumerate(shots[0])]
    found = profile(Study.of([WithShots(odd, task="x"), *cells(100)[1:]]))
    assert any("cannot be told from those of its shots" in note for note in found.notes)


def test_the_comparison_takes_a_picture_as_one_in_p_and_interval() -> None:
    """One model is right where the other is wrong: the same pictures in three tasks tell it once."""
    left = [n % 4 != 0 for n in range(40)]
    right = [n % 3 != 0 for n in range(40)]

    def of(step: int) -> Any:
        rows = [
            Stored(asked(answers, [step * t + n for n in range(40)]), model=m, task=f"t{t}")
            for t in range(3)
            for m, answers in (("a", left), ("b", right))
        ]
        found = compare(Study.of(rows), Choice(resamples=200))
        assert found.overall is not None
        assert found.ranks is not None
        return found

    apart, same = of(100), of(0)
    assert same.overall.p > 2 * apart.overall.p
    wide = [f.overall.difference.high - f.overall.difference.low for f in (apart, same)]
    assert wide[1] == pytest.approx(wide[0] * np.sqrt(3), rel=0.05)
    boot = [f.overall.bootstrap.high - f.overall.bootstrap.low for f in (apart, same)]
    assert boot[1] == pytest.approx(boot[0] * np.sqrt(3), rel=0.05)
    assert [f.overall.difference.clusters for f in (apart, same)] == [120, 40]
    assert same.ranks.p == {next(iter(same.ranks.p)): same.overall.p}
    assert same.overall.power.detectable > 1.5 * apart.overall.power.detectable


# forms of one task


def test_of_a_task_and_its_variant_one_counts_and_the_other_is_named() -> None:
    rows = asked(RIGHT, list(range(60)))
    one = profile(Study.of([Stored(rows, task="nlvr")]))
    both = profile(Study.of([Stored(rows, task="nlvr:hemm"), Stored(rows, task="nlvr")]))
    assert overall(both).tasks == ("nlvr",)
    assert width(overall(both)) == width(overall(one))
    assert {row.task for row in both.tasks} == {"nlvr", "nlvr:hemm"}
    [note] = [n for n in both.notes if "forms of one task" in n]
    assert "nlvr counts in means over tasks, nlvr:hemm is listed" in note
    pair = compare(
        Study.of([Stored(rows, task=t, model=m) for t in ("nlvr", "nlvr:hemm") for m in "ab"]),
        Choice(resamples=0),
    )
    assert pair.overall is not None
    assert (pair.overall.tasks, pair.ranked_tasks) == (("nlvr",), ("nlvr",))
    assert len(pair.tasks) == 2
    assert any("nlvr:hemm is listed" in n for n in pair.notes)


def test_the_form_counts_that_all_models_have() -> None:
    rows = asked(RIGHT, list(range(60)))
    have = [("a", "nlvr"), ("a", "nlvr:hemm"), ("b", "nlvr:hemm")]
    found = profile(Study.of([Stored(rows, task=t, model=m) for m, t in have]))
    assert [overall(found, m).tasks for m in "ab"] == [("nlvr:hemm",), ("nlvr:hemm",)]


def test_the_variance_says_that_it_takes_shared_pictures_apart_and_counts_one_form() -> None:
    found = variance(Study.of([*cells(30), Stored(asked(RIGHT[::-1], list(range(60))), task="x:hemm")]))
    assert [task.task for task in found.models[0].tasks] == ["x", "y"]
    assert any("x and y share 30 pictures: here they are taken as different ones" in n for n in found.notes)
    assert not any("one in means over tasks" in note for note in found.notes)
