"""Which samples a limit takes, and in which order they are asked."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import BadData
from hemm.data.pack.selection import unit_order
from hemm.engine.selection import chain_depth, select

packs = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["", "a", "b", "c"])), min_size=1, max_size=60
).map(lambda rows: [(f"row{i}", f"unit{u}", s) for i, (u, s) in enumerate(rows)])


def _select(rows: list[tuple[str, str, str]], seed: int, limit: int | None) -> list[int]:
    ids, units, strata = (list(c) for c in zip(*rows, strict=True))
    return select(ids, units, strata, [None] * len(ids), seed=seed, limit=limit).rows.tolist()


@given(packs, st.integers(0, 3), st.integers(1, 40), st.integers(1, 40))
def test_a_smaller_limit_is_contained_in_a_larger_one(rows, seed, one, two) -> None:
    small, large = sorted((one, two))
    assert set(_select(rows, seed, small)) <= set(_select(rows, seed, large))
    assert set(_select(rows, seed, large)) <= set(_select(rows, seed, None))


@given(packs, st.integers(0, 3), st.integers(1, 40))
def test_a_limit_counts_units_and_never_cuts_one(rows, seed, limit) -> None:
    chosen = _select(rows, seed, limit)
    taken = {rows[r][1] for r in chosen}
    assert len(taken) == min(limit, len({unit for _, unit, _ in rows}))
    assert chosen == [i for i, (_, unit, _) in enumerate(rows) if unit in taken]  # whole, in pack order


@given(packs, st.integers(0, 3))
def test_every_prefix_is_balanced_over_strata(rows, seed) -> None:
    stratum: dict[str, str] = {}
    for _, unit, s in rows:
        stratum.setdefault(unit, s)
    sizes = Counter(stratum.values())
    taken: Counter[str] = Counter()
    for unit in unit_order(stratum, seed):
        taken[stratum[unit]] += 1
        open_strata = [s for s in sizes if taken[s] < sizes[s]]
        most = max(taken.values())
        assert all(taken[s] >= most - 1 for s in open_strata)


def test_the_order_depends_on_the_seed_and_not_on_the_rows_around() -> None:
    units = {f"u{i}": "" for i in range(50)}
    assert unit_order(units, 0) != unit_order(units, 1)
    fewer = {u: s for u, s in units.items() if u != "u7"}
    assert [u for u in unit_order(units, 0) if u != "u7"] == unit_order(fewer, 0)


def test_chains_are_taken_whole_and_know_their_depth() -> None:
    ids = ["c", "a", "b", "x"]
    after = ["b", None, "a", None]
    chosen = select(ids, ids, [""] * 4, after, seed=0, limit=1)
    assert chosen.units == 1
    assert [ids[r] for r in chosen.rows] in (["c", "a", "b"], ["x"])
    whole = select(ids, ids, [""] * 4, after, seed=0, limit=None)
    assert whole.depth.tolist() == [2, 0, 1, 0]
    assert whole.units == 2


@pytest.mark.parametrize(
    ("after", "said"),
    [(["b", "a"], "continues itself"), (["z", None], "not in the pack"), (["a", None], "itself")],
)
def test_broken_chains_are_named(after, said) -> None:
    with pytest.raises(BadData, match=said):
        chain_depth(["a", "b"], after)


@given(st.lists(st.integers(-1, 20), min_size=1, max_size=21))
def test_depth_is_the_number_of_samples_before(before) -> None:
    ids = [f"s{i}" for i in range(len(before))]
    after = [f"s{b}" if 0 <= b < i else None for i, b in enumerate(before)]
    depth, root = chain_depth(ids, after)
    for row in range(len(ids)):
        steps, at = 0, row
        while after[at] is not None:
            at, steps = ids.index(after[at]), steps + 1
        assert (depth[row], root[row]) == (steps, at)
