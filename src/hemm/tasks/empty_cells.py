"""Cells of a table that hold a word for nothing (``nan``), as pandas and Excel write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.core.text import counted
from hemm.tasks.columns import empty
from hemm.tasks.right_answers import Answer, Choices, Unsaid
from hemm.tasks.user_rows import Rules, answer_in

SPELLINGS = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What ``pandas.read_csv`` takes for an empty cell, beside the empty text."""
_KEPT = ("question", "answer", "answers", "id")


@dataclass
class EmptyCells:
    """Empties the cells of rows that hold a word for nothing, and counts them.

    words   the words
    kept    columns whose words stay: questions, answers and ids, unless the card gives the words
    """

    words: frozenset[str]
    kept: frozenset[str]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, rules: Rules, usual: tuple[str, ...]) -> EmptyCells:
        """By the card's words, or where it gives none by those that are ``usual`` for the table's kind."""
        if rules.empty is not None:
            return cls(frozenset(rules.empty), frozenset())
        parts = (rules.columns, rules.read.usual, rules.each, {name: (name,) for name in _KEPT})
        kept = frozenset(name for part in parts for ours in _KEPT for name in (ours, *part.get(ours, ())))
        return cls(frozenset(usual), kept)

    def cleared(self, row: Mapping[str, Any], count: bool = False) -> Mapping[str, Any]:
        """The row with None in cells that hold such a word, or NaN."""
        found = [name for name, value in row.items() if self._is_word(name, value)]
        if count:
            self.counts.update((name, row[name]) for name in found if isinstance(row[name], str))
        return {**row, **dict.fromkeys(found)} if found else row

    def _is_word(self, name: str, value: Any) -> bool:
        if isinstance(value, str):
            return value.strip() in self.words and name not in self.kept
        return isinstance(value, float) and empty(value)

    def check(
        self, where: str, row: Mapping[str, Any], taken: Mapping[str, Any], options: tuple[str, ...]
    ) -> None:
        """Raise Unsaid where the right answer is an option whose cell holds such a word.

        row      as the table has it
        taken    its cells by hemm's names
        options  the columns of the options, A first
        """
        words = {n: str(row[name]) for n, name in enumerate(options) if self._is_word(name, row.get(name))}
        if not words:
            return
        choices = Choices(tuple(str(row.get(name)) for name in options))
        answer = Answer(where, *answer_in(taken), choices)
        for value in answer.values:
            number = next((n for way in ("text", "letter") if (n := choices.by(way, value)) in words), None)
            if number is not None:
                word = words[number]
                raise Unsaid(
                    f"{where}: field {answer.name!r} is {value!r:.60}, and {options[number]} is {word!r}",
                    f"{word!r} counts as an empty cell: 'empty: []' in the card, or a list of the words that "
                    "stand for nothing, says otherwise",
                )

    def told(self) -> str:
        """What was emptied, in a line; empty where nothing was."""
        if not self.counts:
            return ""
        words = sorted({word for _, word in self.counts})
        columns = ", ".join(dict.fromkeys(name for name, _ in sorted(self.counts)))
        count = sum(self.counts.values())
        which = counted(count, f"cell with {', '.join(words)} is", f"cells with {', '.join(words)} are")
        return f"{which} read as empty, in {columns} ('empty:' in the card)"
