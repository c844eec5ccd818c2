"""The scores of several cells, loaded once: on all samples, or on those that all models share."""

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
    """A model with its settings. ``control`` is empty where the pictures are unchanged."""

    key: str
    label: str
    model: str
    revision: str
    control: str


class Study:
    """The scores of several cells, from which profiles, comparisons, differences and reports are made.

    cells     the cells that could be read and have answers
    subjects  by key: models in alphabetical order, each before its controls
    notes     warnings for readers: cells that cannot be read, are unfinished or have two protocols

    It does not change, and reads each cell once. ``hemm.load(DIR).study`` is the study of a results folder:

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
        """Load the scores of ``cells``. Raises HemmError where none can be read or has answers; if
        ``strict``, for any cell that cannot be read, which is otherwise a note.
        """
        return cls(*_load(cells, strict))

    @cached_property
    def on_common_samples(self) -> Study:
        """The same cells, where tasks of several models (controls do not count) keep only the groups that all
        of these models have answers to."""
        shared = _shared(self._loaded)
        notes = list(self._loading_notes)
        return Study([_on_shared_groups(item, shared, notes) for item in self._loaded], notes)

    def named(self, spec: str, other_ways: str = "") -> tuple[Subject, list[CellScores]]:
        """The subject that ``spec`` names, and its cells.

        spec        a label; the name of a model without control, or the beginning of its ``model@revision``;
                    or the beginning of a protocol (6 hex digits or more), which gives that protocol's cells
        other_ways  what the error message proposes beside labels if several subjects match
        Raises UnknownName if none matches, HemmError if several do.
        """
        known = list(self.subjects.values())
        matches = [s for s in known if s.label == spec] or [s for s in known if _is_named(s, spec)]
        cells = [c for c in self.cells if c.subject in {s.key for s in matches}]
        if not matches and len(spec) >= 6:
            cells = [c for c in self.cells if c.cell.protocol.startswith(spec.lower())]
            keys = {c.subject for c in cells}
            matches = [s for s in known if s.key in keys]
        if not matches:
            raise UnknownName("model in these results", spec, [s.label for s in known])
        if len(matches) > 1:
            choice = "; ".join(repr(s.label) for s in matches)
            raise HemmError(f"{spec!r} was asked in several ways: name one of {choice}{other_ways}")
        return matches[0], cells


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
        if unscored := cell.aggregates().get("unscored"):
            counts = ", ".join(f"{count} {why}" for why, count in unscored.items())
            notes.append(f"{item.label} on {item.task}: answers that are kept and not scored: {counts}")
        loaded.append(item)
    if not loaded:
        raise HemmError(notes[0] if notes else "no results to profile")
    return loaded, notes


def _is_named(subject: Subject, spec: str) -> bool:
    full_name = f"{subject.model}@{subject.revision}"
    return not subject.control and (spec == subject.model or ("@" in spec and full_name.startswith(spec)))


def _shared(loaded: Sequence[CellScores]) -> dict[str, set[str]]:
    """Task -> groups that all of its cells without control have; only for tasks of several such cells."""
    groups_of_cells: dict[str, list[set[str]]] = {}
    for item in loaded:
        if not item.control:
            groups_of_cells.setdefault(item.task, []).append(set(item.headline.row_of))
    return {task: set.intersection(*each) for task, each in groups_of_cells.items() if len(each) > 1}


def _on_shared_groups(item: CellScores, shared: Mapping[str, set[str]], notes: list[str]) -> CellScores:
    groups = shared.get(item.task)
    if groups is None or item.control or groups >= set(item.headline.row_of):
        return item
    mask = np.array([g in groups for g in item.headline.groups], dtype=bool)
    share = f"{int(mask.sum())} of {len(mask)} {groups_word(item.headline.metric)}"
    notes.append(f"{item.label} on {item.task}: {share}, those that all models at hand were asked")
    units = set(item.headline.units[mask])
    others = tuple(s.take(np.array([u in units for u in s.units], dtype=bool)) for s in item.others)
    return replace(item, headline=item.headline.take(mask), others=others, corpus={})


def _one_subject_a_task(loaded: Sequence[CellScores]) -> tuple[list[CellScores], list[str]]:
    """The cells and notes: a second cell of the same subject and task becomes a subject of its own."""
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
    """Subjects by key, controls last. Labels have the revision only where one model name has several."""
    revisions: dict[str, set[str]] = {}
    for item in loaded:
        revisions.setdefault(item.cell.model, set()).add(item.cell.revision)
    by_key: dict[str, Subject] = {}
    for item in sorted(loaded, key=lambda i: (i.cell.model, i.control != "", i.label)):
        model, revision, label = item.cell.model, item.cell.revision, item.label
        if len(revisions[model]) == 1 and revision:
            label = label.replace(f"{model}@{revision[:8]}", model, 1)
        by_key.setdefault(item.subject, Subject(item.subject, label, model, revision, item.control))
    return by_key
