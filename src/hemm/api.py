"""The Python interface: ``hemm.run(...)`` and ``hemm.load(DIR).profile()``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemm.analysis.profile import Profile
    from hemm.analysis.study import Study
    from hemm.results.read import Cell


@dataclass(frozen=True)
class Results:
    """The cells of a results folder."""

    folder: Path
    cells: Sequence[Cell]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def study(self) -> Study:
        """The scores of all cells, loaded once. Raises HemmError where none can be read."""
        from hemm.analysis.study import Study

        return Study.of(self.cells)

    def profile(self, **options: Any) -> Profile:
        """Scores by every dimension; ``options`` are those of ``hemm.analysis.profile.profile``."""
        from hemm.analysis.profile import profile

        return profile(self.study, **options)


def run(
    models: str | Sequence[str] = "tiny",
    tasks: str | Sequence[str] = (),
    *,
    suite: str = "",
    where: Mapping[str, str] | None = None,
    out: str | Path = "results",
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Results:
    """Evaluate ``models`` on ``tasks`` (or on a suite): send the requests, score the answers, store both.

    models    one spec or several: ``tiny``, ``hf/ORG/NAME``, ``http://host:port/v1#NAME``, ...
    tasks     one name or several; none, and no suite: the probes
    suite     a suite of tasks: ``probes``, ``hemm``
    where     of the tasks those with these labels, dimension -> category
    out       the folder for the results: answers that are stored there already are used again
    settings  generation settings, and settings of the model's own
    options   the other options of ``hemm run``: limit, until_ci, seed, control, perturb, shots, repeats,
              prompt (a template's text), system, max_pixels, concurrency, batch_size, metrics, revision,
              retry_errors, ...

    Raises HemmError for bad input; samples that end in ``error`` are counted in the results.

    >>> import hemm
    >>> results = hemm.run(["baseline/oracle", "baseline/random"], "probe_shapes", limit=8)
    >>> for cell in results:
    ...     scores = cell.aggregates()["metrics"]["accuracy-v1"]
    ...     print(cell.model, cell.state, scores["components"][""]["value"])
    baseline/oracle sealed 1.0
    baseline/random sealed 0.375
    """
    from hemm.analysis.early_stopping import run as run_all
    from hemm.core import UnknownName
    from hemm.engine.options import RunOptions

    known = RunOptions.__dataclass_fields__
    for name in options:
        if name not in known:
            raise UnknownName("option", name, known)
    run_options = RunOptions(
        models=_several(models),
        tasks=_several(tasks),
        suite=suite,
        where=tuple(f"{k}={v}" for k, v in (where or {}).items()),
        out=Path(out),
        settings=tuple((k, str(v)) for k, v in (settings or {}).items()),
        **options,
    )
    cell_results = run_all(run_options)
    from hemm.results.read import cell

    return Results(Path(out), [cell(result.folder) for result in cell_results])


def load(folder: str | Path) -> Results:
    """The results at or below ``folder``. Raises HemmError where there are none.

    >>> import hemm
    >>> _ = hemm.run("baseline/random", "probe_shapes", limit=8, out="chance")  # or hemm run, some time ago
    >>> results = hemm.load("chance")
    >>> (row,) = results.profile().tasks
    >>> row.task, row.headline.metric, round(row.headline.estimate.value, 3)
    ('probe_shapes', 'accuracy', 0.375)
    """
    from hemm.results.read import cells

    return Results(Path(folder), cells(Path(folder)))


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
