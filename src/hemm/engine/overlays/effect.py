"""What the rows of an overlay change in the answers of one cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemm.data.arrow import array, texts
from hemm.engine.overlays.rows import EXCLUDE, GOLD, LABEL, REFERENCE, Overlay, OverlayRow

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.results.read import Cell

Labels = Mapping[str, str]
_ANSWER = ("id", "unit", "repeat", "request_key")
_JUDGED = ("sample_hash", "labels", "references", "choices")
NEGATION = "text/negation"
"""The perturbation whose stored right answers are not those of the data."""


@dataclass(frozen=True)
class Effect:
    """What is other than stored, by the id of a sample.

    labels      the labels that it has now
    before      the labels that it had, of those in ``labels``
    references  its right answers now
    excluded    why it is left out; empty for one whose unit is left out with another
    keys        (id, repeat, request key) of the answers that are left out
    used        rows that are about a sample of the cell as it is
    stale       rows about a sample that has changed since
    wrong       reason -> rows that cannot be, with what shows it
    """

    labels: Mapping[str, Labels] = field(default_factory=dict)
    before: Mapping[str, Labels] = field(default_factory=dict)
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[tuple[str, int, str], ...] = ()
    used: frozenset[OverlayRow] = frozenset()
    stale: frozenset[OverlayRow] = frozenset()
    wrong: Mapping[str, Sequence[OverlayRow]] = field(default_factory=dict)

    @property
    def rescored(self) -> bool:
        """Whether scores may be other than the stored ones."""
        return bool(self.references or self.excluded)

    def relabelled(self, dimension: str, category: str = "") -> set[str]:
        """Samples whose label in a dimension is another now, from this category or to it (empty: any)."""
        found = set()
        for sample, labels in self.labels.items():
            both = (self.before[sample].get(dimension), labels.get(dimension))
            if both[0] != both[1] and category in ("", *both):
                found.add(sample)
        return found

    def has(self, sample: str, dimension: str, category: str, stored: Labels) -> bool:
        """Whether a sample with these stored labels is in the category, before or now."""
        now = self.labels.get(sample, stored)
        return category in (stored.get(dimension), now.get(dimension))


def effect_of(cell: Cell, overlay: Overlay) -> Effect:
    """What the overlay's rows change in the answers of ``cell``. Raises BadData if a seal does not hold."""
    rows: dict[str, list[OverlayRow]] = {}
    for row in overlay.rows:
        if row.task == cell.task and row.kind in (LABEL, GOLD):
            rows.setdefault(row.sample, []).append(row)
    if not rows:
        return Effect()
    import pyarrow as pa
    import pyarrow.compute as pc

    table = cell.answers([*_ANSWER, *_JUDGED])
    named = table.filter(pc.is_in(table["id"], value_set=array(list(rows), "string")))
    perturb = str(cell.run["protocol_spec"].get("perturb") or "")
    making = _Making(negated=perturb.startswith(NEGATION))
    for sample in named.select(["id", *_JUDGED]).to_pylist():
        making.take(sample, rows[sample["id"]])
    return making.effect(_left_out(table, making.excluded) if making.excluded else pa.table({}))


def _left_out(table: pa.Table, excluded: Mapping[str, str]) -> pa.Table:
    """The answers to the units of these samples."""
    import pyarrow.compute as pc

    own = table.filter(pc.is_in(table["id"], value_set=array(list(excluded), "string")))
    return table.filter(pc.is_in(table["unit"], value_set=own["unit"].unique()))


class _Making:
    """An effect while the samples of a cell are gone through."""

    def __init__(self, negated: bool) -> None:
        self._negated = negated
        self.labels: dict[str, dict[str, str]] = {}
        self.before: dict[str, dict[str, str]] = {}
        self.references: dict[str, tuple[str, ...]] = {}
        self.excluded: dict[str, str] = {}
        self.used: set[OverlayRow] = set()
        self.stale: set[OverlayRow] = set()
        self.wrong: dict[str, list[OverlayRow]] = {}

    def take(self, sample: Mapping[str, Any], rows: Iterable[OverlayRow]) -> None:
        """One stored sample, with the rows that name it."""
        rows = list(rows)
        known = [row for row in rows if row.is_about(sample["sample_hash"])]
        self.used.update(known)
        self.stale.update(row for row in rows if row not in known)
        name, stored = sample["id"], dict(sample["labels"] or ())
        own = {row.field: row.value for row in known if row.kind == LABEL}
        if any(stored.get(dimension) != category for dimension, category in own.items()):
            self.labels[name], self.before[name] = stored | own, stored
        if reasons := [row.value for row in known if row.kind == GOLD and row.field == EXCLUDE]:
            self.excluded[name] = "; ".join(reasons)
        answers = [row for row in known if row.kind == GOLD and row.field == REFERENCE]
        if answers and self._negated:  # the row is about the question as it was before it was turned round
            self.excluded.setdefault(name, f"another right answer, under --perturb {NEGATION}")
            return
        right, before = tuple(row.value for row in answers), set(sample["references"] or ())
        if right and set(right) != before:
            self.references[name] = right
            self._check(sample, answers)

    def _check(self, sample: Mapping[str, Any], answers: Sequence[OverlayRow]) -> None:
        before, choices = sample["references"] or (), sample["choices"] or ()
        if any(reference.startswith("media:") for reference in before):
            why = "a right answer of a task whose right answers are pictures"
            self.wrong.setdefault(why, []).extend(answers)
        if choices and set(before) <= set(choices):
            other = [row for row in answers if row.value not in choices]
            if other:
                self.wrong.setdefault("a right answer that is none of the choices", []).extend(other)

    def effect(self, left_out: pa.Table) -> Effect:
        excluded: dict[str, str] = dict(self.excluded)
        keys: tuple[tuple[str, int, str], ...] = ()
        if left_out.num_rows:
            columns = (texts(left_out["id"]), left_out["repeat"].to_pylist(), texts(left_out["request_key"]))
            keys = tuple(zip(*columns, strict=True))
            excluded |= {name: "" for name, _, _ in keys if name not in excluded}
        stale = frozenset(self.stale - self.used)
        return Effect(
            self.labels, self.before, self.references, excluded, keys, frozenset(self.used), stale, self.wrong
        )
