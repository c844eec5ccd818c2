"""A page of answers side by side with their votes: one HTML file, to be printed or sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.analysis.preferences.sections import SectionRate, section_of_votes, section_rates
from hemm.analysis.study.subjects import members_of
from hemm.core import keyed_number
from hemm.core.secrets import hide
from hemm.data.files import write_atomic
from hemm.report.examples import rows_of
from hemm.report.page.template import render
from hemm.report.pictures import MEDIA_MARK, Gallery, Picture
from hemm.report.text import Excerpt, excerpt, question

if TYPE_CHECKING:
    from hemm.analysis.preferences.votes import Votes
    from hemm.results.read import Cell

PER_SECTION = 8
BUDGET = 12_000_000
"""Bytes of pictures, encoded."""


@dataclass(frozen=True)
class Side:
    """One answer: whose, what it says, and how many votes were for it."""

    model: str
    text: Excerpt
    why: str
    pictures: tuple[Picture, ...]
    votes: int


@dataclass(frozen=True)
class Card:
    """A question with two answers. ``ties``: votes for neither."""

    task: str
    id: str
    pictures: tuple[Picture, ...]
    prompt: Excerpt
    references: tuple[Excerpt, ...]
    sides: tuple[Side, Side]
    ties: int


@dataclass(frozen=True)
class Section:
    """``name`` is empty where there are no sections; ``shown`` of ``pairs`` pairs have cards."""

    name: str
    rates: tuple[SectionRate, ...]
    cards: tuple[Card, ...]
    pairs: int


@dataclass
class _Pair:
    task: str
    sample: str
    models: tuple[str, str]
    won: Counter[str] = field(default_factory=Counter)

    @property
    def order(self) -> tuple[int, int]:
        """Pairs of many votes first, else in a random order that is always the same."""
        return -self.won.total(), keyed_number("side by side", self.task, self.sample, *self.models)


def write(
    cells: Sequence[Cell],
    ballots: Votes,
    sections: Mapping[tuple[str, str], str],
    file: Path,
    *,
    title: str = "Side by side",
    per_section: int = PER_SECTION,
) -> Path:
    """Write the page of ``ballots`` to ``file``, by ``sections`` ((task, sample) -> section; none: one part),
    and return its path. Pairs whose answers are not in ``cells`` have no card; the page says how many."""
    page = html(cells, ballots, sections, title=title, per_section=per_section)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, hide(page).encode("utf-8"))
    return file


def html(
    cells: Sequence[Cell],
    ballots: Votes,
    sections: Mapping[tuple[str, str], str],
    *,
    title: str = "Side by side",
    per_section: int = PER_SECTION,
) -> str:
    rates = section_rates(ballots, sections)
    pairs = _pairs(ballots, section_of_votes(ballots, sections) if sections else [""] * len(ballots))
    maker = _Cards(cells, Gallery(bytes_left=BUDGET, pictures_left=400))
    shown = []
    for name in sorted(pairs):
        ordered = sorted(pairs[name], key=lambda p: p.order)
        cards: list[Card] = []
        for pair in ordered:
            if len(cards) == per_section:
                break
            if (card := maker.card(pair)) is not None:
                cards.append(card)
        own = tuple(r for r in rates if r.section == name)
        shown.append(Section(name, own, tuple(cards), len(ordered)))
    return render(
        "side_by_side.html",
        title=title,
        models=ballots.models,
        overall=[r for r in rates if not r.section],
        sections=shown,
        votes=len(ballots),
        annotators=ballots.named_voters,
        notes=ballots.notes,
        lacking=maker.lacking,
    )


def _pairs(ballots: Votes, own: Sequence[str]) -> dict[str, list[_Pair]]:
    """Section -> its questions and pairs of models, with the votes for each."""
    found: dict[tuple[str, str, str, tuple[str, str]], _Pair] = {}
    rows = zip(
        own,
        ballots.task.tolist(),
        ballots.sample.tolist(),
        ballots.a,
        ballots.b,
        ballots.outcome,
        strict=True,
    )
    for section, task, sample, a, b, outcome in rows:
        first, second = ballots.models[a], ballots.models[b]
        both = (first, second) if first < second else (second, first)
        pair = found.setdefault((section, task, sample, both), _Pair(task, sample, both))
        pair.won[{1.0: first, 0.0: second}.get(float(outcome), "")] += 1
    out: dict[str, list[_Pair]] = {}
    for (section, *_), pair in found.items():
        out.setdefault(section, []).append(pair)
    return out


class _Cards:
    """Makes cards of pairs; ``lacking`` counts those whose answers are not there."""

    def __init__(self, cells: Sequence[Cell], gallery: Gallery) -> None:
        self._gallery, self.lacking = gallery, 0
        self._cells: dict[tuple[str, str], Cell] = {}
        for member in reversed(members_of(cells)[0]):
            cell, subject = cells[member.number], member.subject
            names = (
                subject.label,
                *(() if subject.control else (cell.model, f"{cell.model}@{cell.revision}")),
            )
            self._cells |= {(name, cell.task): cell for name in names}
        self._tasks = sorted({cell.task for cell in cells})
        self._rows: dict[tuple[str, str, str], dict[str, Any] | None] = {}

    def card(self, pair: _Pair) -> Card | None:
        task = pair.task or (self._tasks[0] if len(self._tasks) == 1 else "")
        found = [self._row(model, task, pair.sample) for model in pair.models]
        if found[0] is None or found[1] is None:
            self.lacking += 1
            return None
        (cell, row), second = found[0], found[1]
        texts = [r for r in row["references"] or () if not r.startswith(MEDIA_MARK)]
        return Card(
            task,
            pair.sample,
            tuple(self._gallery.of(cell, row)[:6]),
            excerpt(question(row["prompt"] or "")),
            tuple(excerpt(r, 300) for r in texts[:4]),
            (self._side(pair, 0, cell, row), self._side(pair, 1, *second)),
            pair.won[""],
        )

    def _side(self, pair: _Pair, place: int, cell: Cell, row: Mapping[str, Any]) -> Side:
        why = row["refusal"] or (
            f"{row['failure']}: {row['failure_message'] or ''}" if row["failure"] else ""
        )
        return Side(
            pair.models[place],
            excerpt((row["raw"] or "").strip()),
            excerpt(why, 400).text,
            tuple(self._gallery.produced(cell, row["produced"] or [])),
            pair.won[pair.models[place]],
        )

    def _row(self, model: str, task: str, sample: str) -> tuple[Cell, dict[str, Any]] | None:
        cell = self._cells.get((model, task))
        if cell is None:
            return None
        key = (model, task, sample)
        if key not in self._rows:
            rows = rows_of(cell, [sample]).get(sample)
            self._rows[key] = rows[0] if rows else None
        row = self._rows[key]
        return None if row is None else (cell, row)
