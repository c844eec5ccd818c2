"""The selection order, from which a limit takes the first units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from hemm.core import Sample, keyed_number


def unit_order(strata: Mapping[str, str], seed: int = 0) -> list[str]:
    """Units in selection order; ``strata`` is unit -> stratum.

    Units of a stratum are sorted by their keyed hash. Each round takes one of every stratum that has any
    left, so that every prefix is as balanced as possible.
    """
    members: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for unit, stratum in strata.items():
        members[stratum].append((keyed_number("select", seed, unit), unit))
    order: list[tuple[int, int, str, str]] = []
    for stratum, units_ in members.items():
        turn = keyed_number("stratum", seed, stratum)
        order += [(rank, turn, stratum, unit) for rank, (_, unit) in enumerate(sorted(units_))]
    return [unit for *_, unit in sorted(order)]


def first_ids(samples: Iterable[Sample], limit: int, seed: int = 0) -> frozenset[str]:
    """Ids of the samples in the first ``limit`` units, without reading media.

    A sample that continues another belongs to the unit of the sample that starts the chain.
    """
    strata: dict[str, str] = {}
    unit_of: dict[str, str] = {}
    for sample in samples:
        unit = sample.unit if sample.after is None else unit_of.get(sample.after, sample.unit)
        unit_of[sample.id] = unit
        strata.setdefault(unit, sample.stratum)
    chosen = set(unit_order(strata, seed)[:limit])
    return frozenset(name for name, unit in unit_of.items() if unit in chosen)
