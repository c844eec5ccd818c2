"""The selections of one cell: that of this command, and all that were asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from hemm.core import Pack
from hemm.data.pack.selection import BALANCED, RANDOM, sizes_of
from hemm.engine.early_stopping import Blocks, InterimCheck
from hemm.engine.options import RunOptions
from hemm.engine.reconcile import Bools
from hemm.engine.requests import Numbers
from hemm.engine.selection import Selection, select
from hemm.engine.setup import part_of
from hemm.engine.shards import Shard
from hemm.results.selections import CLUSTERS, order_of, order_to_go_on, rule_of, strata_table


@dataclass(frozen=True)
class Selections:
    """What this command takes of a pack, and what earlier ones took.

    order    of this command's limit
    interim  of ``--until-ci``
    earlier  those that run.json has
    """

    options: RunOptions
    pack: Pack
    order: str = RANDOM
    interim: InterimCheck | None = None
    earlier: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(
        cls, options: RunOptions, pack: Pack, run: Mapping[str, Any] | None, interim: InterimCheck | None
    ) -> Selections:
        """``run``: the cell's run.json; None: a new cell."""
        order = BALANCED if options.balanced else order_to_go_on(run)
        return cls(options, pack, order, interim, tuple((run or {}).get("selections") or ()))

    @property
    def notice(self) -> str:
        """A line for the user where the order is not the one that was asked for."""
        if self.options.balanced:
            return self._not_balanced()
        asked = self.options.limit is not None and self.interim is None
        if not asked or self.order != BALANCED or len(set(self.pack.index().strata)) < 2:
            return ""
        return (
            "an earlier version began these results balanced over strata, and they go on so; for the score "
            "of the data as they are give another --out"
        )

    def _not_balanced(self) -> str:
        """Why ``--balanced`` makes no score that is balanced; empty where it does."""
        if len(set(self.pack.index().strata)) < 2:
            return "the data have one stratum: --balanced chooses as --limit alone does"
        mine = self.record(self.now())
        pack = {"hash": self.pack.hash, "rows": self.pack.info.get("rows"), **part_of(self.pack)}
        if rule_of({"pack": pack, "selections": [*self.earlier, mine]}) == BALANCED:
            return ""
        alone = rule_of({"pack": pack, "selections": [mine]}) == BALANCED
        score = "the score is not that of samples balanced over strata"
        if not alone:
            return f"{score}, since the data were prepared with a limit, and are a random part themselves"
        return (
            f"{score}, since it is over what these results were asked before too: for that give another --out"
        )

    def now(self) -> Selection:
        """That of this command."""
        if self.interim is not None:
            return self.interim.blocks.first(self.interim.count)
        whole = self._select(self.options.seed, self.options.limit, self.order)
        part, index = self.options.part, self.pack.index()
        return whole if part is None else Selection.of(part.rows(whole.rows, index), index)

    def record(self, chosen: Selection) -> dict[str, Any]:
        """This command's selection as run.json has it."""
        limit = self.options.limit
        own = {"limit": limit} if limit is None else {"limit": limit, "order": self.order}
        return {
            "seed": self.options.seed,
            **(own if self.interim is None else self.interim.selection_record(chosen.units)),
            "units": chosen.units,
            "samples": len(chosen.rows),
            "repeats": self.options.repeats,
            "pack": self.pack.hash,
            **({"shard": self.options.shard} if self.options.shard else {}),
        }

    def is_new(self, chosen: Selection, records: Iterable[Mapping[str, Any]]) -> bool:
        def told(record: Mapping[str, Any]) -> dict[str, Any]:
            return {**record, "order": order_of(record)}

        return told(self.record(chosen)) not in map(told, records)

    def scored(self, records: Sequence[Mapping[str, Any]]) -> Bools:
        """Rows of the pack x repeats that these selections take."""
        scored: Bools = np.zeros((self._rows, max(r["repeats"] for r in records)), dtype=np.bool_)
        for record in _widest(records):
            rows, shard = self._rows_of(record), record.get("shard")
            rows = rows if shard is None else Shard.parse(shard).rows(rows, self.pack.index())
            scored[rows, : record["repeats"]] = True
        return scored

    def strata(self, records: Sequence[Mapping[str, Any]]) -> pa.Table | None:
        """What weighting the scores of these selections needs (``results.selections``).

        None where they take the whole data, or where the pack is a part that does not say of what."""
        index, info = self.pack.index(), self.pack.info
        rows = np.flatnonzero(self.scored(records).any(axis=1))
        if not info.get("limit") and len(rows) == self._rows:
            return None
        whole = info.get("strata") if info.get("limit") else sizes_of(index.units, index.strata)
        chosen = rows.tolist()
        if whole is None or len(chosen) == sum(samples for samples, _ in whole.values()):
            return None
        return strata_table(((index.ids[r], index.units[r], index.strata[r]) for r in chosen), whole)

    @property
    def _rows(self) -> int:
        return len(self.pack.index().ids)

    def _rows_of(self, record: Mapping[str, Any]) -> Numbers:
        if "clusters" in record:
            own = self.interim if record["seed"] == self.options.seed else None
            blocks = Blocks.of(self.pack.index(), record["seed"]) if own is None else own.blocks
            return blocks.first(record["clusters"]).rows
        if record["limit"] is None:
            return np.arange(self._rows, dtype=np.int64)
        return self._select(record["seed"], record["limit"], order_of(record)).rows

    def _select(self, seed: int, limit: int | None, order: str) -> Selection:
        index = self.pack.index()
        return select(index.ids, index.units, index.strata, index.after, seed=seed, limit=limit, order=order)


def _widest(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The selections that contain all others: those of one order are prefixes of it, and ``--until-ci``
    records many."""
    widest: dict[tuple[int, int, str, str], Mapping[str, Any]] = {}
    for record in records:
        order = order_of(record)
        size = CLUSTERS if order == CLUSTERS else "limit"
        key = (record["seed"], record["repeats"], order, record.get("shard", ""))
        known = widest.setdefault(key, record)
        if known[size] is not None and (record[size] is None or record[size] > known[size]):
            widest[key] = record
    return list(widest.values())
