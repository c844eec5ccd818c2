"""The first screen of the page: scores, strong and weak slices, failures, what the picture adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.core import DIMENSIONS
from hemm.report.page.overview import FAILURES

if TYPE_CHECKING:
    from hemm.analysis.profile.picture import PictureGain
    from hemm.analysis.profile.rows import CategoryRow, Profile
    from hemm.analysis.profile.strengths import Strengths
    from hemm.analysis.study import Study, Subject

SUBJECTS = 6
"""Most models whose strong and weak slices the first screen has."""
GAINS = 3
"""Most categories in which the picture adds most, and least."""
COMMANDS = 3
"""Most commands that the first screen shows."""


@dataclass(frozen=True)
class ScoreLine:
    """The overall score of a model; ``number`` is that of its colour. ``outcomes`` are of all its answers."""

    number: int
    subject: Subject
    row: CategoryRow | None
    outcomes: Mapping[str, int]
    gain: PictureGain | None

    @property
    def answers(self) -> int:
        return sum(self.outcomes.values())

    @property
    def shares(self) -> list[tuple[str, float, float]]:
        """(outcome, where its part of a bar begins, how wide it is) in hundredths."""
        out, begin = [], 0.0
        for name in ("ok", *FAILURES):
            share = 100 * self.outcomes.get(name, 0) / max(1, self.answers)
            if share:
                out.append((name, round(begin, 3), round(share, 3)))
            begin += share
        return out


@dataclass(frozen=True)
class GainsOf:
    """What the picture adds to one model: categories in which it adds most, and least, highest first."""

    number: int
    subject: Subject
    control: str
    overall: PictureGain | None
    shown: tuple[PictureGain, ...]
    between: int


@dataclass(frozen=True)
class FirstScreen:
    """``how`` are the commands that would tell what the picture adds, where that is not known."""

    scores: tuple[ScoreLine, ...]
    strengths: tuple[Strengths, ...]
    gains: tuple[GainsOf, ...]
    how: tuple[str, ...]


def first_screen(
    study: Study, profile: Profile, subjects: Sequence[Subject], gains: Sequence[PictureGain], error: float
) -> FirstScreen:
    """The values of the first screen.

    error  most pages with a false sentence of one kind, where nothing differs
    """
    from hemm.analysis.profile.gaps import gaps
    from hemm.analysis.profile.strengths import strengths

    found, ordered = gaps(profile, subjects), scores(profile, subjects, gains)
    shown = ordered[:SUBJECTS]
    slices = [strengths(profile, line.subject, found, error) for line in shown]
    own = [_gains(line.number, line.subject, gains) for line in shown]
    return FirstScreen(
        ordered,
        tuple(s for s in slices if s is not None),
        tuple(g for g in own if g is not None),
        () if gains or any(s.control for s in subjects) else _how(study, subjects),
    )


def scores(
    profile: Profile, subjects: Sequence[Subject], gains: Sequence[PictureGain]
) -> tuple[ScoreLine, ...]:
    """The models, the highest overall score first."""
    overall = {c.subject.key: c for c in profile.categories if not c.category}
    adds = {g.subject.key: g for g in gains if not g.category}
    out = []
    for n, subject in enumerate(subjects):
        outcomes = dict.fromkeys(("ok", *FAILURES), 0)
        for row in profile.tasks:
            if row.subject.key == subject.key:
                for name, count in row.outcomes.items():
                    outcomes[name] += count
        out.append(ScoreLine(n, subject, overall.get(subject.key), outcomes, adds.get(subject.key)))
    return tuple(sorted(out, key=lambda line: -_value(line.row)))


def _value(row: CategoryRow | None) -> float:
    return float("-inf") if row is None or row.estimate.value is None else row.estimate.value


def _gains(number: int, subject: Subject, gains: Sequence[PictureGain]) -> GainsOf | None:
    own = [g for g in gains if g.subject.key == subject.key and g.estimate.value is not None]
    if not own:
        return None
    overall = next((g for g in own if not g.category), None)
    apart: dict[object, PictureGain] = {}
    for gain in own:
        if gain.category and (overall is None or _content(gain) != _content(overall)):
            apart.setdefault(_content(gain), gain)
    ordered = sorted(apart.values(), key=lambda g: -(g.estimate.value or 0.0))
    shown = ordered if len(ordered) <= 2 * GAINS else [*ordered[:GAINS], *ordered[-GAINS:]]
    return GainsOf(number, subject, own[0].control, overall, tuple(shown), len(ordered) - len(shown))


def _content(gain: PictureGain) -> object:
    return (gain.tasks, gain.estimate.value, gain.estimate.n)


def _how(study: Study, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """The commands that ask these models the same without the pictures: those of the runs, with a control."""
    from hemm.analysis.study.same_command import same_command

    keys = {s.key for s in subjects}
    cells = [i.cell for i in study.cells if i.subject in keys]
    words = dict.fromkeys(
        same_command(c, run)[0] for c in cells for run in (c.run.get("commands") or [])[-1:]
    )
    return tuple(f"{line} --control none" for line in words if line)[:COMMANDS]


def slice_words(dimension: str, category: str) -> str:
    """A category with its dimension: ``Reasoning: more``."""
    title = DIMENSIONS[dimension].title if dimension in DIMENSIONS else dimension
    return f"{title}: {category.replace('_', ' ')}"
