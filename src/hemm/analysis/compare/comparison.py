"""What is compared, and what comes out of it. ``docs/compare.md`` has the schema of the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.analysis.compare.published_comparison import PublishedComparison
from hemm.analysis.study.failure_policy import FailurePolicy
from hemm.core import storable
from hemm.stats.bootstrap import RESAMPLES
from hemm.stats.intervals import LEVEL
from hemm.stats.label_effects import LabelEffects
from hemm.stats.ranks import Ranking

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What is compared, and how.

    models     two names (a model, its label, the beginning of ``model@revision`` or of a protocol); none:
               all, and where there are just two, these
    best       where none are named: the two that rank first, the better one first
    published  a subset of the paper's figures (``100``, ``full``) to set beside; empty: none
    """

    models: tuple[str, ...] = ()
    best: bool = False
    published: str = ""
    normalise: str = "anchored"
    failures: str = FailurePolicy.AS_WORST
    resamples: int = RESAMPLES
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` gives. ``pair`` is None without two models to compare, ``ranks`` with one model or
    where the models share no task.

    labels         subject -> name, of models (not of controls)
    label_effects  at the level of tasks, and of samples where labels vary within tasks
    conclusions    what the numbers let one conclude, in words
    """

    choice: Choice
    labels: dict[str, str]
    pair: tuple[str, str] | None
    overall: CategoryPair | None
    tasks: tuple[TaskPair, ...]
    categories: tuple[CategoryPair, ...]
    ranks: Ranking | None
    ranked_tasks: tuple[str, ...]
    label_effects: tuple[LabelEffects, ...]
    published: PublishedComparison | None
    notes: tuple[str, ...]

    conclusions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values: the JSON of ``hemm compare``."""
        ranks = None if self.ranks is None else {"tasks": list(self.ranked_tasks), **self.ranks.to_json()}
        return {
            "schema_version": SCHEMA_VERSION,
            "normaliser": self.choice.normalise,
            "failures": self.choice.failures,
            "level": LEVEL,
            "resamples": self.choice.resamples,
            "seed": self.choice.seed,
            "models": {key: storable(label) for key, label in self.labels.items()},
            "pair": None if self.pair is None else list(self.pair),
            "overall": None if self.overall is None else self.overall.to_json(),
            "tasks": [row.to_json() for row in self.tasks],
            "categories": [row.to_json() for row in self.categories],
            "ranks": ranks,
            "effects": [effects.to_json() for effects in self.label_effects],
            "published": None if self.published is None else self.published.to_json(),
            "conclusions": [storable(line) for line in self.conclusions],
            "notes": [storable(note) for note in self.notes],
        }
