"""Which subjects and cells a user's words name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hemm.analysis.study.labels import Subject
from hemm.analysis.study.subjects import members_of
from hemm.core import HemmError, UnknownName

if TYPE_CHECKING:
    from hemm.results.read import Cell

PROTOCOL_DIGITS = 6
"""Fewest digits by which a protocol is named."""


def matching(known: Iterable[Subject], spec: str) -> list[Subject]:
    """The subjects that ``spec`` names: a label; the name of a model without control, or the beginning of its
    ``model@revision``; the beginning of a label, those without control first."""
    known = list(known)
    begun = [s for s in known if spec and s.label.startswith(spec)]
    return (
        [s for s in known if s.label == spec]
        or [s for s in known if _is_named(s, spec)]
        or [s for s in begun if not s.control]
        or begun
    )


def _is_named(subject: Subject, spec: str) -> bool:
    full_name = f"{subject.model}@{subject.revision}"
    return not subject.control and (spec == subject.model or ("@" in spec and full_name.startswith(spec)))


def is_protocol(spec: str, cell: Cell) -> bool:
    """Whether ``spec`` is the beginning of the cell's protocol."""
    return len(spec) >= PROTOCOL_DIGITS and cell.protocol.startswith(spec.lower())


def check_one(matches: Sequence[Subject], spec: str, known: Iterable[Subject], other_ways: str = "") -> None:
    """Raise UnknownName where nothing matches, and HemmError where several do."""
    if not matches:
        raise UnknownName("model in these results", spec, [s.label for s in known])
    if len(matches) > 1:
        choice = "; ".join(repr(s.label) for s in matches)
        one = len({s.model for s in matches}) == 1
        ways = "was asked in several ways" if one else "may be several models"
        raise HemmError(f"{spec!r} {ways}: name one of {choice}{other_ways}")


def chosen_cells(cells: Sequence[Cell], models: Sequence[str], tasks: Sequence[str]) -> list[Cell]:
    """The cells of these models (found as by ``Study.named``, each with its controls) on these tasks; empty:
    all. No score is read. Raises UnknownName, and HemmError where nothing is left."""
    names = [cell.task for cell in cells]
    for task in tasks:
        if task not in names:
            raise UnknownName("task in these results", task, names)
    numbers = _numbers(cells, models) if models else set(range(len(cells)))
    left = [c for n, c in enumerate(cells) if n in numbers and (not tasks or c.task in tasks)]
    if not left:
        raise HemmError(f"no results of {', '.join(models)} on {', '.join(tasks)} are here")
    return left


def _numbers(cells: Sequence[Cell], models: Sequence[str]) -> set[int]:
    members, _ = members_of(cells)
    subjects = list({m.subject.key: m.subject for m in members}.values())
    numbers: set[int] = set()
    for spec in models:
        found = matching(subjects, spec)
        if not found and (own := {m.number for m in members if is_protocol(spec, cells[m.number])}):
            numbers |= own
            continue
        check_one(found, spec, subjects)
        own_members = [m for m in members if m.subject.key == found[0].key]
        pairs = set() if found[0].control else {m.pair for m in own_members}
        numbers |= {m.number for m in members if m in own_members or m.pair in pairs}
    return numbers
