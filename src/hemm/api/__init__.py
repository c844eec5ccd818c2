"""The Python interface: ``hemm.run(...)``, ``hemm.load(DIR)``, ``hemm.compare(...)``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.api.results import Results, ShownComparison
from hemm.core import HemmError
from hemm.core.user_files import shown
from hemm.engine.option_values import described, run_options, signature

if TYPE_CHECKING:
    from hemm.core import Model, Task

__all__ = ["Results", "compare", "load", "run"]


def run(
    models: str | Model | Sequence[str | Model] = "tiny",
    tasks: str | Path | Task | Sequence[str | Path | Task] = (),
    **options: Any,
) -> Results:
    """Evaluate ``models`` on ``tasks`` (or on a suite): send the requests, score the answers, store both.

    models        One spec or several (tiny, hf/ORG/NAME, http://host:port/v1#NAME, ./my_model.py:CLASS, ...),
                  or models as objects (hemm.core.BatchModel, hemm.core.RequestModel)
    {options}

    These are the options of ``hemm run`` and of its ``--config`` files. Several values are a list, KEY=VALUE
    a mapping; tasks may be ``hemm.core.Task`` objects or paths, metrics may be objects. It may be
    called where an event loop runs, as in a notebook. KeyboardInterrupt leaves open cells, which the same
    call completes.

    Raises HemmError for bad input, and where a named task is not prepared or a model does not take its media;
    of a suite and of labels (``where``) the others are asked, and ``not_prepared`` and ``cannot_take`` of the
    results name these. Samples that end in ``error`` are counted in the results.

    >>> import hemm
    >>> results = hemm.run(["baseline/oracle", "baseline/random"], "probe_shapes", limit=8)
    >>> for cell in results:
    ...     scores = cell.aggregates()["metrics"]["accuracy-v2"]
    ...     print(cell.model, cell.state, scores["components"][""]["value"])
    baseline/oracle sealed 1.0
    baseline/random sealed 0.25
    """
    from hemm.analysis.early_stopping import run as run_all
    from hemm.results import layout
    from hemm.results.read import cell

    chosen = run_options(models=models, tasks=tasks, **options)
    found = run_all(chosen)
    folders = dict.fromkeys(result.folder for result in found)
    there = [cell(folder) for folder in folders if (folder / layout.RUN).exists()]
    missing, cannot = found.not_prepared, found.cannot_take
    return Results(
        chosen.out,
        there,
        tuple(found),
        tuple(missing.tasks) if missing else (),
        str(cannot) if cannot else "",
    )


run.__doc__ = (run.__doc__ or "").replace("{options}", described().replace("\n", "\n    "))
run.__signature__ = signature()  # type: ignore[attr-defined]


def load(folder: str | Path, overlay: str | Path | Sequence[str | Path] = ()) -> Results:
    """The results at or below ``folder``, as they are now. Raises HemmError where there are none.

    overlay  a file, or several, with labels and right answers by people: everything that the results give is
             then with them, and says so (``docs/overlays.md``)

    What it gives reads the scores once; load the folder again to see what came later.

    >>> import hemm
    >>> _ = hemm.run("baseline/random", "probe_shapes", limit=8, out="chance")  # or hemm run, some time ago
    >>> results = hemm.load("chance")
    >>> (row,) = results.profile().tasks
    >>> row.task, row.headline.metric, round(row.headline.estimate.value, 3)
    ('probe_shapes', 'accuracy', 0.25)
    """
    from hemm.engine.overlays.matching import overlaid
    from hemm.results.read import cells

    if not isinstance(folder, str | Path) or "\0" in str(folder):
        raise HemmError(f"{folder!r} is no folder of results: give a folder as a text or a path")
    files = [overlay] if isinstance(overlay, str | Path) else list(overlay)
    if not all(isinstance(file, str | Path) for file in files):
        raise HemmError(f"overlay is {shown(overlay)}; give the names of files")
    return Results(Path(folder), overlaid(cells(Path(folder)), [Path(file) for file in files]))


def compare(*results: Results | str | Path, **options: Any) -> ShownComparison:
    """Compare the models in ``results`` (folders, or what ``run`` and ``load`` give).

    ``options`` are those of ``Results.compare``.

    >>> import hemm
    >>> oracle = hemm.run("baseline/oracle", "probe_shapes", limit=8)
    >>> guesses = hemm.run("baseline/random", "probe_shapes", limit=8)
    >>> comparison = hemm.compare(oracle, guesses)
    >>> sorted(comparison.labels.values())
    ['baseline/oracle', 'baseline/random']
    """
    if not results:
        raise HemmError("hemm.compare() compares nothing: give a folder of results, or several")
    each = [item if isinstance(item, Results) else load(item) for item in results]
    # a cell under an overlay is another than the same one without
    cells = {(cell.folder.resolve(), str(cell.run.get("overlays"))): cell for one in each for cell in one}
    return Results(each[0].folder, list(cells.values())).compare(**options)
