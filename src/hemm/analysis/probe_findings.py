"""What the factorial probes say of a model: effects of labels, their interactions, and what breaks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hemm.analysis.compare.label_effects import labelled_samples
from hemm.analysis.curves import Numbers
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import CellScores
from hemm.analysis.study.normalise import scale_of
from hemm.analysis.study.variants import notes_on
from hemm.core import HemmError
from hemm.core.taxonomy import taxonomy
from hemm.stats.label_effects import LabelEffects, by_samples
from hemm.stats.label_interactions import LabelInteractions, interactions
from hemm.stats.thresholds import Threshold, threshold
from hemm.tasks.probes.factorial import FACTORIAL
from hemm.tasks.probes.factorial.sweeps import SWEEPS, Dial

SCHEMA_VERSION = 1
DRAWN, LADDER = "draw", "ladder"
"""Forms of a task that are no dials."""


@dataclass(frozen=True)
class DialLevel:
    """The score at one level of a dial: the mean over ``n`` samples."""

    level: float
    score: float
    n: int


@dataclass(frozen=True)
class DialFit:
    """One model's scores by the levels of a dial, over all use cases, and the curve through them.

    chance     what guessing scores
    threshold  on the scale of ``Dial.difficulty``
    at         the level at the threshold, and its interval, the smaller end first
    passed     the share of the way from the easiest to the hardest level at the threshold; None without
    """

    label: str
    dial: str
    levels: tuple[DialLevel, ...]
    chance: float
    threshold: Threshold
    at: float | None
    ends: tuple[float | None, float | None]
    passed: float | None
    words: str


@dataclass(frozen=True)
class ModelFindings:
    """What the probes say of one model: of its answers in words, or of its drawn ones.

    effects, interactions  over the samples of the factorial; None where it was not asked
    ladder                 the score where the text carries all, half and nothing
    """

    label: str
    effects: LabelEffects | None
    interactions: LabelInteractions | None
    fits: tuple[DialFit, ...]
    ladder: tuple[DialLevel, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ProbeFindings:
    """The findings of every model, and notes."""

    models: tuple[ModelFindings, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm probes DIR``."""
        models = [
            {
                "model": m.label,
                "effects": m.effects.to_json() if m.effects else None,
                "interactions": m.interactions.to_json() if m.interactions else None,
                "dials": [asdict(fit) for fit in m.fits],
                "ladder": [asdict(rung) for rung in m.ladder],
                "sentences": list(m.sentences),
            }
            for m in self.models
        ]
        return {"schema_version": SCHEMA_VERSION, "models": models, "notes": list(self.notes)}


def probe_findings(study: Study) -> ProbeFindings:
    """The findings from the factorial probes among some results.

    Effects and interactions are over the samples of the five tasks, thresholds over those of their variants
    that turn a dial. Raises HemmError where there are none of either.

    >>> import hemm
    >>> from hemm.testing import IdealSolver
    >>> results = hemm.run(IdealSolver(steps=1), "probe_v2_hci")
    >>> (found,) = probe_findings(results.study).models
    >>> [(e.effect.a, e.effect.b, e.effect.value > 0.5) for e in found.effects.effects
    ...  if e.effect.dimension == "reasoning"]
    [('less', 'more', True)]
    """
    by_model: dict[str, list[CellScores]] = {}
    probes = [i for i in study.cells if i.task.partition(":")[0] in FACTORIAL and len(i.headline)]
    for item in filter(_by_sample, probes):
        label = f"{item.label}, drawn answers" if _form(item) == DRAWN else item.label
        by_model.setdefault(label, []).append(item)
    if not probes:
        raise HemmError(
            "no results of the probes of version 2 here: hemm run MODEL --suite probes_v2 asks them, and "
            "--task probe_v2_hci:contrast (or another dial) what breaks first"
        )
    numbers = Numbers(probes)
    models = tuple(_of_model(label, items, numbers) for label, items in by_model.items())
    # every form is a finding of its own here: that it counts in no mean is no news
    of_means = notes_on((i.task, i.counts_as) for i in probes if i.counts_as)
    unused = dict.fromkeys(i.task for i in probes if _form(i) not in ("", DRAWN, LADDER, *SWEEPS))
    notes = [f"{task}: nothing is found from it here; hemm profile has its score" for task in unused]
    joined = dict.fromkeys((i.task, i.headline.spec) for i in probes if not _by_sample(i))
    notes += [f"{task}: left out, since {spec} scores several samples at once" for task, spec in joined]
    return ProbeFindings(models, (*notes, *(n for n in study.notes if n not in of_means)))


def _by_sample(item: CellScores) -> bool:
    """Whether the headline metric has a value for each sample."""
    return item.headline.metric.group in ("sample", "unit")


def _form(item: CellScores) -> str:
    """Which form of its task a cell is of; empty for the task itself."""
    return item.task.partition(":")[2]


