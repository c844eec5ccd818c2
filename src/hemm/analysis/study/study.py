"""Cells that are compared: loaded once, each with its subject, on all samples or on those that all share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.study.cell_scores import CellScores, load_scores
from hemm.analysis.study.groups import groups_word
from hemm.core import HemmError, UnknownName

if TYPE_CHECKING:
    from hemm.results.read import Cell


@dataclass(frozen=True)
class Subject:
    """Who was asked, and how: a model with its settings. ``control`` is empty for the task as it is."""

    key: str
    label: str
    model: str
    revision: str
    control: str


class Study:
    """The cells at hand with their scores; the profile, comparisons, reports and differences all read one.

    cells     those that could be read and have answers
    subjects  by key: models in alphabetical order, each before its controls
    notes     what a reader must know: cells that could not be read, are unfinished or have two protocols

    Nothing in it changes, and nothing is read again: make one with ``Study.of`` and pass it on. In Python
    ``hemm.load(DIR).study`` is the study of a folder of results:

    >>> import hemm
    >>> study = hemm.run("baseline/oracle", "probe_shapes", limit=4).study
    >>> [(subject.label, subject.control) for subject in study.subjects.values()]
    [('baseline/oracle', '')]
    >>> study.cells[0].headline.values.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, cells: Sequence[CellScores], notes: Sequence[str]) -> None:
        self._loaded, self._loading_notes = tuple(cells), tuple(notes)
        named, naming_notes = _one_subject_a_task(cells)
        self.cells: tuple[CellScores, ...] = tuple(named)
        self.subjects: Mapping[str, Subject] = _subjects(named)
        self.notes: tuple[str, ...] = (*notes, *naming_notes)

    @classmethod
    def of(cls, cells: Iterable[Cell], *, strict: bool = False) -> Study:
        """Load the scores of ``cells``.

        strict  raise for a cell that cannot be read, in place of a note
        Raises HemmError where none of them can be read or has answers.
        """
        return cls(*_load(cells, strict))

    @cached_property
    def on_common_samples(self) -> Study:
        """The same, but a task that several models (without controls) were asked keeps only the groups that
        all of them have an answer for."""
        shared = _shared(self._loaded)
        notes = list(self._loading_notes)
        return Study([_restrict(item, shared, notes) for item in self._loaded], notes)

    def named(self, spec: str, other_ways: str = "") -> tuple[Subject, list[CellScores]]:
        """The subject that ``spec`` names, and its cells.

        spec        its label; a model's name or the beginning of ``model@revision`` (controls have to be
                    named by their labels); or the beginning of a protocol, 6 hex digits or more: its cells
        other_ways  what the error line proposes beside the labels where ``spec`` has several subjects
        Raises UnknownName, or HemmError where there are several.
        """
        known = list(self.subjects.values())
        found = [s for s in known if s.label == spec] or [s for s in known if _names(s, spec)]
        cells = [c for c in self.cells if c.subject in {s.key for s in found}]
        if not found and len(spec) >= 6:
            cells = [c for c in self.cells if c.cell.protocol.startswith(spec.lower())]
            keys = {c.subject for c in cells}
            found = [s for s in known if s.key in keys]
        if not found:
            raise UnknownName("model in these results", spec, [s.label for s in known])
        if len(found) > 1:
            choice = "; ".join(repr(s.label) for s in found)
            raise HemmError(f"{spec!r} was asked in several ways: name one of {choice}{other_ways}")
        return found[0], cells


def _load(cells: Iterable[Cell], strict: bool) -> tuple[list[CellScores], list[str]]:
    loaded: list[CellScores] = []
    notes: list[str] = []
    for cell in cells:
        try:
            item = load_scores(cell)
        except HemmError as error:
            if strict:
                raise
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


def _names(subject: Subject, spec: str) -> bool:
    named = f"{subject.model}@{subject.revision}"
    return not subject.control and (spec == subject.model or ("@" in spec and named.startswith(spec)))


def _shared(loaded: Sequence[CellScores]) -> dict[str, set[str]]:
    """Task -> groups that every plain cell of it has; only for tasks of several."""
    found: dict[str, list[set[str]]] = {}
    for item in loaded:
        if not item.control:
            found.setdefault(item.task, []).append(set(item.headline.row_of))
    return {task: set.intersection(*each) for task, each in found.items() if len(each) > 1}


def _restrict(item: CellScores, shared: Mapping[str, set[str]], notes: list[str]) -> CellScores:
    groups = shared.get(item.task)
    if groups is None or item.control or groups >= set(item.headline.row_of):
        return item
    kept = np.array([g in groups for g in item.headline.groups], dtype=bool)
    part = f"{int(kept.sum())} of {len(kept)} {groups_word(item.headline.metric)}"
    notes.append(f"{item.label} on {item.task}: {part}, those that all models at hand were asked")
    units = set(item.headline.units[kept])
    others = tuple(s.take(np.array([u in units for u in s.units], dtype=bool)) for s in item.others)
    return replace(item, headline=item.headline.take(kept), others=others, corpus={})


def _one_subject_a_task(loaded: Sequence[CellScores]) -> tuple[list[CellScores], list[str]]:
    """The cells, a second one of the same subject and task as a subject of its own; and a note on each."""
    seen: set[tuple[str, str]] = set()
    out, notes = [], []
    for item in loaded:
        if (item.subject, item.task) in seen:
            protocol = item.cell.protocol[:6]
            name = f"{item.label} [{protocol}]"
            notes.append(
                f"{item.label} has several protocols of task {item.task}: one of them is shown as {name}"
            )
            key, pair = f"{item.subject}-{protocol}", f"{item.pair}-{protocol}"
            item = replace(item, subject=key, pair=pair, label=name)
        seen.add((item.subject, item.task))
        out.append(item)
    return out, notes


def _subjects(loaded: Sequence[CellScores]) -> dict[str, Subject]:
    """Subjects by key, plain ones before controls. Revisions are shown only where one name has several."""
    revisions: dict[str, set[str]] = {}
    for item in loaded:
        revisions.setdefault(item.cell.model, set()).add(item.cell.revision)
    found: dict[str, Subject] = {}
    for item in sorted(loaded, key=lambda i: (i.cell.model, i.control != "", i.label)):
        model, revision, label = item.cell.model, item.cell.revision, item.label
        if len(revisions[model]) == 1 and revision:
            label = label.replace(f"{model}@{revision[:8]}", model, 1)
        found.setdefault(item.subject, Subject(item.subject, label, model, revision, item.control))
    return found


__all__ = ["Study", "Subject"]
