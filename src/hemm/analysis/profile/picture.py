"""What the picture adds by category: the right picture against what a control shows in its place."""

from __future__ import annotations

from dataclasses import dataclass

from hemm.analysis.profile.controls import difference
from hemm.analysis.study import Study, Subject
from hemm.analysis.study.normalise import slice_order, slices_of
from hemm.core import CONTROLS, CorpusMetric
from hemm.core.taxonomy import PICTURE_CONTROLS
from hemm.stats.between_tasks import TasksLike
from hemm.stats.intervals import Estimate
from hemm.stats.task_means import TaskScore, mean_of_scores


@dataclass(frozen=True)
class PictureGain:
    """Normalised score with the right picture less that with the control: the mean over the tasks of one
    category, on the groups that both have. ``dimension`` overall: of all."""

    subject: Subject
    control: str
    dimension: str
    category: str
    estimate: Estimate
    like: TasksLike
    tasks: tuple[str, ...]


def picture_gains(study: Study, common: bool = True) -> list[PictureGain]:
    """Every category of every model that has a control of the picture; of several the first of ``CONTROLS``,
    which shows no picture. Metrics of whole data sets, and those without a scale, have no part in it.

    common  as in ``profile``

    >>> import hemm
    >>> picture_gains(hemm.run("baseline/random", "probe_shapes", limit=12).study)
    []
    """
    study = study.on_common_samples if common else study
    uncontrolled = {(i.pair, i.task): i for i in study.cells if not i.control}
    kinds: dict[str, set[str]] = {}
    for item in study.cells:
        if item.control in PICTURE_CONTROLS and (item.pair, item.task) in uncontrolled:
            kinds.setdefault(uncontrolled[item.pair, item.task].subject, set()).add(item.control)
    first = {subject: min(found, key=list(CONTROLS).index) for subject, found in kinds.items()}
    parts: dict[tuple[str, str, str], list[tuple[str, TaskScore]]] = {}
    for item in study.cells:
        base = uncontrolled.get((item.pair, item.task)) if item.control in PICTURE_CONTROLS else None
        if base is None or not base.in_means or item.control != first[base.subject]:
            continue
        if isinstance(base.headline.metric, CorpusMetric):
            continue
        for dimension, category, scores in slices_of(base.headline):
            found = difference(scores, item.headline).score
            if found is not None:
                parts.setdefault((base.subject, dimension, category), []).append((item.task, found))
    order = list(study.subjects)
    out = []
    for (subject, dimension, category), own in sorted(
        parts.items(), key=lambda kv: (order.index(kv[0][0]), slice_order(*kv[0][1:]))
    ):
        estimate, like = mean_of_scores([score for _, score in own])
        tasks = tuple(task for task, _ in own)
        who = study.subjects[subject]
        out.append(PictureGain(who, first[subject], dimension, category, estimate, like, tasks))
    return out
