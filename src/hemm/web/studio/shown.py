"""What a form shows: texts and pictures of a sample and of answers to it, without whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hemm.core import HemmError
from hemm.core.from_files import is_digest
from hemm.metrics.judged_answers import ANSWERED, answer_digest
from hemm.report.text import Excerpt, excerpt, question
from hemm.results.answer_record import MEDIA_MARK, is_media
from hemm.web.explorer import Explorer
from hemm.web.index.build import IndexedCell
from hemm.web.pictures import Shown
from hemm.web.studio.blind import Blind
from hemm.web.studio.pool import Asked, Place

SHOWN = 20_000
MOST_PICTURES = 24
_STORED = (
    *("id", "repeat", *ANSWERED[1:], "prompt", "references", "choices"),
    *("media", "originals", "sample_hash"),
)


@dataclass(frozen=True)
class AnswerText:
    """An answer as it is shown. ``told``: what it says of its model; ``why``: a refusal; ``pictures``: how
    many it drew."""

    text: Excerpt
    told: tuple[str, ...]
    why: str
    cut: bool
    pictures: int
    missing: bool


@dataclass(frozen=True)
class Form:
    """A form as a page shows it. ``pictures``: how many the sample has."""

    prompt: Excerpt
    pictures: int
    references: tuple[Excerpt, ...]
    picture_references: int
    choices: tuple[str, ...]
    answers: tuple[AnswerText, ...]


class Sources:
    """Texts and pictures of the answers in a pool."""

    def __init__(self, explorer: Explorer) -> None:
        self._explorer = explorer

    def cell(self, place: Place) -> IndexedCell:
        return self._explorer.catalog.by_number(place.cell)

    def read(self, asked: Asked, models: Sequence[str]) -> list[dict[str, Any]]:
        """The stored answers of some models to a sample. Raises HemmError where one is gone."""
        places = [asked.answers[m] for m in models]
        found = self._explorer.answers.texts_at([(p.cell, p.part, p.row) for p in places], _STORED)
        for row in found:
            if not row or row["id"] != asked.id:
                raise HemmError("the results changed since this was drawn")
        return found

    def usable(self, asked: Asked, a: str, b: str, same: bool) -> bool:
        """Whether both models gave an answer, and (unless ``same``) not the same one."""
        first, second = self.read(asked, [a, b])
        if first["failure"] is not None or second["failure"] is not None:
            return False
        return same or any((first[n] or None) != (second[n] or None) for n in ("raw", "refusal", "produced"))

    def digest(self, row: Mapping[str, Any]) -> str:
        return answer_digest([row["id"], row["repeat"], *(row[n] for n in ANSWERED[1:])])

    def form(self, asked: Asked, models: Sequence[str], blind: Blind, masked: bool) -> Form:
        """What is shown of a sample (one model's prompt, pictures as the data have them) and of the answers
        of ``models``, none for a form about the sample alone."""
        rows = self.read(asked, models)
        (first,) = self.read(asked, self.first(asked, models))
        references = [str(r) for r in first["references"] or ()]
        return Form(
            excerpt(question(str(first["prompt"] or "")), SHOWN),
            len(_of_sample(first)),
            tuple(excerpt(r, 2_000) for r in references if not is_media(r)),
            sum(map(is_media, references)),
            tuple(map(str, first["choices"] or ())),
            tuple(_answer(row, blind, masked) for row in rows),
        )

    def first(self, asked: Asked, models: Sequence[str] = ()) -> list[str]:
        """The model whose prompt and pictures stand for the sample. Of a pair it is the same one whichever
        is on the left: models may have been asked in other words, which would tell the sides."""
        return [min(models or asked.answers)]

    def picture(self, asked: Asked, models: Sequence[str], slot: str) -> Shown:
        """A picture of a form by its slot: ``s0`` of the sample, ``r0`` of the right answers, ``a0`` and
        ``b0`` of the first and second answer. What a model drew is written anew: neither the file's type nor
        what else stands in it may tell whose it is."""
        kind, number = slot[:1], slot[1:]
        if kind not in "sarb" or not number.isdecimal() or len(number) > 3:
            raise HemmError("there is no such picture")
        named = list(models) if kind in "ab" and models else self.first(asked, models)
        rows = self.read(asked, named)
        place = 1 if kind == "b" else 0
        if place >= len(rows) or (kind in "ab" and not models):
            raise HemmError("there is no such picture")
        row = rows[place]
        if kind == "s":
            digests = _of_sample(row)
        elif kind == "r":
            digests = [r.removeprefix(MEDIA_MARK) for r in row["references"] or () if is_media(str(r))]
        else:
            digests = _drawn(row)
        if int(number) >= len(digests):
            raise HemmError("there is no such picture")
        cell = self.cell(asked.answers[named[place]])
        return self._explorer.pictures.get(cell, digests[int(number)], anew=kind in "ab")


def _of_sample(row: Mapping[str, Any]) -> list[str]:
    """The pictures as the data have them: each model may have been shown another size."""
    sent = [d for d in row["media"] or () if is_digest(d)]
    sources = [d for d in row["originals"] or sent if is_digest(d)]
    return sources[:MOST_PICTURES]


def _drawn(row: Mapping[str, Any]) -> list[str]:
    return [d for d in row["produced"] or () if is_digest(d)][:MOST_PICTURES]


def _answer(row: Mapping[str, Any], blind: Blind, masked: bool) -> AnswerText:
    raw, refusal = (
        blind(str(row["raw"] or ""), masked=masked),
        blind(str(row["refusal"] or ""), masked=masked),
    )
    drawn = len(_drawn(row))
    return AnswerText(
        excerpt(raw.text.strip(), SHOWN),  # blanks at an end would tell a model by its habit
        tuple(dict.fromkeys((*raw.told, *refusal.told))),
        excerpt(refusal.text, 2_000).text,
        row["finish"] == "length",
        drawn,
        not (raw.text.strip() or refusal.text or drawn),
    )
