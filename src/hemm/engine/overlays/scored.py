"""A cell under an overlay, with the scores that it has under it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import orjson
import pyarrow as pa

from hemm.core import BadData, HemmError, Sample
from hemm.data.arrow import texts
from hemm.engine.overlays.cell import OverlaidCell, with_values
from hemm.engine.overlays.scores import scored_now
from hemm.engine.score import basis
from hemm.metrics import stored
from hemm.metrics.answer_groups import group_key
from hemm.results.checked import broken


class ScoredCell(OverlaidCell):
    """An overlaid cell with scores: those that are kept of it, where they are of its answers of now; the
    others made now, in memory."""

    def aggregates(self) -> dict[str, Any]:
        return self._scores[0] if self.effect.rescored else self.plain.aggregates()

    def scores(self, metric_key: str) -> pa.Table:
        if self.effect.rescored:
            found = self._scores[1].get(metric_key)
            return self._stored.scores(metric_key) if found is None else found
        table = self.plain.scores(metric_key)
        if not self.effect.labels:
            return table
        kind = stored(self.plain.aggregates()["metrics"][metric_key]).group
        first = self._first_of(kind)
        groups = texts(table["group"])
        own = {g: list(self.effect.labels[s].items()) for g in set(groups)
               if (s := first.get(g, g)) in self.effect.labels}  # fmt: skip
        return with_values(table.append_column("id", table["group"]), "labels", own).drop_columns(["id"])

    def _first_of(self, kind: str) -> dict[str, str]:
        """Group -> its first sample, whose labels are the group's."""
        if kind == "sample":
            return {}
        columns = (texts(column) for column in self.answers(["id", "unit", "metadata"]).columns)
        first: dict[str, str] = {}
        for name, unit, text in zip(*columns, strict=True):
            found = orjson.loads(text) if text else {}
            sample = Sample(name, unit=unit, metadata=found if isinstance(found, dict) else {})
            first.setdefault(group_key(sample, kind), name)
        return first

    @property
    def left_out(self) -> dict[str, str]:
        """Spec of each metric that scored the cell and does not score it under the overlay -> why."""
        return self._scores[2] if self.effect.rescored else {}

    @cached_property
    def _scores(self) -> tuple[dict[str, Any], dict[str, pa.Table], dict[str, str]]:
        plain = self.plain.aggregates()
        if not plain.get("metrics"):
            return {}, {}, {}
        try:
            return scored_now(self, self._kept(), plain)
        except HemmError as error:
            raise HemmError(f"{self.folder} has no scores under the {self.overlay.words}: {error}") from error

    @property
    def _stored(self) -> OverlaidCell:
        """The cell with the scores that are kept of it alone."""
        return OverlaidCell.of(self.plain, self.overlay, self.effect)

    def _kept(self) -> dict[str, Any]:
        """The aggregates that are kept of the cell under this overlay, of scores that are whole; empty where
        they are damaged, or of other answers."""
        try:
            kept = self._stored.aggregates()
        except BadData:
            return {}
        if not kept or kept.get("basis") != basis(self, kept.get("parser", {})):
            return {}
        read = self._stored.scores
        rows = {key: row for key, row in kept["metrics"].items() if not broken(lambda key=key: read(key))}  # type: ignore[misc]
        return {**kept, "metrics": rows}
