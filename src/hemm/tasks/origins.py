"""Where the data of a user's own task come from, as far as the user says it: what goes into ``Task.origin``.

Rows, prompts, labels, metrics and readers may change and the origin stays: the pack and the answers then
follow the change. Another file, repository, revision, config, split or mapping of columns is another origin.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hemm.core import Task, canonical, user_code
from hemm.tasks.cards import UserCard
from hemm.tasks.columns import TOLD_ONLY


def card_origin(kind: str, card: UserCard, **place: Any) -> dict[str, Any]:
    """The origin of rows that a card maps. ``place`` says which rows: file, or repo and revision.

    That a column of hemm's name is hemm's (``unit: unit``) is how it is read, not where it comes from.
    """
    said = {
        ours: theirs for ours, theirs in card.columns.items() if ours not in TOLD_ONLY or theirs != (ours,)
    }
    columns = {ours: list(theirs) for ours, theirs in said.items()}
    each = {ours: list(theirs) for ours, theirs in card.each.items()}
    parts = {"split": card.split, "shots": card.shots, "columns": columns, "each": each, **place}
    return {"kind": kind, **{key: _plain(value) for key, value in parts.items() if value}}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def file_origin(kind: str, card: UserCard, file: Path) -> dict[str, Any]:
    """The origin of a file with rows."""
    return card_origin(kind, card, file=str(file.expanduser().resolve()))


def from_task_file(task: Task, file: Path, variant: str = "") -> Task:
    """``task`` of a user's Python file with its origin: the file, and what its sources say of themselves."""
    origin: dict[str, Any] = {"kind": "task file", "file": str(file.resolve()), "task": task.name}
    if variant:
        origin |= {"task": task.name.partition(":")[0], "variant": variant}
    variants = {name: from_task_file(other, file, name) for name, other in task.variants.items()}
    return replace(task, origin={**origin, "sources": _locations(task)}, variants=variants)


def from_object(task: Task) -> Task:
    """``task`` that a program made, with its origin: the file that defines it as its TASK, so that ``hemm
    prepare ./FILE`` prepares it; else what its sources say of themselves."""
    for whole, file in _defined():
        if whole is task:
            return from_task_file(whole, file)
        for name, other in whole.variants.items():
            if other is task:
                return from_task_file(other, file, name)
    variants = {name: from_object(other) for name, other in task.variants.items()}
    return replace(task, origin={"kind": "object", "sources": _locations(task)}, variants=variants)


def _defined() -> Iterator[tuple[Task, Path]]:
    """The tasks that imported files define as TASK or in TASKS. Modules of packages are no files of tasks."""
    for module in list(sys.modules.values()):
        space = getattr(module, "__dict__", {})
        file = space.get("__file__")
        there = [name for name in ("TASKS", "TASK") if name in space]
        if not there or "." in str(space.get("__name__")) or not str(file).endswith(".py"):
            continue
        for name in user_code.assigned(Path(str(file))).intersection(there):
            found = space[name]
            listed = found.values() if isinstance(found, Mapping) else found
            for task in listed if isinstance(found, Mapping | list | tuple) else [found]:
                if isinstance(task, Task):
                    yield task, Path(str(file))


def _locations(task: Task) -> list[dict[str, Any]]:
    return list({canonical(place): place for place in (dict(s.location()) for s in task.sources)}.values())


def from_package(task: Task, entry: str) -> Task:
    """``task`` that an installed package lists as ``entry`` and that has another name of its own."""
    variants = {
        name: replace(other, origin={"kind": "plug-in", "name": f"{entry}:{name}"})
        for name, other in task.variants.items()
    }
    return replace(task, origin={"kind": "plug-in", "name": entry}, variants=variants)
