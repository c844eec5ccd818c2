"""We-Math's four ways to master a problem and its steps, and its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hemm.core import Group, Sample
from hemm.metrics.groups.consistency import Consistency
from hemm.metrics.text.answers import Accuracy

_RIGHT = Accuracy()
WHOLE = "whole"
"""What a sample's ``step`` is where it asks the problem as a whole; else it is the number of the step."""


@dataclass(frozen=True)
class WeMath(Consistency):
    """We-Math's strict score (Qiao et al. 2024) of a problem that is asked as a whole and step by step.

    A unit is one problem. ``mastery`` (all right): 1. ``generalisation`` lacking (the steps right, the whole
    wrong): 0.5. ``memorised`` (the whole right, a step wrong) and ``knowledge`` lacking (both wrong): 0.
    These are shares, as components; ``loose`` is the score where the whole and one of its steps suffice for
    mastery. A problem without steps, or that is not asked as a whole, has no value.
    """

    name: ClassVar[str] = "we_math"
    own_rule: ClassVar[bool] = True
    title: ClassVar[str] = "We-Math's strict score of problems with their steps"
    version: ClassVar[int] = 1

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("", "loose", "mastery", "generalisation", "memorised", "knowledge")

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [self._scored(group) for group in groups]

    def _scored(self, group: Group) -> dict[str, float | None]:
        steps = [
            bool(_RIGHT.value(j.value, j.sample)) for j in group if j.sample.metadata.get("step") != WHOLE
        ]
        whole = [
            bool(_RIGHT.value(j.value, j.sample)) for j in group if j.sample.metadata.get("step") == WHOLE
        ]
        if not _is_whole([j.sample for j in group]):
            return dict.fromkeys(self.components(()), None)
        half = 0.5 * (all(steps) and not whole[0])
        return {
            "": float(whole[0] and all(steps)) + half,
            "loose": float(whole[0] and any(steps)) + half,
            "mastery": float(whole[0] and all(steps)),
            "generalisation": float(all(steps) and not whole[0]),
            "memorised": float(whole[0] and not all(steps)),
            "knowledge": float(not whole[0] and not all(steps)),
        }

    def chance(self, group: Sequence[Sample]) -> float | None:
        """What guessing scores: mastery, and half where the steps alone are right; nothing where ``score``
        has no value."""
        if not _is_whole(group):
            return None
        each = {s.id: _RIGHT.chance((s,)) for s in group}
        steps, whole = 1.0, 0.0
        for sample in group:
            chance = each[sample.id]
            if chance is None:
                return None
            if sample.metadata.get("step") == WHOLE:
                whole = chance
            else:
                steps *= chance
        return steps * (whole + 0.5 * (1.0 - whole))


def _is_whole(problem: Sequence[Sample]) -> bool:
    """Whether a problem is asked once as a whole, and has steps."""
    wholes = sum(sample.metadata.get("step") == WHOLE for sample in problem)
    return wholes == 1 and len(problem) > 1
