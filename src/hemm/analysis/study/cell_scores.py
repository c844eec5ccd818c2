"""From result cells to the arrays that the profile is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.anytime_interval import NO_INTERVAL, AnytimeInterval, anytime_of
from hemm.core import CONTROLS, DIMENSIONS, HemmError, Metric, Outcome, digest

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.results.read import Cell

OUTCOMES = tuple(o.value for o in Outcome)
Texts = NDArray[np.object_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreColumn:
    """One component of one metric over the groups of one cell, a row for each group.

    A group is what the metric scores at once: usually a sample, else the samples of a unit or of a metadata
    value. Its name, in ``groups``, is the one key by which scores of several cells are matched
    (``paired_with``, ``rows_of``). Repeats of a group are averaged.

    values    with failures as the worst score, NaN where there is none (errors)
    answered  the mean over a group's answers that have a value, NaN where none has
    missing   the share of its answers that have none, whatever the reason
    ceiling   the best value that the group can have
    floor     what chance gives it, else the majority answer, else the worst score
    counts    groups x outcomes (in the order of ``OUTCOMES``): answers, all repeats
    cut       answers that were parsed although they were cut off
    labels    dimension -> category of each group, None where it has none
    anytime   the interval that holds where the scores decided how many groups there are (``--until-ci``)
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
    anytime: AnytimeInterval | None = None

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Group -> its row."""
        return {group: row for row, group in enumerate(self.groups.tolist())}

    @property
    def spec(self) -> str:
        """The metric with its parameters."""
        from hemm.metrics import spec_of

        return spec_of(self.metric)

    def take(self, picked: NDArray[Any]) -> ScoreColumn:
        """These groups alone (a mask or row numbers)."""
        arrays = {
            f.name: v[picked] for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)
        }
        labels = {dimension: column[picked] for dimension, column in self.labels.items()}
        return replace(self, **arrays, labels=labels)

    def rows_of(self, groups: Iterable[str]) -> NDArray[np.int64]:
        """The rows of these groups, which it must have, in their order."""
        return np.array([self.row_of[group] for group in groups], dtype=np.int64)

    def paired_with(self, other: ScoreColumn) -> tuple[ScoreColumn, ScoreColumn]:
        """The groups that both have, in the order of this one: what paired comparisons are made of."""
        if np.array_equal(self.groups, other.groups):
            return self, other
        groups = [g for g in self.groups.tolist() if g in other.row_of]
        return self.take(self.rows_of(groups)), other.take(other.rows_of(groups))

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome -> number of answers, repeats included."""
        return dict(zip(OUTCOMES, map(int, self.counts.sum(axis=0)), strict=True))


