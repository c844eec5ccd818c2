"""The figures of the HEMM paper (arXiv 2407.03418) as data; ``README.md`` here lists their oddities."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hemm.core import DIMENSIONS, UnknownName

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUBSETS = ("100", "full")

MODEL_DIMENSIONS = (
    "modality_processing",
    "training_type",
    "pretraining_data_size",
    "pretraining_data_diversity",
    "tuning",
    "trainable_params",
    "total_params",
)
"""The paper's seven modelling dimensions."""

CITATION = (
    "Liang, Goindani, Chafekar, Mathur, Yu, Salakhutdinov, Morency. HEMM: Holistic Evaluation of Multimodal "
    "Foundation Models. arXiv 2407.03418, 2024."
)

ODD = {
    "full": ("the identity score of hateful_memes is winoground's to seven digits: it looks copied",),
    "100": (),
}
"""Oddities that change aggregates, by subset."""

NOT_PUBLISHED = (
    "the votes behind the paper's Elo ratings and win rates",
    "the answers, and people's votes on them, behind its correlations of metrics with people, which are its "
    "ground for BARTScore",
)
"""What the paper reports and its public release does not hold, so that nobody can compute it anew."""


@dataclass(frozen=True)
class Published:
    """One subset of the paper's scores.

    models, tasks  names, in the order of rows and columns
    scores         BARTScore (models x tasks); NaN where the paper has none
    identity       by task, BARTScore of the references against themselves
    task_labels    task -> dimension -> category
    model_labels   model -> modelling dimension -> category; unknown ones are left out
    titles         model or task -> its name in the paper
    params         model -> parameters in billions
    estimated      models whose number of parameters the paper estimates; their scores are measured
    """

    subset: str
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    scores: NDArray[Any]
    identity: NDArray[Any]
    task_labels: Mapping[str, Mapping[str, str]]
    model_labels: Mapping[str, Mapping[str, str]]
    titles: Mapping[str, str]
    params: Mapping[str, float]
    estimated: frozenset[str] = frozenset()


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table: ``bartscore``, ``identity_bartscore``, ``tasks`` or ``models``."""
    text = (files("hemm.published") / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=4)
def published(subset: str = "100") -> Published:
    """The paper's figures: ``100`` (100 samples a task, eleven models) or ``full`` (whole splits, nine).

    Raises UnknownName for another subset.
    """
    import numpy as np

    if subset not in SUBSETS:
        raise UnknownName("subset of the published scores", subset, SUBSETS)
    about_models = {row["model"]: row for row in rows("models")}
    about_tasks = {row["task"]: row for row in rows("tasks")}
    scores = [row for row in rows("bartscore") if row["subset"] == subset]
    scored = {(row["model"], row["task"]): float(row["bartscore"]) for row in scores}
    models = tuple(m for m in about_models if any(m == known for known, _ in scored))
    tasks = tuple(t for t in about_tasks if any(t == known for _, known in scored))
    identity = {
        row["task"]: float(row["bartscore_of_reference_given_itself"])
        for row in rows("identity_bartscore")
        if row["subset"] == subset
    }
    return Published(
        subset,
        models,
        tasks,
        np.array([[scored.get((m, t), np.nan) for t in tasks] for m in models]),
        np.array([identity[t] for t in tasks]),
        {t: {d: about_tasks[t][d] for d in DIMENSIONS if about_tasks[t].get(d)} for t in tasks},
        {m: {d: about_models[m][d] for d in MODEL_DIMENSIONS if about_models[m][d]} for m in models},
        {name: row["title"] for table in (about_models, about_tasks) for name, row in table.items()},
        {m: float(about_models[m]["total_params_b"]) for m in models},
        frozenset(m for m in models if about_models[m]["size_estimated"] == "yes"),
    )
