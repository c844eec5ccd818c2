"""Suites: named lists of tasks, and lists of a user's own with weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from hemm.core import BadData, HemmError
from hemm.core.user_files import Takes, read_yaml, shown, typed

LISTS: dict[str, tuple[str, ...]] = {
    "reported-2026": (
        "mmmu",
        "mmmu_pro",
        "ai2d",
        "mmstar",
        "mmbench",
        "hallusionbench",
        "muirbench",
        "realworldqa",
        "pope",
        "cv_bench",
        "blink",
        "vstar",
        "countbench",
        "simplevqa",
        "we_math",
        "mathvista",
        "mathvision",
        "mathverse",
        "ocrbench",
        "docvqa",
        "infovqa",
        "charxiv",
        "chartqa",
        "textvqa",
        "zerobench",
        "dynamath",
        "visual_haystacks",
        "refcoco",
        "screenspot_pro",
    ),
    "multi-image": (
        "muirbench",
        "visual_haystacks",
        "blink",
        "mmmu",
        "nlvr2",
        "winoground",
    ),
    "math": (
        "we_math",
        "mathvista",
        "mathvision",
        "mathverse",
        "dynamath",
    ),
    "documents": (
        "docvqa",
        "infovqa",
        "ocrbench",
        "chartqa",
        "charxiv",
        "textvqa",
    ),
    "science": (
        "decimer",
        "inaturalist",
        "resisc45",
        "scienceqa",
        "uc_merced",
        "ai2d",
        "mmmu",
        "mmmu_pro",
    ),
    "healthcare": (
        "open_path",
        "pathvqa",
        "slake",
        "vqa_rad",
        "mmmu",
    ),
}
"""Name -> its tasks, in the order in which they are asked. ``reported-2026`` are data sets that model cards
and reports of several makers give in 2026."""
ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Suite:
    """A list of tasks to be asked and averaged together.

    weights  task, as on the command line -> what it counts in the suite's mean

    >>> Suite("two", {"vqa_rad": 2.0, "slake": 1.0}).tasks
    ('vqa_rad', 'slake')
    """

    name: str
    weights: Mapping[str, float]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.weights)

    @classmethod
    def equal(cls, name: str, tasks: Iterable[str]) -> Suite:
        """The tasks, each with the same weight."""
        return cls(name, dict.fromkeys(tasks, 1.0))


def is_file(text: str) -> bool:
    """Whether what ``--suite`` has is a file of the user's own."""
    return text.lower().endswith(ENDINGS)


def _named(given: object) -> bool:
    """Whether these are names of tasks: a list, or the keys of a mapping."""
    if not isinstance(given, list | dict) or not given:
        return False
    return all(isinstance(name, str) and name.strip() for name in given)


@dataclass(frozen=True)
class _File:
    tasks: Annotated[Any, Takes("a list of tasks, or 'TASK: WEIGHT' lines", _named)]
    name: Annotated[str, Takes("a name", str.strip)] = ""


def read_suite(path: Path) -> Suite:
    """A suite of the user's own: a YAML file with ``tasks``, a list, or each with its weight.

    Raises BadData naming the file, where it is none, names a task twice or no task, or where a weight is no
    number above 0.

    >>> from pathlib import Path
    >>> _ = Path("ours.yaml").write_text("tasks: {vqa_rad: 2, slake: 1}")
    >>> read_suite(Path("ours.yaml"))
    Suite(name='ours', weights={'vqa_rad': 2.0, 'slake': 1.0})
    """
    if not path.is_file():
        raise HemmError(f"--suite {path}: there is no such file")
    file = typed(_File, read_yaml(path), str(path))
    rows = file.tasks.items() if isinstance(file.tasks, dict) else [(name, 1) for name in file.tasks]
    weights: dict[str, float] = {}
    for name, weight in rows:
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight <= 0:
            raise BadData(f"{path}: tasks: the weight of {name} is {shown(weight)}; give a number above 0")
        if name.strip() in weights:
            raise BadData(f"{path}: tasks names {name} twice")
        weights[name.strip()] = float(weight)
    return Suite(file.name.strip() or path.stem, weights)
