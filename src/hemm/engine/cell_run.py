"""One cell of a command: plan it, send the requests, seal and score the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hemm.core import Binds, Model, Pack, Response, Task, redact
from hemm.core.memory import trim
from hemm.core.model import ReadsPacks
from hemm.core.text import counted
from hemm.data.files import read_table
from hemm.engine.command_line import given_options
from hemm.engine.early_stopping import InterimCheck
from hemm.engine.forecast import Forecast, forecast
from hemm.engine.limits import CostBudget, Stopped
from hemm.engine.options import CellResult, RunOptions, Watcher
from hemm.engine.perturbing import judged_pack
from hemm.engine.pipeline import Pipeline
from hemm.engine.plan import (
    ANSWERED,
    PERMANENT,
    Plan,
    States,
    everything,
    needed,
    not_journaled,
    sealed_answers,
)
from hemm.engine.progress import title
from hemm.engine.reconcile import Reconciler
from hemm.engine.requests import RequestBuilder
from hemm.engine.selection import Selection
from hemm.engine.selections import Selections
from hemm.engine.setup import (
    check_capabilities,
    check_started,
    header,
    protocol_spec,
    request_builder,
    shows_other_samples,
)
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA, restore
from hemm.results.cell import CellWriter
from hemm.results.checked import read_run
from hemm.results.places import kinds_words, places
from hemm.results.read import Cell
from hemm.results.same_data import check_cell
from hemm.results.stored_media import drawn_media


class StartBarrier:
    """Holds models that run side by side until each has started, or has nothing to send.

    So a wrong key or name of one model ends the command before another model answers anything.
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
            # after the start, so that a model that cannot start prints its error alone
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
    """What one command does to the cell of one model, task and protocol."""

    options: RunOptions
    model: Model
    task: Task
    pack: Pack
    watcher: Watcher
    budget: CostBudget | None = None
    interim: InterimCheck | None = None
    sealed_rows: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    stopped: str = ""
    missing: int = 0
    ends_all: bool = False

    async def run(self, starter: ModelStarter) -> CellResult:
        options = self.options
        if isinstance(self.model, Binds):
            self.model.bind(self.task, judged_pack(self.options, self.task, self.pack))
        if isinstance(self.model, ReadsPacks):
            self.model.reads(self.pack)
        self.spec = protocol_spec(options, self.task, self.model)
        folder = layout.cell_folder(options.results, self.model.identity, self.task.name, self.spec.digest)
        self.selections = Selections.of(options, self.pack, read_run(folder), self.interim)
        self.selection = self.selections.now()
        check_capabilities(options, self.task, self.pack, self.model, self.selection.rows)
        if notice := self.selections.notice:
            self.watcher.say(f"{redact(self.model.spec)} on {self.task.name}: {notice}")
        if options.dry_run and not folder.exists():
            plan = everything(self.selection, options.repeats)
            return replace(self._result(folder, "planned", len(plan)), forecast=self._forecast(plan))
        head = header(options, self.task, self.pack, self.model, self.spec)
        with CellWriter(folder, head, self.watcher.say, planned=options.dry_run) as cell:
            if cell.before and not options.dry_run:  # another process may have made it since all were checked
                check_cell(Cell(folder, cell.before), self.task, self.pack)
            for line in cell.warnings:
                self.watcher.say(line)
            self.cell = cell
            return await self._run(starter)

    async def _run(self, starter: ModelStarter) -> CellResult:
        from hemm.engine.score import is_scored, score_cell

        cell, options = self.cell, self.options
        state = self._reconcile(write=not options.dry_run)
        plan = needed(self.selection, state, options.retry_errors)
        if options.dry_run:
            plan = not_journaled(plan, cell, self._builder, options.retry_errors)
            if (
                self.interim is not None
                and not len(plan)
                and is_scored(cell.folder, self.task, options.metrics)
            ):
                self.interim.run(cell.folder)
            return replace(self._of(state, len(plan)), forecast=self._forecast(plan))
        asked = 0
        if len(plan) or cell.journaled or cell.run["state"] == "open" or self._is_new_selection():
            asked = await self._send(plan, starter)
            state = self._state()
        else:
            self._save_tables()
        has_answers = not self.stopped or bool(cell.parts) or asked > 0
        scores = options.score and options.part is None
        if scores and has_answers and not is_scored(cell.folder, self.task, options.metrics):
            score = partial(score_cell, cell.folder, self.task, options.metrics)
            # the event loop also serves other models' requests: scoring must not hold it
            cell.run["outcomes"] = await asyncio.to_thread(score) if starter.barrier.shared else score()
            cell.save()
        if self.interim is not None and not self.stopped:
            cell.run["until_ci"] = self.interim.run(cell.folder)
            cell.save()
        return self._of(state, asked)

    def _forecast(self, plan: Plan) -> Forecast:
        return forecast(plan, self._builder, self.model)

    def _state(self) -> States:
        index = self.pack.index()
        return sealed_answers(self.cell, index.ids, index.hashes, self.options.repeats).state

    @cached_property
    def _builder(self) -> RequestBuilder:
        return request_builder(self.options, self.task, self.pack, self.model, self.spec)

    def _reconcile(self, *, write: bool, sealed_now: bool = False) -> States:
        """Compare what is stored with the data of now: the state of the sealed answers.

        sealed_now  this command's answers are sealed: what is not scored is listed anew, and nothing is told
        """
        cell, pack = self.cell, self.pack
        before = cell.before if cell.before is not None and (cell.parts or cell.journaled) else cell.run
        rules = before.get("request_rules", 1)
        other_pack = before["pack"]["hash"] != pack.hash
        other_rules = rules != cell.run["request_rules"]
        anew = other_pack and isinstance(self.model, Binds) and not sealed_now
        relabel = before.get("card", {}).get("labels") != cell.run["card"]["labels"] and not sealed_now
        scored = self.selections.scored(self._records)
        found = Reconciler(
            cell,
            self.task,
            pack,
            scored,
            lambda: replace(self._builder, earlier=self._earlier(None)),
            every=other_rules or (other_pack and shows_other_samples(self.options)),
            relabel=relabel,
            anew=anew,
        ).run(write=write)
        if anew:  # so that a smaller limit makes the score over no fewer samples
            self.selection = Selection.of(np.flatnonzero(scored.any(axis=1)), pack.index())
        changed_by = f" (request rules {cell.run['request_rules']}; they were {rules})" if other_rules else ""
        for line in () if sealed_now else found.lines(changed_by, planned=not write):
            self.watcher.say(f"{redact(self.model.spec)} on {self.task.name}: {line}")
        if write and cell.parts and (other_pack or other_rules):
            cell.save()
        return found.state[:, : self.options.repeats]

    @property
    def _records(self) -> list[dict[str, Any]]:
        """The selections of run.json and that of this command."""
        return [*self.cell.run["selections"], self.selections.record(self.selection)]

    def _is_new_selection(self) -> bool:
        return self.selections.is_new(self.selection, self.cell.run["selections"])

    def _save_tables(self) -> None:
        """Write what scoring and merging need of the pack, so that they need none."""
        self.cell.save_strata(self.selections.strata(self._records))
        if self.options.part is not None:
            self._save_order()

    # sending

    async def _send(self, plan: Plan, starter: ModelStarter) -> int:
        cell, options, began = self.cell, self.options, time.time()
        # one request first: what is wrong with a prompt ends here, before anything is written
        builder, first = self._builder, np.flatnonzero(plan.depth == 0)[:1]
        next(builder.items(plan.rows[first], plan.repeats[first], first), None)
        if self._is_new_selection():
            cell.run["selections"] = self._records
        cell.run["state"] = "open"
        cell.save()
        self._save_tables()
        asked = 0
        if len(plan):
            await starter.start()
            check_started(options, self.task, self.pack, self.model, self.selection.rows)
            asked = await self._run_pipeline(plan)
        else:
            cell.plan(0)
        if not self.stopped:
            others = cell.journaled > 0
            cell.seal_rest()
            # answers of other selections were sealed, or those that waited to be asked again are there
            if others or (cell.folder / layout.UNSCORED).exists():
                self.sealed_rows.clear()
                self._reconcile(write=True, sealed_now=True)
        self._conclude(began, asked)
        return asked

    def _save_order(self) -> None:
        """Write which rows of the pack this shard's samples are, so that a merge needs no pack."""
        scored = self.selections.scored(self._records)
        rows, ids = np.flatnonzero(scored.any(axis=1)), self.pack.index().ids
        columns = [pa.array([ids[row] for row in rows.tolist()], pa.string()), pa.array(rows)]
        self.cell.save_table(layout.ORDER, pa.table(columns, schema=layout.ORDER_SCHEMA))

    async def _run_pipeline(self, plan: Plan) -> int:
        """Run ``plan`` and count the requests sent. ``stopped`` then says why it ended early, if it did."""
        track = self.watcher.begin(title(self.model, self.task, self.options), len(plan))
        pipeline = Pipeline(
            self.cell,
            plan,
            replace(self._builder, earlier=self._earlier(plan)),
            self.model,
            options=self.options,
            track=track,
            budget=self.budget,
        )
        trim()  # planning a million samples leaves a third of its memory behind
        try:
            await pipeline.run()
        except Stopped as stop:
            self.missing = len(plan) - self.cell.filled_count
            left = counted(self.missing, "answer")
            self.stopped, self.ends_all = f"{stop}; {left} still to ask", stop.everything
        finally:
            track.end()
        for line in pipeline.counts.notes():
            self.watcher.say(f"{redact(self.model.spec)} on {self.task.name}: {line}")
        return pipeline.counts.asked

    def _conclude(self, began: float, asked: int) -> None:
        from hemm.engine.environment import hardware

        run = self.cell.run
        errors = int((self._state() > ANSWERED).sum())
        sealed = f"sealed with {errors} error{'s' * (errors != 1)}" if errors else "sealed"
        run["state"] = "open" if self.stopped else sealed
        run["errors"] = errors
        run.update(self._totals())
        if words := kinds_words(run):
            self.watcher.say(f"{redact(self.model.spec)} on {self.task.name}: {words}")
        command = {
            "command": [redact(word) for word in self.options.command],
            "options": given_options(self.options),
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
            return {"tokens": {"input": None, "output": None}, "cost": None, "places": []}
        calls = self.cell.folder / layout.CALLS
        table = read_table(calls, columns=names)
        total = {name: pc.sum(table[name]).as_py() for name in names}
        return {
            "tokens": {"input": total["input_tokens"], "output": total["output_tokens"]},
            "cost": total["cost"],
            "places": places(calls),
        }

    def _earlier(self, plan: Plan | None) -> Any:
        """A function that finds the earlier answers of chains: of this command (``plan``), else sealed."""
        ids = self.pack.index().ids
        positions: dict[tuple[str, int], int] = {}
        if plan is not None and self.selection.depth.any():
            positions = {
                (ids[row], repeat): position
                for position, (row, repeat) in enumerate(
                    zip(plan.rows.tolist(), plan.repeats.tolist(), strict=True)
                )
            }
        media = partial(drawn_media, folder=self.cell.folder / layout.MEDIA)

        def find(name: str, repeat: int) -> Response:
            position = positions.get((name, repeat))
            if position is not None and self.cell.filled(position):
                return restore(self.cell.answer(position), media)[1]
            if not self.sealed_rows:
                for part in self.cell.sealed(ANSWER_SCHEMA.names):
                    self.sealed_rows.update({(r["id"], r["repeat"]): r for r in part.to_pylist()})
            return restore(self.sealed_rows[name, repeat], media)[1]

        return find

    def _errors(self, state: States) -> list[tuple[str, int, str]]:
        """(sample id, repeat, reason) of each error in the selection, in pack order."""
        ids = self.pack.index().ids
        places, repeats = np.nonzero(state[self.selection.rows] > ANSWERED)
        rows = self.selection.rows[places].tolist()
        wanted = {(ids[row], repeat) for row, repeat in zip(rows, repeats.tolist(), strict=True)}
        if not wanted:
            return []
        reasons: dict[tuple[str, int], str] = {}
        for part in self.cell.sealed(["id", "repeat", "failure", "failure_message"]):
            failed = part.filter(pc.is_valid(part["failure"]))
            for name, repeat, kind, text in zip(*(c.to_pylist() for c in failed.columns), strict=True):
                if (name, repeat) in wanted:
                    reasons[name, repeat] = f"{kind}: {text}"
        return [(name, repeat, why) for (name, repeat), why in reasons.items()]

    def _of(self, state: States, asked: int) -> CellResult:
        found = self._result(self.cell.folder, self.cell.run["state"], asked)
        permanent = int((state[self.selection.rows] == PERMANENT).sum())
        return replace(found, errors=self._errors(state), permanent=permanent)

    def _result(self, folder: Any, state: str, asked: int) -> CellResult:
        return CellResult(
            folder=folder,
            model=redact(self.model.spec),
            task=self.task.name,
            protocol=self.spec.digest,
            state=state,
            answers=len(self.selection.rows) * self.options.repeats,
            asked=asked,
            stopped=self.stopped,
            missing=self.missing,
        )
