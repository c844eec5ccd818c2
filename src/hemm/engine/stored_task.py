"""Which task judges the answers of a stored cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hemm.core import HemmError, Task, UnknownName
from hemm.results.same_data import check_cell

if TYPE_CHECKING:
    from hemm.core import Pack
    from hemm.results.read import Cell


def task_of(cell: Cell, own: Mapping[str, Task] | None = None) -> Task:
    """The task of ``cell``: one of ``own`` (by name), else of hemm or of an installed package.

    Raises UnknownName where none has its name, HemmError where the one that has it has other data.
    """
    from hemm.tasks import TASKS, resolve

    given = own or {}
    if cell.task in given:
        task = given[cell.task]
        check_cell(cell, task, _pack_of(task))
        return task
    if cell.task.partition(":")[0] not in TASKS:
        raise UnknownName(
            f"task of {cell.folder}",
            cell.task,
            [*given, *TASKS.names()],
            "say where it is with --task ./FILE",
        )
    task = resolve(cell.task)
    check_cell(cell, task, None)
    return task


def _pack_of(task: Task) -> Pack | None:
    """The task's current pack; None where there is none."""
    from hemm.data.pack.prepare import ensure

    try:
        return ensure(task)
    except HemmError:
        return None
