"""Which models cannot be asked which tasks, found before the first request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemm.core import Model, Pack, Task
from hemm.core.errors import CannotTake
from hemm.engine.early_stopping import Rule, interim_checks
from hemm.engine.options import RunOptions
from hemm.engine.perturbing import variants
from hemm.engine.selections import Selections
from hemm.engine.setup import check_capabilities, check_conditions, protocol_spec
from hemm.results import layout
from hemm.results.checked import read_run

if TYPE_CHECKING:
    from hemm.engine.options import Watcher


@dataclass
class Refusals:
    """The pairs of a command that cannot be asked.

    others    whether the others are asked all the same: the tasks are those of a suite or of labels, or
              unnamed, or there are several perturbations
    variants  the options of each cell of a model and a task
    found     (number of the model, name of the task, perturbation) -> why; all conditions go together
    """

    others: bool = False
    variants: Sequence[RunOptions] = ()
    found: dict[tuple[int, str, str], CannotTake] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        options: RunOptions,
        models: Sequence[Model],
        packs: Sequence[tuple[Task, Pack]],
        rule: Rule | None,
    ) -> Refusals:
        """Raises CannotTake that names all, where the tasks were named or nothing is left to ask."""
        refusals = cls(bool(options.suite or options.where or not options.tasks), variants(options))
        by_perturb: dict[str, list[RunOptions]] = {}
        for one in refusals.variants:
            by_perturb.setdefault(one.perturb, []).append(one)
        refusals.others |= len(by_perturb) > 1
        for number, model in enumerate(models):
            for task, pack in packs:
                for perturb, conditions in by_perturb.items():
                    try:
                        for each in conditions:
                            _check(each, model, task, pack, rule)
                            if len(conditions) > 1:
                                check_conditions(each, task, pack)
                    except CannotTake as error:
                        refusals.found[number, task.name, perturb] = error
        cells = len(models) * len(packs) * len(by_perturb)
        if refusals.found and (not refusals.others or len(refusals.found) == cells):
            raise CannotTake.all_of(refusals.found.values())
        return refusals

    @property
    def error(self) -> CannotTake | None:
        """All in one line; None where there are none."""
        return CannotTake.all_of(self.found.values()) if self.found else None

    def asked(
        self, number: int, packs: Sequence[tuple[Task, Pack]]
    ) -> Iterator[tuple[RunOptions, Task, Pack]]:
        """The cells that this model can be asked, as far as is known by then: of each task one after the
        other, so that a task is there whole as early as can be."""
        for task, pack in packs:
            for options in self.variants:
                if (number, task.name, options.perturb) not in self.found:
                    yield options, task, pack

    def add(self, number: int, options: RunOptions, task: Task, error: CannotTake, watcher: Watcher) -> None:
        """Keep what a model that has started said of itself; raises ``error`` where no others are asked."""
        if not self.others:
            raise error
        self.found[number, task.name, options.perturb] = error
        watcher.say(f"{error}; the others are asked")


def _check(options: RunOptions, model: Model, task: Task, pack: Pack, rule: Rule | None) -> None:
    """Raise CannotTake where ``model`` cannot take what this command would show it."""
    try:
        check_capabilities(options, task, pack, model, None)
    except CannotTake:  # of all samples, the selection may be those that it can take
        spec = protocol_spec(options, task, model)
        folder = layout.cell_folder(options.results, model.identity, task.name, spec.digest)
        *_, interim = interim_checks(rule, pack, options.seed, options.limit)
        selections = Selections.of(options, pack, read_run(folder), interim)
        check_capabilities(options, task, pack, model, selections.now().rows)
