"""Selects the answers that a report shows: the worst, those where models differ, and failures. The best are
rarely news."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from hemm.analysis.study.groups import group_members
from hemm.core import keyed_number
from hemm.data.arrow import array
from hemm.report.pictures import MEDIA_MARK, Gallery, Picture
from hemm.report.text import Excerpt, excerpt

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
    from hemm.results.read import Cell

REFERENCES = 6
"""Most references that an example shows."""
CARDS = 48
"""Approximate number of examples in a report."""


@dataclass(frozen=True)
class ModelCell:
    """One model's cell of a task, with the model's number and name in the report."""

    item: CellScores
    number: int
    label: str


@dataclass(frozen=True)
class Answer:
    """The answer of one model. ``scores`` are (metric, value); ``why`` is the refusal or failure, if any;
    ``stage`` is the rule of docs/answers.md that read it, and ``read`` the words that it read."""

    number: int
    who: str
    text: Excerpt
    reasoning: Excerpt
    outcome: str
    cut: bool
    why: str
    scores: tuple[tuple[str, float | None], ...]
    pictures: tuple[Picture, ...]
    repeats: int
    stage: str = ""
    read: str = ""


@dataclass(frozen=True)
class Example:
    """One sample with its answers; ``together`` is the number of samples in its group."""

    id: str
    pictures: tuple[Picture, ...]
    prompt: Excerpt
    references: tuple[Excerpt, ...]
    picture_references: tuple[Picture, ...]
    more_references: int
    labels: tuple[str, ...]
    answers: tuple[Answer, ...]
    together: int


@dataclass(frozen=True)
class Group:
    title: str
    examples: tuple[Example, ...]


def rows_of(cell: Cell, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Sample id -> its stored answers, in the order of their repeats."""
    wanted = list(ids)
    by_key: dict[tuple[str, int], dict[str, Any]] = {}
    for row in _read(cell, wanted).to_pylist():
        by_key[row["id"], row["repeat"]] = row
    by_sample: dict[str, list[dict[str, Any]]] = {}
    for (name, _), row in sorted(by_key.items(), key=lambda item: item[0][1]):
        by_sample.setdefault(name, []).append(row)
    return by_sample


def _read(cell: Cell, wanted: list[str]) -> pa.Table:
    import pyarrow as pa

    ids = array(wanted, "string")
    read = (table.filter(pc.is_in(table["id"], value_set=ids)) for table in cell.answers_in_turn())
    return pa.concat_tables(list(read))


def examples(model_cells: Sequence[ModelCell], gallery: Gallery, per_group: int) -> list[Group]:
    """Examples of one task with the answers of all models to the same sample."""
    items = [a.item for a in model_cells]
    picked = _choose([item.headline for item in items], items[0].task, per_group)
    wanted = {key for _, keys in picked for key in keys}
    members = _members(items, wanted)
    ids = [names[0] for names in members.values()]
    rows = [rows_of(item.cell, ids) for item in items]
    out = []
    for title, keys in picked:
        cards = [
            example(key, members[key], model_cells, rows, gallery)
            for key in keys
            if key in members and any(members[key][0] in r for r in rows)
        ]
        if cards:
            out.append(Group(title, tuple(cards)))
    return out


Keys = list[str]


def _choose(scores: Sequence[ScoreColumn], task: str, count: int) -> list[tuple[str, Keys]]:
    """(title, groups) of each kind, without groups of earlier kinds."""
    table = _GroupTable(scores, task)
    used: set[str] = set()

    def pick(order: Iterable[int]) -> Keys:
        keys = table.from_clusters([n for n in order if table.keys[n] not in used], count)
        used.update(keys)
        return keys

    several = len(scores) > 1
    kinds: list[tuple[str, Keys]] = []
    usable = table.readable()
    means = table.mean[usable]
    if len(usable) and np.ptp(means) > 1e-9:
        kinds.append(("Worst on average" if several else "Worst", pick(table.sorted(usable, table.mean))))
    elif len(usable):
        kinds.append(("All scores are equal: some of the answers", pick(table.sorted(usable, table.mean))))
    if several:
        differing = [n for n in usable if table.spread_of[n] > 1e-9]
        kinds.append(("Models differ most", pick(table.sorted(differing, -table.spread_of))))
    for outcome in table.outcomes:
        failed = [n for n in range(len(table.keys)) if outcome in table.failures[n]]
        kinds.append((_FAILURE_TITLES[outcome], pick(table.sorted(failed, table.mean))))
    return [(title, keys) for title, keys in kinds if keys]


_FAILURE_TITLES = {
    "unparsable": "Could not be read (unparsable)",
    "refused": "Refused",
    "truncated": "Cut off before an answer (truncated)",
    "error": "No answer was had (error)",
}


