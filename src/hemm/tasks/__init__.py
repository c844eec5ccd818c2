"""What is asked: the registry of tasks, suites, and how a name on the command line becomes a task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hemm.core import DIMENSIONS, HemmError, Registry, Task, UnknownName
from hemm.tasks.probes import PROBES

ROWS = {
    "decimer": "hemm.tasks.science.decimer:TASK",
    "enrico": "hemm.tasks.hci.enrico:TASK",
    "fer2013": "hemm.tasks.affective.fer2013:TASK",
    "flickr30k": "hemm.tasks.multimedia.flickr30k:TASK",
    "gqa": "hemm.tasks.multimedia.gqa:TASK",
    "hateful_memes": "hemm.tasks.affective.hateful_memes:TASK",
    "inaturalist": "hemm.tasks.science.inaturalist:TASK",
    "irfl": "hemm.tasks.multimedia.irfl:TASK",
    "ln_coco": "hemm.tasks.multimedia.ln_coco:TASK",
    "magic_brush": "hemm.tasks.multimedia.magic_brush:TASK",
    "memecap": "hemm.tasks.affective.memecap:TASK",
    "memotion": "hemm.tasks.affective.memotion:TASK",
    "mm_imdb": "hemm.tasks.multimedia.mm_imdb:TASK",
    "new_yorker_cartoon": "hemm.tasks.affective.new_yorker_cartoon:TASK",
    "nlvr": "hemm.tasks.multimedia.nlvr:TASK",
    "nlvr2": "hemm.tasks.multimedia.nlvr2:TASK",
    "nocaps": "hemm.tasks.multimedia.nocaps:TASK",
    "ok_vqa": "hemm.tasks.multimedia.ok_vqa:TASK",
    "open_path": "hemm.tasks.healthcare.open_path:TASK",
    "pathvqa": "hemm.tasks.healthcare.pathvqa:TASK",
    "resisc45": "hemm.tasks.science.resisc45:TASK",
    "scienceqa": "hemm.tasks.science.scienceqa:TASK",
    "screen2words": "hemm.tasks.hci.screen2words:TASK",
    "slake": "hemm.tasks.healthcare.slake:TASK",
    "uc_merced": "hemm.tasks.science.uc_merced:TASK",
    "vcr": "hemm.tasks.multimedia.vcr:TASK",
    "visual_genome": "hemm.tasks.multimedia.visual_genome:TASK",
    "vqa": "hemm.tasks.multimedia.vqa:TASK",
    "vqa_rad": "hemm.tasks.healthcare.vqa_rad:TASK",
    "winoground": "hemm.tasks.multimedia.winoground:TASK",
}
"""The data sets of the HEMM paper: one file each."""

MORE: dict[str, str] = {
    "vqa_v2": "hemm.tasks.multimedia.vqa_v2:TASK",
}
"""Data sets beside the paper's."""

TASKS: Registry[Task] = Registry("task", "hemm.tasks", {**ROWS, **MORE, **PROBES})

SUITES: dict[str, list[str]] = {
    "probes": list(PROBES),
    "hemm": list(ROWS),
}
"""Named lists of tasks: what hemm draws itself, and the data sets of the HEMM paper."""

__all__ = ["SUITES", "TASKS", "resolve", "select"]


def resolve(spec: str, card: Path | None = None) -> Task:
    """The task that ``spec`` names.

    ``spec`` is a registered name, ``name:variant``, ``./task.py[:name]``, ``./folder``, ``file.tsv``,
    ``file.jsonl`` or ``hub:ORG/NAME[@revision]``. ``card`` is a card file for data of the user's own.
    Raises UnknownName, or HemmError for files that are not there or wrong.
    """
    from hemm.tasks import local

    if spec.startswith("hub:"):
        return local.hub_task(spec, card)
    if local.is_path(spec):
        return local.local_task(spec, card)
    name, _, variant = spec.partition(":")
    if name not in TASKS and Path(spec).exists():
        raise HemmError(f"unknown task {spec!r}; for the file or folder of this name write ./{spec}")
    task = TASKS.get(name)
    if not variant:
        return task
    if variant not in task.variants:
        raise UnknownName(f"variant of task {name}", variant, task.variants)
    return task.variants[variant]


def select(
    tasks: Sequence[str] = (), suite: str = "", where: Iterable[str] = (), card: Path | None = None
) -> list[Task]:
    """The tasks that are named, those of a suite, or all, as far as they match every ``DIMENSION=CATEGORY``.

    A task whose card leaves a dimension open is kept: its samples carry that label themselves. Each task
    comes once. Raises UnknownName, or HemmError where nothing is left.
    """
    names = list(tasks)
    if suite:
        if suite not in SUITES:
            raise UnknownName("suite", suite, SUITES)
        names += SUITES[suite]
    wanted = [_condition(text) for text in where]
    found: dict[str, Task] = {}
    for name in names or TASKS.names():
        task = resolve(name, card)
        if all(task.card.labels.get(d, c) == c for d, c in wanted):
            known = found.setdefault(task.name, task)
            if known is not task and known.sources != task.sources:
                raise HemmError(f"two tasks are called {task.name!r}: give one another name in its card")
    if not found:
        raise HemmError(f"no task matches {' and '.join(f'{d}={c}' for d, c in wanted)}")
    return list(found.values())


def _condition(text: str) -> tuple[str, str]:
    dimension, sign, category = text.partition("=")
    if not sign:
        raise HemmError(f"{text!r} is not of the form DIMENSION=CATEGORY")
    if dimension not in DIMENSIONS:
        raise UnknownName("dimension", dimension, DIMENSIONS)
    if category not in DIMENSIONS[dimension].categories:
        raise UnknownName(f"category of {dimension}", category, DIMENSIONS[dimension].categories)
    return dimension, category
