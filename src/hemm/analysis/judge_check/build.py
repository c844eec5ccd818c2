"""Scores that labels by people put right, and what is wrong with the judge. ``docs/human-labels.md`` has the
definitions and the schema of the JSON."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.judge_check.answers import ScoredCell, ScoredCells, scored_cells
from hemm.analysis.judge_check.labels import Key, match, read_labels
from hemm.core.text import counted
from hemm.stats.agreement import krippendorff_alpha
from hemm.stats.intervals import Estimate, combine, mean_difference, mean_interval
from hemm.stats.prediction_powered import Powered, powered_difference, powered_mean

if TYPE_CHECKING:
    from hemm.results.read import Cell

SCHEMA_VERSION = 1
NOT_DRAWN = 0.01
"""Below this p the labelled answers are said not to look drawn at random."""
MOST_VALUES = 10
"""With more values than these of the judge, the calibration is by fifths of the labelled answers."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedScore:
    """The score of one subject on one task (empty: the mean over tasks), on the metric's scale.

    estimate  judge and labels together (prediction-powered); ``labels`` alone; ``judge`` alone
    answers   number of answers; n of ``labels`` are labelled
    lam       weight of the judge's scores; 0: the labels alone; None for a mean over tasks
    bias      the judge less people, on the labelled answers
    annotators  number of people; ``several``: answers that more than one of them labelled
    """

    subject: str
    task: str
    estimate: Estimate
    labels: Estimate
    judge: float
    answers: int
    lam: float | None
    bias: Estimate
    annotators: int
    several: int


@dataclass(frozen=True)
class JudgedDifference:
    """Subject ``a`` less subject ``b`` on the answers of one task that both have; members as above."""

    task: str
    a: str
    b: str
    estimate: Estimate
    labels: Estimate
    judge: float
    answers: int
    lam: float


@dataclass(frozen=True)
class Calibration:
    """What people said where the judge gave ``low`` to ``high``."""

    low: float
    high: float
    people: Estimate


