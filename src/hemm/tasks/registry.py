"""The registry of tasks: every file in the folder of a use case is a data set. Suites are named lists."""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules

from hemm.core import HemmError, Registry, Task, UnknownName, slug
from hemm.core.secrets import refuse_in_name
from hemm.tasks.probes import PROBES
from hemm.tasks.probes.factorial import FACTORIAL
from hemm.tasks.suite_lists import LISTS, Suite, is_file, read_suite

PAPER = (
    "decimer", "enrico", "fer2013", "flickr30k", "gqa", "hateful_memes", "inaturalist", "irfl", "ln_coco",
    "magic_brush", "memecap", "memotion", "mm_imdb", "new_yorker_cartoon", "nlvr", "nlvr2", "nocaps",
    "ok_vqa", "open_path", "pathvqa", "resisc45", "scienceqa", "screen2words", "slake", "uc_merced", "vcr",
    "visual_genome", "vqa", "vqa_rad", "winoground",
)  # fmt: skip
"""The data sets of the HEMM paper."""

_HOME = Path(__file__).parent


def _data_sets() -> dict[str, str]:
    """Name -> where its task is, for each file in the folder of a use case; names in alphabetical order.

    The files are not imported. Those whose names begin with an underscore are what data sets share.
    """
    others = ("perturbations", "probes", "suites")
    rooms = [m.name for m in iter_modules([str(_HOME)]) if m.ispkg and m.name not in others]
    return dict(sorted((name, where) for room in rooms for name, where in _files(room).items()))


def _files(room: str) -> dict[str, str]:
    names = [m.name for m in iter_modules([str(_HOME / room)]) if not m.name.startswith("_")]
    return {name: f"hemm.tasks.{room}.{name}:TASK" for name in names}


_DATA_SETS = _data_sets()

REPORTED: dict[str, str] = _files("suites")
"""Data sets that makers of models report today, with labels proposed by hemm: name -> where its task is."""

MORE: dict[str, str] = {name: where for name, where in _DATA_SETS.items() if name not in PAPER}
"""Other data sets than those of the paper."""

OWN = {**{name: _DATA_SETS[name] for name in PAPER}, **MORE, **PROBES, **FACTORIAL, **REPORTED}
"""Every data set that hemm itself knows."""

TASKS: Registry[Task] = Registry("task", "hemm.tasks", OWN)

SUITES: dict[str, list[str]] = {
    "probes": list(PROBES),
    "probes_v2": list(FACTORIAL),
    "hemm": list(PAPER),
    **{name: list(tasks) for name, tasks in LISTS.items()},
}
"""Named lists of tasks: what hemm draws itself, the data sets of the HEMM paper, and those of ``LISTS``."""


def suite_of(text: str) -> Suite:
    """The suite of that name, or of the user's own YAML file.

    Raises UnknownName, or HemmError for a file that is not there, is wrong, or has the name of one of hemm's
    suites.

    >>> suite_of("healthcare").weights["slake"]
    1.0
    """
    if not is_file(text):
        if text not in SUITES:
            raise UnknownName(
                "suite", text, SUITES, f"known: {', '.join(SUITES)}; a file of yours is FILE.yaml"
            )
        return Suite.equal(text, SUITES[text])
    suite = read_suite(Path(text))
    if suite.name in SUITES:
        raise HemmError(f"{text}: the name {suite.name!r} is a suite of hemm: give another as name")
    return suite


def suites_by_task() -> dict[str, list[str]]:
    """Task -> the suites that have it, those of one source of labels first."""
    found: dict[str, list[str]] = {}
    for suite, names in SUITES.items():
        for name in names:
            found.setdefault(name, []).append(suite)
    return found


def taken(name: str) -> str:
    """The registered task whose name ``name`` is, whatever the case, or folds to as a folder; else empty.

    >>> taken("VQA_RAD"), taken("vqa_rad:mine"), taken("birds_of_mine")
    ('vqa_rad', 'vqa_rad', '')
    """
    wanted = {_folded(name), _folded(name.partition(":")[0])}
    return next((own for own in TASKS.names() if _folded(own) in wanted), "")


def how_to_get(own: str, ending: str = "") -> str:
    """Where hemm says how to get its data set ``own``, and which of its variants are read from one file with
    this ending; empty for what is not hemm's.

    >>> how_to_get("pope", ".tsv")
    "'hemm tasks pope' says how to get hemm's"
    >>> how_to_get("mmbench", ".tsv").partition(", and ")[2]
    "'hemm prepare mmbench:v11 --from FOLDER' reads MMBench_DEV_EN_V11.tsv"
    >>> how_to_get("birds_of_mine")
    ''
    """
    if own not in OWN:
        return ""
    task = TASKS.get(own)
    files: dict[str, str] = {}
    for one in (task, *task.variants.values()):
        for required in (source.layout.required for source in one.sources):
            if ending and len(required) == 1 and required[0].endswith(ending):
                files.setdefault(one.name, required[0])
    reads = (f"'hemm prepare {name} --from FOLDER' reads {file}" for name, file in files.items())
    return ", and ".join((f"'hemm tasks {own}' says how to get hemm's", *reads))


def check_free(name: str, where: str, how: str) -> None:
    """Raise HemmError where a registered task or a suite has this name, or where it is no name: empty, or
    with characters that do not show. ``how`` says how to give another."""
    if not name.strip() or not name.isprintable():
        raise HemmError(f"{where}: {name!r} is no name of a task: give another {how}")
    refuse_in_name(name, f"{where}: the name of the task", f"give another {how}")
    if name in SUITES:
        raise HemmError(f"{where}: the name {name!r} is a suite of hemm: give another {how}")
    own = taken(name)
    if own:
        whose = "hemm" if own in OWN else "an installed package"
        called = "" if own == name else f" ({own})"
        raise HemmError(f"{where}: the name {name!r} is a task of {whose}{called}: give another {how}")


def _folded(name: str) -> str:
    return slug(name.casefold())
