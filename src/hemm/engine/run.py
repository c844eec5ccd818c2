"""A command: for each model and task one cell, planned, asked, sealed and scored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hemm.core import Binds, Identity, Model, Response, Task, redact
from hemm.data.files import read_table
from hemm.engine.options import CellResult, RunOptions, Silent, Watcher
from hemm.engine.pipeline import Pipeline
from hemm.engine.plan import ABSENT, ANSWERED, Plan, everything, needed, sealed_state
from hemm.engine.select import select
from hemm.engine.setup import check_capabilities, header, model_options, protocol_spec, source_for
from hemm.engine.source import Numbers, PackLike, Source
from hemm.results import layout
from hemm.results.cell import CellWriter
from hemm.results.record import restore


def run(options: RunOptions, watcher: Watcher | None = None) -> list[CellResult]:
    """Do what ``options`` ask: one result for each cell, model by model.

    Unknown names, packs that are not prepared, and models that cannot take a task's media are HemmErrors
    before anything is asked. KeyboardInterrupt leaves open cells that the same call completes.
    """
    from hemm.data.prepare import ensure
    from hemm.engine.score import metrics_for
    from hemm.models import resolve

    tasks = _tasks(options)
    for task in tasks:
        metrics_for(task, options.metrics)
    models = [resolve(spec, model_options(options)) for spec in options.models]
    packs = [(task, ensure(task)) for task in tasks]
    return asyncio.run(run_cells(options, models, packs, watcher or Silent()))


def _tasks(options: RunOptions) -> list[Task]:
    from hemm import tasks

    plain = not (options.tasks or options.suite or options.where)
    suite = "probes" if plain else options.suite
    return tasks.select(options.tasks, suite=suite, where=options.where, card=options.card)


async def run_cells(
    options: RunOptions, models: list[Model], packs: list[tuple[Task, PackLike]], watcher: Watcher
) -> list[CellResult]:
    """Every model on every task, one cell after the other; a model starts when it is first asked."""
    results: list[CellResult] = []
    for model in models:
        starter = _Starter(model, watcher)
        try:
            for task, pack in packs:
                results.append(await _Cell(options, model, task, pack, watcher).run(starter))
        finally:
            await starter.close()
    return results


@dataclass
class _Starter:
    model: Model
    watcher: Watcher
    started: bool = False

    async def start(self) -> None:
        if not self.started:
            began = time.monotonic()
            await self.model.start()
            self.started = True
            # said afterwards, so that a model that cannot start is one line: its error
            self.watcher.say(f"{redact(self.model.spec)} is ready after {time.monotonic() - began:.1f} s")

    async def close(self) -> None:
        if self.started:
            await self.model.close()


@dataclass
class _Cell:
    """One model, one task, one protocol: everything that happens to their cell in one command."""

    options: RunOptions
    model: Model
    task: Task
    pack: PackLike
    watcher: Watcher
    sealed_rows: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    async def run(self, starter: _Starter) -> CellResult:
        options, index = self.options, self.pack.index()
        if isinstance(self.model, Binds):
            self.model.bind(self.task, self.pack)
        self.spec = protocol_spec(options, self.task, self.model)
        self.selection = select(
            index.ids, index.units, index.strata, index.after, seed=options.seed, limit=options.limit
        )
        check_capabilities(options, self.task, self.pack, self.model, self.selection.rows)
        folder = layout.cell_folder(options.out, self._identity(), self.task.name, self.spec.digest)
        if options.dry_run and not folder.exists():
            return self._result(folder, "planned", len(self.selection.rows) * options.repeats, [])
        head = header(options, self.task, self.pack, self.model, self.spec)
        with CellWriter(folder, head) as cell:
            for line in cell.warnings:
                self.watcher.say(line)
            self.cell = cell
            return await self._run(starter)

    def _identity(self) -> Identity:
        return self.model.identity

    async def _run(self, starter: _Starter) -> CellResult:
        from hemm.engine.score import is_scored, score_cell

        cell, options = self.cell, self.options
        source: Source | None = None
        state = self._state()
        if self._may_have_moved():
            source = self._source()
            self._forget_moved(state, source)
        plan = needed(self.selection, state, options.retry_errors)
        if options.dry_run:
            return self._result(cell.folder, cell.run["state"], len(plan), self._errors(state))
        asked = 0
        if len(plan) or cell.journaled or cell.run["state"] == "open" or self._unlisted():
            asked = await self._ask(plan, source or self._source(), starter)
            state = self._state()
        if options.score and not is_scored(cell.folder, self.task, options.metrics):
            cell.run["outcomes"] = score_cell(cell.folder, self.task, options.metrics)
            cell.save()
        return self._result(cell.folder, cell.run["state"], asked, self._errors(state))

    # planning

    def _state(self) -> Numbers:
        index = self.pack.index()
        return sealed_state(self.cell, index.ids, index.hashes, self.options.repeats)

    def _source(self) -> Source:
        return source_for(self.options, self.task, self.pack, self.model, self.spec)

    def _may_have_moved(self) -> bool:
        """Whether sealed answers may be to other requests than today's for the same samples."""
        before = self.cell.before
        if before is None or not self.cell.parts:
            return False
        now = self.cell.run
        then, today = ([r["pack"]["hash"], r["versions"]["hemm"]] for r in (before, now))
        return bool(then != today)

    def _forget_moved(self, state: Numbers, source: Source) -> None:
        """Mark answers absent whose request would be another one now (a donor or shot that changed)."""
        keys: dict[tuple[str, int], str] = {}
        for part in self.cell.sealed(["id", "repeat", "request_key"]):
            columns = [c.to_pylist() for c in part.columns]
            keys.update({(i, r): k for i, r, k in zip(*columns, strict=True)})
        whole = everything(self.selection, self.options.repeats)
        there = np.flatnonzero(state[whole.rows, whole.repeats] != ABSENT)
        for item in source.items(whole.rows[there], whole.repeats[there], there, self._earlier(whole)):
            if keys.get((item.sample.id, item.repeat)) != item.request.key:
                state[whole.rows[item.position], item.repeat] = ABSENT

    def _unlisted(self) -> bool:
        return self._selection_record() not in self.cell.run["selections"]

    def _selection_record(self) -> dict[str, Any]:
        return {
            "seed": self.options.seed,
            "limit": self.options.limit,
            "units": self.selection.units,
            "samples": len(self.selection.rows),
            "repeats": self.options.repeats,
            "pack": self.pack.hash,
        }

    # asking

    async def _ask(self, plan: Plan, source: Source, starter: _Starter) -> int:
        cell, options, began = self.cell, self.options, time.time()
        if self._unlisted():
            cell.run["selections"] = [*cell.run["selections"], self._selection_record()]
        cell.run["state"] = "open"
        cell.save()
        asked = 0
        if len(plan):
            first = np.flatnonzero(plan.depth == 0)[:1]  # what does not render is told before a model loads
            next(source.items(plan.rows[first], plan.repeats[first], first), None)
            await starter.start()
            self.watcher.begin(f"{self.task.name} · {self.model.identity.name}", len(plan), 0)
            pipeline = Pipeline(
                cell,
                plan,
                source,
                self.model,
                earlier=self._earlier(plan),
                watcher=self.watcher,
                concurrency=options.concurrency,
                retry_errors=options.retry_errors,
            )
            try:
                await pipeline.run()
            finally:
                self.watcher.end()
            asked = pipeline.counts.asked
        else:
            cell.plan(0)
        cell.seal_rest()
        self._conclude(began, asked)
        return asked

    def _conclude(self, began: float, asked: int) -> None:
        from hemm.engine.environment import hardware

        run = self.cell.run
        errors = int((self._state() > ANSWERED).sum())
        run["state"] = f"sealed with {errors} error{'s' * (errors != 1)}" if errors else "sealed"
        run["errors"] = errors
        run.update(self._totals())
        command = {
            "command": [redact(word) for word in self.options.command],
            "started": began,
            "seconds": round(time.time() - began, 3),
            "asked": asked,
            "concurrency": self.options.concurrency or getattr(self.model, "concurrency", None),
            "batch_size": getattr(self.model, "batch_size", None),
            "hardware": hardware(),
            "versions": run["versions"],
        }
        run["commands"] = [*run["commands"], command]
        run["wall_time"] = round(sum(c["seconds"] for c in run["commands"]), 3)
        self.cell.save()

    def _totals(self) -> dict[str, Any]:
        names = ["input_tokens", "output_tokens", "cost"]
        if not self.cell.run["calls"]:
            return {"tokens": {"input": None, "output": None}, "cost": None}
        table = read_table(self.cell.folder / layout.CALLS, columns=names)
        total = {name: pc.sum(table[name]).as_py() for name in names}
        return {
            "tokens": {"input": total["input_tokens"], "output": total["output_tokens"]},
            "cost": total["cost"],
        }

    def _earlier(self, plan: Plan) -> Any:
        """Looks up the answers that chains build on: of this command, else sealed ones."""
        ids = self.pack.index().ids
        positions: dict[tuple[str, int], int] = {}
        if self.selection.depth.any():
            positions = {
                (ids[row], repeat): at
                for at, (row, repeat) in enumerate(
                    zip(plan.rows.tolist(), plan.repeats.tolist(), strict=True)
                )
            }
        media = self.cell.folder / layout.MEDIA

        def find(name: str, repeat: int) -> Response:
            at = positions.get((name, repeat))
            if at is not None and self.cell.filled(at):
                return restore(self.cell.answer(at), media)[2]
            if not self.sealed_rows:
                for part in self.cell.sealed(layout.ANSWER_SCHEMA.names):
                    self.sealed_rows.update({(r["id"], r["repeat"]): r for r in part.to_pylist()})
            return restore(self.sealed_rows[name, repeat], media)[2]

        return find

    # the end

    def _errors(self, state: Numbers) -> list[tuple[str, int, str]]:
        """(sample id, repeat, why) for each answer of the selection that is an error, in pack order."""
        ids = self.pack.index().ids
        wanted = {
            (ids[row], int(repeat))
            for row in self.selection.rows.tolist()
            for repeat in np.flatnonzero(state[row] > ANSWERED)
        }
        if not wanted:
            return []
        found: dict[tuple[str, int], str] = {}
        for part in self.cell.sealed(["id", "repeat", "failure", "failure_message"]):
            failed = part.filter(pc.is_valid(part["failure"]))
            for name, repeat, kind, text in zip(*(c.to_pylist() for c in failed.columns), strict=True):
                if (name, repeat) in wanted:
                    found[name, repeat] = f"{kind}: {text}"
        return [(name, repeat, why) for (name, repeat), why in found.items()]

    def _result(self, folder: Any, state: str, asked: int, errors: list[tuple[str, int, str]]) -> CellResult:
        return CellResult(
            folder=folder,
            model=redact(self.model.spec),
            task=self.task.name,
            protocol=self.spec.digest,
            state=state,
            answers=len(self.selection.rows) * self.options.repeats,
            asked=asked,
            errors=errors,
        )