class _GroupTable:
    """All groups of a task: mean score (higher is better) and range over models, failures."""

    def __init__(self, scores: Sequence[ScoreColumn], task: str) -> None:
        from hemm.analysis.study.cell_scores import OUTCOMES

        self.task = task
        self.keys = list(dict.fromkeys(k for s in scores for k in s.groups.tolist()))
        index = {key: n for n, key in enumerate(self.keys)}
        values = np.full((len(scores), len(self.keys)), np.nan)
        self.failures: list[set[str]] = [set() for _ in self.keys]
        self.clusters = [""] * len(self.keys)
        for model, column in enumerate(scores):
            sign = 1.0 if column.metric.higher_is_better else -1.0
            rows = [index[key] for key in column.groups.tolist()]
            values[model, rows] = sign * column.values
            for n, counts, cluster in zip(rows, column.counts, column.clusters.tolist(), strict=True):
                self.clusters[n] = cluster
                self.failures[n] |= {o for o, c in zip(OUTCOMES, counts, strict=True) if c and o != "ok"}
        known = ~np.isnan(values)
        count = known.sum(axis=0)
        filled = np.where(known, values, 0.0)
        self.mean = np.where(count > 0, filled.sum(axis=0) / np.maximum(count, 1), np.nan)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        self.spread_of = np.where(count > 1, high - low, 0.0)
        self.outcomes = [o for o in _FAILURE_TITLES if any(o in f for f in self.failures)]

    def readable(self) -> list[int]:
        """Groups with a score and without failures."""
        return [n for n in range(len(self.keys)) if not self.failures[n] and not np.isnan(self.mean[n])]

    def sorted(self, rows: Sequence[int], by: Any) -> list[int]:
        """Sorted by value; equal values in a random order that is always the same."""
        return sorted(rows, key=lambda n: (float(by[n]), keyed_number("report", self.task, self.keys[n])))

    def from_clusters(self, rows: Sequence[int], count: int) -> Keys:
        """Up to ``count`` of the first rows, rows of new clusters before those of clusters already picked."""
        chosen: Keys = []
        used: set[str] = set()
        for first in (True, False):
            for n in rows[: 50 * count]:
                if len(chosen) == count:
                    return chosen
                if self.keys[n] not in chosen and not (first and self.clusters[n] in used):
                    chosen.append(self.keys[n])
                    used.add(self.clusters[n])
        return chosen


def _members(items: Sequence[CellScores], wanted: set[str]) -> dict[str, list[str]]:
    """Group -> its samples, in order."""
    kind = items[0].headline.metric.group
    if kind == "sample":
        return {key: [key] for key in wanted}
    members: dict[str, dict[str, str]] = {}
    for item in items:
        for key, names in group_members(item.cell, kind).items():
            if key in wanted:
                members.setdefault(key, {}).update(names)
    return {key: list(names) for key, names in members.items()}


def example(
    key: str,
    names: list[str],
    model_cells: Sequence[ModelCell],
    rows: Sequence[Mapping[str, list[dict[str, Any]]]],
    gallery: Gallery,
) -> Example:
    name = names[0]
    answered = [(model_cell, r[name]) for model_cell, r in zip(model_cells, rows, strict=True) if name in r]
    cell, row = answered[0][0].item.cell, answered[0][1][0]
    references = [r for r in row["references"] if not r.startswith(MEDIA_MARK)]
    marked = [r[len(MEDIA_MARK) :] for r in row["references"] if r.startswith(MEDIA_MARK)]
    return Example(
        id=name,
        pictures=tuple(gallery.of(cell, row)),
        prompt=excerpt(row["prompt"]),
        references=tuple(excerpt(r, 300) for r in references[:REFERENCES]),
        picture_references=tuple(gallery.reference(cell, row, d) for d in marked[:REFERENCES]),
        more_references=max(0, len(references) - REFERENCES),
        labels=tuple(v.replace("_", " ") for v in _short_labels(dict(row["labels"]))),
        answers=tuple(_answer(model_cell, key, r, gallery) for model_cell, r in answered),
        together=len(names),
    )


def _short_labels(labels: Mapping[str, str]) -> list[str]:
    # "more" or "yes" say nothing without their dimension
    return [v if len(v) > 4 else f"{d}: {v}" for d, v in labels.items()]


def _answer(model_cell: ModelCell, key: str, rows: list[dict[str, Any]], gallery: Gallery) -> Answer:
    item, row = model_cell.item, rows[0]
    outcome, cut = _outcome(item.headline, key)
    scores = []
    for column in item.columns:
        if key in column.row_of:
            title = f"{column.metric.name} {column.component}".strip()
            value = float(column.values[column.row_of[key]])
            scores.append((title, None if value != value else value))
    why = row["refusal"] or ""
    if row["failure"] is not None:
        why = f"{row['failure']}: {row['failure_message'] or ''}"
    return Answer(
        number=model_cell.number,
        who=model_cell.label,
        text=excerpt(row["raw"] or ""),
        reasoning=excerpt(row["reasoning"] or "", 600),
        outcome=outcome,
        cut=cut,
        why=excerpt(why, 400).text,
        scores=tuple(scores),
        pictures=tuple(gallery.produced(item.cell, row["produced"] or [])),
        repeats=len(rows),
        **_read_by(item, key, row),
    )


def _read_by(item: CellScores, key: str, row: Mapping[str, Any]) -> dict[str, str]:
    """The stage that read the answer in ``row``, and the words that it read, as the scores have them; empty
    for groups of several answers, for scores without these columns, and where the answer changed since."""
    table = item.answers
    if "stage" not in table.column_names:
        return {}
    wanted = {
        "group": array([key], "string"),
        "repeat": array([row["repeat"]], "int32"),
        "component": array([""], "string"),
    }
    found = table.select([*wanted, "stage", "span"])
    for name, values in wanted.items():
        found = found.filter(pc.is_in(found[name], value_set=values))
    if not found.num_rows or not (first := found.slice(0, 1).to_pylist()[0])["stage"]:
        return {}
    begin, end = first["span"] or (0, 0)
    return {"stage": first["stage"], "read": excerpt((row["raw"] or "")[begin:end], 200).text}


def _outcome(scores: ScoreColumn, key: str) -> tuple[str, bool]:
    """The worst outcome among a group's repeats, and whether one was cut off although it was parsed."""
    from hemm.analysis.study.cell_scores import OUTCOMES

    if key not in scores.row_of:
        return "not scored", False
    row = scores.row_of[key]
    counts = scores.counts[row]
    occurring = [o for o, c in zip(OUTCOMES, counts, strict=True) if c]
    return (next((o for o in reversed(occurring) if o != "ok"), "ok") if occurring else "not scored"), bool(
        scores.cut[row]
    )
