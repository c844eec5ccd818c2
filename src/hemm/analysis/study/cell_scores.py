"""Result cells as arrays of scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import NO_INTERVAL, AnytimeInterval, anytime_of
from hemm.analysis.study.sampling import CellSampling, Common, Sampling
from hemm.analysis.study.shared_texts import looked_up, shared
from hemm.analysis.study.subjects import Member, members_of
from hemm.core import DIMENSIONS, CorpusMetric, HemmError, Metric, Outcome
from hemm.data.arrow import array, numbers
from hemm.metrics.corpus_blocks import CorpusBlocks
from hemm.results.selections import MIXED
from hemm.stats.intervals import Estimate
from hemm.stats.strata import Part, weighted_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.results.read import Cell

OUTCOMES = tuple(o.value for o in Outcome)
_NUMBER_OF = {outcome: number for number, outcome in enumerate(OUTCOMES)}
Texts = NDArray[np.object_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreColumn:
    """One component of one metric over the groups of one cell, a row for each group.

    A metric scores a group at once: usually a sample, else the samples of a unit or of a metadata value.
    Scores of several cells are matched by the names in ``groups`` (``paired_with``, ``rows_of``). Repeats are
    averaged.

    values    failures count as the worst score; NaN for errors
    answered  the mean over a group's answers that have a value; NaN where none has
    missing   the share of a group's answers that have no value, whatever the reason
    ceiling   the best value that the group can have
    floor     the score of chance, else of the majority answer, else the worst score
    counts    groups x outcomes (in the order of ``OUTCOMES``): answers of all repeats
    cut       answers that were parsed although they were cut off
    labels    dimension -> category of each group, None where it has none
    version   of the metric that made the stored scores: ``metric`` is the one that is installed now
    anytime   the interval that is valid for a cell stopped early (``--until-ci``)
    joint     the number of each group's cluster over all tasks of a study; None: no two tasks share pictures
    sampling  how the groups were chosen; None: all were
    """

    metric: Metric
    component: str
    groups: Texts
    units: Texts
    clusters: Texts
    values: Floats
    answered: Floats
    missing: Floats
    ceiling: Floats
    floor: Floats
    counts: NDArray[np.int64]
    cut: NDArray[np.int64]
    labels: Mapping[str, Texts] = field(default_factory=dict)
    version: int = 0
    anytime: AnytimeInterval | None = None
    joint: NDArray[np.int64] | None = None
    sampling: Sampling | None = None

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def row_of(self) -> dict[str, int]:
        return {group: row for row, group in enumerate(self.groups.tolist())}

    @property
    def spec(self) -> str:
        """The metric with its parameters."""
        from hemm.metrics import spec_of

        return spec_of(self.metric)

    def take(self, picked: NDArray[Any]) -> ScoreColumn:
        """The picked groups (a mask or row numbers), those of a category."""
        arrays = {
            f.name: v[picked] for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)
        }
        labels = {dimension: column[picked] for dimension, column in self.labels.items()}
        sampling = None if self.sampling is None else self.sampling.take(picked)
        return replace(self, **arrays, labels=labels, sampling=sampling)

    @property
    def part(self) -> Part | None:
        """The weights of the groups; None: means are plain."""
        return None if self.sampling is None else self.sampling.part

    def mean_of(self, values: Floats, known: NDArray[np.bool_] | None = None) -> float:
        """The mean of values of these groups, weighted as their scores are, over those that are ``known``
        (by default, no NaN); NaN without any."""
        return weighted_mean(values, self.part, known)

    def rows_of(self, groups: Iterable[str]) -> NDArray[np.int64]:
        """The row of each of ``groups``. Raises KeyError for a group that is not here."""
        return np.array([self.row_of[group] for group in groups], dtype=np.int64)

    def paired_with(self, other: ScoreColumn) -> tuple[ScoreColumn, ScoreColumn]:
        """Both columns on the groups that both have, in the order of this one, for paired comparisons."""
        if np.array_equal(self.groups, other.groups):
            return self, other
        groups = [g for g in self.groups.tolist() if g in other.row_of]
        common = Common.of([(s.groups, s.sampling) for s in (self, other)])
        return self.in_common(groups, common), other.in_common(groups, common)

    def sampling_of(self, other: ScoreColumn) -> Sampling | None:
        """How the groups of another column of this cell were chosen, where they are among these."""
        if self.sampling is None:
            return None
        if self.metric.group != other.metric.group or not other.row_of.keys() <= self.row_of.keys():
            return Sampling(self.sampling.rule)
        rows = self.rows_of(other.groups.tolist())
        same = np.array_equal(rows, np.arange(len(self)))
        return self.sampling if same else self.sampling.take(rows)

    def noted(self, estimate: Estimate) -> Estimate:
        """An estimate over these groups, with a note where they were chosen evenly."""
        if self.sampling is None or not self.sampling.note:
            return estimate
        return replace(estimate, note="; ".join(filter(None, (estimate.note, self.sampling.note))))

    def as_whole(self) -> ScoreColumn:
        """The same groups, weighted by strata where they were chosen evenly and strata are known."""
        if self.sampling is None or not self.sampling.note or isinstance(self.metric, CorpusMetric):
            return self
        return replace(self, sampling=self.sampling.of_all(self.clusters, MIXED))

    def in_common(self, groups: Sequence[str], common: Common) -> ScoreColumn:
        """These groups, which other cells have too, weighted anew as all that were chosen."""
        column = self.take(self.rows_of(groups))
        return replace(column, sampling=common.sampling(groups, column.clusters))

    def numbers(self, values: Floats) -> NDArray[np.int64] | None:
        """Over all tasks the number of each cluster (in order) of the groups that have ``values``; None: no
        two tasks share pictures."""
        if self.joint is None:
            return None
        known = ~np.isnan(values)
        first = np.unique(self.clusters[known], return_index=True)[1]
        return np.asarray(self.joint[known][first], dtype=np.int64)

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome -> number of answers, repeats included."""
        return dict(zip(OUTCOMES, map(int, self.counts.sum(axis=0)), strict=True))


