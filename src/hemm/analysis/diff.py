"""Answers that flipped between two models, checkpoints or protocols: the same samples, two answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import HemmError, Metric, UnknownName

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.analysis.profile.build import Profile, Subject
    from hemm.results.read import Cell

LOST, GAINED, CHANGED = "lost", "gained", "changed"
TITLES = {LOST: "Right, then wrong", GAINED: "Wrong, then right", CHANGED: "Wrong both times, in another way"}
"""Kinds of flips: from the first model to the second."""


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
    """One task asked of both.

    common     groups with a score on both sides and equal samples; the counts below are of these
    only       asked of one side alone, (first, second); ``other`` are of changed samples; ``errors`` have no
               answer on one side at least
    p          exact McNemar test, two-sided, of ``lost`` against ``gained``; None where nothing flipped
    """

    task: str
    metric: str
    cells: tuple[Cell, Cell]
    common: int
    right: int
    wrong: int
    only: tuple[int, int]
    other: int
    errors: int
    flips: tuple[Flip, ...]
    kind: str = "sample"

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
        """Gained less lost."""
        return self.gained - self.lost

    @property
    def p(self) -> float | None:
        return mcnemar(self.lost, self.gained)


@dataclass(frozen=True)
class Flips:
    """What differs between two subjects, over the tasks that both were asked; ``notes`` says what is not
    compared."""

    labels: tuple[str, str]
    tasks: tuple[TaskFlips, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def lost(self) -> int:
        return sum(t.lost for t in self.tasks)

    @property
    def gained(self) -> int:
        return sum(t.gained for t in self.tasks)

    @property
    def p(self) -> float | None:
        """Over all tasks."""
        return mcnemar(self.lost, self.gained)


def mcnemar(lost: int, gained: int) -> float | None:
    """Exact two-sided McNemar test: the binomial test of ``lost`` among all flips at one half."""
    if lost + gained == 0:
        return None
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + gained, 0.5).pvalue)


def flips(cells: Sequence[Cell], first: str, second: str, tasks: Sequence[str] = ()) -> Flips:
    """Flips from ``first`` to ``second``, each a model's name, its name as the profile prints it, or the
    beginning of a protocol (6 hex digits or more).

    Raises UnknownName, or HemmError where they are the same or have no task in common.
    """
    from hemm.analysis.profile.build import profile

    known = profile(cells, common=False)
    for task in tasks:
        names = [row.task for row in known.tasks]
        if task not in names:
            raise UnknownName("task in these results", task, names)
    sides = [_side(known, cells, spec, tasks) for spec in (first, second)]
    (label_a, a), (label_b, b) = sides
    if a == b:
        raise HemmError(f"{first!r} and {second!r} are the same results: name two different ones")
    both = [task for task in a if task in b]
    if not both:
        raise HemmError(f"{label_a} and {label_b} have no task in common")
    notes = [f"{task}: asked of {label} alone" for label, own, other in ((label_a, a, b), (label_b, b, a))
             for task in own if task not in other]  # fmt: skip
    if label_a == label_b:
        label_a, label_b = (f"{label_a} [{next(iter(s.values())).protocol[:6]}]" for s in (a, b))
    return Flips((label_a, label_b), tuple(_task(a[t], b[t]) for t in both), tuple(notes))


def _side(
    known: Profile, cells: Sequence[Cell], spec: str, tasks: Sequence[str]
) -> tuple[str, dict[str, Cell]]:
    """Label and cells by task of what ``spec`` names."""
    by_folder = {str(c.folder): c for c in cells}
    exact = [s for s in known.subjects if s.label == spec]
    found = exact or [s for s in known.subjects if _names(s, spec)]
    rows = [r for r in known.tasks if r.subject in found and (not tasks or r.task in tasks)]
    if not found and len(spec) >= 6:
        rows = [r for r in known.tasks if by_folder[r.folder].protocol.startswith(spec.lower())]
        found = list(dict.fromkeys(r.subject for r in rows))
    if not found:
        raise UnknownName("model in these results", spec, [s.label for s in known.subjects])
    if len(found) > 1:
        choice = "; ".join(repr(s.label) for s in found)
        raise HemmError(f"{spec!r} was asked in several ways: name one of {choice}, or a protocol")
    return found[0].label, {r.task: by_folder[r.folder] for r in rows}


def _names(subject: Subject, spec: str) -> bool:
    """Whether ``spec`` is this model, or the beginning of ``model@revision``; controls have to be named in
    full."""
    named = f"{subject.model}@{subject.revision}"
    return not subject.control and (spec == subject.model or ("@" in spec and named.startswith(spec)))


def headline(cell: Cell) -> tuple[Metric, pa.Table]:
    """A cell's headline metric and scores: those on disk, or made now. Raises HemmError where that cannot
    be."""
    from hemm.engine.score import stored_media
    from hemm.metrics import resolve
    from hemm.metrics.scoring import score_answers
    from hemm.tasks import resolve as task_named

    stored = cell.aggregates() if cell.state != "open" else {}
    if stored.get("metrics"):
        key = stored.get("headline") or next(iter(stored["metrics"]))
        return resolve(stored["metrics"][key]["spec"]), cell.scores(key)
    task = task_named(cell.task)
    metric = next(m for m in map(resolve, task.metrics) if "weights" not in m.needs)
    return metric, score_answers(cell.answers(), task, metric, stored_media(cell))


Key = tuple[str, int]


def _task(a: Cell, b: Cell) -> TaskFlips:
    (metric, left), (other, right) = headline(a), headline(b)
    if (metric.name, metric.version) != (other.name, other.version):
        raise HemmError(
            f"task {a.task} is scored by {metric.name} version {metric.version} in {a.folder} and by "
            f"{other.name} version {other.version} in {b.folder}: hemm score makes them agree"
        )
    one, two = _scores(left), _scores(right)
    hashes = [members(cell, metric.group) for cell in (a, b)]
    shared = [k for k in one if k in two]
    equal = [k for k in shared if hashes[0].get(k[0]) == hashes[1].get(k[0])]
    counted = [k for k in equal if "error" not in (one[k][1], two[k][1])]
    found: list[Flip] = []
    both_right = both_wrong = 0
    for key in counted:
        flip = _flip(key, one[key], two[key], metric)
        if flip is not None:
            found.append(flip)
        was = [_right(side[key], metric) for side in (one, two)]
        both_right += all(was)
        both_wrong += not any(was)
    return TaskFlips(
        task=a.task,
        metric=metric.name,
        cells=(a, b),
        common=len(counted),
        right=both_right,
        wrong=both_wrong,
        only=(len(one) - len(shared), len(two) - len(shared)),
        other=len(shared) - len(equal),
        errors=len(equal) - len(counted),
        flips=tuple(found),
        kind=metric.group,
    )


Scored = tuple[float | None, str, float]


def _scores(table: pa.Table) -> dict[Key, Scored]:
    """(group, repeat) -> (value, outcome, ceiling) of the main value; rows over all repeats are left out."""
    names = ("group", "repeat", "component", "value", "outcome", "ceiling")
    columns = [table.column(name).to_pylist() for name in names]
    return {
        (group, repeat): (value, outcome, 1.0 if ceiling is None else ceiling)
        for group, repeat, component, value, outcome, ceiling in zip(*columns, strict=True)
        if component == "" and repeat is not None
    }


def _right(scored: Scored, metric: Metric) -> bool:
    """Whether an answer has the best score it can have."""
    value, _, ceiling = scored
    if value is None:
        return False
    return value >= ceiling - 1e-9 if metric.higher_is_better else value <= ceiling + 1e-9


def _flip(key: Key, one: Scored, two: Scored, metric: Metric) -> Flip | None:
    was, is_ = _right(one, metric), _right(two, metric)
    if was == is_ and (was or one[1] == two[1]):
        return None
    kind = LOST if was and not is_ else GAINED if is_ and not was else CHANGED
    return Flip(*key, kind, (one[1], two[1]), (one[0], two[0]))


def members(cell: Cell, kind: str) -> dict[str, dict[str, str]]:
    """Scored group -> its samples with their hashes."""
    column = {"sample": "id", "unit": "unit"}.get(kind, "metadata")
    table = cell.answers(list(dict.fromkeys(["id", "sample_hash", column])))
    out: dict[str, dict[str, str]] = {}
    rows = zip(*(table[c].to_pylist() for c in ("id", "sample_hash", column)), strict=True)
    for name, sample_hash, value in rows:
        group = value
        if column == "metadata":
            found: Any = (orjson.loads(value) if value else {}).get(kind)
            group = name if found is None else str(found)
        out.setdefault(group, {})[name] = sample_hash
    return out
