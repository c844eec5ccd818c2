"""Reads a whole table of a user's: its columns, the way its answers are written, and its rows as samples."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hemm.core import BadData, LeftOut, Notice, Sample
from hemm.data.pack.own_words import Question, letters_in, says_how, shows
from hemm.data.readers.rows import Ids
from hemm.tasks.cells import text_list
from hemm.tasks.choice_forms import ChoiceForms, brings_letters
from hemm.tasks.columns import seen, suggestion, told
from hemm.tasks.empty_cells import EmptyCells
from hemm.tasks.parts import check_splits
from hemm.tasks.prompt import RESERVED
from hemm.tasks.right_answers import Answer, Unsaid, way_of
from hemm.tasks.row_gaps import RowGaps
from hemm.tasks.row_keys import PLACE, rows_of
from hemm.tasks.user_rows import (
    MEDIA,
    Cells,
    Rules,
    answer_in,
    choices_in,
    identifier,
    parted,
    sample_of,
)

_LISTED = 10

Row = tuple[str, Mapping[str, Any]]
"""Where a row stands (file and line, for messages), and its cells by column."""


@dataclass(frozen=True)
class Table:
    """A table of rows.

    rows       gives the rows from the start, as often as it is called
    where      names the table in messages
    cells      brings the cells of a row into hemm's form, where the table's layout has another
    first_way  how the table's layout says that answers name choices, if it does
    look       gives rows that show which columns there are; by default all
    without    gives the rows without some columns, where that is less to read
    note       what else is to be said of how the table is read
    empty      words that usually stand for an empty cell in such a table
    """

    rows: Callable[[], Iterable[Row]]
    where: str
    cells: Cells | None = None
    first_way: str = ""
    look: Callable[[], Iterable[Mapping[str, Any]]] | None = None
    without: Callable[[Collection[str]], Iterable[Row]] | None = None
    empty: tuple[str, ...] = ()
    note: str = ""

    def columns(self, rules: Rules) -> dict[str, Any]:
        """Column -> the first value of it that is not empty. Raises BadData where ``each`` names others."""
        rows = self.look() if self.look else (row for _, row in self.rows())
        if not rules.each:
            return seen(rows)
        listed = {name for names in rules.each.values() for name in names}
        whole: dict[str, None] = {}
        found = seen(one for row in rows for _, one in rows_of(_noted(row, whole), rules.each))
        if lacking := sorted(listed - whole.keys()):
            known = ", ".join(whole)
            raise BadData(f"{self.where}: there is no column {lacking[0]!r} (for each); there are {known}")
        return found

    def has_choices(self, rules: Rules) -> bool:
        """Whether the first row has choices."""
        for where, taken in self._without_media(rules):
            try:
                return bool(choices_in(taken, rules, where).shown)
            except BadData:
                return True  # said, with the other rows, when the row becomes a sample
        return False

    def open_answers(self, rules: Rules) -> Iterator[str]:
        """The right answers, as far as they show whether all are numbers; an empty one for choices."""
        for _, taken in self._without_media(rules):
            if taken.get("choices"):
                yield ""
            for value in answer_in(taken)[1]:
                yield from text_list(str(value)) if value not in (None, "") else ()

    def questions(self, rules: Rules) -> Iterator[Question]:
        """The questions with their choices."""
        rules = replace(rules, marked=self.marked(rules))
        for where, taken in self._without_media(rules):
            with suppress(BadData):
                yield str(taken.get("question") or ""), choices_in(taken, rules, where).shown

    def way(self, rules: Rules) -> str:
        """How the answers name choices. Raises BadData that lists the rows where that is not clear."""
        return way_of(self._answers(rules), rules.how.way, self.first_way)

    def marked(self, rules: Rules) -> bool:
        """Whether the choices of all rows that have some bring their own letters."""
        if rules.said.before or rules.labels:
            return False
        found = False
        for where, taken in self._without_media(rules):
            with suppress(BadData):  # said when the row becomes a sample
                brings = brings_letters(taken.get("choices"), where)
                if brings is False:
                    return False
                found = found or bool(brings)
        return found

    def read(self, rules: Rules) -> Iterator[Sample | LeftOut | Notice]:
        """The samples, and what is to be said of them. Raises BadData that lists all rows that are wrong."""
        found = self.columns(rules)
        rules = rules.settled(found, self.where)
        self._check_columns(found, rules)
        yield from (Notice(line) for line in told(found, rules.said, rules.read, RESERVED))
        if self.note:
            yield Notice(self.note)
        closed = rules.closed or (not rules.formatted and self.has_choices(rules))
        rules = replace(rules, closed=closed, marked=self.marked(rules))
        rules = replace(rules, how=replace(rules.how, way=self.way(rules)))
        forms = ChoiceForms(rules.marked)
        faults, rows, answered = _Faults(), 0, 0
        hint = suggestion(rules.read.rest, "answer")
        splits: dict[str, None] = {}
        ids = Ids()
        empties, words, gaps = EmptyCells.of(rules, self.empty), _Words(), RowGaps()
        options = _options(rules)
        for where, place, row in self._single(self.rows(), rules):
            try:
                taken, rest = parted(empties.cleared(row, count=True), rules, where, self.cells)
                taken[PLACE] = place
                empties.check(where, row, taken, options)
                splits[str(taken.get("split") or "")] = None
                sample = sample_of(taken, rest, rules, where, ids)
                if sample is not None:
                    forms.add(taken.get("choices"), answer_in(taken)[1], where)
            except BadData as error:
                faults.add(error)
                continue
            if sample is not None:
                rows += 1
                answered += isinstance(sample, Sample)
                words.add(sample)
                gaps.add(where, row, sample)
                yield replace(sample, why=sample.why + hint) if isinstance(sample, LeftOut) else sample
        faults.check()
        for line in (empties.told(), words.told(rules), *gaps.told(rules.said.uses)):
            if line:
                yield Notice(line)
        check_splits([name for name in splits if name], rules.split, self.where)
        if rows and gaps.void == rows:
            raise BadData(f"{self.where}: no row has a question or a picture")
        if rules.answered and rows and not answered:
            raise self._no_answers(found, rules)
        yield from map(Notice, forms.told(rules.how.way))

    def _without_media(self, rules: Rules) -> Iterator[tuple[str, dict[str, Any]]]:
        """The cells of each row by hemm's names, without those that hold media, which are not read."""
        parts = (rules.columns, rules.said.layout, rules.read.usual)
        mapped = (name for part in parts for ours in MEDIA for name in part.get(ours, ()))
        silent = dict.fromkeys([*mapped, *MEDIA])
        empties, options = EmptyCells.of(rules, self.empty), _options(rules)
        for where, _, row in self._single(self.without(silent) if self.without else self.rows(), rules):
            with suppress(BadData):  # said when the row becomes a sample
                taken, _ = parted({**empties.cleared(row), **silent}, rules, where, self.cells)
                empties.check(where, row, taken, options)
                yield where, taken

    def _single(self, rows: Iterable[Row], rules: Rules) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
        """The rows, each as many as ``each`` makes of it, with their places."""
        for where, row in rows:
            for place, one in rows_of(row, rules.each):
                yield where, place, one

    def _answers(self, rules: Rules) -> Iterator[Answer]:
        """The right answers of the rows that have choices."""
        for where, taken in self._without_media(rules):
            try:
                choices = choices_in(taken, rules, where)
            except BadData:
                continue  # said when the row becomes a sample
            name, values = answer_in(taken)
            if rules.how.many:
                values = [member for value in values for member in choices.members(value)]
            if choices.shown and values:
                yield Answer(where, name, values, choices)

    def _check_columns(self, found: Mapping[str, Any], rules: Rules) -> None:
        """Raise BadData where no column is read as a question or a picture."""
        known = {name for name in found if name not in rules.read.data}
        known |= {name for name, theirs in rules.columns.items() if theirs}
        known |= {*rules.read.usual, *rules.said.layout}
        shown = {"hint"} if rules.said.uses is None else rules.said.uses
        if found and not known & {"question", *MEDIA} and not shown & {identifier(name) for name in found}:
            raise BadData(
                f"{self.where}: no column is read as a question or a picture; there are {', '.join(found)}"
                f"{suggestion(found, 'question')}: say 'columns: {{question: NAME, image: NAME}}' in the card"
            )

    def _no_answers(self, found: Mapping[str, Any], rules: Rules) -> BadData:
        return BadData(
            f"{self.where}: no row has a right answer, and the task's metrics compare with one; there are "
            f"the columns {', '.join(found)}{suggestion(rules.read.rest, 'answer')}: say 'columns: {{answer: "
            "NAME}' in the card, or a metric that needs none ('metrics: [clipscore]')"
        )