@dataclass(frozen=True)
class CellScores:
    """One cell with its scores: the headline, and every other metric and component.

    subject   key of the cell's ``Subject``
    pair      the same without the control: joins a control to the cell without it
    label     the subject's; of a cell that no study has named yet, that of the cell alone
    corpus    (metric spec, component) -> corpus value, of metrics that are no mean
    answers   the headline's stored scores (``results.layout.SCORE_SCHEMA``), a row for each repeat
    blocks    metric spec -> what the jackknife intervals of its corpus values are made of, where it is stored
              for exactly these groups
    unscored  why answers are kept and not scored -> how many
    counts_as  the form of the task (``task``, ``task:variant``) that counts in means over tasks in place of
               this one; empty: it counts
    apart     who proposed its labels, where tasks with other labels are at hand: no mean has both
    remarks   what its metrics remarked of the answers (``Metric.record``)
    """

    cell: Cell
    subject: str
    pair: str
    label: str
    control: str
    headline: ScoreColumn
    others: tuple[ScoreColumn, ...]
    corpus: Mapping[tuple[str, str], float | None]
    answers: pa.Table
    unscored: Mapping[str, int] = field(default_factory=dict)
    blocks: Mapping[str, CorpusBlocks] = field(default_factory=dict)
    counts_as: str = ""
    apart: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        return self.cell.task

    @property
    def in_means(self) -> bool:
        return not (self.counts_as or self.apart)

    def of(self, member: Member) -> CellScores:
        """The same scores as those of ``member``'s subject."""
        subject = member.subject
        return replace(self, subject=subject.key, pair=member.pair, label=subject.label)

    @property
    def columns(self) -> tuple[ScoreColumn, ...]:
        return (self.headline, *self.others)


