"""Win rates by section: by what the metadata of the samples say, such as the kind of case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from hemm.analysis.preferences.votes import Ints, Votes
from hemm.core import HemmError, UnknownName
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.votes import LEAST_VOTERS, Clusterings, Floats

if TYPE_CHECKING:
    from hemm.results.read import Cell

NONE = "(none)"
"""The section of samples without a value."""


@dataclass(frozen=True)
class SectionRate:
    """How often a model won in a section (empty: in all), ties as half, with its interval."""

    section: str
    model: str
    wins: int
    ties: int
    losses: int
    questions: int
    rate: Estimate


def sections_of(cells: Sequence[Cell], key: str) -> dict[tuple[str, str], str]:
    """(task, sample) -> the value of ``key`` in its metadata. Raises UnknownName where no sample has it."""
    found: dict[tuple[str, str], str] = {}
    known: dict[str, None] = {}
    for cell in cells:
        table = cell.answers(["id", "metadata"])
        for name, text in zip(table["id"].to_pylist(), table["metadata"].to_pylist(), strict=True):
            facts = _facts(text)
            known |= dict.fromkeys(facts)
            value = facts.get(key)
            if value is not None and not isinstance(value, dict | list):
                found[cell.task, name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not found:
        if not known:
            raise HemmError(f"no sample of these results has metadata: there is no section {key!r}")
        raise UnknownName("key in the samples' metadata", key, known)
    return found


def _facts(text: str | None) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def section_of_votes(ballots: Votes, sections: Mapping[tuple[str, str], str]) -> list[str]:
    """The section of each vote; a vote that names no task is of the only one that there is."""
    tasks = sorted({task for task, _ in sections})
    only = tasks[0] if len(tasks) == 1 else ""
    names = zip(ballots.task.tolist(), ballots.sample.tolist(), strict=True)
    return [sections.get((task or only, sample), NONE) for task, sample in names]


def section_rates(ballots: Votes, sections: Mapping[tuple[str, str], str]) -> list[SectionRate]:
    """Win rates of each model in each section, sections by name, and in all of them (an empty section) first.

    Intervals respect questions and annotators (``stats.votes``).
    """
    own = np.array(section_of_votes(ballots, sections), dtype=object)
    out = _rates("", ballots)
    for name in sorted(set(own.tolist()), key=lambda s: (s == NONE, s)):
        out += _rates(name, ballots.take(own == name))
    return out


def _rates(section: str, ballots: Votes) -> list[SectionRate]:
    rows = []
    for model, name in enumerate(ballots.models):
        part = ballots.take((ballots.a == model) | (ballots.b == model))
        if not len(part):
            continue
        won = np.where(part.a == model, part.outcome, 1 - part.outcome)
        wins, ties, losses = (int((won == value).sum()) for value in (1.0, 0.5, 0.0))
        questions = int(part.clusters.max()) + 1
        rows.append(SectionRate(section, name, wins, ties, losses, questions, win_rate(part, won)))
    return rows


def win_rate(ballots: Votes, won: Floats) -> Estimate:
    """The mean of ``won`` (1, 0.5 or 0 for each vote) with its interval, over questions and, where there are
    at least ``LEAST_VOTERS``, annotators."""
    rest = won - won.mean()

    def over(codes: Ints, corrected: bool) -> Floats:
        sums = np.bincount(codes, weights=rest)
        factor = len(sums) / max(1, len(sums) - 1) if corrected else 1.0
        return np.array([factor * float((sums**2).sum()) / len(rest) ** 2])

    variance = Clusterings(ballots).variance(over)
    clusters = ballots.clusters
    if ballots.named_voters >= LEAST_VOTERS and ballots.voters.max() < clusters.max():
        clusters = ballots.voters
    if variance is None or not float(variance[0]):
        return mean_interval(won, clusters, (0.0, 1.0))
    return mean_interval(won, clusters, (0.0, 1.0), variance=float(variance[0]))
