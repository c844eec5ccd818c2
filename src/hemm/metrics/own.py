"""Metrics of users that no registry lists: files and objects, and what their scores keep of them.

Their stored scores are read without their code: a results folder from somebody else runs nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import Any
from weakref import WeakKeyDictionary

from hemm.core import CorpusMetric, Group, HemmError, Metric, Sample, completed, user_code
from hemm.core.code_digest import PREFIX, of_object
from hemm.data import cache

_specs: WeakKeyDictionary[type, str] = WeakKeyDictionary()
"""Class of a metric -> the spec that finds it again, where one did."""


def from_file(spec: str, given: Mapping[str, str], make: Any) -> Metric:
    """The metric that ``make``, what ``spec`` names in a file, is or gives for these parameters."""
    if not callable(make):
        if given:
            raise HemmError(f"metric {spec!r} is an object: it takes no parameters")
        metric = make
    else:
        try:
            metric = make(**given)
        except HemmError:
            raise
        except Exception as error:
            raise HemmError(f"metric {spec!r} cannot be made: {type(error).__name__}: {error}") from error
    found: Metric = completed(metric, Metric, f"metric {spec!r}")
    file, name = user_code.split(spec)
    cache.remember_code(file)
    for base in type(found).__mro__:  # ``completed`` may have put a class of its own before
        if base.__module__.startswith(PREFIX):
            _specs[base] = f"{file.expanduser().resolve()}:{name}"
    return found


def facts(metric: Metric) -> dict[str, Any]:
    """What the scores of a metric of a user's own keep of it beside name, version, parameters and range.

    ``code`` is a digest of its code and of what it was made with: where that changes, it is another metric,
    and scores anew. ``from`` is what names it on the command line; empty for an object of a program.
    """
    if isinstance(metric, StoredMetric):
        return dict(metric.facts)
    found = next((_specs[base] for base in type(metric).__mro__ if base in _specs), "")
    settings = ",".join(f"{k}={v}" for k, v in sorted(metric.parameters.items()))
    return {
        "from": f"{found}:{settings}" if found and settings else found,
        "code": of_object(metric),
        "group": metric.group,
        "needs": sorted(metric.needs),
        "unanchored": metric.unanchored,
        "corpus": isinstance(metric, CorpusMetric),
    }


def fault(metric: Metric, error: Exception, groups: Sequence[Group] = ()) -> Exception:
    """What to raise where ``metric`` raised ``error`` over ``groups``: see ``raised``."""
    where: list[str] = []
    for group in groups if _is_users(metric, error) else ():
        try:
            samples = [judged.sample for judged in group]
            metric.score([group]), metric.ceiling(samples), metric.chance(samples)
        except Exception as alone:
            error, where = alone, [sample.id for sample in samples]
            break
    return raised(f"metric {metric.name!r}", metric, error, where)


def is_hemms(metric: Metric) -> bool:
    """Whether a metric is one of hemm's own."""
    return type(metric).__module__.partition(".")[0] == "hemm"


def check_values(
    metric: Metric, groups: Sequence[Group], scored: Sequence[Mapping[str, float | None]]
) -> None:
    """Raise HemmError where a metric of a user's own gives NaN, or a value outside its range."""
    if is_hemms(metric):
        return
    low, high = metric.range
    for group, values in zip(groups, scored, strict=True):
        value = values.get("")
        if value is not None and not low - 1e-9 <= value <= high + 1e-9:  # NaN is in no range
            names = ", ".join(repr(judged.sample.id) for judged in group)
            raise HemmError(
                f"metric {metric.name!r} gives {value!r} on sample {names}: "
                f"its range is {low:g} to {high:g} (None: no value)"
            )


def raised(what: str, thing: object, error: Exception, samples: Sequence[str] = ()) -> Exception:
    """What to raise where ``thing`` raised ``error``: one line that says what, on which samples, the
    exception, and the place in its file, for code of a user's own or of a package; else ``error`` itself."""
    if not _is_users(thing, error):
        return error
    where = f" on {', '.join(f'sample {name!r}' for name in samples)}" if samples else ""
    file = getattr(sys.modules.get(type(thing).__module__), "__file__", None)
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    place = f" ({Path(str(file)).name}, line {lines[-1]})" if lines else ""
    told = HemmError(f"{what} fails{where}: {type(error).__name__}: {error}{place}")
    told.__cause__ = error  # Python shows it, and so does HEMM_DEBUG=1
    return told


def _is_users(thing: object, error: Exception) -> bool:
    return not isinstance(error, HemmError) and type(thing).__module__.partition(".")[0] != "hemm"


@dataclass(frozen=True)
class StoredMetric(Metric):
    """A metric whose scores are stored and whose code is not at hand: it describes them, and scores nothing.

    why  why its code is not at hand, for errors
    """

    name: str
    version: int
    range: tuple[float, float]
    higher_is_better: bool
    group: str
    needs: frozenset[str]
    unanchored: str
    parameters: Mapping[str, str] = field(hash=False)
    facts: Mapping[str, Any] = field(hash=False)
    why: str = ""

    def score(self, groups: Sequence[Group]) -> Sequence[Mapping[str, float | None]]:
        raise self._missing()

    def ceiling(self, group: Sequence[Sample]) -> float:
        raise self._missing()

    def chance(self, group: Sequence[Sample]) -> float | None:
        raise self._missing()

    def _missing(self) -> HemmError:
        why = self.why or "it is one of a user's own"
        return HemmError(f"metric {self.name!r} cannot score here: {why}")


class _StoredCorpusMetric(StoredMetric, CorpusMetric):
    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        raise self._missing()


def stored(row: Mapping[str, Any], why: str = "") -> Metric:
    """The metric of a row of aggregates.json that has ``own``, without its code."""
    own: Mapping[str, Any] = row["own"]
    low, high = row["range"]
    make = _StoredCorpusMetric if own["corpus"] else StoredMetric
    return make(
        name=row["metric"],
        version=row["version"],
        range=(-math.inf if low is None else low, math.inf if high is None else high),
        higher_is_better=row["higher_is_better"],
        group=own["group"],
        needs=frozenset(own["needs"]),
        unanchored=own["unanchored"],
        parameters=row["parameters"],
        facts=own,
        why=why,
    )


def may_run(file: Path, results: Path) -> bool:
    """Whether a Python file that ``results`` name may be run without being named anew."""
    return not file.resolve().is_relative_to(results.resolve()) and cache.knows_code(file)


def again(row: Mapping[str, Any], results: Path) -> tuple[str, str]:
    """What finds the metric of such a row again, or else why nothing does: (spec, why).

    A file below ``results``, or one that the user never named, is not taken: results may be somebody else's.
    """
    spec = str(row["own"]["from"])
    if not spec:
        return "", "it was an object of a program: give it again"
    file, _ = user_code.split(spec)
    if not file.is_file():
        return "", f"{file} is not there: say where it is with --metric ./FILE.py:NAME"
    if file.resolve().is_relative_to(results.resolve()):
        return "", f"{file} lies among the results: name it with --metric to run it"
    if not may_run(file, results):
        return "", f"{file} was never named on this machine: name it with --metric to run it"
    return spec, ""