@dataclass(frozen=True)
class CellScores:
    """One cell with its scores: the headline, and every other metric and component.

    subject   digest of the model and its settings, whatever the task
    pair      the same without control and seed: joins a control to its plain cell
    corpus    (metric spec, component) -> corpus value of metrics that are no mean
    answers   the headline's scores as they are stored (``results.layout.SCORE_SCHEMA``), each repeat apart
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

    @property
    def task(self) -> str:
        return self.cell.task

    @property
    def columns(self) -> tuple[ScoreColumn, ...]:
        """The headline, then all others."""
        return (self.headline, *self.others)


def load_scores(cell: Cell) -> CellScores:
    """The scores of one cell: those on disk, or made now where it is open or was never scored.

    Raises HemmError where it has none and its task is not known here.
    """
    stored = cell.aggregates()
    tables = None
    if cell.state == "open" or not stored.get("metrics"):
        tables = _fresh(cell, fall_back=bool(stored.get("metrics")))
        stored = stored if tables is None else {}
    if tables is None:
        tables = _stored(cell, stored)
    scores: list[ScoreColumn] = []
    for metric, table in tables:
        names = list(dict.fromkeys(table.column("component").to_pylist())) or [""]
        scores += [_scores(table, metric, name) for name in names]
    spec = cell.run["protocol_spec"]
    subject, pair, how = _subject(cell, spec)
    corpus = {
        (row["spec"], name): part.get("value")
        for row in stored.get("metrics", {}).values()
        for name, part in row["components"].items()
        if part.get("corpus")
    }
    control = str(spec.get("control") or "")
    anytime = anytime_of(cell.run)
    if anytime is not None:
        watched = scores[0].spec == cell.run["until_ci"]["metric"]
        scores = [
            replace(s, anytime=anytime if watched and not n else NO_INTERVAL) for n, s in enumerate(scores)
        ]
    return CellScores(cell, subject, pair, how, control, scores[0], tuple(scores[1:]), corpus, tables[0][1])


def _stored(cell: Cell, stored: Mapping[str, Any]) -> list[tuple[Metric, pa.Table]]:
    from hemm.metrics import resolve

    rows: dict[str, Any] = stored["metrics"]
    first = stored.get("headline") or next(iter(rows))
    order = [first, *(key for key in rows if key != first)]
    return [(resolve(rows[key]["spec"]), cell.scores(key)) for key in order]


def _fresh(cell: Cell, fall_back: bool) -> list[tuple[Metric, pa.Table]] | None:
    """Scores of the answers as they are now; None where the task is not known here and older scores are."""
    from hemm.engine.score import stored_media
    from hemm.metrics import resolve
    from hemm.metrics.scoring import score_answers
    from hemm.tasks import resolve as task_named

    try:
        task = task_named(cell.task)
    except HemmError as error:
        if fall_back:
            return None
        raise HemmError(f"{cell.folder} is not scored and its task is not known here ({error})") from error
    answers, media = cell.answers(), stored_media(cell)
    metrics = [m for m in map(resolve, task.metrics) if "weights" not in m.needs]
    return [(metric, score_answers(answers, task, metric, media)) for metric in metrics]


def _subject(cell: Cell, spec: Mapping[str, Any]) -> tuple[str, str, str]:
    """Digest of the subject, of its pair, and its name for people.

    What belongs to the task (template, instruction, length and kind of answers) is left out, unless the user
    set it.
    """
    generation = {k: v for k, v in dict(spec.get("generation") or {}).items() if k != "max_new_tokens"}
    generation["extra"] = [pair for pair in generation.get("extra") or () if pair[0] != "output"]
    own = {
        "model": spec["model"],
        "shots": spec.get("shots", 0),
        "perturb": spec.get("perturb", ""),
        "generation": generation,
        "prompt": spec["template"] if cell.run.get("prompt_file") else "",
    }
    control = spec.get("control") or ""
    how = [f"picture {CONTROLS[control].short}"] if control else []
    how += [f"{spec['shots']} shots"] if spec.get("shots") else []
    how += [str(spec["perturb"])] if spec.get("perturb") else []
    how += [f"prompt {cell.run['prompt_file']}"] if cell.run.get("prompt_file") else []
    if generation.get("temperature"):
        how.append(f"temperature {generation['temperature']:g}")
    if generation.get("scoring") not in (None, "generate"):
        how.append(str(generation["scoring"]))
    if generation.get("max_pixels"):
        how.append(f"{generation['max_pixels']} pixels")
    name = cell.model + (f"@{cell.revision[:8]}" if cell.revision else "")
    label = f"{name} ({', '.join(how)})" if how else name
    return digest([own, control], 12), digest(own, 12), label


def _scores(table: pa.Table, metric: Metric, component: str) -> ScoreColumn:
    import pyarrow.compute as pc

    rows = table.filter(pc.equal(table.column("component"), component))
    groups, first, codes = _grouped(rows.column("group").to_pylist())
    values, outcomes = rows.column("value").to_numpy(zero_copy_only=False), rows.column("outcome").to_pylist()
    known_values = np.asarray(values, dtype=np.float64)
    read = _read(values, outcomes, metric)
    labels = rows.column("labels").combine_chunks()
    lead = rows.take(first)
    counts = np.zeros((len(groups), len(OUTCOMES)), dtype=np.int64)
    kinds = np.array([OUTCOMES.index(o) for o in outcomes], dtype=np.int64)
    np.add.at(counts, (codes, kinds), 1)
    cut = np.bincount(codes, weights=_numbers(rows, "cut"), minlength=len(groups)).astype(np.int64)
    known = {d: pc.map_lookup(labels, d, "first").take(first) for d in DIMENSIONS}
    return ScoreColumn(
        metric=metric,
        component=component,
        groups=np.array(groups, dtype=object),
        units=np.array(lead.column("unit").to_pylist(), dtype=object),
        clusters=np.array(lead.column("cluster").to_pylist(), dtype=object),
        values=_means(read, codes, len(groups)),
        answered=_means(known_values, codes, len(groups)),
        missing=np.bincount(codes, weights=np.isnan(known_values), minlength=len(groups))
        / counts.sum(axis=1),
        ceiling=_numbers(lead, "ceiling"),
        floor=_floor(lead, metric),
        counts=counts,
        cut=cut,
        labels={d: np.array(c.to_pylist(), dtype=object) for d, c in known.items()},
    )


def _grouped(keys: Sequence[str]) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct keys in order, the row where each comes first, and each row's number of key."""
    number: dict[str, int] = {}
    first: list[int] = []
    codes = np.zeros(len(keys), dtype=np.int64)
    for row, key in enumerate(keys):
        if key not in number:
            number[key] = len(number)
            first.append(row)
        codes[row] = number[key]
    return list(number), np.array(first, dtype=np.int64), codes


def _numbers(table: pa.Table, name: str) -> Floats:
    import pyarrow as pa

    column = table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(column, dtype=np.float64)


def _read(values: Any, outcomes: Sequence[str], metric: Metric) -> Floats:
    from hemm.metrics.scoring import reading, worst

    lowest = worst(metric)
    known = np.asarray(values, dtype=np.float64)
    out = known.copy()
    for row in np.flatnonzero(np.isnan(known)).tolist():
        read = reading(None, outcomes[row], lowest)
        out[row] = math.nan if read is None else read
    return out


def _means(read: Floats, codes: NDArray[np.int64], count: int) -> Floats:
    """The mean reading of each group over its repeats, NaN where it has none."""
    known = ~np.isnan(read)
    totals = np.bincount(codes[known], weights=read[known], minlength=count)
    n = np.bincount(codes[known], minlength=count)
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, totals / np.maximum(n, 1), math.nan)


def _floor(rows: pa.Table, metric: Metric) -> Floats:
    """What 0 of the ``anchored`` normaliser stands for: chance, else the majority answer, else the worst
    score."""
    from hemm.metrics.scoring import worst

    chance, majority = _numbers(rows, "chance"), _numbers(rows, "majority")
    found = np.where(np.isnan(chance), majority, chance)
    return np.where(np.isnan(found), worst(metric), found)
