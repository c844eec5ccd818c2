"""The orders of units, of which a limit takes the first.

*random*: by a hash of seed and unit alone. Every prefix is a simple random sample of the units; a unit's
place depends on no other, so a part of a data set has them in the order of the whole.

*balanced*: round-robin over strata, in each stratum in the random order. Every prefix has as many of each
stratum as it can, so its mean is that of the strata and not that of the data set.

In both orders the chosen units of a stratum are its first ones by the hash: a simple random sample of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hemm.core import Sample, keyed_number

RANDOM, BALANCED = "random", "balanced"

Sizes = dict[str, list[int]]
"""Stratum -> number of its samples and of its units."""


def unit_order(units: Iterable[str], seed: int = 0) -> list[str]:
    """Units in random order, each once.

    >>> unit_order(["a", "b", "c"]), unit_order(["c", "b"])
    (['c', 'a', 'b'], ['c', 'b'])
    """
    return sorted(set(units), key=lambda unit: (keyed_number("select", seed, unit), unit))


def balanced_order(strata: Mapping[str, str], seed: int = 0) -> list[str]:
    """Units in balanced order; ``strata`` is unit -> stratum. Of one stratum it is the random order."""
    members: dict[str, list[str]] = defaultdict(list)
    for unit in unit_order(strata, seed):
        members[strata[unit]].append(unit)
    order: list[tuple[int, int, str, str]] = []
    for stratum, units in members.items():
        turn = keyed_number("stratum", seed, stratum)
        order += [(rank, turn, stratum, unit) for rank, unit in enumerate(units)]
    return [unit for *_, unit in sorted(order)]


def first_units(strata: Mapping[str, str], limit: int, seed: int = 0, order: str = RANDOM) -> set[str]:
    """The first ``limit`` units; ``strata`` is unit -> stratum, ``order`` RANDOM or BALANCED."""
    ordered = balanced_order(strata, seed) if order == BALANCED else unit_order(strata, seed)
    return set(ordered[:limit])


def first_of(units: Sequence[str], limit: int, seed: int = 0) -> Any:
    """Which of these distinct units are the first ``limit`` in the random order: a numpy array of bool."""
    import numpy as np

    numbers = np.fromiter((keyed_number("select", seed, unit) for unit in units), np.uint64, len(units))
    order = np.argsort(numbers, kind="stable")
    if len(units) > limit > 0 and numbers[order[limit - 1]] == numbers[order[limit]]:  # names decide
        taken = first_units(dict.fromkeys(units, ""), limit, seed)
        return np.fromiter((unit in taken for unit in units), np.bool_, len(units))
    chosen = np.zeros(len(units), dtype=np.bool_)
    chosen[order[:limit]] = True
    return chosen


def first_ids(
    samples: Iterable[Sample], limit: int, seed: int = 0, order: str = RANDOM
) -> tuple[frozenset[str], Sizes]:
    """Ids of the samples in the first ``limit`` units, without reading media; and the strata of all.

    A sample that continues another belongs to the unit of the sample that starts the chain.
    """
    strata: dict[str, str] = {}
    unit_of: dict[str, str] = {}
    units, each = [], []
    for sample in samples:
        unit = sample.unit if sample.after is None else unit_of.get(sample.after, sample.unit)
        unit_of[sample.id] = unit
        strata.setdefault(unit, sample.stratum)
        units.append(sample.unit)
        each.append(sample.stratum)
    chosen = first_units(strata, limit, seed, order)
    return frozenset(name for name, unit in unit_of.items() if unit in chosen), sizes_of(units, each)


def sizes_of(units: Sequence[str], strata: Sequence[str]) -> Sizes:
    """Samples and units of each stratum; a unit counts in the stratum of its first sample.

    >>> sizes_of(["u1", "u1", "u2"], ["yes", "no", "yes"])
    {'yes': [2, 2], 'no': [1, 0]}
    """
    sizes: Sizes = {}
    seen: set[int] = set()  # hashes take less memory than the texts of a large pack
    for unit, stratum in zip(map(hash, units), strata, strict=True):
        count = sizes.setdefault(stratum, [0, 0])
        count[0] += 1
        count[1] += unit not in seen
        seen.add(unit)
    return sizes
