"""The registry of tasks: each row names a data set's file. Suites are named lists of rows."""

from __future__ import annotations

from hemm.core import HemmError, Registry, Task, slug
from hemm.tasks.probes import PROBES

ROWS = {
    "decimer": "hemm.tasks.science.decimer:TASK",
    "enrico": "hemm.tasks.hci.enrico:TASK",
    "fer2013": "hemm.tasks.affective.fer2013:TASK",
    "flickr30k": "hemm.tasks.multimedia.flickr30k:TASK",
    "gqa": "hemm.tasks.multimedia.gqa:TASK",
    "hateful_memes": "hemm.tasks.affective.hateful_memes:TASK",
    "inaturalist": "hemm.tasks.science.inaturalist:TASK",
    "irfl": "hemm.tasks.multimedia.irfl:TASK",
    "ln_coco": "hemm.tasks.multimedia.ln_coco:TASK",
    "magic_brush": "hemm.tasks.multimedia.magic_brush:TASK",
    "memecap": "hemm.tasks.affective.memecap:TASK",
    "memotion": "hemm.tasks.affective.memotion:TASK",
    "mm_imdb": "hemm.tasks.multimedia.mm_imdb:TASK",
    "new_yorker_cartoon": "hemm.tasks.affective.new_yorker_cartoon:TASK",
    "nlvr": "hemm.tasks.multimedia.nlvr:TASK",
    "nlvr2": "hemm.tasks.multimedia.nlvr2:TASK",
    "nocaps": "hemm.tasks.multimedia.nocaps:TASK",
    "ok_vqa": "hemm.tasks.multimedia.ok_vqa:TASK",
    "open_path": "hemm.tasks.healthcare.open_path:TASK",
    "pathvqa": "hemm.tasks.healthcare.pathvqa:TASK",
    "resisc45": "hemm.tasks.science.resisc45:TASK",
    "scienceqa": "hemm.tasks.science.scienceqa:TASK",
    "screen2words": "hemm.tasks.hci.screen2words:TASK",
    "slake": "hemm.tasks.healthcare.slake:TASK",
    "uc_merced": "hemm.tasks.science.uc_merced:TASK",
    "vcr": "hemm.tasks.multimedia.vcr:TASK",
    "visual_genome": "hemm.tasks.multimedia.visual_genome:TASK",
    "vqa": "hemm.tasks.multimedia.vqa:TASK",
    "vqa_rad": "hemm.tasks.healthcare.vqa_rad:TASK",
    "winoground": "hemm.tasks.multimedia.winoground:TASK",
}
"""The data sets of the HEMM paper: one file each."""

MORE: dict[str, str] = {
    "vqa_v2": "hemm.tasks.multimedia.vqa_v2:TASK",
}
"""Other data sets."""

OWN = {**ROWS, **MORE, **PROBES}
"""Every data set that hemm itself knows."""

TASKS: Registry[Task] = Registry("task", "hemm.tasks", OWN)

SUITES: dict[str, list[str]] = {
    "probes": list(PROBES),
    "hemm": list(ROWS),
}
"""Named lists of tasks: what hemm draws itself, and the data sets of the HEMM paper."""


def taken(name: str) -> str:
    """The registered task whose name ``name`` is, whatever the case, or folds to as a folder; else empty.

    >>> taken("VQA_RAD"), taken("vqa_rad:mine"), taken("birds_of_mine")
    ('vqa_rad', 'vqa_rad', '')
    """
    wanted = {_folded(name), _folded(name.partition(":")[0])}
    return next((own for own in TASKS.names() if _folded(own) in wanted), "")


def check_free(name: str, where: str, how: str) -> None:
    """Raise HemmError where a registered task has this name. ``how`` says how to give another."""
    own = taken(name)
    if own:
        whose = "hemm" if own in OWN else "an installed package"
        called = "" if own == name else f" ({own})"
        raise HemmError(f"{where}: the name {name!r} is a task of {whose}{called}: give another {how}")


def _folded(name: str) -> str:
    return slug(name.casefold())
