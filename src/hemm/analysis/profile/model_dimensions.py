"""Means by model dimension: how the models were made, according to their cards.

A model's value is the mean of its normalised headline scores over the tasks on which every model has one; a
category's value is the mean over its models, with a t interval over models (none for one model). Models are
few and differ in many ways: a difference between categories does not show its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hemm.models.cards import DIMENSIONS
from hemm.stats.intervals import Estimate, mean_interval


@dataclass(frozen=True, slots=True)
class ModelCategory:
    """One category of one model dimension; ``estimate`` is over ``models``, on the normalised scale."""

    dimension: str
    category: str
    estimate: Estimate
    models: tuple[str, ...]


@dataclass(frozen=True)
class ModelDimensions:
    """All categories that some model has.

    tasks       the tasks in the means, on which every model has a normalised score
    unlabelled  dimension -> models without a label in it
    without     models without a card
    """

    rows: tuple[ModelCategory, ...]
    tasks: tuple[str, ...]
    unlabelled: Mapping[str, tuple[str, ...]]
    without: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The part ``model_dimensions`` of the profile's JSON."""
        return {
            "tasks": list(self.tasks),
            "categories": [
                {
                    "dimension": row.dimension,
                    "category": row.category,
                    "value": row.estimate.value,
                    "low": row.estimate.low,
                    "high": row.estimate.high,
                    "models": list(row.models),
                    "note": row.estimate.note,
                }
                for row in self.rows
            ],
            "unlabelled": {dimension: list(models) for dimension, models in self.unlabelled.items()},
        }

    def notes(self) -> list[str]:
        """A note on models without a card; none where no model has a card."""
        if not self.rows:
            return []
        names = ", ".join(self.without)
        return [f"{names}: no model card, so unlabelled in model dimensions"] if self.without else []


def model_dimensions(
    scores: Mapping[str, Mapping[str, float]], labels: Mapping[str, Mapping[str, str] | None]
) -> ModelDimensions:
    """Means by model dimension.

    scores  model -> task -> normalised score
    labels  model -> dimension -> category; None, or no entry, for a model without a card
    """
    shared = set.intersection(*map(set, scores.values())) if scores else set()
    tasks = tuple(sorted(shared))
    values = {m: float(np.mean([scored[t] for t in tasks])) for m, scored in scores.items()} if tasks else {}
    known = {m: dict(labels.get(m) or {}) for m in scores}
    rows = []
    for dimension, categories in DIMENSIONS.items():
        for category in categories:
            models = tuple(m for m in values if known[m].get(dimension) == category)
            if models:
                estimate = _mean([values[m] for m in models])
                rows.append(ModelCategory(dimension, category, estimate, models))
    unlabelled = {d: tuple(m for m in scores if d not in known[m]) for d in DIMENSIONS}
    return ModelDimensions(
        tuple(rows),
        tasks,
        {d: models for d, models in unlabelled.items() if models},
        tuple(m for m in scores if labels.get(m) is None),
    )


def _mean(values: list[float]) -> Estimate:
    if len(values) == 1:
        return Estimate(values[0], None, None, 1, 1, "one model: no interval")
    return mean_interval(values, np.arange(len(values)))
