"""``hemm verify``: compares a model's scores with those that its makers report.

A reference file (TOML; ``docs/verify.md`` has its keys) has published figures with their protocols. Each
figure of the model is run with that protocol if its task is prepared. It differs where the interval of the
score measured here and the published value plus and minus its tolerance have no point in common. It agrees
where they have one and the interval is no longer than what the tolerance allows (twice the tolerance): so the
score is at most three tolerances off. Where it is longer, or there is none, the answers cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from hemm.core import BadData, HemmError, canonical
from hemm.core.text import counted
from hemm.core.user_files import Takes, read_toml, typed_rows
from hemm.stats.intervals import Estimate

LIST = Path(__file__).parent.parent / "models" / "data" / "verify.toml"
"""The figures that come with hemm."""

AGREES, DIFFERS, CANNOT_TELL, NOT_RUN = "agrees", "differs", "cannot tell", "not run"


@dataclass(frozen=True)
class Figure:
    """One published figure.

    models            names and globs of its checkpoints, in either case
    metric            empty: the task's headline
    value, tolerance  on the metric's own scale; the tolerance is for settings that cannot be reproduced
    prompt            the template; empty: the task's
    same_samples      the value is of the very samples that are asked, as an earlier run's is: no interval
    source, place     citation, and the table or page
    checked           where value and protocol were read; empty: unknown
    """

    models: Annotated[tuple[str, ...], Takes("a list of names and globs", bool)]
    task: str
    value: Annotated[float, Takes("a number on the metric's own scale")]
    tolerance: Annotated[float, Takes("a number from 0 up, on the metric's own scale", lambda t: t >= 0)]
    source: str
    place: str = ""
    metric: str = ""
    prompt: str = ""
    system: str = ""
    limit: Annotated[int, Takes("a whole number from 1 on", lambda n: n >= 1)] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    same_samples: bool = False
    checked: str = ""
    notes: str = ""

    def is_of(self, name: str) -> bool:
        return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in self.models)


@dataclass(frozen=True)
class Compared:
    """One figure and the score measured here.

    verdict  ``agrees``, ``differs``, ``cannot tell`` or ``not run``
    why      it was not run or cannot be told, and what the score leaves out
    """

    model: str
    figure: Figure
    verdict: str
    why: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    folder: str = ""

    def to_json(self) -> dict[str, Any]:
        f = self.figure
        return {
            "model": self.model,
            "task": f.task,
            "metric": f.metric,
            "published": f.value,
            "tolerance": f.tolerance,
            "here": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "verdict": self.verdict,
            "why": self.why,
            "source": " ".join(filter(None, [f.source, f.place])),
            "checked": f.checked,
            "notes": f.notes,
            "folder": self.folder,
        }


def figures(path: Path = LIST) -> tuple[Figure, ...]:
    """The figures of a reference file. Raises BadData or UnknownName naming file, figure and key."""
    found = read_toml(path)
    rows = typed_rows(Figure, found.pop("figures", None), str(path), "figures", "figure")
    if found:
        raise BadData(f"{path}: write [[figures]] tables, and nothing else")
    return tuple(
        replace(row, settings={key: _as_set(value) for key, value in row.settings.items()}) for row in rows
    )


def _as_set(value: Any) -> str:
    """A setting as ``--set`` has it: a text as it is, a number, ``true``, or a table as JSON."""
    return value if isinstance(value, str) else canonical(value).decode()


def chosen(figures: Iterable[Figure], name: str, tasks: Sequence[str] = ()) -> list[Figure]:
    """The figures of the model ``name`` on ``tasks`` (empty: all)."""
    return [f for f in figures if f.is_of(name) and (not tasks or f.task in tasks)]


def verify(
    spec: str,
    figures: Sequence[Figure],
    out: Path,
    *,
    limit: int | None = None,
    batch_size: int = 0,
    revision: str = "",
    progress: Callable[[str], None] = lambda text: None,
) -> list[Compared]:
    """Run the model ``spec`` with the protocol of each figure, with results in ``out``, and compare.

    ``limit`` replaces that of the figures. A figure that cannot be run (its task is not prepared, the model
    does not take it) is ``not run``, with the reason.
    """
    results = []
    for figure in figures:
        progress(f"{figure.task}: {figure.source} {figure.place}".rstrip())
        try:
            results.append(_compare(spec, figure, out, limit or figure.limit, batch_size, revision))
        except HemmError as error:
            results.append(Compared(spec, figure, NOT_RUN, str(error)))
    return results


def _compare(
    spec: str, figure: Figure, out: Path, limit: int | None, batch_size: int, revision: str
) -> Compared:
    from hemm.analysis.profile.build import value_of
    from hemm.analysis.study import Study
    from hemm.analysis.study.corpus_values import CorpusValues
    from hemm.engine.options import RunOptions
    from hemm.engine.run import run
    from hemm.metrics import resolve
    from hemm.results.read import cell

    options = RunOptions(
        models=(spec,),
        tasks=(figure.task,),
        limit=limit,
        out=out,
        prompt=figure.prompt or None,
        prompt_name=f"verify {figure.source}"[:80] if figure.prompt else "",
        system=figure.system,
        settings=tuple(figure.settings.items()),
        metrics=(figure.metric,) if figure.metric else (),
        batch_size=batch_size,
        revision=revision,
    )
    (result,) = run(options)
    if result.stopped:
        raise HemmError(result.stopped)
    (loaded,) = Study.of([cell(result.folder)]).cells
    wanted = resolve(figure.metric).name if figure.metric else loaded.headline.metric.name
    scores = next(s for s in loaded.columns if s.metric.name == wanted).as_whole()
    if scores.sampling is not None and scores.sampling.note:
        raise HemmError(
            f"{result.folder} has the score of a selection balanced over strata, not of the data: "
            "give another --out"
        )
    measured = value_of(scores, CorpusValues(loaded)).estimate
    if measured.value is None:
        raise HemmError(f"no answer was scored: {measured.note}")
    verdict, why = judged(figure, measured)
    if result.errors:
        why = "; ".join(
            filter(None, [why, f"{counted(len(result.errors), 'sample')} ended in an error, left out"])
        )
    return Compared(
        result.model,
        replace(figure, metric=scores.spec),
        verdict,
        why,
        measured.value,
        measured.low,
        measured.high,
        measured.n,
        str(result.folder),
    )


def judged(figure: Figure, measured: Estimate) -> tuple[str, str]:
    """The verdict on a score that was measured, and why the answers cannot tell.

    >>> from hemm.stats.intervals import Estimate
    >>> figure = Figure(("m",), "t", value=0.62, tolerance=0.02, source="")
    >>> judged(figure, Estimate(0.63, 0.62, 0.64, 5000, 5000)), judged(figure, Estimate(0.4, 0.3, 0.5, 9, 9))
    (('agrees', ''), ('differs', ''))
    >>> judged(figure, Estimate(0.5, 0.1, 0.9, 4, 4))
    ('cannot tell', 'the interval is 0.8 long, the tolerance allows 0.04: about 1,600 scores would tell')
    """
    assert measured.value is not None, "only scores are judged"
    if figure.same_samples:
        near = abs(measured.value - figure.value) <= figure.tolerance * (1 + 1e-9) + 1e-9
        return (AGREES if near else DIFFERS), ""
    if measured.low is None or measured.high is None:
        return CANNOT_TELL, f"the score has no interval: {measured.note}"
    if measured.low > figure.value + figure.tolerance or measured.high < figure.value - figure.tolerance:
        return DIFFERS, ""
    length, allowed = measured.high - measured.low, 2 * figure.tolerance
    if length <= allowed:
        return AGREES, ""
    if not allowed:
        return CANNOT_TELL, (
            "the tolerance is 0, and an interval has a length: give one, or say same_samples = true where "
            "the value is of these very samples"
        )
    needed = math.ceil(measured.n * (length / allowed) ** 2)
    return CANNOT_TELL, (
        f"the interval is {length:.2g} long, the tolerance allows {allowed:.2g}: about "
        f"{_rounded(needed):,} scores would tell"
    )


def _rounded(count: int) -> int:
    """``count`` with two digits, rounded up."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit
