"""The intervals that hold for a cell that stopped when its score was known (``--until-ci``).

An ordinary interval is for a sample whose size was fixed before; here the answers decided the size. What
holds is the confidence sequence of the last check (``analysis.early_stopping``, kept in run.json): of the
headline over the whole pack, and of each label's part of it. Nothing else of the cell has an interval: no
other metric, no other failure policy, no win rate, no paired difference.

A run that came to the end of its pack did not stop early: its size was that of the pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hemm.stats.intervals import LEVEL, Estimate
from hemm.stats.sequential import METHOD

MARK = "†"
"""Beside an anytime-valid interval in tables."""
ANYTIME = f"anytime-valid at {LEVEL:.0%}: {METHOD}"
NOTHING = "stopped by --until-ci on its headline: no interval holds here"
UNTESTED = (
    "asked until its score was known (--until-ci): differences and tests need a size that was fixed before"
)
EXPLAINED = (
    f"{MARK} {ANYTIME}. These runs stopped by --until-ci; the interval is of the whole pack's score and "
    "holds whenever one looks. Means over such tasks: by square-and-add of these intervals"
)

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class AnytimeInterval:
    """The ends that hold for some scores of such a cell, on the metric's own scale; None: none do.

    parts  (dimension, category) -> ends, where the samples of the pack differ in the dimension
    """

    ends: Ends | None = None
    parts: Mapping[tuple[str, str], Ends] = field(default_factory=dict)

    def of(self, dimension: str, category: str, whole: bool) -> AnytimeInterval:
        """What holds for the groups with this label; ``whole``: all groups have it."""
        own = self.parts.get((dimension, category))
        return AnytimeInterval(own if own is not None or not whole else self.ends)

    def interval(self, estimate: Estimate) -> Estimate:
        """``estimate`` with the interval that holds, stretched to its value where that lies outside (it may
        be of fewer samples, those that all models share, or of more than were there at the last look)."""
        if estimate.value is None:
            return estimate
        if self.ends is None:
            return replace(estimate, low=None, high=None, note=NOTHING)
        low, high = self.ends
        low, high = min(low, estimate.value), max(high, estimate.value)
        return replace(estimate, low=low, high=high, note=ANYTIME, anytime=True)


NO_INTERVAL = AnytimeInterval()


def anytime_of(run: Mapping[str, Any]) -> AnytimeInterval | None:
    """From a cell's run.json; None where its size did not depend on its answers."""
    check = run.get("until_ci")
    if not check or check["asked"] >= check["of"]:
        return None
    pack = (run.get("pack") or {}).get("hash")
    for made in run.get("selections") or ():
        if made.get("limit") is None and made.get("pack") == pack:
            return None
    low, high = check["interval"]
    parts = {(p["dimension"], p["category"]): (p["low"], p["high"]) for p in check.get("parts") or ()}
    return AnytimeInterval((low, high), parts)


__all__ = [
    "ANYTIME",
    "EXPLAINED",
    "MARK",
    "NOTHING",
    "NO_INTERVAL",
    "UNTESTED",
    "AnytimeInterval",
    "anytime_of",
]