def _of_model(label: str, items: Sequence[CellScores], numbers: Numbers) -> ModelFindings:
    factorial = {item.task: [item] for item in items if _form(item) in ("", DRAWN)}
    effects = found = None
    order = {name: d.categories for name, d in taxonomy().items()}
    samples = labelled_samples(factorial, scale_of([i for i in items if i.task in factorial], "anchored"))
    if samples is not None:
        effects, found = by_samples(samples, order), interactions(samples, order)
    fits, short = [], []
    for name, dial in SWEEPS.items():
        swept = [i for i in items if _form(i) == name]
        fit = _fit(label, name, dial, swept, numbers)
        if fit is not None:
            fits.append(fit)
        elif swept:
            short.append(f"{label}: the samples of {name} have one level alone, through which goes no curve.")
    rungs, _ = _scores([i for i in items if _form(i) == LADDER], "text_carries", numbers)
    ladder = tuple(_level(v, rungs[v]) for v in sorted(rungs, reverse=True))
    sentences = (*_sentences(label, fits, ladder), *short)
    return ModelFindings(label, effects, found, tuple(fits), ladder, sentences)


def _scores(
    items: Sequence[CellScores], key: str, numbers: Numbers
) -> tuple[dict[float, list[float]], list[float]]:
    """Number in the metadata -> the scores of its samples, and what guessing scores; without errors."""
    scores: dict[float, list[float]] = {}
    floors: list[float] = []
    for item in items:
        metadata, column = numbers.of(item), item.headline
        for group, value, floor in zip(column.groups.tolist(), column.values, column.floor, strict=True):
            level = metadata[group][1].get(key)
            if isinstance(level, int | float) and not np.isnan(value):
                scores.setdefault(float(level), []).append(float(value))
                floors.append(float(floor))
    return scores, floors


def _level(level: float, scores: Sequence[float]) -> DialLevel:
    return DialLevel(level, sum(scores) / len(scores), len(scores))


def _fit(label: str, name: str, dial: Dial, items: Sequence[CellScores], numbers: Numbers) -> DialFit | None:
    """The curve over the samples of all use cases; None with samples of one level alone."""
    scores, floors = _scores(items, dial.key, numbers)
    if len(scores) < 2:
        return None
    order = sorted(scores, key=dial.difficulty)
    x = [dial.difficulty(level) for level in order]
    chance = float(np.mean(floors))
    found = threshold(x, [sum(scores[v]) for v in order], [len(scores[v]) for v in order], chance)
    levels = tuple(_level(v, scores[v]) for v in order)
    if found.value is None:
        return DialFit(label, name, levels, chance, found, None, (None, None), None, dial.words)
    passed = min(1.0, max(0.0, (found.value - x[0]) / (x[-1] - x[0])))
    ends = [None if v is None else dial.level(v) for v in (found.low, found.high)]
    if dial.levels[-1] < dial.levels[0]:
        ends.reverse()
    return DialFit(
        label, name, levels, chance, found, dial.level(found.value), (ends[0], ends[1]), passed, dial.words
    )


def _sentences(label: str, fits: Sequence[DialFit], ladder: Sequence[DialLevel]) -> list[str]:
    """What breaks first, what holds, of what nothing can be said, and the ladder."""
    broken = sorted((f for f in fits if f.passed is not None), key=lambda f: f.passed or 0.0)
    out = []
    for rank, fit in enumerate(broken):
        first = f"{label}: {_name(fit)} breaks first" if rank == 0 else f"{label}: {_name(fit)} comes next"
        if len(broken) == 1:
            first = f"{label}: {_name(fit)} breaks"
        out.append(
            f"{first}: at {fit.words.format(_short(fit.at))} ({_between(fit)}) half of what it knows beyond "
            f"chance is gone, {fit.passed:.0%} of the way from the easiest level to the hardest."
        )
    holds = [f for f in fits if f.passed is None and f.threshold.known]
    if holds:
        hardest = "; ".join(f.words.format(_short(f.levels[-1].level)) for f in holds)
        out.append(f"{label}: no measurable fall up to {hardest}.")
    lost = [f for f in fits if not f.threshold.known]
    if lost:
        names = ", ".join(_name(f) for f in lost)
        out.append(f"{label}: not above chance at the easiest level, so that nothing can break: {names}.")
    if ladder:
        carried = {1.0: "all", 0.5: "half", 0.0: "nothing"}
        rungs = ", ".join(f"{carried.get(r.level, f'{r.level:g}')} {r.score:.2f}" for r in ladder)
        out.append(f"{label}: the same questions and pictures, by what the text carries of them: {rungs}.")
    return out


def _name(fit: DialFit) -> str:
    return {"one_of": "one of several pictures", "needle": "a needle among pictures"}.get(
        fit.dial, fit.dial.replace("_", " ")
    )


def _short(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def _between(fit: DialFit) -> str:
    low, high = fit.ends
    if low is None and high is None:
        return "95 % interval open at both ends"
    if low is None or high is None:
        known = "at most" if low is None else "at least"
        return f"95 %: {known} {_short(high if low is None else low)}"
    return f"95 %: {_short(low)} to {_short(high)}"


def by_dial(models: Sequence[ModelFindings]) -> Mapping[str, list[DialFit]]:
    """The fits of every dial, over models."""
    found: dict[str, list[DialFit]] = {}
    for model in models:
        for fit in model.fits:
            found.setdefault(fit.dial, []).append(fit)
    return found
