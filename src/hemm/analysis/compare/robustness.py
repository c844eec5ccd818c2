"""What each perturbation costs a model: its answers to perturbed samples against those to the same samples as
they are. ``docs/robustness.md`` has the definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hemm.analysis.compare.corruption_errors import CorruptionErrors, corruption_errors
from hemm.analysis.compare.pairs import TaskPair, common_groups, corrected, task_pair
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.failure_policy import FailurePolicy
from hemm.analysis.study.normalise import Scale
from hemm.analysis.study.perturbed import clean_of, perturbation_of
from hemm.core import CorpusMetric, HemmError, storable
from hemm.core.text import counted
from hemm.stats.intervals import Estimate
from hemm.stats.paired import Options, paired
from hemm.tasks.perturbations.named import KINDS
from hemm.tasks.perturbations.pictures import FIRST

ALL = "c/*"
"""The name of the mean over the corruptions that were asked."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One model on one task, under one perturbation at one level.

    pair       the samples as they are (a) against the perturbed ones (b): the difference is the drop
    unchanged  groups that are in no pair, since they could not be perturbed, or have no answer
    """

    subject: str
    label: str
    name: str
    level: str
    pair: TaskPair
    unchanged: int

    @property
    def task(self) -> str:
        return self.pair.task

    def to_json(self) -> dict[str, Any]:
        own = {"subject": self.subject, "perturbation": self.name, "level": self.level}
        return {**own, **self.pair.to_json(), "unchanged": self.unchanged}


@dataclass(frozen=True, slots=True)
class MeanDrop:
    """The mean drop over the levels of a perturbation (``ALL``: of all corruptions), and its worst level."""

    task: str
    subject: str
    label: str
    name: str
    levels: int
    clean: float
    drop: Estimate
    worst: Drop

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "subject": self.subject,
            "perturbation": self.name,
            "levels": self.levels,
            "clean": self.clean,
            "drop": self.drop.to_json(),
            "worst": f"{self.worst.name}:{self.worst.level}",
        }


@dataclass(frozen=True)
class Tried:
    """A model on a task: the cell as it is, and those under each perturbation (``NAME:LEVEL``)."""

    task: str
    clean: CellScores
    under: Mapping[str, CellScores]


@dataclass(frozen=True)
class Robustness:
    """Drops by level, their means by perturbation, and the corruption errors.

    reference  the label of the model by which those are normalised; empty: they are not
    """

    drops: tuple[Drop, ...]
    means: tuple[MeanDrop, ...]
    errors: tuple[CorruptionErrors, ...]
    reference: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "reference": storable(self.reference) or None,
            "drops": [row.to_json() for row in self.drops],
            "means": [row.to_json() for row in self.means],
            "corruption_errors": [row.to_json() for row in self.errors],
            "notes": [storable(note) for note in self.notes],
        }


def tried(study: Study) -> list[Tried]:
    """The models and tasks of a study that were asked perturbed samples and the same as they are."""
    clean = clean_of([item.cell for item in study.cells])
    found: dict[int, dict[str, CellScores]] = {}
    for number, at in clean.items():
        item = study.cells[number]
        found.setdefault(at, {})[perturbation_of(item.cell)] = item
    order = {name: n for n, name in enumerate(KINDS)}

    def place(text: str) -> tuple[int, int, str]:
        name, _, level = text.partition(":")
        levels = KINDS[name].levels if name in KINDS else ()
        return order.get(name, len(order)), levels.index(level) if level in levels else len(levels), level

    return [
        Tried(study.cells[at].task, study.cells[at], {k: under[k] for k in sorted(under, key=place)})
        for at, under in sorted(found.items())
    ]


def robustness(study: Study, failures: str, reference: str = "") -> Robustness | None:
    """What perturbations cost the models of ``study``; None where nothing was asked both ways.

    reference  the name of the model by which corruption errors are normalised
    Raises UnknownName or HemmError for a reference that is none of the models asked so.
    """
    found = tried(study)
    if not found:
        if reference:
            raise HemmError(f"--reference {reference}: no samples were asked perturbed and as they are")
        return None
    drops, means, notes = [], [], []
    for one in found:
        own = [_drop(one, text, failures) for text in one.under]
        drops += own
        means += _means(one, own)
        if left := {d.unchanged for d in own} - {0}:
            most = counted(max(left), "group")
            notes.append(
                f"{one.clean.label} on {one.task}: up to {most} could not be perturbed, or have no answer: "
                "they are in no pair"
            )
    pairs = corrected([d.pair for d in drops])
    drops = [replace(d, pair=pair) for d, pair in zip(drops, pairs, strict=True)]
    subject = study.named(reference)[0].key if reference else ""
    errors = corruption_errors([(o.task, o.clean, o.under) for o in found], subject)
    if reference and not any(e.normalised for e in errors):
        raise HemmError(
            f"--reference {reference}: it was not asked the corruptions, at all five levels, that another was"
        )
    label = study.subjects[subject].label if subject else ""
    return Robustness(tuple(drops), tuple(means), tuple(errors), label, tuple(dict.fromkeys(notes)))


def changed_columns(clean: CellScores, item: CellScores) -> tuple[ScoreColumn, ScoreColumn]:
    """The headline of the samples as they are and of the perturbed ones, without groups that were asked as
    they are (``noise`` and its like, of a sample without pictures)."""
    left, right = clean.headline, item.headline
    if perturbation_of(item.cell).partition(":")[0] in FIRST:
        rows = item.cell.answers(["id", "unit", "media"]).to_pylist()
        names = {"sample": "id", "unit": "unit"}.get(right.metric.group)
        if names is not None and not all(row["media"] for row in rows):
            pictured = {row[names] for row in rows if row["media"]}
            right = right.take(np.array([g in pictured for g in right.groups.tolist()], dtype=bool))
    return left, right


def mean_drops(one: Tried, name: str, failures: str = FailurePolicy.AS_WORST) -> list[MeanDrop]:
    """What one perturbation costs a model on a task, over its levels; empty where nothing can be compared."""
    own = [_drop(one, text, failures) for text in one.under if text.partition(":")[0] == name]
    return _means(one, own)


def _drop(one: Tried, text: str, failures: str) -> Drop:
    name, _, level = text.partition(":")
    item = one.under[text]
    left, right = changed_columns(one.clean, item)
    scale = Scale("anchored", failures=failures)
    pair = task_pair(replace(one.clean, headline=left), replace(item, headline=right), scale, Options(0))
    known = 0 if pair.pair is None else pair.pair.difference.n
    unchanged = len(item.headline) - known if pair.pair is not None else 0
    return Drop(one.clean.subject, one.clean.label, name, level, pair, unchanged)


def _means(one: Tried, drops: Sequence[Drop]) -> list[MeanDrop]:
    by_name: dict[str, list[Drop]] = {}
    for drop in drops:
        if drop.pair.pair is not None:
            by_name.setdefault(drop.name, []).append(drop)
            if drop.name.startswith("c/"):
                by_name.setdefault(ALL, []).append(drop)
    if len({d.name for d in by_name.get(ALL, ())}) < 2:
        by_name.pop(ALL, None)
    order = [ALL, *(n for n in by_name if n != ALL)] if ALL in by_name else list(by_name)
    rows = [_mean(one, name, by_name[name]) for name in order]
    return [row for row in rows if row is not None]


def _mean(one: Tried, name: str, drops: Sequence[Drop]) -> MeanDrop | None:
    columns = [changed_columns(one.clean, one.under[f"{d.name}:{d.level}"]) for d in drops]
    pairs = [common_groups(*pair) for pair in columns]
    if any(why for _, _, why in pairs) or isinstance(one.clean.headline.metric, CorpusMetric):
        return None
    kept = set.intersection(*(set(left.groups.tolist()) for left, _, _ in pairs))
    groups = [g for g in pairs[0][0].groups.tolist() if g in kept]
    if not groups:
        return None
    left = pairs[0][0].take(pairs[0][0].rows_of(groups))
    values = np.array([right.values[right.rows_of(groups)] for _, right, _ in pairs]).mean(axis=0)
    found = paired(left.values, values, left.clusters, left.metric.range, Options(0), left.part)
    if found.difference.value is None or found.a is None:
        return None
    better = 1.0 if left.metric.higher_is_better else -1.0
    worst = max(drops, key=lambda d: better * _value(d))
    mean, item = left.noted(found.difference), one.clean
    return MeanDrop(one.task, item.subject, item.label, name, len(drops), found.a, mean, worst)


def _value(drop: Drop) -> float:
    value = None if drop.pair.pair is None else drop.pair.pair.difference.value
    return -np.inf if value is None else value