def load_scores(cell: Cell) -> CellScores:
    """The stored scores of one cell; computed now where it is open or was never scored.

    Raises HemmError where there are none and the task is unknown here.
    """
    from hemm.metrics import spec_of

    stored = cell.aggregates()
    unscored = stored.get("unscored") or {}
    tables = None
    if cell.state == "open" or not stored.get("metrics"):
        tables = _score_now(cell, fall_back=bool(stored.get("metrics")))
        stored = stored if tables is None else {}
    if tables is None:
        tables = _stored(cell, stored)
    scores: list[ScoreColumn] = []
    chosen = CellSampling.of(cell)
    specs = {row["spec"]: row for row in stored.get("metrics", {}).values()}
    versions = {spec: row["version"] for spec, row in specs.items() if "version" in row}
    for metric, table in tables:
        names = list(dict.fromkeys(table.column("component").to_pylist())) or [""]
        version = int(versions.get(spec_of(metric), metric.version))
        columns = [_scores(table, metric, name, version) for name in names]
        scores += columns if chosen is None else _sampled(columns, chosen)
    corpus = {
        (row["spec"], name): component_row.get("value")
        for row in stored.get("metrics", {}).values()
        for name, component_row in row["components"].items()
        if component_row.get("corpus")
    }
    anytime = anytime_of(cell.run)
    if anytime is not None:
        watched = scores[0].spec == cell.run["until_ci"]["metric"]
        scores = [
            replace(s, anytime=anytime if watched and not n else NO_INTERVAL) for n, s in enumerate(scores)
        ]
    (member,), _ = members_of([cell])
    subject = member.subject
    return CellScores(
        cell,
        subject.key,
        member.pair,
        subject.label,
        subject.control,
        scores[0],
        tuple(scores[1:]),
        corpus,
        tables[0][1],
        unscored,
        {spec: found for spec, row in specs.items() if (found := CorpusBlocks.from_json(row.get("blocks")))},
        remarks=tuple(str(line) for row in specs.values() for line in row.get("remarks") or ()),
    )


def _sampled(columns: Sequence[ScoreColumn], chosen: CellSampling) -> list[ScoreColumn]:
    """The components of one metric with their weights, which are those of all its groups."""
    cluster_of = {g: c for s in columns for g, c in zip(s.groups.tolist(), s.clusters.tolist(), strict=True)}
    groups = list(cluster_of)
    whole = chosen.of_groups(columns[0].metric.group, groups, list(cluster_of.values()))
    row_of = {group: row for row, group in enumerate(groups)}
    out = []
    for column in columns:
        rows = np.array([row_of[g] for g in column.groups.tolist()], dtype=np.int64)
        sampling = whole if np.array_equal(rows, np.arange(len(groups))) else whole.take(rows)
        out.append(replace(column, sampling=sampling))
    return out


def _stored(cell: Cell, stored: Mapping[str, Any]) -> list[tuple[Metric, pa.Table]]:
    from hemm.metrics import stored as metric_of

    rows: dict[str, Any] = stored["metrics"]
    first = stored.get("headline") or next(iter(rows))
    order = [first, *(key for key in rows if key != first)]
    return [(metric_of(rows[key]), cell.scores(key)) for key in order]


def _score_now(cell: Cell, fall_back: bool) -> list[tuple[Metric, pa.Table]] | None:
    """Scores of the current answers by the task's metrics that need neither weights nor a judge.

    None with ``fall_back`` where the task is unknown here or has no such metric; without, HemmError.
    """
    from hemm.engine.score import stored_media
    from hemm.engine.stored_task import task_of
    from hemm.metrics import resolve
    from hemm.metrics.scoring import score_answers

    try:
        task = task_of(cell)
    except HemmError as error:
        if fall_back:
            return None
        raise HemmError(f"{cell.folder} is not scored and its task is not known here ({error})") from error
    metrics = [m for m in map(resolve, task.metrics) if not {"weights", "judge"} & m.needs]
    if not metrics:
        if fall_back:
            return None
        raise HemmError(
            f"{cell.folder} is not scored: all metrics of task {task.name} "
            f"({', '.join(map(str, task.metrics))}) need weights or a judge: hemm score --metric has them"
        )
    answers, media = cell.answers(), stored_media(cell)
    return [(metric, score_answers(answers, task, metric, media)) for metric in metrics]


