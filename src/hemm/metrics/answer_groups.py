"""Groups: answers that a metric scores together."""

from __future__ import annotations

from dataclasses import dataclass, field

from hemm.core import Judged, Metric, Outcome, Sample, digest
from hemm.metrics import compares
from hemm.metrics.judged_answers import JudgedAnswers

SEVERITY = (Outcome.OK, Outcome.UNPARSABLE, Outcome.REFUSED, Outcome.TRUNCATED, Outcome.ERROR)
"""Outcomes from best to worst; a group has the worst of its answers."""
_RANK = {outcome: rank for rank, outcome in enumerate(SEVERITY)}


@dataclass(slots=True)
class AnswerGroup:
    """Answers that are scored together.

    repeat  number of the repeat; None: all repeats
    first   row of its first answer in the table
    """

    key: str
    repeat: int | None
    first: int
    judged: list[Judged] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.OK
    cut: bool = False

    def add(self, judged: Judged, answered: str) -> None:
        self.judged.append(judged)
        self.hashes.append(answered)
        if judged.outcome is not self.outcome:
            self.outcome = max(self.outcome, judged.outcome, key=_RANK.__getitem__)
        self.cut = self.cut or judged.cut

    @property
    def samples(self) -> list[Sample]:
        return [judged.sample for judged in self.judged]

    @property
    def alone(self) -> bool:
        """Whether this is one answer."""
        return len(self.hashes) == 1 and self.repeat is not None

    @property
    def hash(self) -> str:
        return self.hashes[0] if self.alone else digest(self.hashes, 16)

    @property
    def read_by(self) -> tuple[str | None, tuple[int, int] | None]:
        """The stage that read a single answer, and the range of the raw text that says it."""
        return (self.judged[0].stage or None, self.judged[0].span) if self.alone else (None, None)


def group_answers(answers: JudgedAnswers, metric: Metric) -> list[AnswerGroup]:
    """The groups of the metric, one for each repeat, in the order of their first answers: the answer to one
    sample, or to all samples with the same unit or metadata value (``a+b``: the same values of two keys).

    A sample without that metadata value is a group of its own. No reference is no score: where the metric
    compares with right answers, groups with a sample that has none are left out.
    """
    groups: dict[tuple[str, int], AnswerGroup] = {}
    for row, (judged, answered) in enumerate(zip(answers.judged, answers.hashes, strict=True)):
        key = (group_key(judged.sample, metric.group), judged.repeat)
        if key not in groups:
            groups[key] = AnswerGroup(*key, row)
        groups[key].add(judged, answered)
    found = list(groups.values())
    return [g for g in found if all(s.references for s in g.samples)] if compares(metric) else found


def group_key(sample: Sample, group: str) -> str:
    """The group of a sample, where a metric groups by ``group`` (``Metric.group``)."""
    if group == "sample":
        return sample.id
    if group == "unit":
        return sample.unit
    keys = [group] if group in sample.metadata else group.split("+")
    values = [sample.metadata.get(key) for key in keys]
    return sample.id if None in values else "/".join(map(str, values))