@dataclass(frozen=True)
class JudgeCheck:
    """A judge against people.

    metric       its spec; ``low`` and ``high`` are the ends of the scale
    labelled     number of answers with labels
    same         share of these that judge and people score the same; ``correlation``: Pearson's
    alpha        Krippendorff's alpha of people (nominal); None without answers of several
    """

    metric: str
    low: float
    high: float
    scores: tuple[JudgedScore, ...]
    differences: tuple[JudgedDifference, ...]
    calibration: tuple[Calibration, ...]
    labelled: int
    same: float
    correlation: float | None
    alpha: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm judge-check``."""
        return {
            "schema_version": SCHEMA_VERSION,
            **{n: getattr(self, n) for n in ("metric", "labelled", "same", "correlation", "alpha")},
            "scale": [self.low, self.high],
            "scores": [_json(row) for row in self.scores],
            "differences": [_json(row) for row in self.differences],
            "calibration": [_json(row) for row in self.calibration],
            "notes": list(self.notes),
        }


def _json(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return {name: v.to_json() if isinstance(v, Estimate) else v for name, v in values.items()}


@dataclass(frozen=True)
class _Side:
    """The answers of one cell that have a score: label (NaN: none), score, cluster and place of each."""

    scored: ScoredCell
    labels: Floats
    scores: Floats
    clusters: Sequence[str]
    places: Sequence[tuple[str, int]]
    annotators: int
    several: int

    @property
    def labelled(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.labels)


def judge_check(cells: Sequence[Cell], human: Path, metric: str = "") -> JudgeCheck:
    """The judge (or another ``metric``) that scored ``cells`` against the labels in the file ``human``.

    Raises HemmError where no or several judges scored the cells, BadData naming all rows of the file that are
    about no answer.
    """
    scored = scored_cells(cells, metric)
    matched = match(read_labels(human), scored, human)
    sides = [_side(number, cell, matched.values) for number, cell in enumerate(scored.cells)]
    notes = [*matched.notes(), *scored.left_out, *_unscored(scored.cells)]
    known = [side for side in sides if side.labelled.any()]
    bare = [side.scored for side in sides if not side.labelled.any()]
    notes += [f"{cell.subject} on {cell.task}: no labels: it is not shown" for cell in bare]
    powered = [_mean(side, scored) for side in known]
    scores = [_score(side, found, scored) for side, found in zip(known, powered, strict=True)]
    for side, found in zip(known, powered, strict=True):
        notes += _not_drawn(side, found)
    y = np.concatenate([side.labels[side.labelled] for side in known])
    f = np.concatenate([side.scores[side.labelled] for side in known])
    names = [
        f"{s.scored.task}\0{c}" for s in known for c, has in zip(s.clusters, s.labelled, strict=True) if has
    ]
    return JudgeCheck(
        metric=scored.spec,
        low=scored.low,
        high=scored.high,
        scores=(*scores, *_over_tasks(scores)),
        differences=tuple(_differences(known, scored)),
        calibration=tuple(_calibration(y, f, names, (scored.low, scored.high))),
        labelled=len(y),
        same=float(np.mean(y == f)),
        correlation=float(np.corrcoef(y, f)[0, 1]) if np.ptp(y) > 0 and np.ptp(f) > 0 else None,
        alpha=_alpha(matched.values),
        notes=tuple(notes),
    )


def _side(number: int, cell: ScoredCell, values: Mapping[Key, Mapping[str, float]]) -> _Side:
    known = [a for a in cell.answers if a.score is not None]
    labels = [values.get((number, a.sample, a.repeat)) for a in known]
    return _Side(
        scored=cell,
        labels=np.array([math.nan if not own else math.fsum(own.values()) / len(own) for own in labels]),
        scores=np.array([a.score for a in known], dtype=np.float64),
        clusters=[a.cluster for a in known],
        places=[(a.sample, a.repeat) for a in known],
        annotators=len({who for own in labels if own for who in own}),
        several=sum(len(own) > 1 for own in labels if own),
    )


def _unscored(cells: Sequence[ScoredCell]) -> list[str]:
    counts = [sum(a.score is None for a in cell.answers) for cell in cells]
    return [
        f"{cell.subject} on {cell.task}: {counted(count, 'answer')} without a score left out"
        for cell, count in zip(cells, counts, strict=True)
        if count
    ]


def _mean(side: _Side, scored: ScoredCells) -> Powered:
    return powered_mean(side.labels, side.scores, side.clusters, (scored.low, scored.high))


def _score(side: _Side, found: Powered, scored: ScoredCells) -> JudgedScore:
    names = np.asarray(side.clusters, dtype=object)[side.labelled]
    bias = mean_difference((side.scores - side.labels)[side.labelled], names, scored.high - scored.low)
    return JudgedScore(
        subject=side.scored.subject,
        task=side.scored.task,
        estimate=found.estimate,
        labels=found.labels,
        judge=found.judge,
        answers=found.answers,
        lam=found.lam,
        bias=bias.estimate,
        annotators=side.annotators,
        several=side.several,
    )


def _not_drawn(side: _Side, found: Powered) -> list[str]:
    if found.p_drawn is None or found.p_drawn >= NOT_DRAWN:
        return []
    return [
        f"{side.scored.subject} on {side.scored.task}: the judge scores the labelled answers otherwise than "
        f"the others (p {found.p_drawn:.2g}): they do not look drawn at random, and the figures may be wrong"
    ]


def _over_tasks(scores: Sequence[JudgedScore]) -> list[JudgedScore]:
    """The mean over tasks of each subject that has several."""
    found = []
    for subject in dict.fromkeys(row.subject for row in scores):
        rows = [row for row in scores if row.subject == subject]
        if len(rows) > 1:
            found.append(
                JudgedScore(
                    subject=subject,
                    task="",
                    estimate=combine([row.estimate for row in rows]),
                    labels=combine([row.labels for row in rows]),
                    judge=math.fsum(row.judge for row in rows) / len(rows),
                    answers=sum(row.answers for row in rows),
                    lam=None,
                    bias=combine([row.bias for row in rows]),
                    annotators=max(row.annotators for row in rows),
                    several=sum(row.several for row in rows),
                )
            )
    return found


def _differences(sides: Sequence[_Side], scored: ScoredCells) -> list[JudgedDifference]:
    """Paired differences on each task, where an answer of both sides to one sample has labels."""
    found = []
    for a, b in itertools.combinations(sides, 2):
        if a.scored.task != b.scored.task:
            continue
        row_of = {place: row for row, place in enumerate(b.places)}
        mine = [row for row, place in enumerate(a.places) if place in row_of]
        theirs = [row_of[a.places[row]] for row in mine]
        if not mine:
            continue
        labels = a.labels[mine] - b.labels[theirs]
        if bool(np.isnan(labels).all()):
            continue
        judged = a.scores[mine] - b.scores[theirs]
        clusters = [a.clusters[row] for row in mine]
        powered = powered_difference(labels, judged, clusters, scored.high - scored.low)
        found.append(
            JudgedDifference(
                task=a.scored.task,
                a=a.scored.subject,
                b=b.scored.subject,
                estimate=powered.estimate,
                labels=powered.labels,
                judge=powered.judge,
                answers=powered.answers,
                lam=powered.lam,
            )
        )
    return found


def _calibration(
    y: Floats, f: Floats, clusters: Sequence[str], bounds: tuple[float, float]
) -> list[Calibration]:
    """What people said at each value of the judge, or in each fifth of the labelled answers."""
    values = np.unique(f)
    if len(values) > MOST_VALUES:
        edges = np.unique(np.quantile(f, np.linspace(0, 1, 6)))
        part = np.clip(np.searchsorted(edges, f, side="right") - 1, 0, len(edges) - 2)
    else:
        part = np.searchsorted(values, f)
    names = np.asarray(clusters, dtype=object)
    found = []
    for number in np.unique(part):
        mask = part == number
        people = mean_interval(y[mask], names[mask], bounds)
        found.append(Calibration(float(f[mask].min()), float(f[mask].max()), people))
    return found


def _alpha(values: Mapping[Key, Mapping[str, float]]) -> float | None:
    known = sorted({value for own in values.values() for value in own.values()})
    counts = np.zeros((len(values), len(known)))
    for row, own in zip(counts, values.values(), strict=True):
        for value in own.values():
            row[known.index(value)] += 1
    return krippendorff_alpha(counts)
