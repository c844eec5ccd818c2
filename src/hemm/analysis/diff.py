"""Flips: samples whose answers by two models, checkpoints or protocols differ in score or outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemm.analysis.compare.pairs import category_pairs, task_pair
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import CellScores
from hemm.analysis.study.groups import group_members
from hemm.analysis.study.normalise import Scale
from hemm.analysis.study.same_samples import old_data
from hemm.analysis.study.sampling import Common
from hemm.analysis.study.sampling_notes import unlike
from hemm.core import HemmError, Metric, UnknownName
from hemm.results.places import kinds
from hemm.stats.paired import Options

if TYPE_CHECKING:
    import pyarrow as pa

LOST, GAINED, CHANGED = "lost", "gained", "changed"
TITLES = {LOST: "Right, then wrong", GAINED: "Wrong, then right", CHANGED: "Wrong both times, in another way"}
"""Kinds of flips, from the first model to the second."""


@dataclass(frozen=True)
class Flip:
    """One scored group (usually one sample) whose two answers differ in score or outcome."""

    group: str
    repeat: int
    kind: str
    outcomes: tuple[str, str]
    values: tuple[float | None, float | None]


@dataclass(frozen=True)
class TaskFlips:
    """One task that both sides were run on.

    common  groups with a score on both sides and the same samples; right, wrong and flips are among these
    right   groups that both sides have right; ``wrong``: that neither has
    only    groups of the first side alone, and of the second
    other   groups whose samples changed between the two
    errors  groups with an error on either side
    p       of the test of ``compare`` for a difference, on the common groups; None where it cannot be made
    """

    task: str
    metric: str
    cells: tuple[CellScores, CellScores]
    common: int
    right: int
    wrong: int
    only: tuple[int, int]
    other: int
    errors: int
    flips: tuple[Flip, ...]
    kind: str
    p: float | None

    def count(self, kind: str) -> int:
        return sum(f.kind == kind for f in self.flips)

    @property
    def lost(self) -> int:
        return self.count(LOST)

    @property
    def gained(self) -> int:
        return self.count(GAINED)

    @property
    def net(self) -> int:
        return self.gained - self.lost


@dataclass(frozen=True)
class Flips:
    """The flips of two subjects over the tasks that both were run on.

    p      of the test of ``compare`` for the mean of the tasks' normalised differences
    notes  tasks that are not compared, and those whose samples changed between the two sides
    """

    labels: tuple[str, str]
    tasks: tuple[TaskFlips, ...]
    notes: tuple[str, ...]
    p: float | None

    @property
    def lost(self) -> int:
        return sum(t.lost for t in self.tasks)

    @property
    def gained(self) -> int:
        return sum(t.gained for t in self.tasks)


def flips(study: Study, first: str, second: str, tasks: Sequence[str] = ()) -> Flips:
    """Flips from ``first`` to ``second``, which ``Study.named`` resolves, on ``tasks`` (empty: all).

    Raises UnknownName, and HemmError where the two are the same or have no task in common.
    """
    names = [item.task for item in study.cells]
    for task in tasks:
        if task not in names:
            raise UnknownName("task in these results", task, names)
    (label_a, a), (label_b, b) = (_side(study, spec, tasks) for spec in (first, second))
    if [c.cell.folder for c in a.values()] == [c.cell.folder for c in b.values()]:
        raise HemmError(f"{first!r} and {second!r} are the same results: name two different ones")
    common = [task for task in a if task in b]
    if not common:
        why = "; ".join(("", *study.left_out[:3]))
        raise HemmError(f"{label_a} and {label_b} have no task in common{why}")
    notes = [*(study.overlay.notes() if study.overlay else ()), *study.left_out]
    notes += [f"{task}: asked of {label} alone" for label, cells, others in ((label_a, a, b), (label_b, b, a))
             for task in cells if task not in others]  # fmt: skip
    notes += unlike([side[t] for t in common for side in (a, b)])
    notes += [str(old) for t in common for old in old_data((a[t], b[t]))]
    notes += [note for t in common for note in _accelerators((a[t], b[t]))]
    if label_a == label_b:
        label_a, label_b = (f"{label_a} [{next(iter(s.values())).cell.protocol[:6]}]" for s in (a, b))
    by_task = {t: _task(a[t], b[t]) for t in common}
    overall, _ = category_pairs({t: pair for t, (_, pair) in by_task.items()}, Scale(), _UNSAMPLED)
    return Flips((label_a, label_b), tuple(row for row, _ in by_task.values()), tuple(notes), overall.p)


_UNSAMPLED = Options(resamples=0)


def _accelerators(sides: tuple[CellScores, CellScores]) -> list[str]:
    """A note where accelerators of several kinds gave the answers that are compared: flips may be due to
    that."""
    found = [kinds(item.cell.run) for item in sides]
    if len(found[0] | found[1]) < 2 or not all(found):
        return []
    each = [f"{item.label} on {', '.join(sorted(k))}" for item, k in zip(sides, found, strict=True)]
    return [
        f"{sides[0].task}: accelerators of different kinds answered ({'; '.join(each)}): flips may be theirs"
    ]


def _side(study: Study, spec: str, tasks: Sequence[str]) -> tuple[str, dict[str, CellScores]]:
    """The label and the cells (by task) of ``spec``; ``tasks`` do not restrict a protocol, which has one."""
    subject, cells = study.named(spec, ", or a protocol")
    named = subject.label.startswith(spec) or spec.startswith(f"{subject.model}@")
    by_protocol = not named and all(c.cell.protocol.startswith(spec.lower()) for c in cells)
    return subject.label, {c.task: c for c in cells if not tasks or c.task in tasks or by_protocol}


Key = tuple[str, int]


def _task(a: CellScores, b: CellScores) -> tuple[TaskFlips, tuple[CellScores, CellScores]]:
    """The flips of one task, and both cells on the groups whose samples did not change."""
    metric, facing = a.headline.metric, b.headline.metric
    versions = a.headline.version, b.headline.version
    if metric.name != facing.name or versions[0] != versions[1]:
        raise HemmError(
            f"task {a.task} is scored by {metric.name} version {versions[0]} in {a.cell.folder} and by "
            f"{facing.name} version {versions[1]} in {b.cell.folder}: hemm score makes them agree"
        )
    before, after = _scores(a.answers), _scores(b.answers)
    hashes = [group_members(item.cell, metric.group) for item in (a, b)]
    shared = [k for k in before if k in after]
    equal = [k for k in shared if hashes[0].get(k[0]) == hashes[1].get(k[0])]
    counted = [k for k in equal if "error" not in (before[k][1], after[k][1])]
    right = [[_right(side[key], metric) for side in (before, after)] for key in counted]
    flipped = (_flip(k, before[k], after[k], both) for k, both in zip(counted, right, strict=True))
    common = Common.of([(item.headline.groups, item.headline.sampling) for item in (a, b)])
    groups = list(dict.fromkeys(group for group, _ in equal))
    pair = _only(a, groups, common), _only(b, groups, common)
    tested = task_pair(*pair, Scale(), _UNSAMPLED).pair
    row = TaskFlips(
        task=a.task,
        metric=metric.name,
        cells=(a, b),
        common=len(counted),
        right=sum(all(both) for both in right),
        wrong=sum(not any(both) for both in right),
        only=(len(before) - len(shared), len(after) - len(shared)),
        other=len(shared) - len(equal),
        errors=len(equal) - len(counted),
        flips=tuple(flip for flip in flipped if flip is not None),
        kind=metric.group,
        p=None if tested is None else tested.p,
    )
    return row, pair


def _only(item: CellScores, groups: Sequence[str], common: Common) -> CellScores:
    return replace(item, headline=item.headline.in_common(groups, common))


Scored = tuple[float | None, str, float]


def _scores(table: pa.Table) -> dict[Key, Scored]:
    """(group, repeat) -> (value, outcome, ceiling) of the metric's main value, without rows over all
    repeats."""
    names = ("group", "repeat", "component", "value", "outcome", "ceiling")
    columns = [table.column(name).to_pylist() for name in names]
    return {
        (group, repeat): (value, outcome, 1.0 if ceiling is None else ceiling)
        for group, repeat, component, value, outcome, ceiling in zip(*columns, strict=True)
        if component == "" and repeat is not None
    }


def _right(scored: Scored, metric: Metric) -> bool:
    """Whether an answer has its best possible score."""
    value, _, ceiling = scored
    if value is None:
        return False
    return value >= ceiling - 1e-9 if metric.higher_is_better else value <= ceiling + 1e-9


def _flip(key: Key, before: Scored, after: Scored, right: Sequence[bool]) -> Flip | None:
    was_right, is_right = right
    if was_right == is_right and (was_right or before[1] == after[1]):
        return None
    kind = LOST if was_right and not is_right else GAINED if is_right and not was_right else CHANGED
    return Flip(*key, kind, (before[1], after[1]), (before[0], after[0]))