def _options(rules: Rules) -> tuple[str, ...]:
    """The columns that hold one option each."""
    for part in (rules.columns, rules.said.layout, rules.read.usual):
        if len(names := part.get("choices", ())) > 1:
            return tuple(names)
    return ()


def _noted(row: Mapping[str, Any], columns: dict[str, None]) -> Mapping[str, Any]:
    columns.update(dict.fromkeys(row))
    return row


class _Words:
    """What the questions say themselves of how to answer, and of options."""

    def __init__(self) -> None:
        self._count = self._how = self._shown = 0
        self._letters: set[str] | None = set()

    def add(self, sample: Sample | LeftOut) -> None:
        """Look at one question."""
        if not isinstance(sample, Sample):
            return
        question = sample.fields.get("question", "")
        self._count += 1
        self._how += says_how(question)
        self._shown += shows(question, sample.choices)
        letters = letters_in(question)
        answers = sample.references if not sample.choices else ()
        fits = answers and all(isinstance(r, str) and r.strip("().").upper() in letters for r in answers)
        self._letters = self._letters | {*letters} if fits and self._letters is not None else None

    def told(self, rules: Rules) -> str:
        """What people should know of it, in a line; empty where it is nothing."""
        lines = []
        if self._letters and not rules.formatted:
            labels = ", ".join(sorted(self._letters))
            card = f"'answer: {{format: one_of, lettered: false, labels: [{labels}]}}' in the card"
            lines.append(
                f"the questions bring options and the answers are letters: {card} reads them as choices"
            )
        if rules.said.uses is None:  # the prompt is the default one
            for what, count in (("an instruction", self._how), ("their options", self._shown)):
                if count == self._count and count:
                    lines.append(f"the questions bring {what}: hemm's prompt says none ('prompt:' in a card)")
                elif count:
                    lines.append(
                        f"{count} of {self._count} questions bring {what}, beside what hemm's prompt says"
                    )
        return "; ".join(lines)


