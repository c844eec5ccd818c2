"""Where the data of a user's own task come from, as far as the user says it: what goes into ``Task.origin``.

Rows, prompts, labels, metrics and readers may change and the origin stays: the pack and the answers then
follow the change. Another file, repository, revision, config, split or mapping of columns is another origin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hemm.core import Task, canonical
from hemm.tasks.cards import UserCard


def card_origin(kind: str, card: UserCard, **place: Any) -> dict[str, Any]:
    """The origin of rows that a card maps. ``place`` says which rows: file, or repo and revision."""
    columns = {ours: list(theirs) for ours, theirs in card.columns.items()}
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
    """``task`` that a program made, with its origin: what its sources say of themselves."""
    variants = {name: from_object(other) for name, other in task.variants.items()}
    return replace(task, origin={"kind": "object", "sources": _locations(task)}, variants=variants)


def _locations(task: Task) -> list[dict[str, Any]]:
    return list({canonical(place): place for place in (dict(s.location()) for s in task.sources)}.values())


def from_package(task: Task, entry: str) -> Task:
    """``task`` that an installed package lists as ``entry`` and that has another name of its own."""
    variants = {
        name: replace(other, origin={"kind": "plug-in", "name": f"{entry}:{name}"})
        for name, other in task.variants.items()
    }
    return replace(task, origin={"kind": "plug-in", "name": entry}, variants=variants)
