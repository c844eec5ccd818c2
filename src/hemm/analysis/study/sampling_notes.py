"""Notes for readers on scores that are not of the data as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from hemm.core import CorpusMetric
from hemm.data.pack.selection import BALANCED

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import CellScores
    from hemm.analysis.study.sampling import Sampling


def notes_on(item: CellScores) -> str:
    """A note for readers where means are not of the data as they are, or lack some of their weights; else
    empty."""
    sampling = item.headline.sampling
    if sampling is None:
        return ""
    if not sampling.note:
        words, part = sampling.words(item.headline.metric), sampling.part
        plain = part is None or part.merged > 1 or isinstance(item.headline.metric, CorpusMetric)
        return f"its scores are of a part of the data, {words}" if words and plain else ""
    if sampling.rule == BALANCED:
        return f"its samples are balanced over strata{_parts(sampling)}"
    return "its means are over a balanced and a random selection together, and are the score of neither"


def _parts(sampling: Sampling) -> str:
    """Whether the strata have equal parts: a stratum that was used up has a smaller one."""
    _, counts = np.unique(sampling.strata.astype(str), return_counts=True)
    if not len(counts):
        return ", as far as each goes: means are plain ones over these samples, not over the data"
    least, most = int(counts.min()), int(counts.max())
    if most - least <= 1:
        return ": means are over strata in equal parts, not over the data"
    return (
        f" as far as these go, {least} to {most} of each: means are plain ones over these samples, neither "
        "over strata in equal parts nor over the data"
    )


def unlike(items: Iterable[CellScores]) -> list[str]:
    """Notes on tasks of which some models were asked a balanced selection and others were not."""
    by_task: dict[str, dict[str, list[str]]] = {}
    for item in items:
        sampling = item.headline.sampling
        kind = "balanced" if sampling is not None and sampling.rule == BALANCED else "other"
        labels = by_task.setdefault(item.task, {}).setdefault(kind, [])
        labels += [item.label] if item.label not in labels else []
    return [
        f"{task}: the samples of {', '.join(kinds['balanced'])} are balanced over strata, those of "
        f"{', '.join(kinds['other'])} are not: their scores are of different things; on common samples they "
        "are weighted by strata where these are known"
        for task, kinds in by_task.items()
        if len(kinds) == 2
    ]
