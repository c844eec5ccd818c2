"""Options and result of a comparison. ``docs/compare.md`` has the schema of the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.analysis.compare.published_comparison import PublishedComparison
from hemm.analysis.compare.robustness import Robustness
from hemm.analysis.study.failure_policy import FailurePolicy
from hemm.analysis.study.overlays import OverlayUse
from hemm.core import HemmError, storable
from hemm.core.user_files import shown
from hemm.stats.bootstrap import RESAMPLES
from hemm.stats.intervals import LEVEL
from hemm.stats.label_effects import LabelEffects
from hemm.stats.ranks import Ranking

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of a comparison.

    models     two names to compare (a model, its label, the beginning of ``model@revision`` or of a
               protocol); empty: the only two models, if there are just two
    best       if ``models`` is empty: compare the two that rank first
    published  subset of the paper's figures (``100``, ``full``) to list as well; empty: none
    force      list them although the user's BARTScore is not the paper's
    reference  the model by which corruption errors are normalised; empty: none
    """

    models: tuple[str, ...] = ()
    best: bool = False
    published: str = ""
    force: bool = False
    normalise: str = "anchored"
    failures: str = FailurePolicy.AS_WORST
    resamples: int = RESAMPLES
    seed: int = 0
    reference: str = ""

    def __post_init__(self) -> None:
        if not all(isinstance(name, str) for name in self.models):
            raise HemmError(f"models is {shown(self.models)}; give the names of two models")
        for name, least in (("resamples", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise HemmError(f"{name} is {shown(value)}; give a whole number of {least} or more")


@dataclass(frozen=True)
class Comparison:
    """The result of ``compare``.

    labels         subject -> name, of models (not of controls)
    pair           keys of the two models that are compared; None if there are not two
    ranks          on these tasks; None with one model, or if the models share no task
    ranks_like     on tasks like these; None with fewer than three tasks
    label_effects  over tasks, and over samples where labels vary within tasks
    conclusions    sentences about the numbers
    robustness     what perturbations cost; None where nothing was asked perturbed and as it is
    overlay        what lies over the cells; ``without``: the same comparison without it, where asked for
    """

    choice: Choice
    labels: dict[str, str]
    pair: tuple[str, str] | None
    overall: CategoryPair | None
    tasks: tuple[TaskPair, ...]
    categories: tuple[CategoryPair, ...]
    ranks: Ranking | None
    ranks_like: Ranking | None
    ranked_tasks: tuple[str, ...]
    label_effects: tuple[LabelEffects, ...]
    published: PublishedComparison | None
    notes: tuple[str, ...]

    conclusions: tuple[str, ...] = ()
    overlay: OverlayUse | None = None
    without: Comparison | None = None
    robustness: Robustness | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm compare``."""
        ranks: dict[str, Any] | None = None
        if self.ranks is not None:
            like = None if self.ranks_like is None else self.ranks_like.to_json()
            ranks = {"tasks": list(self.ranked_tasks), **self.ranks.to_json(), "tasks_like_these": like}
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
            **({} if self.robustness is None else {"robustness": self.robustness.to_json()}),
            **({} if self.overlay is None else {"overlay": self.overlay.to_json()}),
            **({} if self.without is None else {"without_overlay": self.without.to_json()}),
        }
