"""Several splits or configs as one task: each is a part, named in ids, strata and metadata of its samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hemm.core import BadData, Sample
from hemm.data.sources.hub import several

_MOST = 40


def of_part(sample: Sample, part: Mapping[str, str]) -> Sample:
    """``sample`` as one of a part.

    part  what sets it apart from the others, as metadata: ``config``, ``split``, or both; empty: there is one

    >>> of_part(Sample("7", after="6"), {"config": "Art"}).id
    'Art/7'
    """
    if not part:
        return sample
    name = "/".join(part.values())
    unit, after = sample.unit, sample.after
    new = f"{name}/{sample.id}"
    return replace(
        sample,
        id=new,
        unit=new if unit == sample.id else unit,
        cluster=new if sample.cluster == unit == sample.id else sample.cluster,
        after=None if after is None else f"{name}/{after}",
        stratum=sample.stratum or name,
        metadata={**sample.metadata, **part},
        stored_hash="",
    )


def part_of(config: str, split: str, configs: Any, splits: Any) -> dict[str, str]:
    """What sets the split of a config apart from the others that the card names."""
    named = {"config": config} if len(several(configs)) > 1 else {}
    return named | ({"split": split} if len(several(splits)) > 1 else {})


def check_splits(seen: Collection[str], split: str | Sequence[str], where: str) -> None:
    """Raise BadData where rows name their splits (``seen``), and none is one that the card asks for."""
    lacking = [name for name in several(split) if name and name not in seen]
    if seen and lacking:
        known = sorted(seen)
        more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
        there = ", ".join(known[:_MOST])
        raise BadData(f"{where}: no row has split {lacking[0]!r}; there are {there}{more}")
