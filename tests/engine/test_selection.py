"""Which samples a limit takes, and in which order they are asked."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import BadData, Sample, keyed_number
from hemm.data.pack.selection import balanced_order, first_ids, unit_order
from hemm.engine.selection import chain_depth, select

packs = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["", "a", "b", "c"])), min_size=1, max_size=60
).map(lambda rows: [(f"row{i}", f"unit{u}", s) for i, (u, s) in enumerate(rows)])


orders = st.sampled_from(["random", "balanced"])


def _select(rows: list[tuple[str, str, str]], seed: int, limit: int | None, order: str) -> list[int]:
    ids, units, strata = (list(c) for c in zip(*rows, strict=True))
    none = [None] * len(ids)
    return select(ids, units, strata, none, seed=seed, limit=limit, order=order).rows.tolist()


@given(packs, st.integers(0, 3), st.integers(1, 40), st.integers(1, 40), orders)
def test_a_smaller_limit_is_contained_in_a_larger_one(rows, seed, one, two, order) -> None:
    small, large = sorted((one, two))
    assert set(_select(rows, seed, small, order)) <= set(_select(rows, seed, large, order))
    assert set(_select(rows, seed, large, order)) <= set(_select(rows, seed, None, order))


@given(packs, st.integers(0, 3), st.integers(1, 40), st.integers(0, 2**30))
def test_the_random_order_is_that_of_seed_and_name_alone(rows, seed, limit, shuffle) -> None:
    """Neither strata, nor other units, nor the order of rows move a unit: a part of a pack keeps the order of
    the whole."""
    names = {unit for _, unit, _ in rows}
    by_hash = sorted(names, key=lambda unit: keyed_number("select", seed, unit))[:limit]
    assert {rows[r][1] for r in _select(rows, seed, limit, "random")} == set(by_hash)
    samples = [Sample(id=name, unit=unit, stratum=s) for name, unit, s in rows]
    mixed = sorted(samples, key=lambda s: keyed_number(shuffle, s.id))
    part, sizes = first_ids(mixed, limit, seed)
    assert part == {rows[r][0] for r in _select(rows, seed, limit, "random")}
    assert sizes == {s: [c, sizes[s][1]] for s, c in Counter(s for _, _, s in rows).items()}
    assert sum(units for _, units in sizes.values()) == len(names)


@given(packs, st.integers(0, 3), st.integers(1, 40), orders)
def test_a_limit_counts_units_and_never_cuts_one(rows, seed, limit, order) -> None:
    chosen = _select(rows, seed, limit, order)
    taken = {rows[r][1] for r in chosen}
    assert len(taken) == min(limit, len({unit for _, unit, _ in rows}))
    assert chosen == [i for i, (_, unit, _) in enumerate(rows) if unit in taken]  # whole, in pack order


@given(packs, st.integers(0, 3))
def test_every_prefix_of_the_balanced_order_is_balanced(rows, seed) -> None:
    stratum: dict[str, str] = {}
    for _, unit, s in rows:
        stratum.setdefault(unit, s)
    sizes = Counter(stratum.values())
    taken: Counter[str] = Counter()
    own: dict[str, list[str]] = {s: [u for u in unit_order(stratum, seed) if stratum[u] == s] for s in sizes}
    for unit in balanced_order(stratum, seed):
        assert unit == own[stratum[unit]][taken[stratum[unit]]]  # the first of its stratum by the hash
        taken[stratum[unit]] += 1
        open_strata = [s for s in sizes if taken[s] < sizes[s]]
        most = max(taken.values())
        assert all(taken[s] >= most - 1 for s in open_strata)


def test_the_balanced_order_is_that_of_the_first_version() -> None:
    """What hemm 0.1.0 gave for a limit, written down from it: cells that it began go on in this order."""
    strata = {f"q{n}": "no" if n % 10 == 0 else "yes" for n in range(40)}
    first = ["q0", "q19", "q20", "q15", "q10", "q13", "q30", "q37", "q33", "q12", "q36", "q14"]
    assert balanced_order(strata, 3)[:12] == first


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
