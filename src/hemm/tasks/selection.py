"""Resolves names on the command line to tasks, and selects the tasks of a command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hemm.core import DIMENSIONS, HemmError, Task, UnknownName, slug
from hemm.core.origin import origin_text, same_origin
from hemm.tasks.probes.factorial import FACTORIAL
from hemm.tasks.registry import OWN, REPORTED, TASKS, check_free, suite_of, taken


def resolve(spec: str | Task, card: Path | None = None) -> Task:
    """The task that ``spec`` names; or ``spec`` itself, where it is a task.

    ``spec`` is a registered name, ``name:variant``, ``./task.py[:name]``, ``./folder``, ``file.tsv``,
    ``file.jsonl`` or ``hub:ORG/NAME[@revision]``. ``card`` is a card file for data of the user's own.
    Raises UnknownName, or HemmError for files that are not there or wrong, and for a task that has the name
    of a registered one.

    >>> resolve("nlvr:hemm").metrics
    ('accuracy', 'consistency', 'bartscore')
    """
    # late: most names are registered, and these need the readers of data of the user's own
    from hemm.tasks import local

    if isinstance(spec, Task):
        return _ready_made(spec)
    if spec.startswith("hub:"):
        return local.hub_task(spec, card)
    if local.is_path(spec):
        return local.local_task(spec, card)
    if spec.partition(":")[0] not in TASKS and Path(spec).exists():
        raise HemmError(f"unknown task {spec!r}; for the file or folder of this name write ./{spec}")
    return listed(spec)


def listed(spec: str) -> Task:
    """The task of hemm or of an installed package that is listed as ``name`` or ``name:variant``: what the
    name in a results folder means, which may be somebody else's and opens no file.

    Raises UnknownName or HemmError.
    """
    name, _, variant = spec.partition(":")
    task = registered(name)
    if not variant:
        return task
    if variant not in task.variants:
        raise UnknownName(f"variant of task {name}", variant, task.variants)
    return task.variants[variant]


def registered(name: str) -> Task:
    """The task of hemm or of an installed package that is listed as ``name``.

    Raises UnknownName, or HemmError where a package's task has the name of another one.
    """
    from hemm.tasks.origins import from_package

    task = TASKS.get(name)
    if name in OWN:
        return task
    other = next((own for own in map(taken, (name, task.name)) if own not in ("", name)), "")
    if other:
        raise HemmError(
            f"task {name!r} of an installed package takes the name of task {other!r}: rename it there"
        )
    return task if task.name == name else from_package(task, name)


def distinct(tasks: Iterable[Task]) -> list[Task]:
    """The tasks, each once. Raises HemmError where two of them have one name, or names of one folder."""
    by_folder: dict[str, Task] = {}
    for task in tasks:
        known = by_folder.setdefault(slug(task.name), task)
        if known.name != task.name:
            raise HemmError(
                f"the tasks {known.name!r} and {task.name!r} would share a folder: give one another name"
            )
        if not same_origin(known.origin, task.origin):
            one = origin_text(known.origin, known.name, task.origin)
            other = origin_text(task.origin, task.name, known.origin)
            raise HemmError(
                f"two tasks are called {task.name!r}, {one} and {other}: give one another name "
                "(name: in its card, or that of its Task)"
            )
    return list(by_folder.values())


def _ready_made(task: Task) -> Task:
    """A task that is an object already, with its origin. Raises HemmError where it has the name of a
    registered one and is another."""
    from hemm.tasks.origins import from_object

    if task.origin:
        return task
    if own := taken(task.name):
        known = registered(own)
        if task in (known, *known.variants.values()):
            return task
        check_free(task.name, "a Task of yours", "(or pass the name, as a text)")
    check_free(task.name, "a Task of yours", "as its name")
    return from_object(task)


def select(
    tasks: Sequence[str | Task] = (), suite: str = "", where: Iterable[str] = (), card: Path | None = None
) -> list[Task]:
    """The tasks that are named, those of a suite, or all, as far as they match every ``DIMENSION=CATEGORY``.

    ``suite`` is a name, or a YAML file of the user's own. All are without data
    sets that makers report today, whose labels are proposals, and without the second version of the probes:
    these are named, or taken by a suite. A task whose card leaves a dimension open is
    kept: its samples carry that label themselves. Each task comes once. Raises UnknownName, or HemmError
    where nothing is left.

    >>> [task.name for task in select(suite="hemm", where=["use_case=hci"])]
    ['enrico', 'screen2words']
    """
    names = list(tasks)
    if suite:
        names += suite_of(suite).tasks
    wanted = [_condition(text) for text in where]
    apart = REPORTED.keys() | FACTORIAL.keys()
    every = names if tasks or suite else [name for name in TASKS.names() if name not in apart]
    tasks_named = (resolve(name, card) for name in every)
    selected = distinct(t for t in tasks_named if all(t.card.labels.get(d, c) == c for d, c in wanted))
    if not selected:
        raise HemmError(f"no task matches {' and '.join(f'{d}={c}' for d, c in wanted)}")
    return selected


def _condition(text: str) -> tuple[str, str]:
    dimension, sign, category = text.partition("=")
    if not sign:
        raise HemmError(f"{text!r} is not of the form DIMENSION=CATEGORY")
    if dimension not in DIMENSIONS:
        raise UnknownName("dimension", dimension, DIMENSIONS)
    if category not in DIMENSIONS[dimension].categories:
        raise UnknownName(f"category of {dimension}", category, DIMENSIONS[dimension].categories)
    return dimension, category