def _scores(table: pa.Table, metric: Metric, component: str, version: int) -> ScoreColumn:
    there = shared(table.column("component")) == component
    rows = table if there.all() else table.filter(array(there.tolist(), "bool"))
    groups, first, codes = _grouped(shared(rows.column("group")).tolist())
    known_values, outcomes = _numbers(rows, "value"), shared(rows.column("outcome")).tolist()
    counted_values = _with_failures(known_values, outcomes, metric)
    once = len(groups) == len(rows)  # as without repeats
    first_rows = rows if once else rows.take(first)
    kinds = np.fromiter(map(_NUMBER_OF.__getitem__, outcomes), np.int64, len(outcomes))
    cells = np.bincount(codes * len(OUTCOMES) + kinds, minlength=len(groups) * len(OUTCOMES))
    counts = cells.astype(np.int64, copy=False).reshape(len(groups), len(OUTCOMES))
    cut = np.bincount(codes, weights=_numbers(rows, "cut"), minlength=len(groups)).astype(np.int64)
    return ScoreColumn(
        metric=metric,
        component=component,
        version=version,
        groups=np.array(groups, dtype=object),
        units=shared(first_rows.column("unit")),
        clusters=shared(first_rows.column("cluster")),
        values=_means(counted_values, codes, len(groups)),
        answered=_means(known_values, codes, len(groups)),
        missing=np.bincount(codes, weights=np.isnan(known_values), minlength=len(groups))
        / counts.sum(axis=1),
        ceiling=_numbers(first_rows, "ceiling"),
        floor=_floor(first_rows, metric),
        counts=counts,
        cut=cut,
        labels=looked_up(first_rows.column("labels").combine_chunks(), DIMENSIONS),
    )


def _grouped(keys: Sequence[str]) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct keys in order, the first row of each, and the number of its key for each row."""
    if len(set(keys)) == len(keys):
        each = np.arange(len(keys), dtype=np.int64)
        return list(keys), each, each
    code_of: dict[str, int] = {}
    first: list[int] = []
    codes = np.zeros(len(keys), dtype=np.int64)
    for row, key in enumerate(keys):
        if key not in code_of:
            code_of[key] = len(code_of)
            first.append(row)
        codes[row] = code_of[key]
    return list(code_of), np.array(first, dtype=np.int64), codes


def _numbers(table: pa.Table, name: str) -> Floats:
    column = table.column(name)
    null = False if str(column.type) == "bool" else math.nan
    return numbers(column, null).astype(np.float64)


def _with_failures(values: Any, outcomes: Sequence[str], metric: Metric) -> Floats:
    from hemm.metrics.scoring import worst
    from hemm.results.counted import reading

    lowest = worst(metric)
    known = np.asarray(values, dtype=np.float64)
    filled = known.copy()
    for row in np.flatnonzero(np.isnan(known)).tolist():
        score = reading(None, outcomes[row], lowest)
        filled[row] = math.nan if score is None else score
    return filled


def _means(values: Floats, codes: NDArray[np.int64], count: int) -> Floats:
    """The mean of each group over its repeats, NaN where it has no value."""
    known = ~np.isnan(values)
    totals = np.bincount(codes[known], weights=values[known], minlength=count)
    n = np.bincount(codes[known], minlength=count)
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, totals / np.maximum(n, 1), math.nan)


def _floor(rows: pa.Table, metric: Metric) -> Floats:
    """The 0 of the ``anchored`` normaliser: chance, else the majority answer, else the worst score."""
    from hemm.metrics.scoring import worst

    chance, majority = _numbers(rows, "chance"), _numbers(rows, "majority")
    floor = np.where(np.isnan(chance), majority, chance)
    return np.where(np.isnan(floor), worst(metric), floor)
