"""Which models cannot be asked which tasks, found before the first request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hemm.core import Model, Pack, Task
from hemm.core.errors import CannotTake
from hemm.engine.early_stopping import Rule, interim_checks
from hemm.engine.options import RunOptions
from hemm.engine.selections import Selections
from hemm.engine.setup import check_capabilities, protocol_spec
from hemm.results import layout
from hemm.results.checked import read_run

if TYPE_CHECKING:
    from hemm.engine.options import Watcher


@dataclass
class Refusals:
    """The pairs of a command that cannot be asked.

    others  whether the others are asked all the same: the tasks are those of a suite or of labels, or unnamed
    found   (number of the model, name of the task) -> why
    """

    others: bool = False
    found: dict[tuple[int, str], CannotTake] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        options: RunOptions,
        models: Sequence[Model],
        packs: Sequence[tuple[Task, Pack]],
        rule: Rule | None,
    ) -> Refusals:
        """Raises CannotTake that names all, where the tasks were named or nothing is left to ask."""
        refusals = cls(bool(options.suite or options.where or not options.tasks))
        for number, model in enumerate(models):
            for task, pack in packs:
                try:
                    for each in options.in_turn:
                        _check(each, model, task, pack, rule)
                except CannotTake as error:
                    refusals.found[number, task.name] = error
        if refusals.found and (not refusals.others or len(refusals.found) == len(models) * len(packs)):
            raise CannotTake.all_of(refusals.found.values())
        return refusals

    @property
    def error(self) -> CannotTake | None:
        """All in one line; None where there are none."""
        return CannotTake.all_of(self.found.values()) if self.found else None

    def asked(self, number: int, packs: Sequence[tuple[Task, Pack]]) -> list[tuple[Task, Pack]]:
        """The tasks that this model can be asked, as far as is known."""
        return [(task, pack) for task, pack in packs if (number, task.name) not in self.found]

    def add(self, number: int, task: Task, error: CannotTake, watcher: Watcher) -> None:
        """Keep what a model that has started said of itself; raises ``error`` where no others are asked."""
        if not self.others:
            raise error
        self.found[number, task.name] = error
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
