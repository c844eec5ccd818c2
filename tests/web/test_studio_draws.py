"""Draws of pairs with simulated annotators, whose strengths, sides and tastes are planted."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

pytest.importorskip("starlette")

from hemm.analysis.annotations.votes import left_share
from hemm.analysis.preferences.votes import votes
from hemm.core import keyed_unit
from hemm.stats.strengths import strengths
from hemm.web.studio.draws import APART, Cast, Draw, Gold, next_labelled, next_pair, side_of
from hemm.web.studio.plan import Plan
from hemm.web.studio.pool import Asked, Place, Pool, order_of

PLACE = Place(0, 0, 0, 0)


def pool_of(models: int, tasks: int = 2, samples: int = 40) -> Pool:
    """A pool in which every model answered everything; samples have one of three labels."""
    names = {f"m{n:02d}": PLACE for n in range(models)}
    return Pool.of(
        [
            Asked(f"t{t}", f"s{n}", "c", (f"label {n % 3}",), order_of(0, f"t{t}", f"s{n}"), names)
            for t in range(tasks)
            for n in range(samples)
        ]
    )


class Crowd:
    """Annotators who vote by planted strengths (``truth``, by model), with ties, and ``left`` added to the
    strength of what is on the left."""

    def __init__(self, truth: dict[str, float], seed: int, left: float = 0.0) -> None:
        self.truth, self.seed, self.left = truth, seed, left
        self.casts: list[Cast] = []
        self.draws: list[Draw] = []

    def ask(self, pool: Pool, plan: Plan, annotator: str, gold: tuple[Gold, ...] = ()) -> bool:
        draw = next_pair(pool, plan, self.casts, annotator, gold)
        if draw is None:
            return False
        item = draw.item
        gap = self.truth[item["left"]] - self.truth[item["right"]] + self.left
        weights = np.array([np.exp(gap / 2), 0.5, np.exp(-gap / 2)])  # Davidson's model, nu 0.5
        at = keyed_unit("crowd", self.seed, annotator, len(self.casts))
        choice = ("left", "tie", "right")[int(np.searchsorted(np.cumsum(weights / weights.sum()), at))]
        names = [item[n] for n in ("task", "sample", "content", "left", "right")]
        self.casts.append(Cast(f"f{len(self.casts)}", annotator, draw.purpose, draw.of, *names, choice))
        self.draws.append(draw)
        return True

    def strengths(self) -> dict[str, float | None]:
        rows = [
            {
                "task": c.task, "sample": c.sample, "a": c.left, "b": c.right, "annotator": c.annotator,
                "winner": {"left": "a", "right": "b"}.get(c.choice, "tie"),
            }
            for c in self.casts
            if c.purpose in ("new", "shared")
        ]  # fmt: skip
        found = votes((f"row {n}", row) for n, row in enumerate(rows))
        return {r.model: r.strength for r in strengths(found).rows}


def planted(models: int, spread: float, seed: int) -> dict[str, float]:
    values = np.random.default_rng(seed).normal(0, spread, models)
    return {f"m{n:02d}": float(v) for n, v in enumerate(values - values.mean())}


def test_planted_strengths_are_recovered() -> None:
    pool, truth = pool_of(4, samples=120), planted(4, 0.8, 3)
    crowd = Crowd(truth, 1)
    for n in range(420):
        assert crowd.ask(pool, Plan(overlap=0.2, repeats=0.0), f"a{n % 4}")
    found = crowd.strengths()
    assert max(abs((found[m] or 0) - truth[m]) for m in truth) < 0.45
    assert sorted(truth, key=lambda m: found[m] or 0) == sorted(truth, key=truth.__getitem__)


def test_balanced_draws_are_even_over_tasks_pairs_and_labels() -> None:
    pool, crowd = pool_of(3), Crowd(planted(3, 1, 5), 2)
    for _ in range(72):
        crowd.ask(pool, Plan(overlap=0.0, repeats=0.0), "ann")
    counts = Counter((c.task, c.pair) for c in crowd.casts)
    assert set(counts.values()) == {12}
    labels = Counter((c.task, pool.by_key[c.task, c.sample, c.content].labels) for c in crowd.casts)
    assert max(labels.values()) - min(labels.values()) <= 2
    assert len({c.item for c in crowd.casts}) == 72


def test_adaptive_draws_go_where_a_vote_tells_most() -> None:
    """Where some models are far apart, and few votes can tell that, the others get more of them."""
    truth = {"m00": -4.0, "m01": -0.2, "m02": 0.2, "m03": 4.0}
    pool, shares = pool_of(4, samples=100), {}
    for draw in ("balanced", "adaptive"):
        crowd = Crowd(truth, 7)
        for _ in range(150):
            crowd.ask(pool, Plan(draw=draw, overlap=0.0, repeats=0.0), "ann")
        shares[draw] = Counter(c.pair for c in crowd.casts)
    assert set(shares["balanced"].values()) == {25}
    assert shares["adaptive"]["m01", "m02"] > 35
    assert shares["adaptive"]["m00", "m03"] < 25


def test_every_draw_can_be_made_again() -> None:
    """From what was said before it, which is stored: of each annotator, whatever the others did between."""
    pool, plan = pool_of(4, samples=30), Plan(draw="adaptive", overlap=0.4, repeats=0.2, voters=2)
    crowd = Crowd(planted(4, 1, 9), 4)
    for n in range(90):
        crowd.ask(pool, plan, ("ann", "ben", "eva")[keyed_number_of(n)])
    for n, draw in enumerate(crowd.draws):
        assert next_pair(pool, plan, crowd.casts[:n], crowd.casts[n].annotator) == draw
    assert {d.why["draw"] for d in crowd.draws if d.purpose == "new"} == {"adaptive"}


def keyed_number_of(n: int) -> int:
    return int(3 * keyed_unit("who", n))


def test_overlap_and_repetitions_are_by_design() -> None:
    pool, plan = pool_of(3, samples=200), Plan(overlap=0.3, repeats=0.1, voters=2)
    crowd = Crowd(planted(3, 1, 11), 6)
    for n in range(400):
        crowd.ask(pool, plan, f"a{n % 2}")
    kinds = Counter(c.purpose for c in crowd.casts)
    assert 0.2 < kinds["shared"] / 400 < 0.36
    assert 0.05 < kinds["repeat"] / 400 < 0.15
    said = Counter(c.item for c in crowd.casts if c.purpose != "repeat")
    assert max(said.values()) == 2
    by_form = {c.form: c for c in crowd.casts}
    for number, cast in enumerate(crowd.casts):
        if cast.purpose == "repeat":
            first = by_form[cast.of]
            assert (first.left, first.right, first.annotator) == (cast.right, cast.left, cast.annotator)
            between = [c for c in crowd.casts[:number] if c.annotator == cast.annotator]
            assert len(between) - between.index(first) > APART


def test_sides_are_drawn_for_each_annotator_and_a_habit_is_found() -> None:
    item = ("t", "s", "c", ("a", "b"))
    sides = [side_of(Plan(), f"p{n}", item) for n in range(400)]
    assert 160 < sides.count(("a", "b")) < 240
    for left, biased in ((0.0, False), (1.0, True)):
        crowd = Crowd(planted(3, 0.6, 13), 8, left)
        for n in range(300):
            crowd.ask(pool_of(3, samples=100), Plan(overlap=0.0, repeats=0.0), f"a{n % 3}")
        rows = [{"task": c.task, "sample": c.sample, "choice": c.choice} for c in crowd.casts]
        found = left_share(rows)
        assert found.low is not None
        assert found.high is not None
        assert (found.low > 0.5) == biased
        assert biased or found.high > 0.5


def test_gold_questions_are_mixed_in_once() -> None:
    pool = pool_of(2, samples=60)
    gold = tuple(Gold("t0", f"s{n}", "m01", "m00", "m00") for n in range(5))
    crowd = Crowd(planted(2, 1, 1), 1)
    for _ in range(80):
        crowd.ask(pool, Plan(gold_share=0.2, overlap=0, repeats=0), "ann", gold)
    own = [(c, d) for c, d in zip(crowd.casts, crowd.draws, strict=True) if c.purpose == "gold"]
    assert sorted(c.sample for c, _ in own) == [f"s{n}" for n in range(5)]
    assert {d.why["expected"] for _, d in own} == {"m00"}


def test_a_pool_that_is_used_up_ends() -> None:
    pool, plan = pool_of(3, tasks=1, samples=4), Plan(overlap=0.5, repeats=0.0, voters=3)
    crowd = Crowd(planted(3, 1, 2), 3)
    for name in ("ann", "ben", "eva", "tom"):
        asked = 0
        while crowd.ask(pool, plan, name):
            asked += 1
        assert asked == (0 if name == "tom" else 12)


def test_labels_come_in_one_order_for_all() -> None:
    pool, done = pool_of(2, samples=3), set[tuple[str, ...]]()
    seen = []
    while (draw := next_labelled(pool, Plan(), "score", done)) is not None:
        key = tuple(draw.item[n] for n in ("task", "sample", "content", "model"))
        seen.append(key)
        done.add(key)
    assert len(seen) == len(set(seen)) == 2 * 2 * 3
    assert {key[0] for key in seen[:4]} == {"t0", "t1"}
    assert all(a[:2] == b[:2] for a, b in zip(seen[::2], seen[1::2], strict=True))


def test_every_pair_of_models_is_a_group() -> None:
    pool = pool_of(4, tasks=1, samples=2)
    assert [key[1:] for key in pool.pairs] == list(combinations(sorted(pool.models), 2))
