"""The cells of one model and task that were asked with picture and question, with one, and with neither."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hemm.analysis.study import Study, Subject
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.sampling import Common
from hemm.core import CONTROLS, CorpusMetric, HemmError, SetMetric
from hemm.core.taxonomy import CONDITIONS

NEEDED = ("vl", "l", "v")


@dataclass(frozen=True)
class Conditions:
    """One model on one task: condition (of ``CONDITIONS``) -> its cell. ``prior`` may be missing."""

    subject: Subject
    task: str
    cells: Mapping[str, CellScores]

    @property
    def apart(self) -> bool:
        """Whether its labels are proposals beside tasks with others (``CellScores.apart``)."""
        return any(cell.apart for cell in self.cells.values())

    @property
    def controls(self) -> dict[str, str]:
        """Condition -> the control that asked it so."""
        return {name: item.control for name, item in self.cells.items()}

    @property
    def who(self) -> str:
        """The model with its settings, and the controls of text and picture alone unless they are usual."""
        unusual = [f"{n}={self.controls[n]}" for n in ("l", "v") if self.controls[n] != CONDITIONS[n][0]]
        return f"{self.subject.label} ({', '.join(unusual)})" if unusual else self.subject.label


def conditions_of(study: Study) -> tuple[list[Conditions], list[str]]:
    """All of a study, and notes on what lacks a condition. Raises HemmError where none has all.

    Where a condition was asked by several controls, each is taken with the usual ones of the others.
    """
    found: dict[tuple[str, str], dict[str, CellScores]] = {}
    for item in study.cells:
        found.setdefault((item.pair, item.task), {})[item.control] = item
    sets: list[Conditions] = []
    lacking: dict[str, list[str]] = {}
    for (_, task), by_control in found.items():
        if by_control.keys() <= {""}:
            continue
        there = {
            n: [by_control[c] for c in controls if c in by_control] for n, controls in CONDITIONS.items()
        }
        missing = [name for name in NEEDED if not there[name]]
        if missing:
            who = study.subjects[next(iter(by_control.values())).subject].label
            lacking.setdefault(", ".join(missing), []).append(f"{who} on {task}")
            continue
        subject = study.subjects[by_control[""].subject]
        sets += (Conditions(subject, task, cells) for cells in _each(there))
    notes = [f"not asked in condition {names}: {', '.join(who)}" for names, who in lacking.items()]
    if not sets:
        why = f" ({notes[0]})" if notes else ""
        raise HemmError(
            f"nothing was asked with picture and question, and with each alone{why}: "
            "hemm run MODEL --task T --conditions vl,l,v,prior"
        )
    order = list(study.subjects)
    sets.sort(key=lambda s: (order.index(s.subject.key), s.task))
    return sets, notes


def _each(there: Mapping[str, list[CellScores]]) -> Iterator[dict[str, CellScores]]:
    """The usual cells, then a set for each further one with the text or the picture alone. *Neither* has the
    question as the picture alone has it, where it was asked so."""
    texts, pictures, neither = (there[name] for name in ("l", "v", "prior"))
    pairs = [(texts[0], picture) for picture in pictures] + [(text, pictures[0]) for text in texts[1:]]
    for text, picture in pairs:
        question = CONTROLS[picture.control].question
        prior = sorted(neither, key=lambda item: CONTROLS[item.control].question != question)
        yield {"vl": there["vl"][0], "l": text, "v": picture, **({"prior": prior[0]} if prior else {})}


def judged(conditions: Conditions) -> tuple[dict[str, ScoreColumn], int]:
    """Condition -> the scores of the samples that all have, by the first metric that tells right from wrong;
    and how many samples were asked in any of them.

    Raises HemmError where the task has none.
    """
    plain = conditions.cells["vl"]
    for column in plain.columns:
        metric = column.metric
        low, high = metric.range
        of_samples = metric.group == "sample" and not isinstance(metric, CorpusMetric | SetMetric)
        if not (of_samples and metric.higher_is_better and math.isfinite(high - low)):
            continue
        found = {name: _same(item, column) for name, item in conditions.cells.items()}
        columns = {name: each for name, each in found.items() if each is not None}
        if len(columns) < len(found):
            continue
        common = Common.of([(c.groups, c.sampling) for c in columns.values()])
        groups = [g for g in column.groups.tolist() if g in common.groups]
        asked = set().union(*(c.groups.tolist() for c in columns.values()))
        return {name: c.in_common(groups, common) for name, c in columns.items()}, len(asked)
    raise HemmError(f"task {conditions.task} has no score that tells right from wrong sample by sample")


def _same(item: CellScores, column: ScoreColumn) -> ScoreColumn | None:
    """The column of another cell by the same metric and component."""
    return next((c for c in item.columns if (c.spec, c.component) == (column.spec, column.component)), None)
