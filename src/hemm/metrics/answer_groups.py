"""Answers that a metric scores together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hemm.core import Judged, Metric, Outcome, Sample, digest
from hemm.metrics.judged_answers import JudgedAnswer

SEVERITY = (Outcome.OK, Outcome.UNPARSABLE, Outcome.REFUSED, Outcome.TRUNCATED, Outcome.ERROR)
"""Outcomes from best to worst: a group has the worst outcome of its answers."""
_RANK = {outcome: rank for rank, outcome in enumerate(SEVERITY)}


@dataclass(slots=True)
class AnswerGroup:
    """Answers that are scored together, with what is known of them before any metric."""

    key: str
    repeat: int
    rows: list[JudgedAnswer] = field(default_factory=list)
    outcome: Outcome = Outcome.OK
    cut: bool = False

    def add(self, row: JudgedAnswer) -> None:
        self.rows.append(row)
        self.outcome = max(self.outcome, row.judged.outcome, key=_RANK.__getitem__)
        self.cut = self.cut or row.judged.cut

    @property
    def judged(self) -> list[Judged]:
        return [row.judged for row in self.rows]

    @property
    def samples(self) -> list[Sample]:
        return [row.judged.sample for row in self.rows]

    @property
    def hash(self) -> str:
        return self.rows[0].hash if len(self.rows) == 1 else digest([row.hash for row in self.rows], 16)


def group_answers(rows: Sequence[JudgedAnswer], metric: Metric) -> list[AnswerGroup]:
    """The groups that the metric scores: one sample's answer, or the answers of all samples with the same
    unit or metadata value, each repeat apart; in the order of their first answer.

    A sample without that metadata value is a group of its own.
    """
    members: dict[tuple[str, int], AnswerGroup] = {}
    for row in rows:
        judged = row.judged
        key = (_group_key(judged.sample, metric.group), judged.repeat)
        if key not in members:
            members[key] = AnswerGroup(*key)
        members[key].add(row)
    return list(members.values())


def _group_key(sample: Sample, group: str) -> str:
    if group == "sample":
        return sample.id
    if group == "unit":
        return sample.unit
    found = sample.metadata.get(group)
    return sample.id if found is None else str(found)
