"""One answer to one question with options, as the stages see it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from hemm.parsing import clauses
from hemm.parsing.answer_text import with_marks
from hemm.parsing.located import Span
from hemm.parsing.option_names import leading_letter, letters_in, texts_in
from hemm.parsing.options import Options
from hemm.parsing.patterns import late
from hemm.parsing.stages import Answer, Found

_ENUMERATED_LINE = late(r"^\s*[(\[]([A-Z]{1,2})[)\]]\s")


class OptionAnswer(Answer):
    """One answer to one question with options."""

    def __init__(self, text: str, options: Options) -> None:
        super().__init__(text)
        self.options = options

    @cached_property
    def sentences(self) -> list[Span]:
        """As of any answer, without those that repeat the options in a row."""
        found = self.said()
        echo = self.options.echo(self.clean.text) if self.options.marks else None
        return found if echo is None else [s for s in found if s[1] <= echo[0] or s[0] >= echo[1]]

    def to_the_letter(self, span: Span) -> int | None:
        """The option that a part of the original text is, with the marks around it or without."""
        for piece in (with_marks(self.raw, span), self.raw[slice(*span)]):
            if (number := self.options.raw(piece)) is not None:
                return self.options.first(number)
        return None

    def passed_over(self, sentence: str) -> bool:
        """Whether a line opens with a letter that no option has: options that the model invents."""
        opened = _ENUMERATED_LINE.match(sentence)
        return opened is not None and bool(self.options.marks) and self.options.number_of(opened[1]) is None

    @cached_property
    def concludes_otherwise(self) -> bool:
        """Whether the text has a conclusion (which, where this is asked, named no option)."""
        text = self.clean.text
        return len(self.sentences) > 1 and any(clauses.concludes(text[b:e]) for b, e in self.sentences[1:])

    def named_before(self, index: int, letters: bool) -> set[int]:
        """Options that sentences before number ``index`` name by letters, or that the first one asserts."""
        text, found = self.clean.text, set()
        if self.sentences[:index]:
            found |= texts_in(text[slice(*self.sentences[0])], self.options)[0]
        if letters:
            for begin, end in self.sentences[:index]:
                found |= letters_in(text[begin:end], self.options)[0]
        return found | leading_letter(text, self.options)[0]

    @cached_property
    def boxed(self) -> bool:
        """Whether a box, tag or JSON holds an answer, be it an option or not."""
        return any(mark.structured and text.strip() for text, _, mark in self.marks)

    def found(self, options: Iterable[int], begin: int, end: int) -> Found[int]:
        return Found(frozenset(options), self.clean.span(begin, end))
