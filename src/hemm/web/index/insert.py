"""Puts one cell's rows into the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from hemm.analysis.stored_scores import StoredMetric, newest_calls
from hemm.results.read import Cell
from hemm.web.index import rows
from hemm.web.index.tables import LABELS, NOT_SCORED, OUTCOMES, run

_CODE = " ".join(f"when '{name}' then {number}" for number, name in enumerate(OUTCOMES))


@dataclass(frozen=True)
class _Staged:
    """One component of a metric as a temporary table: grp, repeat, value, outcome, cut, ceiling, stage and
    the ends of the span. ``kind`` is what the metric scores at once."""

    table: str
    kind: str
    title: str
    higher_is_better: bool


class CellRows:
    """One cell on its way into the index, by its ``number`` there."""

    def __init__(self, connection: Any, number: int, cell: Cell, metrics: list[StoredMetric]) -> None:
        self._db, self._number, self._cell = connection, number, cell
        self._task = self._task_number()
        self._staged = [s for metric in metrics for s in self._stage(metric)]
        self._kinds = {
            k: f"part_{i}" for i, k in enumerate(dict.fromkeys(("sample", *(m.group for m in metrics))))
        }
        mains = {s.title: s for s in self._staged}
        single = [mains[m.title] for m in metrics if m.group == "sample" and m.title in mains]
        self._headline = mains.get(metrics[0].title) if metrics else None
        self._read_by = next(iter(single), self._headline)

    def insert(self) -> None:
        """Insert all rows, those of replaced answers into ``older``. Raises BadData where a file is damaged;
        the caller's transaction undoes what was inserted until then."""
        self._register("calls_now", newest_calls(self._cell))
        unscored = self._cell.unscored()
        self._any_unscored = unscored.num_rows > 0
        self._register("unscored", unscored)
        for part, table in rows.parts(self._cell):
            self._part(part, table)
        self._move_older()

    def _run(self, sql: str, *values: Any) -> list[Any]:
        return run(self._db, sql, values)

    def _register(self, name: str, table: pa.Table) -> None:
        self._db.register("arriving", table)
        self._run(f"create or replace temp table {name} as select * from arriving")
        self._db.unregister("arriving")

    def _task_number(self) -> int:
        known = self._run("select task from tasks where name = ?", self._cell.task)
        if known:
            return int(known[0][0])
        number = int(self._run("select coalesce(max(task) + 1, 0) from tasks")[0][0])
        self._run("insert into tasks values (?, ?)", number, self._cell.task)
        return number

    def _stage(self, metric: StoredMetric) -> list[_Staged]:
        """The components of a metric as temporary tables. Rows over all repeats are the profile's."""
        self._register("stored", metric.table)
        worst = "null" if metric.lowest is None else repr(float(metric.lowest))
        read = "stage" in metric.table.column_names
        said = (
            "nullif(stage, '') as stage, span[1] as b, span[2] as e"
            if read
            else "null as stage, null as b, null as e"
        )
        out = []
        for component in sorted(metric.table["component"].unique().to_pylist()):
            name = f"scores_{len(getattr(self, '_names', []))}"
            self._names = [*getattr(self, "_names", []), name]
            self._run(
                f"""create or replace temp table {name} as
                select "group" as grp, repeat, outcome, cut, ceiling, {said},
                case when value is null and outcome in ('refused', 'truncated', 'unparsable') then {worst}
                else value end as value from stored where component = ? and repeat is not null""",
                component,
            )
            title = f"{metric.title} {component}".strip()
            out.append(_Staged(name, metric.group, title, metric.higher_is_better))
        return out

    def _part(self, part: int, table: pa.Table) -> None:
        for kind, name in self._kinds.items():
            self._register(name, rows.with_group(table, kind))
        self._new_samples()
        start = int(self._run("select coalesce(max(n) + 1, 0) from answers")[0][0])
        self._run(
            f"""create or replace temp table base as select r.place, s.sample, r.repeat,
            {start} + row_number() over (order by r.place) - 1 as n
            from part_0 r join samples s
            on s.task = {self._task} and s.id = r.id and s.hash = r.sample_hash"""
        )
        self._answers(part)
        for one in self._staged:
            if one is not self._headline:
                self._run(
                    f"""insert into scores select n, {self._number}, ?, value from ({self._by_place(one)})
                    join base using (place) where value is not null order by n""",
                    one.title,
                )

    def _by_place(self, one: _Staged) -> str:
        """The scores of this part's answers, by their place in it."""
        return f"""select r.place, s.* exclude (grp, repeat) from {self._kinds[one.kind]} r
            join {one.table} s on s.grp = r.grp and s.repeat = r.repeat"""

    def _new_samples(self) -> None:
        """Numbers for samples of this part that the index does not know, with their metadata."""
        start = int(self._run("select coalesce(max(sample) + 1, 0) from samples")[0][0])
        self._run(
            f"""create or replace temp table fresh as select {start} + row_number() over (order by place) - 1
            as sample, * from (select distinct on (r.id, r.sample_hash)
            r.place, r.id, r.sample_hash, r."cluster", r.metadata from part_0 r left join samples s
            on s.task = {self._task} and s.id = r.id and s.hash = r.sample_hash
            where s.sample is null order by r.id, r.sample_hash, r.place)"""
        )
        found = self._run("select sample, metadata from fresh order by sample")
        if not found:
            return
        self._run(
            f"""insert into samples select sample, {self._task}, id, sample_hash, "cluster"
            from fresh order by sample"""
        )
        self._db.register("arriving", rows.facts(found))
        self._run("insert into metadata select * from arriving")
        self._db.unregister("arriving")

    def _answers(self, part: int) -> None:
        labels = "".join(f", r.{column}" for column in LABELS.values())
        nothing = (
            "select null::integer as place, null::double as value, null::double as ceiling, null as outcome, \
            null as cut, null as stage, null::integer as b, null::integer as e limit 0"
        )
        read = nothing if self._read_by is None else self._by_place(self._read_by)
        head = nothing if self._headline is None else self._by_place(self._headline)
        better = self._headline is None or self._headline.higher_is_better
        best = (
            "h.value >= coalesce(h.ceiling, 1) - 1e-9"
            if better
            else "h.value <= coalesce(h.ceiling, 0) + 1e-9"
        )
        self._run(
            f"""insert into answers select b.n, {self._number}, b.sample, r.repeat, {part}, r.place,
            case when r.failure is not null then {OUTCOMES.index("error")} else
            case o.outcome {_CODE} else {NOT_SCORED} end end, coalesce(o.cut, false), h.value,
            case when o.outcome = 'error' then null when h.value is null then false when {best} then true
            else false end, o.stage, o.b, o.e, r.length,
            c.latency, c.input_tokens, c.output_tokens, c.cost, c.calls{labels}
            from part_0 r join base b using (place)
            left join ({read}) o on o.place = r.place left join ({head}) h on h.place = r.place
            left join calls_now c on c.id = r.id and c.repeat = r.repeat order by b.n"""
        )
        if not self._any_unscored:
            return
        self._run(
            f"""insert into older select {self._number}, b.sample, b.repeat, {part}, r.place, u.why
            from part_0 r join base b using (place)
            join unscored u on u.id = r.id and u.repeat = r.repeat and u.request_key = r.request_key"""
        )

    def _move_older(self) -> None:
        """Take replaced answers, and those that are kept and not scored, out of ``answers``."""
        own = f"cell = {self._number}"
        ((any_gone,),) = self._run(
            f"""select exists (select 1 from older where {own}) or exists (select 1 from answers a
            join samples s using (sample) where a.{own} group by s.id, a.repeat having count(*) > 1)"""
        )
        if not any_gone:
            return
        self._run(
            f"""create or replace temp table gone as
            select a.n, a.sample, a.repeat, a.part, a.place, false as replaced from answers a semi join
            (select * from older where {own}) o using (sample, repeat, part, place) where a.{own}
            union all
            select n, sample, repeat, part, place, true from (select a.*, row_number() over
            (partition by s.id, a.repeat order by a.part desc, a.place desc) as k
            from answers a join samples s using (sample) where a.{own}) where k > 1"""
        )
        self._run(
            f"""insert into older select {self._number}, sample, repeat, part, place, 'replaced' from gone
            where replaced and n not in (select n from gone where not replaced)"""
        )
        self._run(f"delete from answers where {own} and n in (select n from gone)")
        self._run(f"delete from scores where {own} and n in (select n from gone)")
