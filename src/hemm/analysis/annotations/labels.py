"""Labels in the store of a results folder: how far people agree, and what holds in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
ADJUDICATED = ("task", "sample", "sample_hash", "kind", "field", "value", "by")
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
    """A unit with what each annotator said (several values of a field joined), their notes, and the decision
    (value, by whom), if there is one."""

    unit: Unit
    said: Mapping[str, str]
    notes: Mapping[str, str]
    decided: tuple[str, str] | None

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
    for row in store.rows(CURRENT_LABELS):
        if row["field"] == "skip":
            continue
        unit = _unit(row)
        own = values.setdefault(unit, {}).setdefault(row["annotator"], [])
        own.append(row["value"])
        if row["note"]:
            notes.setdefault(unit, {})[row["annotator"]] = row["note"]
    decided = {_unit(row): (row["value"], row["by"]) for row in store.rows(LAST_DECISIONS)}
    return [
        Labelled(
            unit,
            {name: AND.join(sorted(own)) for name, own in said.items()},
            notes.get(unit, {}),
            decided.get(unit),
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


def adjudicated_rows(found: Iterable[Labelled]) -> tuple[list[dict[str, Any]], int]:
    """The labels of samples that hold, with the columns ``ADJUDICATED`` (several values of a field as rows),
    and how many units are left out since nobody decided where annotators differ."""
    rows: list[dict[str, Any]] = []
    open_units = 0
    for one in found:
        if one.unit.model:
            continue
        if one.final is None:
            open_units += 1
            continue
        value, by = one.final
        unit = one.unit
        rows.append(
            dict(
                zip(
                    ADJUDICATED,
                    (unit.task, unit.sample, unit.content, unit.kind, unit.field, value, by),
                    strict=True,
                )
            )
        )
    return rows, open_units


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
