"""One sample over all models: what was asked, what each answered, and how that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson
from markupsafe import Markup

from hemm.core import HemmError
from hemm.report.text import Excerpt, excerpt, visible
from hemm.results.stored_answer import SHOWN_COLUMNS, StoredAnswer, read_parts
from hemm.web.answers import Answers, Row
from hemm.web.explorer import Explorer
from hemm.web.filters import LONGEST, Filter, at_start
from hemm.web.index.rows import filtered_by

SHOWN = 20_000
"""Most characters of one text on the page."""
MOST_PICTURES = 24


@dataclass(frozen=True)
class PictureLink:
    """A picture of the sample. ``query`` is the address of what was sent, ``original`` of what the data have
    (empty: it was sent as it is)."""

    query: str
    original: str = ""


@dataclass(frozen=True)
class EarlierAnswer:
    """An answer that was replaced, or is kept and not scored."""

    why: str
    text: Excerpt


@dataclass(frozen=True)
class ModelAnswer:
    """What one model answered. ``text`` has the part that was read marked."""

    row: Row
    text: Markup
    length: int
    reasoning: Excerpt
    why: str
    finish: str
    fingerprint: str
    scores: tuple[tuple[str, float], ...]
    pictures: tuple[str, ...]
    prompt: Excerpt
    earlier: tuple[EarlierAnswer, ...]


@dataclass(frozen=True)
class SamplePage:
    """``tags`` are the labels, ``facts`` the metadata. ``prompts``: each different prompt with the models
    that got it. ``others``: other versions of the sample."""

    task: str
    id: str
    content: str
    tags: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str, str], ...]
    pictures: tuple[PictureLink, ...]
    more_pictures: int
    references: tuple[Excerpt, ...]
    picture_references: tuple[str, ...]
    choices: tuple[str, ...]
    prompts: tuple[tuple[Excerpt, tuple[str, ...]], ...]
    answers: tuple[ModelAnswer, ...]
    others: tuple[str, ...]


def sample_numbers(explorer: Explorer, task: str, name: str) -> list[tuple[int, str]]:
    """(number, digest of the content) of each version of a sample, the one of most answers first. Raises
    HemmError where there is none."""
    found = explorer.index.read(
        """select s.sample, s.hash from samples s join tasks t using (task)
        left join answers a on a.sample = s.sample
        where t.name = ? and s.id = ? group by s.sample, s.hash order by count(a.n) desc, s.sample desc""",
        [task, name],
    )
    if not found:
        raise HemmError(f"no answer to a sample {name!r} of task {task!r} is here")
    return [(int(number), str(content)) for number, content in found]


def sample_page(explorer: Explorer, task: str, name: str, content: str = "") -> SamplePage:
    """The page of one version of a sample (by the beginning of its content's digest)."""
    versions = sample_numbers(explorer, task, name)
    chosen = next((v for v in versions if content and v[1].startswith(content)), versions[0])
    answers = explorer.answers
    rows = answers.of_samples([chosen[0]])
    stored = [StoredAnswer.of(facts) for facts in answers.texts(rows, SHOWN_COLUMNS)]
    scores, earlier = answers.other_scores(rows), _earlier(explorer, answers, chosen[0])
    shown = tuple(
        _answer(row, facts, tuple(scores.get(row.facts["n"], ())), earlier.get(row.facts["cell"], ()))
        for row, facts in zip(rows, stored, strict=True)
    )
    first = stored[0] if stored else None
    pictures = _pictures(rows, stored)
    key = rows[0].cell.found.key if rows else ""
    return SamplePage(
        task,
        name,
        chosen[1],
        tuple(_labels(explorer, rows)),
        tuple(_metadata(first.metadata if first else {})),
        pictures[:MOST_PICTURES],
        max(0, len(pictures) - MOST_PICTURES),
        tuple(excerpt(r, 2_000) for r in (first.references if first else ())),
        tuple(picture_query(key, d) for d in (first.picture_references if first else ())),
        first.choices if first else (),
        _prompts(shown),
        shown,
        tuple(other[:12] for _, other in versions if other != chosen[1]),
    )


def _answer(
    row: Row,
    stored: StoredAnswer,
    scores: tuple[tuple[str, float], ...],
    earlier: Sequence[EarlierAnswer],
) -> ModelAnswer:
    return ModelAnswer(
        row,
        marked(stored.raw, row.facts["span_begin"], row.facts["span_end"]),
        len(stored.raw),
        excerpt(stored.reasoning, SHOWN),
        excerpt(stored.why, 2_000).text,
        stored.finish,
        stored.model,
        scores,
        tuple(picture_query(row.cell.found.key, d) for d in stored.produced[:MOST_PICTURES]),
        excerpt(stored.prompt, SHOWN),
        tuple(earlier),
    )


def marked(text: str, begin: int | None, end: int | None) -> Markup:
    """The beginning of a text, as HTML, with the part from ``begin`` to ``end`` marked; a mark that covers
    the whole text says nothing and is left out.

    >>> print(marked("so: <b>B</b>", 7, 8))
    so: &lt;b&gt;<mark>B</mark>&lt;/b&gt;
    """
    shown = excerpt(text, SHOWN).text
    parts_read = read_parts(text, begin, end)
    if parts_read is None or end is None or end > len(shown):
        return visible(shown)
    before, read, after = parts_read
    parts = (visible(excerpt(t, SHOWN).text) for t in (before, read, after[: SHOWN - end]))
    return Markup("{}<mark>{}</mark>{}").format(*parts)


def picture_query(cell: str, digest: str, original: str = "") -> str:
    """The address of a picture of a cell's answers: ``DIGEST?cell=...``."""
    return f"{digest}?{urlencode({'cell': cell} | ({'of': original} if original else {}))}"


def _pictures(rows: Sequence[Row], stored: Sequence[StoredAnswer]) -> tuple[PictureLink, ...]:
    """The pictures as they were sent to the model that got most, of those without a control."""
    best: tuple[PictureLink, ...] = ()
    order = sorted(zip(rows, stored, strict=True), key=lambda pair: pair[0].cell.control != "")
    for row, answer in order:
        key = row.cell.found.key
        if len(answer.pictures) > len(best):
            best = tuple(_link(key, p.sent, p.original) for p in answer.pictures)
        if best and row.cell.control == "":
            break
    return best


def _link(key: str, sent: str, original: str) -> PictureLink:
    if sent == original:
        return PictureLink(picture_query(key, sent))
    return PictureLink(picture_query(key, sent, original), picture_query(key, original))


def _prompts(shown: Sequence[ModelAnswer]) -> tuple[tuple[Excerpt, tuple[str, ...]], ...]:
    by_text: dict[str, tuple[Excerpt, list[str]]] = {}
    for answer in shown:
        names = by_text.setdefault(answer.prompt.text, (answer.prompt, []))[1]
        if answer.row.cell.label not in names:
            names.append(answer.row.cell.label)
    return tuple((text, tuple(names)) for text, names in by_text.values())


def _labels(explorer: Explorer, rows: Sequence[Row]) -> list[tuple[str, str]]:
    from hemm.web.index.tables import LABELS

    if not rows:
        return []
    values = explorer.index.read(
        f"select {', '.join(LABELS.values())} from answers where n = ?", [rows[0].facts["n"]]
    )[0]
    return [(name, value) for name, value in zip(LABELS, values, strict=True) if value]


def _metadata(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(key, value as it is shown, value of the filter ``meta`` or empty) of each entry."""
    out = []
    for key, value in list(found.items())[:60]:
        named = filtered_by(value)
        pair = "" if named is None else f"{key}:{named}"
        shown = value if isinstance(value, str) else orjson.dumps(value).decode()
        out.append((key, shown, pair if len(pair) <= LONGEST else ""))
    return out


def _earlier(explorer: Explorer, answers: Answers, sample: int) -> dict[int, list[EarlierAnswer]]:
    """Number of a cell -> its answers to the sample that were replaced or are not scored."""
    rows = explorer.index.read(
        "select cell, part, place, why from older where sample = ? order by cell, part, place limit 200",
        [sample],
    )
    known = {c.number for c in explorer.catalog.cells}
    rows = [row for row in rows if row[0] in known]
    out: dict[int, list[EarlierAnswer]] = {}
    found = answers.texts_at([row[:3] for row in rows], ["raw"])
    for (cell, _, _, why), text in zip(rows, found, strict=True):
        out.setdefault(cell, []).append(EarlierAnswer(why, excerpt(str(text["raw"] or ""), 2_000)))
    return out


def neighbours(explorer: Explorer, chosen: Filter, sample: int) -> tuple[Row | None, Row | None]:
    """The answers of the filter to the samples before and after this one. Without a place in the address,
    that of the filter's first answer to the sample is taken."""
    answers = explorer.answers
    place = chosen.after
    if place is None:
        place = answers.place_of(chosen, sample)
    if place is None:
        return None, None
    start = at_start(chosen)
    before = answers.page(replace(start, before=place), 1, without=sample).rows
    after = answers.page(replace(start, after=place), 1, without=sample).rows
    return (before[0] if before else None), (after[0] if after else None)
