"""What picture and text do for a model together and alone: behaviour, information, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hemm.analysis.interactions.behaviour import Behaviour, Judgements, behaviour, judge
from hemm.analysis.interactions.conditions import Conditions, conditions_of
from hemm.analysis.interactions.information import Information, information
from hemm.analysis.interactions.labels import (
    Contradiction,
    Labelled,
    LabelRow,
    LabelTest,
    contradictions,
    label_rows,
    label_tests,
)
from hemm.analysis.interactions.option_scores import option_scores
from hemm.analysis.study import Study
from hemm.core import HemmError

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TaskInteractions:
    """One model on one task. ``information`` is None where ``refused`` says why."""

    conditions: Conditions
    behaviour: Behaviour
    information: Information | None
    refused: str

    @property
    def model(self) -> str:
        return self.conditions.who

    @property
    def task(self) -> str:
        return self.conditions.task

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "task": self.task,
            "controls": self.conditions.controls,
            "behaviour": self.behaviour.to_json(),
            "information": None if self.information is None else self.information.to_json(),
            "refused": self.refused,
        }


@dataclass(frozen=True)
class Interactions:
    """All models and tasks of a study that were asked in every condition.

    labels          behaviour by the label ``interaction``, by model and task
    tests           synergy against redundancy, by model
    contradictions  samples that are right in another way than their label says: the first ones
    contradicting   how many there are
    notes           what lacks a condition or cannot be judged
    """

    tasks: tuple[TaskInteractions, ...]
    labels: tuple[LabelRow, ...]
    tests: tuple[LabelTest, ...]
    contradictions: tuple[Contradiction, ...]
    contradicting: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm interactions``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tasks": [task.to_json() for task in self.tasks],
            "labels": [row.to_json() for row in self.labels],
            "tests": [test.to_json() for test in self.tests],
            "contradictions": [row.to_json() for row in self.contradictions],
            "contradicting": self.contradicting,
            "notes": list(self.notes),
        }


def interactions(study: Study, bits: bool = True) -> Interactions:
    """The interactions of every model and task of ``study``. Raises HemmError where nothing was asked in all
    conditions, or nothing of it can be judged.

    bits  read the probabilities of options too, for which the task is looked up

    >>> import hemm
    >>> run = hemm.run("baseline/majority", "probe_faces", limit=24, conditions="vl,l,v=question-none")
    >>> (found,) = interactions(run.study).tasks
    >>> found.behaviour.kinds["synergy"][0]  # it looks at neither: nothing that it does needs both
    0
    """
    sets, notes = conditions_of(study)
    tasks: list[TaskInteractions] = []
    labelled: list[Labelled] = []
    for conditions in sets:
        try:
            judged = judge(conditions)
        except HemmError as error:
            notes.append(f"{conditions.who} on {conditions.task}: {error}")
            continue
        found, refused = _information(conditions, judged) if bits else (None, "probabilities were not read")
        tasks.append(TaskInteractions(conditions, behaviour(judged), found, refused))
        labelled.append(Labelled(conditions, judged, {} if found is None else found.synergy))
    if not tasks:
        raise HemmError(f"nothing can be judged: {'; '.join(notes)}")
    return _with_labels(tasks, labelled, notes)


def _information(conditions: Conditions, judged: Judgements) -> tuple[Information | None, str]:
    """What the probabilities tell; or None, and why not."""
    try:
        return information(option_scores(conditions, judged.column)), ""
    except HemmError as error:
        return None, str(error)


def _with_labels(
    tasks: Sequence[TaskInteractions], labelled: Sequence[Labelled], notes: Sequence[str]
) -> Interactions:
    rows, count = contradictions(labelled)
    tests = label_tests([item for item in labelled if not item.conditions.apart])
    apart = ", ".join(dict.fromkeys(item.conditions.task for item in labelled if item.conditions.apart))
    told = [f"the labels of {apart} are proposals: in no test of labels with the others"] if apart else []
    by_label = label_rows(labelled)
    return Interactions(tuple(tasks), tuple(by_label), tuple(tests), tuple(rows), count, (*notes, *told))
