"""Whether a cell holds answers to the data of a task: its origin decides, and where that is another, content.

A results folder has one data set of a name. Another one of that name is refused before anything is asked, so
that no score, comparison or profile is over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from hemm.core import BadData, CellLocked, HemmError, Pack, Task, slug
from hemm.core.origin import origin_text, same_origin
from hemm.data.files import read_table
from hemm.results import layout
from hemm.results.checked import read_run, write_run
from hemm.results.lock import Lock
from hemm.results.read import Cell
from hemm.results.segments import open_lines

MOST = 0.5
"""The share of a cell's answers that must be to samples of the pack, where version 0.1.0 did not say whose
they are: rows may have been edited since, but the data set is the same."""


def check_results(out: Path, tasks: Iterable[tuple[Task, Pack]], write: bool = True) -> None:
    """Raise HemmError where a cell below ``out`` has the name of one of these tasks and holds other data.

    Where the data were moved, one cell with the pack's content shows it for all cells of its origin.
    ``write``: cells of other origins that hold the task's data get the task's.
    """
    accepted: list[tuple[Cell, Task]] = []
    for task, pack in tasks:
        there = list(cells_named_as(out, task))
        moved = [
            cell.run["origin"]
            for cell in there
            if cell.task == task.name and "origin" in cell.run and cell.run["pack"]["hash"] == pack.hash
        ]
        for cell in there:
            stored = cell.run.get("origin")
            if cell.task != task.name or stored is None or not any(same_origin(stored, o) for o in moved):
                check_cell(cell, task, pack)
            if stored is None or not same_origin(stored, task.origin):
                accepted.append((cell, task))
    for cell, task in accepted if write else ():
        with suppress(CellLocked), Lock(cell.folder / layout.LOCK):
            run = read_run(cell.folder)
            if run is not None:
                write_run(cell.folder, {**run, "origin": dict(task.origin)})


def cells_named_as(out: Path, task: Task) -> Iterator[Cell]:
    """The cells below ``out`` that lie where those of ``task`` do."""
    for path in sorted(out.glob(f"*/{slug(task.name)}/*/{layout.RUN}")):
        with suppress(BadData):  # whoever opens this cell reports it
            run = read_run(path.parent)
            if run is not None:
                yield Cell(path.parent, run)


def check_cell(cell: Cell, task: Task, pack: Pack | None) -> None:
    """Raise HemmError where ``cell`` holds answers to other data than those of ``task``.

    pack  the task's current one; None where there is none: then origins count as one where they differ only
          in the folders of their paths
    """
    if cell.task == task.name and _holds(cell, task, pack):
        return
    stored = cell.run.get("origin")
    if stored is None:
        held = str((cell.run.get("pack") or {}).get("source") or "data of unknown origin")
    else:
        held = origin_text(stored, cell.task, task.origin)
    now = origin_text(task.origin, task.name, stored)
    raise HemmError(
        f"{cell.folder} holds answers of task {cell.task!r} to {held}, not to {now}: name the task to go on "
        "(name: in its card, or that of its Task), or use another results folder (--out)"
    )


def _holds(cell: Cell, task: Task, pack: Pack | None) -> bool:
    stored, there = cell.run.get("origin"), cell.run.get("pack") or {}
    if stored is not None and same_origin(stored, task.origin):
        return True
    if pack is not None and there.get("hash") == pack.hash:
        return True
    if stored is not None:
        return pack is None and same_origin(_without_folders(stored), _without_folders(task.origin))
    return _may_hold(cell, task, pack, str(there.get("source") or ""))


def _may_hold(cell: Cell, task: Task, pack: Pack | None, source: str) -> bool:
    """Whether a cell of version 0.1.0, which kept no origin, may hold answers to the task's data."""
    names = {s.name for s in task.sources}
    if not task.origin:
        title = (cell.run.get("card") or {}).get("title")
        if title == task.card.title or source in names - {"generated"}:
            return True
    elif pack is None:
        return source in {*names, "folder"}
    return pack is not None and _overlaps(cell, pack)


def _overlaps(cell: Cell, pack: Pack) -> bool:
    """Whether at least half of the samples that were answered are in the pack as they are; or none was."""
    answered = {(line["id"], line["sample_hash"]) for line in open_lines(cell.folder, cell.run)}
    for part in cell.parts:
        if part.holds(cell.folder):
            table = read_table(cell.folder / part.file, columns=["id", "sample_hash"])
            answered.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
    index = pack.index()
    return len(answered & set(zip(index.ids, index.hashes, strict=True))) >= MOST * len(answered)


def _without_folders(value: Any) -> Any:
    """An origin in which paths are file names: equal for what was moved as a whole."""
    if isinstance(value, Mapping):
        return {key: _without_folders(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(v) for v in value]
    return PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value
