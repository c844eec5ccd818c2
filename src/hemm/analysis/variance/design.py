"""Which answers of a study may be taken together for variance components, as flat lists for each task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study import Study
from hemm.analysis.study.asked_options import asked_options
from hemm.analysis.study.cell_scores import CellScores
from hemm.analysis.study.normalise import Scale, TaskSlice, limits
from hemm.analysis.study.shared_pictures import ONE
from hemm.core import canonical
from hemm.core.text import counted
from hemm.metrics.scoring import worst
from hemm.results.counted import reading

_ASKED = ("prompt", "system", "instruction")
"""What makes a prompt: cells that differ in these alone, and in the seed, are taken together."""
APART = "here they are taken as different ones, so errors over tasks may be too small"


@dataclass(frozen=True)
class TaskDesign:
    """The answers of one model to one task, in all cells; lists of one entry for each scored answer.

    values   normalised scores, failures as the worst
    sample   what was scored together (usually a sample); ``cluster``, ``prompt``, ``seed``: its levels
    weights  of each answer in the score: cells weigh the same, then samples, then repeats
    prompts  prompt, in words that other tasks have too -> mean score
    errors   answers without a score, which are left out
    """

    task: str
    metric: str
    cells: int
    values: NDArray[np.float64]
    cluster: Sequence[str]
    sample: Sequence[str]
    prompt: Sequence[str]
    seed: Sequence[str]
    weights: NDArray[np.float64]
    prompts: Mapping[bytes, float]
    errors: int

    @property
    def mean(self) -> float:
        return float(np.dot(self.values, self.weights))

    @property
    def repeats(self) -> float:
        """Answers for each sample in a cell, on average."""
        asked = set(zip(self.prompt, self.seed, self.sample, strict=True))
        return len(self.values) / len(asked)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "metric": self.metric,
            "score": self.mean,
            "answers": len(self.values),
            "clusters": len(set(self.cluster)),
            "samples": len(set(self.sample)),
            "prompts": len(set(self.prompt)),
            "seeds": len(set(self.seed)),
            "repeats": self.repeats,
            "errors": self.errors,
        }


@dataclass(frozen=True)
class Design:
    """The tasks of one model that can be used."""

    label: str
    tasks: tuple[TaskDesign, ...]
    notes: tuple[str, ...]


def designs_of(study: Study) -> tuple[list[Design], list[str]]:
    """The designs of a study's models, and notes on cells and tasks that are left out. Controls are."""
    here = {f"{pair}: {ONE}": f"{pair}: {APART}" for pair in study.shared_pictures}
    notes = [here.get(note, note) for note in study.notes]
    by_model: dict[bytes, dict[str, list[CellScores]]] = {}
    controls = 0
    for item in _once([item for item in study.cells if item.in_means]):
        controls += bool(item.control)
        if not item.control:
            by_model.setdefault(_in_common(item), {}).setdefault(item.task, []).append(item)
    if controls:
        notes.append(f"left out: {counted(controls, 'cell')} with other pictures or questions (controls)")
    designs = []
    for tasks in by_model.values():
        items = [item for each in tasks.values() for item in each]
        label = min((study.subjects[item.subject] for item in items), key=lambda s: len(s.options)).label
        found: list[TaskDesign] = []
        own: list[str] = []
        for task, cells in tasks.items():
            design = _task_design(cells, own)
            if isinstance(design, str):
                notes.append(f"{label} on {task} is left out: {design}")
            else:
                found.append(design)
        if found and all(float(np.ptp(task.values)) == 0 for task in found):
            notes.append(f"{label} is left out: all its answers to a task score the same")
        elif found:
            designs.append(Design(label, tuple(found), tuple(own)))
    return designs, list(dict.fromkeys(notes))


def _once(cells: Sequence[CellScores]) -> list[CellScores]:
    """A cell may belong to two subjects; here it counts once."""
    return list({str(item.cell.folder): item for item in reversed(cells)}.values())[::-1]