def _grouped(faults: Sequence[str]) -> list[str]:
    """The same fault of several lines of a file said once.

    >>> _grouped(["a.jsonl, line 2: no text", "a.jsonl, line 3: no text", "a.jsonl, line 5: no answer"])
    ['a.jsonl, lines 2, 3: no text', 'a.jsonl, line 5: no answer']
    """
    lines: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        found = re.match(r"(.*?), line (\d+): (.*)", fault, re.DOTALL)
        place, line, what = found.groups() if found else ("", "", fault)
        lines.setdefault((place, what), []).append(line)
    return [
        f"{place}, line{'s' if len(at) > 1 else ''} {', '.join(at)}: {what}" if place else what
        for (place, what), at in lines.items()
    ]


class _Faults:
    """What is wrong with the rows of a table: listed together."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._then: dict[str, None] = {}
        self._count = 0

    def add(self, error: BadData) -> None:
        """Keep one row's message."""
        self._count += 1
        if isinstance(error, Unsaid):
            self._then[error.then] = None
        if len(self._first) < _LISTED:
            self._first.append(error.what if isinstance(error, Unsaid) else str(error))

    def check(self) -> None:
        """Raise BadData where there is any."""
        if self._first:
            more = self._count - len(self._first)
            listed = "; also: ".join(_grouped(self._first)) + (f"; and {more} more" if more else "")
            raise BadData("; ".join([listed, *self._then]))
