"""One cell of a command: planned, asked, sealed and scored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hemm.core import Binds, Identity, Model, Pack, Response, Task, redact
from hemm.data.files import read_table
from hemm.engine.early_stopping import InterimCheck
from hemm.engine.forecast import Forecast, forecast
from hemm.engine.limits import CostBudget, Stopped
from hemm.engine.options import CellResult, RunOptions, Watcher
from hemm.engine.pipeline import Pipeline
from hemm.engine.plan import ABSENT, ANSWERED, Plan, drop_followers, everything, needed, sealed_state
from hemm.engine.requests import Numbers, RequestBuilder
from hemm.engine.selection import select
from hemm.engine.setup import check_capabilities, check_started, header, protocol_spec, request_builder
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA, restore
from hemm.results.cell import CellWriter
from hemm.results.stored_media import drawn_media


class StartBarrier:
    """Where models that are asked side by side wait until each has started or needs not.

    So what is wrong with one of them (its key, its name) is told before a sample is spent on another.
    """

    def __init__(self, count: int) -> None:
        self._missing, self._all = count, asyncio.Event()
        self.shared = count > 1

    def arrive(self) -> None:
        self._missing -= 1
        if self._missing <= 0:
            self._all.set()

    async def wait(self) -> None:
        await self._all.wait()


@dataclass
class ModelStarter:
    model: Model
    watcher: Watcher
    barrier: StartBarrier
    started: bool = False
    arrived: bool = False

    async def start(self) -> None:
        if not self.started:
            began = time.monotonic()
            if self.model.notice:
                self.watcher.say(redact(self.model.notice))
            await self.model.start()
            self.started = True
            self._arrive()
            await self.barrier.wait()
            # said afterwards, so that a model that cannot start is one line: its error
            self.watcher.say(f"{redact(self.model.spec)} is ready after {time.monotonic() - began:.1f} s")

    def _arrive(self) -> None:
        if not self.arrived:
            self.arrived = True
            self.barrier.arrive()

    async def close(self) -> None:
        self._arrive()
        if self.started:
            await self.model.close()


@dataclass
class CellRun:
    """One model, one task, one protocol: everything that happens to their cell in one command."""

    options: RunOptions
    model: Model
    task: Task
    pack: Pack
    watcher: Watcher
    budget: CostBudget | None = None
    interim: InterimCheck | None = None
    sealed_rows: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    stopped: str = ""
    ends_all: bool = False

    async def run(self, starter: ModelStarter) -> CellResult:
        options, index = self.options, self.pack.index()
        if isinstance(self.model, Binds):
            self.model.bind(self.task, self.pack)
        self.spec = protocol_spec(options, self.task, self.model)
        if self.interim is not None:
            self.selection = self.interim.blocks.first(self.interim.count)
        else:
            self.selection = select(
                index.ids, index.units, index.strata, index.after, seed=options.seed, limit=options.limit
            )
        check_capabilities(options, self.task, self.pack, self.model, self.selection.rows)
        folder = layout.cell_folder(options.out, self._identity(), self.task.name, self.spec.digest)
        if options.dry_run and not folder.exists():
            plan = everything(self.selection, options.repeats)
            return replace(self._result(folder, "planned", len(plan), []), forecast=self._forecast(plan))
        head = header(options, self.task, self.pack, self.model, self.spec)
        with CellWriter(folder, head) as cell:
            for line in cell.warnings:
                self.watcher.say(line)
            self.cell = cell
            return await self._run(starter)

    def _identity(self) -> Identity:
        return self.model.identity

    async def _run(self, starter: ModelStarter) -> CellResult:
        from hemm.engine.score import is_scored, score_cell

        cell, options = self.cell, self.options
        builder: RequestBuilder | None = None
        state = self._state()
        self._forget_followers(state)
        if self._may_have_moved():
            builder = self._builder()
            self._forget_moved(state, builder)
        plan = needed(self.selection, state, options.retry_errors)
        if options.dry_run:
            result = self._result(cell.folder, cell.run["state"], len(plan), self._errors(state))
            return replace(result, forecast=self._forecast(plan, builder))
        asked = 0
        if len(plan) or cell.journaled or cell.run["state"] == "open" or self._unlisted():
            asked = await self._ask(plan, builder or self._builder(), starter)
            state = self._state()
        some = not self.stopped or bool(cell.parts) or asked > 0
        if options.score and some and not is_scored(cell.folder, self.task, options.metrics):
            score = partial(score_cell, cell.folder, self.task, options.metrics)
            # beside another model's requests nothing may hold the event loop for long
            cell.run["outcomes"] = await asyncio.to_thread(score) if starter.barrier.shared else score()
            cell.save()
        if self.interim is not None and not self.stopped:
            cell.run["until_ci"] = self.interim.take(cell.folder)
            cell.save()
        return self._result(cell.folder, cell.run["state"], asked, self._errors(state))

    # planning

    def _forecast(self, plan: Plan, builder: RequestBuilder | None = None) -> Forecast:
        return forecast(plan, builder or self._builder(), self.model)

    def _state(self) -> Numbers:
        index = self.pack.index()
        return sealed_state(self.cell, index.ids, index.hashes, self.options.repeats)

    def _builder(self) -> RequestBuilder:
        return request_builder(self.options, self.task, self.pack, self.model, self.spec)

    def _may_have_moved(self) -> bool:
        """Whether sealed answers may be to other requests than today's for the same samples."""
        before = self.cell.before
        if before is None or not self.cell.parts:
            return False
        now = self.cell.run
        then, today = ([r["pack"]["hash"], r["versions"]["hemm"]] for r in (before, now))
        return bool(then != today)

    def _forget_moved(self, state: Numbers, builder: RequestBuilder) -> None:
        """Mark answers absent whose request would be another one now (a donor or shot that changed)."""
        keys: dict[tuple[str, int], str] = {}
        for part in self.cell.sealed(["id", "repeat", "request_key"]):
            columns = [c.to_pylist() for c in part.columns]
            keys.update({(i, r): k for i, r, k in zip(*columns, strict=True)})
        whole = everything(self.selection, self.options.repeats)
        there = np.flatnonzero(state[whole.rows, whole.repeats] != ABSENT)
        for item in replace(builder, earlier=self._earlier(None)).items(
            whole.rows[there], whole.repeats[there], there
        ):
            if keys.get((item.sample.id, item.repeat)) != item.request.key:
                state[whole.rows[item.position], item.repeat] = ABSENT
        self._forget_followers(state)

    def _forget_followers(self, state: Numbers) -> None:
        """Mark absent what continues an answer that is asked anew."""
        if self.selection.depth.any():
            index = self.pack.index()
            row_of = {name: row for row, name in enumerate(index.ids)}
            before = [-1 if name is None else row_of[name] for name in index.after]
            drop_followers(self.selection, np.array(before, dtype=np.int64), state)

    def _unlisted(self) -> bool:
        return self._selection_record() not in self.cell.run["selections"]

    def _selection_record(self) -> dict[str, Any]:
        return {
            "seed": self.options.seed,
            **(
                {"limit": self.options.limit}
                if self.interim is None
                else self.interim.told(self.selection.units)
            ),
            "units": self.selection.units,
            "samples": len(self.selection.rows),
            "repeats": self.options.repeats,
            "pack": self.pack.hash,
        }

    # asking

    async def _ask(self, plan: Plan, builder: RequestBuilder, starter: ModelStarter) -> int:
        cell, options, began = self.cell, self.options, time.time()
        if self._unlisted():
            cell.run["selections"] = [*cell.run["selections"], self._selection_record()]
        cell.run["state"] = "open"
        cell.save()
        asked = 0
        if len(plan):
            first = np.flatnonzero(plan.depth == 0)[:1]  # what does not render is told before a model loads
            next(builder.items(plan.rows[first], plan.repeats[first], first), None)
            await starter.start()
            check_started(options, self.task, self.pack, self.model, self.selection.rows)
            asked = await self._pipe(plan, builder)
        else:
            cell.plan(0)
        if not self.stopped:
            cell.seal_rest()
        self._conclude(began, asked)
        return asked

    async def _pipe(self, plan: Plan, builder: RequestBuilder) -> int:
        """Send ``plan`` through the pipeline: how many were asked. ``stopped`` says why it ended early."""
        track = self.watcher.begin(f"{self.task.name} · {self.model.identity.name}", len(plan))
        pipeline = Pipeline(
            self.cell,
            plan,
            replace(builder, earlier=self._earlier(plan)),
            self.model,
            options=self.options,
            track=track,
            budget=self.budget,
        )
        try:
            await pipeline.run()
        except Stopped as stop:
            left = len(plan) - self.cell.filled_count
            self.stopped, self.ends_all = f"{stop}; {left} answers are still to ask", stop.everything
        finally:
            track.end()
        return pipeline.counts.asked

    def _conclude(self, began: float, asked: int) -> None:
        from hemm.engine.environment import hardware

        run = self.cell.run
        errors = int((self._state() > ANSWERED).sum())
        sealed = f"sealed with {errors} error{'s' * (errors != 1)}" if errors else "sealed"
        run["state"] = "open" if self.stopped else sealed
        run["errors"] = errors
        run.update(self._totals())
        command = {
            "command": [redact(word) for word in self.options.command],
            "started": began,
            "seconds": round(time.time() - began, 3),
            "asked": asked,
            "stopped": self.stopped or None,
            "concurrency": self.options.concurrency or self.model.concurrency,
            "batch_size": self.model.batch_size,
            "setup": self.model.setup,
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

    def _earlier(self, plan: Plan | None) -> Any:
        """Looks up the answers that chains build on: of this command (``plan``), else sealed ones."""
        ids = self.pack.index().ids
        positions: dict[tuple[str, int], int] = {}
        if plan is not None and self.selection.depth.any():
            positions = {
                (ids[row], repeat): at
                for at, (row, repeat) in enumerate(
                    zip(plan.rows.tolist(), plan.repeats.tolist(), strict=True)
                )
            }
        media = partial(drawn_media, folder=self.cell.folder / layout.MEDIA)

        def find(name: str, repeat: int) -> Response:
            at = positions.get((name, repeat))
            if at is not None and self.cell.filled(at):
                return restore(self.cell.answer(at), media)[1]
            if not self.sealed_rows:
                for part in self.cell.sealed(ANSWER_SCHEMA.names):
                    self.sealed_rows.update({(r["id"], r["repeat"]): r for r in part.to_pylist()})
            return restore(self.sealed_rows[name, repeat], media)[1]

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
            stopped=self.stopped,
        )
