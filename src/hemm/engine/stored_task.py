"""Which task judges the answers of a stored cell."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import HemmError, Task, UnknownName, user_code
from hemm.core.origin import origin_spec, same_origin
from hemm.data import cache
from hemm.results.same_data import cells_named_as, check_cell

if TYPE_CHECKING:
    from hemm.core import Pack
    from hemm.results.read import Cell


def task_of(cell: Cell, own: Mapping[str, Task] | None = None, code: bool = False) -> Task:
    """The task of ``cell``: one of ``own`` (by name), else of hemm or of an installed package, else a user's
    own where run.json says that it is.

    code  a Python file may be executed to find it: the user asked for its metrics, not only for results

    Raises UnknownName where none has its name, HemmError where the one that has it has other data, or its
    file fails.
    """
    from hemm.tasks import TASKS, resolve

    given = own or {}
    if cell.task in given:
        task = _as_answered(given[cell.task], cell)
        check_cell(cell, task, _pack_of(task))
        return task
    if cell.task.partition(":")[0] not in TASKS:
        if (found := _where_it_was(cell, code)) is not None:
            return _as_answered(found, cell)
        raise UnknownName(
            f"task of {cell.folder}",
            cell.task,
            [*given, *TASKS.names()],
            "say where it is with --task ./FILE",
        )
    task = resolve(cell.task)
    check_cell(cell, task, None)
    return task


def _where_it_was(cell: Cell, code: bool) -> Task | None:
    """The user's own task of ``cell``, where its file, or its card, still is what run.json says.

    A Python file below the results, or one that the user never named, is not executed: the results may be
    somebody else's.
    """
    from hemm.tasks import resolve

    origin = cell.run.get("origin") or {}
    file, failed = origin.get("file"), None
    if file is not None:
        results = cell.folder.parents[2] if len(cell.folder.parents) > 2 else cell.folder
        if not Path(file).exists() or (_is_code(origin, cell) and not (code and _may_run(file, results))):
            return None
    elif "repo" not in origin:
        return None
    given = [(c.get("options") or {}).get("card") for c in reversed(cell.run.get("commands") or [])]
    cards = [Path(card) for card in dict.fromkeys(given) if card and Path(card).is_file()]
    spec = origin_spec(origin, cell.task)
    # a folder is a task too: its name, and its card, are the folder's
    specs = [spec] if file is None or file.endswith(".py") else [spec, str(Path(file).parent)]
    for spec, card in itertools.product(specs, (*cards, None)):
        try:
            task = resolve(spec, card)
        except HemmError as error:
            failed = failed or error
            continue
        if task.name == cell.task and same_origin(task.origin, origin):
            return task
    if failed is not None and file is not None:
        raise failed
    return None


def _is_code(origin: Mapping[str, Any], cell: Cell) -> bool:
    return user_code.is_code(origin_spec(origin, cell.task)) or user_code.is_code(str(origin["file"]))


def _may_run(file: str, results: Path) -> bool:
    """Whether a Python file that run.json names may be executed."""
    below = Path(file).resolve().is_relative_to(results.resolve())
    return file.endswith(".py") and not below and cache.knows_code(Path(file))


def keep_format(task: Task, *folders: Path) -> Task:
    """``task`` with the answer format and the prompt of its cells in ``folders``, where the data chose them.

    Data whose answers are all numbers were asked for texts before ``number`` became their default, and
    questions that bring an instruction were given a second one. Another instruction would send all requests
    again.
    """
    from hemm.tasks.usual_prompt import as_prompted

    for cell in (cell for out in folders for cell in cells_named_as(out, task)):
        stored = cell.run.get("origin")
        if cell.task == task.name and (stored is None or same_origin(stored, task.origin)):
            template = str((cell.run.get("protocol_spec") or {}).get("template", ""))
            task = as_prompted(_as_answered(task, cell), template)
    return task


def _as_answered(task: Task, cell: Cell) -> Task:
    from hemm.tasks.usual_format import read_as_texts

    answered = (cell.run.get("answer_format") or {}).get("name")
    return read_as_texts(task) if answered == "short_answer" else task


def _pack_of(task: Task) -> Pack | None:
    """The task's current pack; None where there is none."""
    from hemm.data.pack.prepare import ensure

    try:
        return ensure(task)
    except HemmError:
        return None
