"""Which units a limited pack holds: the selection order of runs with seed 0."""

from __future__ import annotations

from collections.abc import Iterable

from hemm.core import keyed_number


def unit_order(units: Iterable[tuple[str, str]], seed: int = 0) -> list[str]:
    """Units in selection order: by keyed hash, round-robin over strata (the stratum of a unit's first sample).

    ``units`` are (unit, stratum) of samples. Any prefix is balanced over the strata as far as it can be.
    """
    strata: dict[str, str] = {}
    for unit, stratum in units:
        strata.setdefault(unit, stratum)
    key = {u: keyed_number("select", seed, u) for u in strata}
    rank: dict[str, int] = {}
    turns: dict[str, int] = {}
    for unit in sorted(strata, key=lambda u: (key[u], u)):
        turn = turns.get(strata[unit], 0)
        rank[unit], turns[strata[unit]] = turn, turn + 1
    return sorted(strata, key=lambda u: (rank[u], key[u], u))


def first_units(units: Iterable[tuple[str, str]], limit: int, seed: int = 0) -> frozenset[str]:
    """The first ``limit`` units of the selection order."""
    return frozenset(unit_order(units, seed)[:limit])
