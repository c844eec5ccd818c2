"""The scores of several cells, loaded once: on all samples, or on those that all models share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hemm.analysis.study.cell_scores import CellScores, ScoreColumn, load_scores
from hemm.analysis.study.choosing import check_one, is_protocol, matching
from hemm.analysis.study.groups import groups_word
from hemm.analysis.study.label_sources import kept_apart
from hemm.analysis.study.labels import Subject
from hemm.analysis.study.overlays import OverlayUse, effect_on, stored_cell
from hemm.analysis.study.perturbed import of_suites
from hemm.analysis.study.same_samples import old_data
from hemm.analysis.study.sampling import Common
from hemm.analysis.study.sampling_notes import notes_on, unlike
from hemm.analysis.study.shared_pictures import SharedPictures, shared_pictures
from hemm.analysis.study.subjects import members_of
from hemm.analysis.study.variants import one_form_each
from hemm.core import HemmError
from hemm.core.origin import origin_text, same_origin
from hemm.core.text import counted
from hemm.data.pack.quality import findings
from hemm.engine.merge import unmerged
from hemm.results import layout
from hemm.results.places import kinds_words
from hemm.results.read import unscored_words

if TYPE_CHECKING:
    from hemm.results.read import Cell


class Study:
    """The scores of several cells, from which profiles, comparisons, differences and reports are made.

    cells     the cells that could be read and have answers
    subjects  by key: models in alphabetical order, each before its controls
    notes     warnings for readers: cells that cannot be read, are unfinished or have two
              protocols, or were judged against other data than a later one; tasks that share pictures;
              forms of one task, of which one counts; whose proposals labels are
    shared_pictures  which tasks share how many pictures, in words
    overlay   the overlay over the cells, and what it changes; None: none
    whole     the study that this one is ``plain`` of; itself of any other

    It does not change, and reads each cell once. ``hemm.load(DIR).study`` is the study of a results folder:

    >>> import hemm
    >>> study = hemm.run("baseline/oracle", "probe_shapes", limit=4).study
    >>> [(subject.label, subject.control) for subject in study.subjects.values()]
    [('baseline/oracle', '')]
    >>> study.cells[0].headline.values.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        cells: Sequence[CellScores],
        notes: Sequence[str],
        shared: SharedPictures | None = None,
        overlay: OverlayUse | None = None,
        pool: bool = False,
    ) -> None:
        self._loaded, self._loading_notes, self._pool = tuple(cells), tuple(notes), pool
        self.whole: Study = self
        members, naming_notes = members_of([item.cell for item in cells])
        named, form_notes = one_form_each([cells[m.number].of(m) for m in members])
        named, label_notes = kept_apart(named, pool)
        self._shared = shared_pictures([i for i in named if not i.counts_as]) if shared is None else shared
        self.shared_pictures: tuple[str, ...] = self._shared.pairs
        self.cells: tuple[CellScores, ...] = tuple(map(self._shared.of, named))
        subjects = {m.subject.key: m.subject for m in members}.values()
        ordered = sorted(subjects, key=lambda s: (s.model, s.control != "", s.label))
        self.subjects: Mapping[str, Subject] = {subject.key: subject for subject in ordered}
        self._labels = {m.number: m.subject.label for m in reversed(members)}
        self.overlay = overlay
        over = self.overlay.notes() if self.overlay else ()
        states = [f"{_who(item)}: {words}" for item in self.cells for words in _states(item)]
        said: dict[str, list[CellScores]] = {}
        for item in self.cells:
            said.setdefault(notes_on(item), []).append(item)
        every = len(self.cells)
        states += [f"{_whose(items, every)}: {words}" for words, items in said.items() if words]
        states += [f"{item.task}: {words}" for item in self.cells for words in _met(item)]
        states += unlike(self.cells)
        states += map(str, old_data(self.cells))
        self.notes: tuple[str, ...] = tuple(
            dict.fromkeys(
                (*over, *notes, *states, *naming_notes, *form_notes, *label_notes, *self._shared.notes)
            )
        )

    @classmethod
    def of(cls, cells: Iterable[Cell], *, strict: bool = False, pool: bool = False) -> Study:
        """Load the scores of ``cells``. Raises HemmError where none can be read or has answers; if
        ``strict``, for any cell that cannot be read, which is otherwise a note. ``pool``: tasks with proposed
        labels count in means with those of other labels.
        """
        every = list(cells)
        loaded, notes = _load(every, strict)
        return cls(loaded, notes, overlay=OverlayUse.of(every), pool=pool)

    @cached_property
    def without_overlay(self) -> Study:
        """The same cells as they are stored."""
        plain = {item.cell.folder: stored_cell(item.cell) for item in self._loaded}
        return Study.of(plain.values(), pool=self._pool)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Notes on cells that are not among these: they cannot be read, have no answers, or are of shards."""
        return self._loading_notes

    @cached_property
    def plain(self) -> Study:
        """The same cells without those of suites of perturbations, which are no models of their own; a note
        says so. ``whole`` of it is this study, which it is itself where there are none."""
        aside = of_suites([item.cell for item in self._loaded])
        if not aside:
            return self
        told = (
            f"{counted(len(aside), 'cell')} of perturbed samples are no models of their own: hemm compare "
            "sets them against the same samples as they are"
        )
        kept = [item for number, item in enumerate(self._loaded) if number not in aside]
        found = Study(kept, [*self._loading_notes, told], None, self.overlay, self._pool)
        found.whole = self
        return found

    @cached_property
    def on_common_samples(self) -> Study:
        """The same cells, where tasks of several models (controls do not count) keep only the groups that all
        of these models have answers to."""
        shared = _shared(self._loaded)
        notes = [*self._loading_notes, *unlike(self.cells)]
        items = [
            _on_shared_groups(replace(item, label=self._labels[number]), shared, notes)
            for number, item in enumerate(self._loaded)
        ]
        return Study(items, notes, self._shared, self.overlay, self._pool)

    def named(self, spec: str, other_ways: str = "") -> tuple[Subject, list[CellScores]]:
        """The subject that ``spec`` names, and its cells.

        spec        a label; the name of a model without control, or the beginning of its ``model@revision``;
                    the beginning of a label, those without control first; or the beginning of a protocol (6
                    hex digits or more), which gives that protocol's cells
        other_ways  what the error message proposes beside labels if several subjects match
        Raises UnknownName if none matches, HemmError if several do.
        """
        known = list(self.subjects.values())
        matches = matching(known, spec)
        cells = [c for c in self.cells if c.subject in {s.key for s in matches}]
        if not matches:
            of_protocol = [c for c in self.cells if is_protocol(spec, c.cell)]
            # a cell of two subjects stands for the first
            cells = list({c.cell.folder: c for c in reversed(of_protocol)}.values())[::-1]
            matches = [self.subjects[key] for key in dict.fromkeys(c.subject for c in cells)]
        check_one(matches, spec, known, other_ways)
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
            effect = effect_on(cell)
            why = "all answers are left out by it" if effect and effect.excluded else "no answers yet"
            notes.append(f"{_who(item)}: {why}")
            continue
        loaded.append(item)
    if not loaded:
        raise HemmError(notes[0] if notes else "no results to profile")
    _check_data(loaded)
    return loaded, [*notes, *_of_shards(loaded)]


def _of_shards(loaded: Iterable[CellScores]) -> Iterator[str]:
    """Notes of shards beside these cells whose answers the cells do not have."""
    for out in dict.fromkeys(Path(*item.cell.folder.parts[:-3]) for item in loaded):
        if late := unmerged(out):
            left = counted(len(late), "cell")
            yield f"{left} of shards in {out / layout.SHARDS} not united here yet: hemm merge {out}"


def _check_data(loaded: Iterable[CellScores]) -> None:
    """Raise HemmError where two cells of one task hold answers to two data sets (folders copied together)."""
    first: dict[str, CellScores] = {}
    for item in loaded:
        if item.cell.run.get("origin") is None:  # of 0.1.0, which did not say
            continue
        known = first.setdefault(item.task, item)
        one, other = known.cell.run, item.cell.run
        if same_origin(one["origin"], other["origin"]) or one["pack"]["hash"] == other["pack"]["hash"]:
            continue
        sets = [origin_text(a["origin"], item.task, b["origin"]) for a, b in ((one, other), (other, one))]
        raise HemmError(
            f"task {item.task!r} is two data sets in these results: {sets[0]} in {known.cell.folder}, "
            f"{sets[1]} in {item.cell.folder}: keep them in two folders, or name one of the tasks otherwise"
        )


def _who(item: CellScores) -> str:
    return f"{item.label} on {item.task}"


def _whose(items: Sequence[CellScores], every: int) -> str:
    """Which cells, by model and task, each name once; ``every``: how many there are."""
    if len(items) == every > 2:
        return "every model on every task"
    tasks: dict[str, dict[str, None]] = {}
    for item in items:
        tasks.setdefault(item.label, {})[item.task] = None
    labels: dict[tuple[str, ...], list[str]] = {}
    for label, on in tasks.items():
        labels.setdefault(tuple(on), []).append(label)
    return "; ".join(f"{', '.join(who)} on {', '.join(on)}" for on, who in labels.items())


def _states(item: CellScores) -> Iterator[str]:
    """Says so where the cell's run is not finished, or has answers that no score counts."""
    if item.cell.state == "open":
        components = item.answers.column("component").to_pylist()  # of all samples, not of common ones alone
        answers = counted(components.count(item.headline.component), "answer")
        yield f"the run is not finished, {answers} so far"
        if words := item.cell.dropped_lines():
            yield words
    if item.unscored:
        yield unscored_words(item.unscored)
    if words := kinds_words(item.cell.run):
        yield words
    yield from dict.fromkeys(item.remarks)


