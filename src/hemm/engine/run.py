"""A command: it plans, sends, seals and scores one cell for each model and task."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hemm.core import HemmError, Model, Pack, RequestModel, Task, redact
from hemm.core.errors import CannotTake, NotPrepared
from hemm.core.event_loop import raising_interrupts, run_to_end
from hemm.core.secrets import refuse_in_name
from hemm.data.pack.quality import told as told_of_pack
from hemm.engine.cell_run import CellRun, ModelStarter, StartBarrier
from hemm.engine.control import first_of
from hemm.engine.early_stopping import Rule, interim_checks
from hemm.engine.limits import CostBudget
from hemm.engine.options import CellResult, CellResults, RunOptions, Silent, Watcher
from hemm.engine.perturbing import planned, told, variants
from hemm.engine.progress import title
from hemm.engine.refusals import Refusals
from hemm.engine.setup import model_options, told_of_control
from hemm.engine.stored_task import keep_format
from hemm.results.same_data import check_results


def run(options: RunOptions, watcher: Watcher | None = None, rule: Rule | None = None) -> CellResults:
    """Run ``options``: one result for each cell, model by model.

    ``rule`` ends a task early where ``until_ci`` is set; ``hemm.analysis.early_stopping.run`` passes one.
    Of the tasks of a suite or of labels those are run that are prepared; ``not_prepared`` of the results has
    the others, and ``cannot_take`` those of which a model does not take the media.

    Raises HemmError, before any request is sent, for unknown names, named tasks without a pack, tasks that no
    metric would score, and named tasks whose media a model cannot take. KeyboardInterrupt leaves open cells
    that the same call completes.
    """
    from hemm.engine.score import check_scored
    from hemm.models import cards, resolve

    if options.until_ci is not None and rule is None:
        raise HemmError("until_ci is given and no rule: call hemm.analysis.early_stopping.run")
    variants(options)  # wrong names end here
    tasks = [keep_format(task, *options.folders) for task in _tasks(options)]
    for task in tasks:
        check_scored(task, options.metrics, later=not options.score)
        if rule is not None:
            rule.check(task, options.metrics)
    models = [resolve(spec, model_options(options)) for spec in options.models]
    for model in models:  # their folders would hold it; those of tasks are checked where they are named
        refuse_in_name(model.identity.name, "the name of a model")
    _check_identities(options.models, models)
    user_cards = [cards.read(path) for path in options.model_cards]
    for model in models:
        cards.find(model.identity.name, user_cards)  # a wrong card should fail before any request is sent
    packs, missing = _packs(tasks, options.card)
    if missing is not None and not (packs and (options.suite or options.where)):
        raise missing
    watcher = watcher or Silent()
    if missing is not None:
        watcher.say(f"{missing}; the others are asked")
    refusals = Refusals.of(options, models, packs, rule)
    if refusals.error is not None:
        watcher.say(f"{refusals.error}; the others are asked")
    found = run_to_end(lambda: run_cells(options, models, packs, watcher, rule, refusals))
    return CellResults(found, missing, refusals.error)


def _check_identities(given: Sequence[str | Model], models: Sequence[Model]) -> None:
    """Raise HemmError where two models of a user's own have one identity: the second would take the first's
    answers. Two addresses of one served model are one model, and take turns.
    """
    from hemm.models.specs import is_own

    first: dict[Any, tuple[str | Model, Model]] = {}
    for what, model in zip(given, models, strict=True):
        if not is_own(model):
            continue
        key = (model.identity, tuple(sorted(model.protocol_extra)))
        known, other = first.setdefault(key, (what, model))
        if known is not what and known != what:
            specs = " and ".join(dict.fromkeys((redact(other.spec), redact(model.spec))))
            raise HemmError(
                f"two models of this run have one identity, {redact(model.identity.name)} ({specs}): "
                "the second would take the answers of the first; give each an Identity of its own, "
                "or ask them by two commands, each with another --revision"
            )


def _packs(tasks: Sequence[Task], card: Path | None) -> tuple[list[tuple[Task, Pack]], NotPrepared | None]:
    """The tasks that have a pack, or need no download to get one; and what the others lack."""
    from hemm.data.pack.prepare import ensure

    packs: list[tuple[Task, Pack]] = []
    missing: list[NotPrepared] = []
    for task in tasks:
        try:
            packs.append((task, ensure(task)))
        except NotPrepared as error:
            missing.append(error)
    return packs, NotPrepared.all_of(missing, card) if missing else None


def _tasks(options: RunOptions) -> list[Task]:
    from hemm import tasks

    unnamed = not (options.tasks or options.suite or options.where)
    suite = "probes" if unnamed else options.suite
    return tasks.select(options.tasks, suite=suite, where=options.where, card=options.card)


async def run_cells(
    options: RunOptions,
    models: list[Model],
    packs: Sequence[tuple[Task, Pack]],
    watcher: Watcher,
    rule: Rule | None = None,
    refusals: Refusals | None = None,
) -> list[CellResult]:
    """Run every model on every task: served models side by side, then the others one after the other.

    A model starts with its first request. Models of one identity share cells, so they run one after the
    other. Results are in the order of ``models``; a model that was stopped has none for later tasks.
    """
    for folder in options.folders:
        check_results(folder, packs, write=not options.dry_run)
    for task, pack in packs:
        for line in told_of_pack(task.name, pack.info):
            watcher.say(line)
    refusals = refusals or Refusals(variants=variants(options))
    command = _Command(options, packs, watcher, rule, refusals)
    cells = [
        (model, of, task, pack)
        for number, model in enumerate(models)
        for of, task, pack in refusals.asked(number, packs)
    ]
    for line in dict.fromkeys(told_of_control(of, task, pack) for _, of, task, pack in cells):
        if line:
            watcher.say(line)
    _tell_perturbed(cells, packs if options.perturb else (), watcher)
    if not options.dry_run:
        expected = {title(model, task, of): _expected(of, pack) for model, of, task, pack in cells}
        one = len(models) == len(refusals.variants) == 1
        watcher.plan(len(cells), "tasks" if one else "cells", expected)
    names = [model.identity for model in models]
    together = [
        i
        for i, m in enumerate(models)
        if isinstance(m, RequestModel) and names.count(names[i]) == 1 and not m.alone
    ]
    if len(together) < 2:
        together = []
    results: dict[int, list[CellResult]] = {}
    barrier = StartBarrier(len(together))
    with raising_interrupts():
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {i: group.create_task(command.run(i, models[i], barrier)) for i in together}
        except BaseExceptionGroup as failed:
            raise first_of(failed) from None
        results = {i: task.result() for i, task in tasks.items()}
        for i, model in enumerate(models):
            if i not in results:
                results[i] = await command.run(i, model, StartBarrier(1))
    return [result for i in range(len(models)) for result in results[i]]


Planned = tuple[Model, RunOptions, Task, Pack]


def _tell_perturbed(cells: Sequence[Planned], packs: Sequence[tuple[Task, Pack]], watcher: Watcher) -> None:
    """Say what cannot be perturbed, and how much a suite of perturbations is."""
    for task, pack in packs:
        for line in told([of for _, of, one, _ in cells if one is task], task, pack):
            watcher.say(line)
    changes = {of.perturb for _, of, _, _ in cells}
    if packs and "" in changes:
        requests = sum(_expected(of, pack) for _, of, _, pack in cells)
        watcher.say(planned(len(cells), requests, len(changes) - 1))


def _expected(options: RunOptions, pack: Pack) -> int:
    """About how many answers a selection of a pack has; a limit counts units, which are often one sample."""
    shards = 1 if options.part is None else options.part.count
    size = pack.rows()
    return min(size, options.limit or size) * options.repeats // shards


@dataclass
class _Command:
    """State that the models of one command share."""

    options: RunOptions
    packs: Sequence[tuple[Task, Pack]]
    watcher: Watcher
    rule: Rule | None = None
    refusals: Refusals = field(default_factory=Refusals)

    def __post_init__(self) -> None:
        most = self.options.max_cost
        part = self.options.part
        self.budget = None if most is None else CostBudget(most / (1 if part is None else part.count))
        self.ended = False

    async def run(self, number: int, model: Model, barrier: StartBarrier) -> list[CellResult]:
        """Run one model on every task that it can take, one cell after the other."""
        starter, results = ModelStarter(model, self.watcher, barrier), []
        try:
            for options, task, pack in self.refusals.asked(number, self.packs):
                if self.ended:
                    break
                try:
                    results.append(await self._cell(options, model, task, pack, starter))
                except CannotTake as error:
                    self.refusals.add(number, options, task, error, self.watcher)
                    continue
                finally:
                    self.watcher.done(title(model, task, options))
                if results[-1].stopped:
                    break
        finally:
            await starter.close()
        return results

    async def _cell(
        self, options: RunOptions, model: Model, task: Task, pack: Pack, starter: ModelStarter
    ) -> CellResult:
        """Run one model on one task: in one go, or from check to check until ``rule`` is met."""
        results: list[CellResult] = []
        dry = options.dry_run
        for interim in interim_checks(self.rule, pack, options.seed, options.limit):
            if dry and results and results[-1].asked and interim is not None and not interim.is_last:
                continue  # what is not asked yet may end it at any check: the forecast is that of the last
            cell = CellRun(options, model, task, pack, self.watcher, self.budget, interim)
            results.append(await cell.run(starter))
            self.ended |= cell.ends_all
            if results[-1].stopped or (interim is not None and interim.reached):
                break
        asked = results[-1].asked if dry else sum(r.asked for r in results)
        return replace(results[-1], asked=asked, perturb=options.perturb, control=options.control)
