"""What rows of a table lack or hold unused, as they were read: questions, pictures, marks, system turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.core import LeftOut, Sample
from hemm.core.text import counted
from hemm.tasks.cells import has_system_turn
from hemm.tasks.columns import turns
from hemm.tasks.picture_marks import unread_marks
from hemm.tasks.user_rows import VOID

_NAMED = 3


@dataclass
class RowGaps:
    """Counts rows that lack something, or hold something that is not read as what it seems.

    void      how many rows were left out since they have neither
    lacking   what is lacking (``question``, ``picture``) -> the first rows that lack it
    """

    void: int = 0
    lacking: dict[str, list[str]] = field(default_factory=lambda: {"question": [], "picture": []})
    counts: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, row: Mapping[str, Any], sample: Sample | LeftOut) -> None:
        """Look at one row and the sample that it became."""
        if isinstance(sample, LeftOut):
            self.void += sample.why.startswith(VOID)
            return
        self.counts["rows"] += 1
        self._lacks("question", where, not sample.fields.get("question"))
        self._lacks("picture", where, not sample.media)
        self.counts["system"] += any(turns(value) and has_system_turn(value) for value in row.values())
        marks = {*unread_marks([sample.fields.get("question", ""), *sample.choices], sample)}
        self.counts["marked"] += bool(marks)
        self.marks.update(marks)

    def _lacks(self, what: str, where: str, lacks: bool) -> None:
        if lacks:
            self.counts[what] += 1
            if len(self.lacking[what]) < _NAMED:
                self.lacking[what].append(where)

    def told(self, uses: frozenset[str] | None) -> Iterator[str]:
        """Lines that say it; ``uses`` are the names that the card's own prompt asks for, if it has one."""
        rows = self.counts["rows"]
        for what, where in self.lacking.items():
            count = self.counts[what]
            if count and count == rows and what == "picture":
                yield "no row has a picture, sound or video: the questions are asked as text alone"
            elif count and count < rows and not (what == "question" and uses and what not in uses):
                more = f" and {count - len(where)} more" if count > len(where) else ""
                yield f"{count} of {counted(rows, 'row')} without a {what}: {', '.join(where)}{more}"
        if count := self.counts["system"]:
            yield f"the system turn of {counted(count, 'row')} is asked as the beginning of the question"
        if count := self.counts["marked"]:
            yield (
                f"{', '.join(list(self.marks)[:10])} in {counted(count, 'row')} is sent as text: a mark of a "
                "picture is written <image>, or <image 1> for the first of its row"
            )
