"""The options of a stored cell that make it another question than its task's usual one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.core import HemmError, Task
from hemm.engine.protocol_options import TASK_DEFAULTS, USUAL, by_name

if TYPE_CHECKING:
    from hemm.results.read import Cell

Options = Mapping[str, Any]


@dataclass(frozen=True)
class AskedOptions:
    """The options of a cell's protocol by name, without the control, which has a role of its own.

    values   all of them
    changed  those that differ from the default of the cell's task
    given    those, and those that were set to what the task has anyway
    """

    values: Options
    changed: Options
    given: Options


def asked_options(cell: Cell) -> AskedOptions:
    """The options of ``cell``; worked out where version 0.1.0 wrote it, which did not store them."""
    values = by_name(cell.run["protocol_spec"])
    stored = cell.run.get("options")
    if stored is None:
        changed = given = {name: value for name, value in values.items() if _differed(cell, name, value)}
    else:
        given = {name: row["value"] for name, row in stored.items()}
        changed = {name: row["value"] for name, row in stored.items() if row["value"] != row["default"]}
    return AskedOptions(
        *({n: v for n, v in each.items() if n != "control"} for each in (values, changed, given))
    )


def _differed(cell: Cell, name: str, value: Any) -> bool:
    """Whether an option that was stored without its default was not the default of its task."""
    if name in TASK_DEFAULTS:
        return _was_set(cell, name, value)
    if name == "output":  # part of every task that is answered with pictures
        return [name, value] in (cell.run.get("settings") or [])
    return bool(value != USUAL.get(name))


def _was_set(cell: Cell, name: str, value: Any) -> bool:
    """Whether the user set an option whose default is the task's.

    The command lines say so. A call in Python left no words, and a file of options is not kept: then the task
    says what its default is today, if it is known here.
    """
    if name == "prompt" and cell.run.get("prompt_file"):
        return True
    commands = [[str(word) for word in c.get("command") or ()] for c in cell.run.get("commands") or ()]
    flag = "max_new_tokens=" if name == "max_new_tokens" else f"--{name}"
    words = [word for command in commands for word in command]
    if any(word == flag or word.removeprefix("--set=").startswith(f"{flag.rstrip('=')}=") for word in words):
        return True
    if commands and all(commands) and not any(word.startswith("--config") for word in words):
        return False
    if not commands and name != "system":
        return False
    task = _task(cell)
    if task is None:
        return name == "system" and bool(value)
    default: Any = {"prompt": task.prompt, "system": task.system, "max_new_tokens": task.max_new_tokens}[name]
    return bool(value != default)


def _task(cell: Cell) -> Task | None:
    from hemm.tasks.selection import listed

    try:
        return listed(cell.task)
    except HemmError:
        return None
