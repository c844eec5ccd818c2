"""What an overlay does to a profile: every value without it and with it.

The answers are the same and judged twice, so the difference has no interval: nothing in it is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hemm.analysis.profile.rows import BesideRow, Profile, TaskRow
from hemm.analysis.study.overlays import effect_on, stored_cell
from hemm.core import HemmError, canonical

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import CategoryRow
    from hemm.analysis.study import Study, Subject
    from hemm.results.read import Cell
    from hemm.stats.intervals import Estimate


def beside(study: Study, with_: Profile, without: Profile) -> tuple[BesideRow, ...]:
    """The rows of two profiles of the same cells, made with the same options: ``with_`` of those of
    ``study``, over which the overlay lies. Raises HemmError where none does."""
    if study.overlay is None:
        raise HemmError("no overlay lies over these results: there is nothing to set beside them")
    cells: dict[str, dict[str, Cell]] = {}
    for item in study.cells:
        cells.setdefault(item.subject, {})[item.task] = item.cell
    # the same model with the same options and control, whose key has the overlay on one side alone
    names = {_of(s): s for s in with_.subjects}
    partner = {s.key: names[_of(s)].key for s in without.subjects if _of(s) in names}
    labels = {s.key: s.label for s in with_.subjects}
    out = [
        _row(key, labels[key], place, pair, _changed(cells.get(key, {}), place))
        for key, place, pair in _matched(with_, without, partner)
    ]
    return tuple(out)


Place = tuple[str, str, str]
"""Task, dimension, category."""


def _of(subject: Subject) -> tuple[Any, ...]:
    return subject.model, subject.revision, subject.control, canonical(dict(subject.options))


def _matched(
    with_: Profile, without: Profile, partner: Mapping[str, str]
) -> Iterator[tuple[str, Place, tuple[Estimate | None, Estimate | None]]]:
    now = {(row.subject.key, _place(row)): _estimate(row) for row in _all(with_)}
    rows = ((partner.get(row.subject.key, ""), row) for row in _all(without))
    before = {(key, _place(row)): _estimate(row) for key, row in rows if key}
    for key, place in dict.fromkeys((*now, *before)):
        yield key, place, (before.get((key, place)), now.get((key, place)))


def _all(profile: Profile) -> Iterator[CategoryRow | TaskRow]:
    yield from profile.categories
    yield from profile.tasks


def _place(row: CategoryRow | TaskRow) -> Place:
    return (row.task, "", "") if isinstance(row, TaskRow) else ("", row.dimension, row.category)


def _estimate(row: CategoryRow | TaskRow) -> Estimate:
    return row.headline.estimate if isinstance(row, TaskRow) else row.estimate


def _row(
    key: str, label: str, place: Place, pair: tuple[Estimate | None, Estimate | None], changed: int
) -> BesideRow:
    (value, n), (value_with, n_with) = ((None, 0) if e is None else (e.value, e.n) for e in pair)
    return BesideRow(key, label, *place, value, value_with, changed, n, n_with)


def _changed(cells: Mapping[str, Cell], place: Place) -> int:
    """Samples of these cells for which the overlay changes what is counted at a place."""
    task, dimension, category = place
    total = 0
    for name, cell in cells.items():
        effect = effect_on(cell)
        if effect is None or task not in ("", name):
            continue
        scored = {*effect.references, *effect.excluded}
        if category:
            stored = _labels(cell, scored, dimension) if scored else {}
            scored = {s for s in scored if effect.has(s, dimension, category, stored.get(s, {}))}
            scored |= effect.relabelled(dimension, category)
        total += len(scored)
    return total


def _labels(cell: Cell, samples: set[str], dimension: str) -> dict[str, dict[str, str]]:
    """The stored labels of samples."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = stored_cell(cell).answers(["id", "labels"])
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(sorted(samples))))
    return {row["id"]: dict(row["labels"] or ()) for row in table.to_pylist()}
