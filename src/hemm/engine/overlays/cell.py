"""A cell under an overlay: the same answers with other labels and right answers, and fewer of them.

Nothing that is stored changes. Where right answers are others, or samples are left out, the scores are made
anew; ``hemm score --overlay`` keeps them in ``scores/overlay-<digest>/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from hemm.data.arrow import texts
from hemm.engine.overlays.effect import Effect, effect_of
from hemm.engine.overlays.rows import SHORT, Overlay
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA
from hemm.results.read import Cell
from hemm.results.selections import strata_table

EXCLUDED = "left out by an overlay"
"""Why an answer is not scored."""


@dataclass(frozen=True)
class OverlaidCell(Cell):
    """``plain`` as its answers are under an overlay. Its scores are those that are kept of it.

    ``run`` names the overlay as ``overlays``.
    """

    plain: Cell
    overlay: Overlay
    effect: Effect

    @classmethod
    def of(cls, plain: Cell, overlay: Overlay, effect: Effect | None = None) -> OverlaidCell:
        effect = effect_of(plain, overlay) if effect is None else effect
        return cls(plain.folder, _run(plain, overlay, effect), plain, overlay, effect)

    @property
    def own_dimensions(self) -> tuple[str, ...]:
        return tuple(self.overlay.categories)

    @property
    def scores_folder(self) -> Path:
        return self.plain.scores_folder / f"overlay-{self.overlay.digest[:SHORT]}"

    def answers(self, columns: Sequence[str] | None = None) -> pa.Table:
        names = list(ANSWER_SCHEMA.names if columns is None else columns)
        read = names if "id" in names else [*names, "id"]
        return self._changed(super().answers(read)).select(names)

    def answers_in_turn(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        names = list(ANSWER_SCHEMA.names if columns is None else columns)
        for table in super().answers_in_turn(names if "id" in names else [*names, "id"]):
            yield self._changed(table).select(names)

    def _changed(self, table: pa.Table) -> pa.Table:
        if self.effect.labels and "labels" in table.column_names:
            pairs = {name: list(own.items()) for name, own in self.effect.labels.items()}
            table = with_values(table, "labels", pairs)
        if self.effect.references and "references" in table.column_names:
            table = with_values(table, "references", {k: list(v) for k, v in self.effect.references.items()})
        return table

    def unscored(self) -> pa.Table:
        table = self.plain.unscored()
        if not self.effect.keys:
            return table
        ids, repeats, keys = (list(column) for column in zip(*self.effect.keys, strict=True))
        rows = [ids, repeats, keys, [EXCLUDED] * len(ids)]
        return pa.concat_tables([table, pa.table(rows, schema=layout.UNSCORED_SCHEMA)])

    def strata(self) -> pa.Table | None:
        """The sizes shrink as the chosen samples of the stratum do: of the others it is not known which are
        to be left out."""
        table = self.plain.strata()
        if table is None or not self.effect.excluded:
            return table
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        chosen = [row for row in rows if row[0] is not None]
        kept = [row for row in chosen if row[0] not in self.effect.excluded]
        sizes: dict[str, list[int]] = {}
        for stratum, samples, units in {row[2:] for row in rows}:
            shares = [
                _share(len({row[at] for row in part if row[2] == stratum}) for part in (kept, chosen))
                for at in (0, 1)
            ]
            sizes[stratum] = [round(n * share) for n, share in zip((samples, units), shares, strict=True)]
        return strata_table((row[:3] for row in kept), sizes)


def _share(counts: Iterator[int]) -> float:
    kept, chosen = counts
    return kept / chosen if chosen else 1.0


def with_values(table: pa.Table, column: str, values: Mapping[str, Any]) -> pa.Table:
    """``table`` with these values of a column, by id; the others as they are."""
    import numpy as np

    names = texts(table["id"])
    places = [(row, name) for row, name in enumerate(names) if name in values]
    if not places:
        return table
    numbers = {name: len(table) + n for n, name in enumerate(dict.fromkeys(name for _, name in places))}
    more = pa.array([values[name] for name in numbers], table.schema.field(column).type)
    taken = np.arange(len(table))
    for row, name in places:
        taken[row] = numbers[name]
    every = pa.chunked_array([*table[column].chunks, more]).take(pa.array(taken))
    return table.set_column(table.schema.get_field_index(column), table.schema.field(column), every)


def _run(plain: Cell, overlay: Overlay, effect: Effect) -> dict[str, Any]:
    """run.json with the overlay; an interval of ``--until-ci`` is of the scores and labels as stored."""
    run = {**plain.run, "overlays": [{"name": name, "digest": content} for name, content in overlay.names]}
    check = run.get("until_ci")
    if check and effect.rescored:
        run["until_ci"] = {**check, "metric": f"{check['metric']} without the overlay", "parts": []}
    elif check and effect.labels:
        run["until_ci"] = {**check, "parts": []}
    return run
