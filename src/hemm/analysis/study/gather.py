"""Cells that are compared: loaded, on common samples, each with its subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.profile.rows import Subject
from hemm.analysis.study.load import Loaded, Scores, load
from hemm.core import HemmError

if TYPE_CHECKING:
    from hemm.results.read import Cell


def gather(cells: Iterable[Cell], common: bool) -> tuple[list[Loaded], dict[str, Subject], list[str]]:
    """Loaded cells, subjects by key (plain ones before controls), and notes.

    common  where several models (without controls) were asked a task, keep only the groups that all of them
            have an answer for
    Raises HemmError where no cell can be read.
    """
    loaded, notes = _load(cells)
    shared = _shared(loaded) if common else {}
    loaded = [_restrict(item, shared, notes) for item in loaded]
    return loaded, _subjects(loaded, notes), notes


def _load(cells: Iterable[Cell]) -> tuple[list[Loaded], list[str]]:
    loaded: list[Loaded] = []
    notes: list[str] = []
    for cell in cells:
        try:
            item = load(cell)
        except HemmError as error:
            notes.append(str(error))
            continue
        if not len(item.headline):
            notes.append(f"{item.label} on {item.task}: no answers yet")
            continue
        if cell.state == "open":
            so_far = int(item.headline.counts.sum())
            notes.append(f"{item.label} on {item.task}: the run is not finished, {so_far} answers so far")
        loaded.append(item)
    if not loaded:
        raise HemmError(notes[0] if notes else "no results to profile")
    return loaded, notes


def _shared(loaded: Sequence[Loaded]) -> dict[str, set[str]]:
    """Task -> groups that every plain cell of it has; only for tasks of several."""
    found: dict[str, list[set[str]]] = {}
    for item in loaded:
        if not item.control:
            found.setdefault(item.task, []).append(set(item.headline.groups))
    return {task: set.intersection(*each) for task, each in found.items() if len(each) > 1}


def _restrict(item: Loaded, shared: Mapping[str, set[str]], notes: list[str]) -> Loaded:
    groups = shared.get(item.task)
    if groups is None or item.control or groups >= set(item.headline.groups):
        return item
    kept = np.array([g in groups for g in item.headline.groups], dtype=bool)
    part = f"{int(kept.sum())} of {len(kept)} {groups_word(item.headline)}"
    notes.append(f"{item.label} on {item.task}: {part}, those that all models at hand were asked")
    units = set(item.headline.units[kept])
    others = tuple(s.take(np.array([u in units for u in s.units], dtype=bool)) for s in item.others)
    return Loaded(
        item.cell, item.subject, item.pair, item.label, item.control, item.headline.take(kept), others, {}
    )


def groups_word(scores: Scores) -> str:
    """What was scored together, in the plural."""
    return {"sample": "samples", "unit": "units"}.get(scores.metric.group, "groups")


def _subjects(loaded: list[Loaded], notes: list[str]) -> dict[str, Subject]:
    """Subjects by key, plain ones before controls. A second cell of the same task is a subject of its own."""
    seen: set[tuple[str, str]] = set()
    for number, item in enumerate(loaded):
        if (item.subject, item.task) in seen:
            name = f"{item.label} [{item.cell.protocol[:6]}]"
            key = f"{item.subject}-{item.cell.protocol[:6]}"
            pair = f"{item.pair}-{item.cell.protocol[:6]}"
            notes.append(
                f"{item.label} has several protocols of task {item.task}: one of them is shown as {name}"
            )
            loaded[number] = item = replace(item, subject=key, pair=pair, label=name)
        seen.add((item.subject, item.task))
    ordered = sorted(loaded, key=lambda i: (i.cell.model, i.control != "", i.label))
    found: dict[str, Subject] = {}
    for item in ordered:
        known = Subject(item.subject, item.label, item.cell.model, item.cell.revision, item.control)
        found.setdefault(item.subject, known)
    return _told_apart(found)


def _told_apart(subjects: dict[str, Subject]) -> dict[str, Subject]:
    """Revisions are shown only where one name has several."""
    revisions: dict[str, set[str]] = {}
    for s in subjects.values():
        revisions.setdefault(s.model, set()).add(s.revision)
    out = {}
    for key, s in subjects.items():
        label = s.label
        if len(revisions[s.model]) == 1 and s.revision:
            label = label.replace(f"{s.model}@{s.revision[:8]}", s.model, 1)
        out[key] = Subject(s.key, label, s.model, s.revision, s.control)
    return out
