"""The intervals that are valid for a cell that stopped early (``--until-ci``).

Ordinary intervals assume a sample size that was fixed in advance; here the answers decided it. The valid
intervals are those of the confidence sequence at the last check (``analysis.early_stopping``, stored in
run.json): of the headline over the whole pack, and over the samples with each label. Nothing else of the cell
has an interval: no other metric, no other failure policy, no win rate, no paired difference.

A run that reached the end of its pack did not stop early: its ordinary intervals are valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hemm.stats.intervals import LEVEL, Estimate
from hemm.stats.sequential import METHOD

MARK = "†"
"""Marks anytime-valid intervals in tables."""
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
    """The valid ends for scores of a cell that stopped early, on the metric's own scale; None: there are
    none.

    parts  (dimension, category) -> ends, for dimensions in which the pack's samples differ
    """

    ends: Ends | None = None
    parts: Mapping[tuple[str, str], Ends] = field(default_factory=dict)

    def of(self, dimension: str, category: str, all_groups: bool) -> AnytimeInterval:
        """The interval for the groups with this label; ``all_groups``: every group has it."""
        ends = self.parts.get((dimension, category))
        return AnytimeInterval(ends if ends is not None or not all_groups else self.ends)

    def interval(self, estimate: Estimate) -> Estimate:
        """``estimate`` with the valid interval, widened to its value where that lies outside: the value may
        be over fewer samples (those that all models share) or more (answers since the last check)."""
        if estimate.value is None:
            return estimate
        if self.ends is None:
            return replace(estimate, low=None, high=None, note=NOTHING)
        low, high = self.ends
        low, high = min(low, estimate.value), max(high, estimate.value)
        return replace(estimate, low=low, high=high, note=ANYTIME, anytime=True)


NO_INTERVAL = AnytimeInterval()


def anytime_of(run: Mapping[str, Any]) -> AnytimeInterval | None:
    """The interval in a cell's run.json; None where the cell did not stop early."""
    check = run.get("until_ci")
    if not check or check["asked"] >= check["of"]:
        return None
    pack = (run.get("pack") or {}).get("hash")
    for selection in run.get("selections") or ():
        if selection.get("limit") is None and selection.get("pack") == pack:
            return None
    low, high = check["interval"]
    parts = {(p["dimension"], p["category"]): (p["low"], p["high"]) for p in check.get("parts") or ()}
    return AnytimeInterval((low, high), parts)
