"""``--perturb`` in a run: the perturbation of a cell, the suites, and what of a task cannot be perturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hemm.core import CONTROLS, Pack, PackIndex, Sample, SetMetric, Task
from hemm.core.errors import CannotTake
from hemm.core.text import counted
from hemm.engine.options import RunOptions
from hemm.metrics import resolve as metric_of
from hemm.metrics.groups.consistency import Consistency
from hemm.tasks.perturbations.named import Perturb, named
from hemm.tasks.perturbations.texts import CannotPerturb, Shown
from hemm.tasks.prompt import template_names

LOOKED_AT = 500
"""Samples of a task that are looked at for what is told before a suite starts."""


def variants(options: RunOptions) -> list[RunOptions]:
    """The options of each cell of a task: one perturbation, or the unperturbed samples and then each of a
    suite; each of them under every condition. Raises UnknownName or HemmError."""
    found = named(options.perturb)
    single = (
        len(found) == 1 and ":" in options.perturb and not any(sign in options.perturb for sign in "*?[,")
    )
    names = found or ("",) if single or options.perturb in ("", "text/negation") else ("", *found)
    return [replace(each, perturb=name) for name in names for each in options.in_turn]


def perturb_of(options: RunOptions, task: Task) -> Perturb | None:
    """The perturbation of a cell; None: there is none. Raises UnknownName or HemmError."""
    if not options.perturb:
        return None
    return Perturb.parse(options.perturb, options.seed, _shown(options, task))


def _shown(options: RunOptions, task: Task) -> Shown:
    names = template_names(task.prompt if options.prompt is None else options.prompt)
    if "instruction" in names:
        names = names | template_names(task.answer.instruction)
    metrics = [metric_of(metric) for metric in task.metrics]
    several = [m.name for m in metrics if m.group != "sample" and not isinstance(m, Consistency)]
    lettered = bool(getattr(task.answer, "lettered", False))
    by_place = [m.name for m in metrics if isinstance(m, SetMetric)] if lettered else []
    return Shown(frozenset(names), task.answer, "".join(several[:1]), "".join(by_place[:1]))


def check_perturb(options: RunOptions, task: Task, pack: Pack, rows: np.ndarray[Any, Any] | None) -> None:
    """Raise CannotTake where no sample of these rows (None: all) can be perturbed so."""
    perturb = perturb_of(options, task)
    if perturb is None:
        return
    if options.control and CONTROLS[options.control].picture == "none" and not perturb.keeps_pictureless:
        raise CannotTake({f"--control {options.control} leaves --perturb {perturb.name} no picture": []})
    why: Counter[str] = Counter()
    for sample in pack.samples(rows):
        try:
            perturb.check(sample)
        except CannotPerturb as error:
            why[str(error)] += 1
        else:
            return
    if why:
        words = "; ".join(reason for reason, _ in why.most_common(3))
        said = f"--perturb {{of}} changes no sample of task {{task}}: {words}"
        raise CannotTake({said: [task.name]}, {said: [perturb.name]})


def told(options: Sequence[RunOptions], task: Task, pack: Pack) -> Iterator[str]:
    """Lines on samples of a task that some perturbations cannot change, or leave as they are, before they are
    asked; of a large pack, those among ``LOOKED_AT`` of it."""
    size = pack.rows()
    rows = np.unique(np.linspace(0, max(size, 1) - 1, min(size, LOOKED_AT)).astype(np.int64))
    samples = list(pack.samples(rows))
    of = counted(len(samples), "sample") + (f" looked at, of {size:,}" if len(samples) < size else "")
    found: dict[str, list[str]] = {}
    for one in options:
        perturb = perturb_of(one, task)
        for line in () if perturb is None else _lines(perturb, samples, of):
            names = found.setdefault(line, [])
            names += [] if perturb is None or perturb.name in names else [perturb.name]
    for line, names in found.items():
        yield f"{task.name}, --perturb {_some(names)}: {line}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more


def _lines(perturb: Perturb, samples: Iterable[Sample], of: str) -> Iterator[str]:
    left, why = 0, Counter[str]()
    for sample in samples:
        left += perturb.leaves(sample)
        try:
            perturb.check(sample)
        except CannotPerturb as error:
            why[str(error)] += 1
    if left:
        yield f"{left:,} of {of} have no picture and are asked as they are"
    for reason, count in why.most_common():
        yield f"{count:,} of {of} cannot be perturbed and will be left out of scores: {reason}"


class _JudgedPack(Pack):
    """A pack whose samples are as their answers are judged: for baselines, which answer from it."""

    def __init__(self, pack: Pack, perturb: Perturb) -> None:
        self._pack, self._judged = pack, perturb.judged

    @property
    def task(self) -> str:
        return self._pack.task

    @property
    def hash(self) -> str:
        return self._pack.hash

    @property
    def questions_hash(self) -> str:
        return self._pack.questions_hash

    @property
    def info(self) -> Mapping[str, Any]:
        return self._pack.info

    def rows(self, split: str = "test") -> int:
        return self._pack.rows(split)

    def index(self, split: str = "test") -> PackIndex:
        return self._pack.index(split)

    def samples(
        self, rows: np.ndarray[Any, Any] | Sequence[int] | None = None, split: str = "test"
    ) -> Iterator[Sample]:
        return map(self._judged, self._pack.samples(rows, split))

    def sample(self, row: int, split: str = "test") -> Sample:
        return self._judged(self._pack.sample(row, split))


def judged_pack(options: RunOptions, task: Task, pack: Pack) -> Pack:
    """The pack with its samples as the answers of this cell are judged."""
    perturb = perturb_of(options, task)
    return pack if perturb is None or not perturb.judges else _JudgedPack(pack, perturb)


def planned(cells: int, requests: int, perturbations: int) -> str:
    """A line that says how much a suite is, before it starts."""
    return (
        f"{counted(perturbations, 'perturbation')} and the samples as they are: "
        f"{counted(cells, 'cell')}, about {requests:,} answers"
    )
