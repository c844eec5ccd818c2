"""How averages count a score."""

from __future__ import annotations

import math

from hemm.core import Outcome


def reading(value: float | None, outcome: str, lowest: float) -> float | None:
    """A score with failures as the worst score.

    None for errors, for ok answers without a value, and for failures if the worst score is infinite.
    """
    if value is not None:
        return value
    if outcome in (Outcome.ERROR, Outcome.OK) or not math.isfinite(lowest):
        return None
    return lowest
