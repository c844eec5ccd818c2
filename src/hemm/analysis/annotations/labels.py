"""Labels in the store of a results folder: how far people agree, and what holds in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hemm.core import digest
from hemm.results.annotations import CURRENT_LABELS, LAST_DECISIONS, Annotations
from hemm.stats.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha

COLUMNS = (
    *("annotator", "model", "task", "sample", "sample_hash"),
    *("kind", "field", "value", "note", "time"),
)
"""Of the export of all labels."""
ADJUDICATED = ("task", "sample", "sample_hash", "kind", "field", "value", "by", "model", "repeat")
"""Of the export of what holds: an overlay (docs/overlays.md). ``model`` and ``repeat`` are of an error."""
SCORES = ("task", "model", "protocol", "sample", "repeat", "digest", "annotator", "value")
"""Of the export that ``hemm judge-check --human`` reads."""
AND = "+"
"""Between several values of one field, as of error types."""

Row = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Unit:
    """What a label is of: a sample (``model`` empty) or a model's answer to it, and one field of it."""

    kind: str
    field: str
    task: str
    sample: str
    content: str
    model: str

    @property
    def key(self) -> str:
        return digest([self.kind, self.field, self.task, self.sample, self.content, self.model], 16)


@dataclass(frozen=True)
class Labelled:
    """A unit with what each annotator said (several values of a field joined), their notes, the decision
    (value, by whom), if there is one, and which repeat of the answer it is of (empty: of the sample)."""

    unit: Unit
    said: Mapping[str, str]
    notes: Mapping[str, str]
    decided: tuple[str, str] | None
    repeat: str = ""

    @property
    def differ(self) -> bool:
        return len(set(self.said.values())) > 1

    @property
    def final(self) -> tuple[str, str] | None:
        """The value that holds and who says so: the adjudicator, else all annotators where they agree."""
        if self.decided is not None:
            return self.decided
        if self.differ or not self.said:
            return None
        return next(iter(self.said.values())), ", ".join(sorted(self.said))


def labelled(store: Annotations) -> list[Labelled]:
    """All units of which somebody said something, without forms that were skipped."""
    values: dict[Unit, dict[str, list[str]]] = {}
    notes: dict[Unit, dict[str, str]] = {}
    repeats: dict[Unit, str] = {}
    for row in store.rows(CURRENT_LABELS):
        if row["field"] == "skip":
            continue
        unit = _unit(row)
        own = values.setdefault(unit, {}).setdefault(row["annotator"], [])
        own.append(row["value"])
        repeats[unit] = str(row["repeat"]) if unit.model else ""
        if row["note"]:
            notes.setdefault(unit, {})[row["annotator"]] = row["note"]
    decided = {_unit(row): (row["value"], row["by"]) for row in store.rows(LAST_DECISIONS)}
    return [
        Labelled(
            unit,
            {name: AND.join(sorted(own)) for name, own in said.items()},
            notes.get(unit, {}),
            decided.get(unit),
            repeats[unit],
        )
        for unit, said in sorted(values.items())
    ]


def _unit(row: Row) -> Unit:
    return Unit(row["kind"], row["field"], row["task"], row["sample"], row["sample_hash"], row["model"])


@dataclass(frozen=True)
class FieldAgreement:
    """How far annotators agree on one field; ``items`` have labels of several. ``pairs``: two annotators,
    Cohen's kappa (None: not defined) and the items of both."""

    kind: str
    field: str
    units: int
    items: int
    differ: int
    fleiss: float | None
    alpha: float | None
    pairs: tuple[tuple[str, str, float | None, int], ...]


def agreement(found: Sequence[Labelled]) -> list[FieldAgreement]:
    """The agreement on each field, values as equal or not. Texts are not compared."""
    by_field: dict[tuple[str, str], list[Labelled]] = {}
    for one in found:
        if (one.unit.kind, one.unit.field) != ("gold", "answer"):
            by_field.setdefault((one.unit.kind, one.unit.field), []).append(one)
    return [_of_field(*key, own) for key, own in sorted(by_field.items())]


def _of_field(kind: str, field: str, units: Sequence[Labelled]) -> FieldAgreement:
    several = [u for u in units if len(u.said) > 1]
    values = sorted({value for u in several for value in u.said.values()})
    counts = np.zeros((len(several), len(values)))
    for row, unit in enumerate(several):
        for value in unit.said.values():
            counts[row, values.index(value)] += 1
    names = sorted({name for u in several for name in u.said})
    pairs = []
    for one, other in combinations(names, 2):
        both = [u.said for u in several if one in u.said and other in u.said]
        if both:
            kappa = cohen_kappa([s[one] for s in both], [s[other] for s in both])
            pairs.append((one, other, kappa, len(both)))
    known = bool(several)
    return FieldAgreement(
        kind,
        field,
        len(units),
        len(several),
        sum(u.differ for u in several),
        fleiss_kappa(counts) if known else None,
        krippendorff_alpha(counts) if known else None,
        tuple(pairs),
    )


def adjudicated_rows(found: Sequence[Labelled]) -> tuple[list[dict[str, Any]], int]:
    """What holds, as an overlay with the columns ``ADJUDICATED``, and how many units are left out since
    nobody decided where annotators differ. Scores are no part of it.

    A right answer that is wrong is replaced by the one that people gave. Where they gave none, or where
    others are as right, the sample is left out of all scores (``exclude``). Where it is right there is no
    row.
    """
    rows: list[dict[str, Any]] = []
    open_units = 0
    verdicts = {_sample(u.unit): u.final for u in found if u.unit.field == "verdict"}
    given = {_sample(u.unit) for u in found if _is_answer(u.unit)}
    for one in found:
        unit, final = one.unit, one.final
        if unit.kind == "score" or (
            _is_answer(unit) and (verdicts.get(_sample(unit)) or ("",))[0] != "wrong"
        ):
            continue
        if final is None:
            open_units += 1
            continue
        value, by = final
        field, values = unit.field, [value]
        if _is_answer(unit):
            field = "reference"
        elif unit.kind == "gold":
            if value == "right" or (value == "wrong" and _sample(unit) in given):
                continue
            field, values = "exclude", [EXCLUDED.get(value, value)]
        elif unit.kind == "error":
            values = value.split(AND)
        about = (unit.task, unit.sample, unit.content, unit.kind, field)
        each = [(*about, v, by, unit.model, one.repeat) for v in values]
        rows += [dict(zip(ADJUDICATED, row, strict=True)) for row in each]
    return rows, open_units


def _sample(unit: Unit) -> tuple[str, str, str]:
    return unit.task, unit.sample, unit.content


EXCLUDED = {"wrong": "its right answer is wrong", "ambiguous": "other answers are as right"}


def _is_answer(unit: Unit) -> bool:
    return (unit.kind, unit.field) == ("gold", "answer")


def label_rows(store: Annotations) -> list[dict[str, Any]]:
    """All labels that hold, with the columns ``COLUMNS``."""
    rows = store.rows(CURRENT_LABELS)
    return [{name: row[name] for name in COLUMNS} for row in rows if row["field"] != "skip"]


def score_rows(store: Annotations) -> list[dict[str, Any]]:
    """Scores of answers, with the columns ``SCORES``."""
    return [
        {
            **{name: row[name] for name in ("task", "model", "sample", "repeat", "annotator")},
            "protocol": row["protocol"][:12],
            "digest": row["answer"],
            "value": float(row["value"]),
        }
        for row in store.rows(CURRENT_LABELS)
        if row["kind"] == "score" and row["field"] == "value"
    ]
