"""Whose labels tasks have: those of the HEMM paper or the data, or proposals. No mean has both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hemm.core.text import counted

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import CellScores
    from hemm.results.read import Cell


def proposed_by(cell: Cell) -> str:
    """Who proposed the labels of a cell's task; empty where they are the paper's, or the data's own."""
    return str((cell.run.get("card") or {}).get("labels_by") or "")


def kept_apart(cells: Sequence[CellScores], pool: bool) -> tuple[list[CellScores], list[str]]:
    """The cells, those with proposed labels marked (``apart``) where others have other labels and the user
    did not ask for both together (``pool``); and a note on proposed labels."""
    sources = [proposed_by(item.cell) for item in cells]
    others = "" in sources and not pool
    marked = [replace(item, apart=by if others else "") for item, by in zip(cells, sources, strict=True)]
    notes = []
    for by in dict.fromkeys(filter(None, sources)):
        tasks = list(dict.fromkeys(i.task for i, source in zip(cells, sources, strict=True) if source == by))
        names = ", ".join(tasks) if len(tasks) < 9 else counted(len(tasks), "task")
        end = (
            "their scores stand beside the others and are in no mean with them (--suite takes both together)"
        )
        notes.append(f"the labels of {names} are {by}'s proposals{f': {end}' if others else ''}")
    return marked, notes