def _in_common(item: CellScores) -> bytes:
    """What all cells of a design have in common: the model, and the options beside prompt and seed."""
    changed = {n: v for n, v in asked_options(item.cell).changed.items() if n not in (*_ASKED, "seed")}
    return canonical([item.cell.run["protocol_spec"]["model"], changed])


def _levels(item: CellScores) -> tuple[str, str, bytes]:
    """The cell's prompt and seed, and its prompt in words that other tasks have too."""
    spec, asked = item.cell.run["protocol_spec"], asked_options(item.cell)
    prompt = canonical([spec.get("template"), spec.get("instruction") or "", spec.get("system") or ""])
    shared = canonical({n: v for n, v in asked.changed.items() if n in _ASKED})
    return prompt.decode(), str(asked.values.get("seed", 0)), shared


def _task_design(cells: Sequence[CellScores], notes: list[str]) -> TaskDesign | str:
    """The answers of these cells of one task; or why they cannot be used."""
    first = cells[0]
    kept: dict[tuple[str, str], CellScores] = {}
    for item in cells:
        if item.headline.spec != first.headline.spec or item.headline.version != first.headline.version:
            return f"its cells are scored by {first.headline.spec} and {item.headline.spec}: hemm score helps"
        if kept.setdefault(_levels(item)[:2], item) is not item:
            notes.append(f"{item.task}: {item.cell.folder} is left out: another cell has its prompt and seed")
        if item.headline.anytime is not None:
            notes.append(f"{item.task}: a cell was stopped by its interval, which makes it look too precise")
    scale = [limits(item.headline, Scale(), TaskSlice(item.subject, item.task)) for item in kept.values()]
    if why := next((why for _, _, why in scale if why), ""):
        return why
    floor, ceiling = (float(np.mean([ends[i] for ends in scale])) for i in (0, 1))
    columns: list[tuple[float, str, str, str, str, float]] = []
    prompts: dict[bytes, list[float]] = {}
    errors = 0
    for item in kept.values():
        own_prompt, own_seed, shared = _levels(item)
        rows, lost = _answers(item)
        errors += lost
        if not rows:
            return "a cell has no scored answers"
        asked: dict[str, int] = {}
        for _, group, _ in rows:
            asked[group] = asked.get(group, 0) + 1
        of_cell = []
        for value, group, in_cluster in rows:
            weight = 1 / (len(kept) * len(asked) * asked[group])
            scaled = (value - floor) / (ceiling - floor)
            columns.append((scaled, in_cluster, group, own_prompt, own_seed, weight))
            of_cell.append(scaled * weight * len(kept))
        prompts.setdefault(shared, []).append(math.fsum(of_cell))
    values, cluster, sample, prompt, seed, weights = (list(c) for c in zip(*columns, strict=True))
    if len(set(sample)) < 2:
        return "it has one sample"
    if errors:
        notes.append(f"{first.task}: {counted(errors, 'answer')} without a score left out")
    return TaskDesign(
        task=first.task,
        metric=first.headline.spec,
        cells=len(kept),
        values=np.array(values),
        cluster=cluster,
        sample=sample,
        prompt=prompt,
        seed=seed,
        weights=np.array(weights),
        prompts={shared: math.fsum(means) / len(means) for shared, means in prompts.items()},
        errors=errors,
    )


def _answers(item: CellScores) -> tuple[list[tuple[float, str, str]], int]:
    """(score, group, cluster) of each answer that has a score, failures as the worst; and how many have
    none."""
    lowest = worst(item.headline.metric)
    known = set(item.headline.groups.tolist())
    names = ("group", "cluster", "component", "repeat", "value", "outcome")
    columns = [item.answers.column(name).to_pylist() for name in names]
    rows, lost = [], 0
    for group, cluster, component, repeat, value, outcome in zip(*columns, strict=True):
        if component != item.headline.component or repeat is None or group not in known:
            continue
        score = reading(value, outcome, lowest)
        if score is None:
            lost += 1
        else:
            rows.append((score, group, cluster))
    return rows, lost
