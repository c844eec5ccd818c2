"""The user's BARTScores on the paper's tasks, and whether they are the paper's BARTScore.

The paper's is ``facebook/bart-large-cnn``, the likelihood of the reference given the answer in lower case
(its references stay as they are). Another checkpoint, direction or case has another scale: a random
checkpoint would be ranked among the paper's models like a model that answers at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.core import HemmError, Metric
from hemm.metrics.learned.bartscore import BartScore
from hemm.published import Published

METRIC = "bartscore"
_OF_THE_PAPER = {
    name: getattr(BartScore(), name) for name in ("model", "direction", "lower_references")
}  # the metric's defaults are the paper's settings: docs/metrics/learned.md

ByTask = Mapping[str, Mapping[str, ScoreColumn]]
"""Task of the paper -> subject -> BARTScores."""


def unlike_the_paper(metric: Metric) -> str:
    """What the paper has otherwise, empty where nothing differs.

    >>> from hemm.metrics import resolve
    >>> unlike_the_paper(resolve("bartscore:direction=f"))
    "direction is f (the paper's: pred_to_ref)"
    """
    if not isinstance(metric, BartScore):
        return "a metric of one's own with that name"
    return ", ".join(
        f"{name} is {getattr(metric, name)} (the paper's: {value})"
        for name, value in _OF_THE_PAPER.items()
        if getattr(metric, name) != value
    )


def bart_scores(loaded: Sequence[CellScores], source: Published, force: bool) -> tuple[ByTask, str]:
    """The BARTScores (those of the paper's variant, ``task:hemm``, where there are both), and how they differ
    from the paper's (empty: they do not).

    Of several BARTScores of a cell one by the paper's settings is taken. Raises HemmError where there is
    none, where no task is the paper's, or, unless ``force``, where settings differ.
    """
    by_task: dict[str, dict[str, tuple[bool, ScoreColumn]]] = {}
    lacks: dict[str, list[str]] = {}
    for item in loaded:
        name, _, variant = item.task.partition(":")
        if item.control or name not in source.tasks or variant not in ("", "hemm"):
            continue
        columns = [s for s in item.columns if s.metric.name == METRIC and not s.component]
        if not columns:
            lacks.setdefault(item.label, []).append(item.task)
            continue
        scores = min(columns, key=lambda s: unlike_the_paper(s.metric) != "")
        known = by_task.setdefault(name, {}).get(item.subject)
        if known is None or variant == "hemm":
            by_task[name][item.subject] = (variant == "hemm", scores)
    if lacks:
        which = "; ".join(f"{', '.join(dict.fromkeys(tasks))} of {m}" for m, tasks in lacks.items())
        raise HemmError(
            f"--with published compares by {METRIC}, which is missing for {which}: "
            f"hemm score DIR --metric {METRIC} adds it"
        )
    if not by_task:
        raise HemmError(
            "--with published needs results on a task of the paper (hemm paper lists them): there are none"
        )
    labels = {item.subject: item.label for item in loaded}
    unlike: dict[str, list[str]] = {}
    for task, row in by_task.items():
        for subject, (_, scores) in row.items():
            if words := unlike_the_paper(scores.metric):
                unlike.setdefault(words, []).append(f"{task} of {labels[subject]}")
    if unlike and not force:
        told = "; ".join(f"{words} for {', '.join(places)}" for words, places in unlike.items())
        raise HemmError(
            f"--with published compares by the paper's BARTScore, and {told}: hemm score DIR --metric "
            f"{METRIC} adds the paper's, --force compares all the same"
        )
    return {t: {s: scores for s, (_, scores) in rows.items()} for t, rows in by_task.items()}, "; ".join(
        f"{METRIC}: {words}" for words in unlike
    )