def _met(item: CellScores) -> Iterator[str]:
    """What the preparation of the cell's pack met, as far as scores are to be read with it."""
    found = findings((item.cell.run.get("pack") or {}).get("met") or {})
    return (finding.note() for finding in found if finding.lasting)


def _shared(loaded: Sequence[CellScores]) -> dict[str, Common]:
    """Task -> groups that all of its cells without control have; only for tasks of several such cells."""
    by_task: dict[str, list[ScoreColumn]] = {}
    for item in loaded:
        if not item.control:
            by_task.setdefault(item.task, []).append(item.headline)
    return {
        task: Common.of([(s.groups, s.sampling) for s in each])
        for task, each in by_task.items()
        if len(each) > 1
    }


def _on_shared_groups(item: CellScores, shared: Mapping[str, Common], notes: list[str]) -> CellScores:
    common = shared.get(item.task)
    if common is None or item.control or common.groups >= item.headline.row_of.keys():
        return item
    mask = np.array([g in common.groups for g in item.headline.groups], dtype=bool)
    share = f"{int(mask.sum())} of {len(mask)} {groups_word(item.headline.metric)}"
    notes.append(f"{_who(item)}: {share}, those that all models at hand were asked")
    units = set(item.headline.units[mask])
    headline = item.headline.in_common(item.headline.groups[mask].tolist(), common)
    others = [s.take(np.array([u in units for u in s.units], dtype=bool)) for s in item.others]
    weighted = tuple(replace(s, sampling=headline.sampling_of(s)) for s in others)
    return replace(item, headline=headline, others=weighted, corpus={}, blocks={})
