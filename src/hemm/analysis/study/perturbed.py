"""Which cells are the same questions perturbed, and which cell has them as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hemm.core import canonical

if TYPE_CHECKING:
    from hemm.results.read import Cell


def perturbation_of(cell: Cell) -> str:
    """``NAME:LEVEL``; empty where the samples are as they are."""
    return str(cell.run["protocol_spec"].get("perturb") or "")


def clean_of(cells: Sequence[Cell]) -> dict[int, int]:
    """Number of each perturbed cell -> that of the cell of the same model, task and options without it, where
    there is one."""
    plain = {_key(cell): n for n, cell in reversed(list(enumerate(cells))) if not perturbation_of(cell)}
    found = {}
    for number, cell in enumerate(cells):
        if perturbation_of(cell):
            # the seed of a perturbation is no option of the samples as they are, unless something else draws
            at = plain.get(_key(cell), plain.get(_key(cell, without=("seed",))))
            if at is not None:
                found[number] = at
    return found


def _key(cell: Cell, without: Sequence[str] = ()) -> bytes:
    left_out = ("perturb", *without)
    spec = {k: v for k, v in cell.run["protocol_spec"].items() if k not in left_out and v is not None}
    return canonical([cell.task, spec, cell.run.get("overlays") or []])


def of_suites(cells: Sequence[Cell]) -> set[int]:
    """Numbers of the perturbed cells that stand beside their samples as they are, where these have several:
    they are compared with those and are no models of their own."""
    clean = clean_of(cells)
    times = Counter(clean.values())
    return {number for number, at in clean.items() if times[at] > 1}
