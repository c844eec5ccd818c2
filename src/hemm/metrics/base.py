"""Comparison of parsed values with references, and the base of metrics with a value for each answer."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Protocol, runtime_checkable

from hemm.core import Group, HemmError, Judged, Metric, Sample
from hemm.parsing.answer_text import AROUND, answered, with_marks
from hemm.parsing.formats import Number, split_labels
from hemm.parsing.numbers import read_number


def texts(sample: Sample) -> list[str]:
    """The text references of a sample, without those that are pictures.

    >>> from hemm.core import Sample
    >>> texts(Sample("1", references=("two dogs", "2 dogs")))
    ['two dogs', '2 dogs']
    """
    return [r for r in sample.references if isinstance(r, str)]


def one_of(parameter: str, value: str, known: Sequence[str]) -> None:
    """Raise HemmError where a metric's parameter has none of the values that are known."""
    if value not in known:
        raise HemmError(f"metric parameter {parameter}={value!r} is none of {', '.join(known)}")


@lru_cache(maxsize=16_384)
def folded(text: str) -> str:
    """Case-folded, with single blanks."""
    return " ".join(text.casefold().split())


_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_LATEX = re.compile(r"\\(?:boxed|fbox|text|textbf|mathrm|mathbf)\s{0,4}\{([^{}]{0,400})\}")
# a star or two underscores between digits are no emphasis: 2*3 is not 23
_EMPHASIS = re.compile(r"(?<!\d)(?:\*{1,3}|_{2,3})|(?:\*{1,3}|_{2,3})(?!\d)|`+|\\[()\[\]]|\$")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」", "『": "』"}


@lru_cache(maxsize=16_384)
def plain(text: str) -> str:
    r"""``folded`` without the marks that do not make another answer: Markdown's emphasis and code, LaTeX's
    dollars and boxes, quotes around the text, final points. Never empty where ``text`` is not.

    Answer formats take these marks from answers, so that a comparison takes them from references too.

    >>> plain("**Vitamin K.**"), plain('"$46.29"'), plain("S*P*Y"), plain("...")
    ('vitamin k', '46.29', 'spy', '...')
    """
    bare = _INVISIBLE.sub("", text)
    if "\\" in bare:
        bare = _LATEX.sub(r"\1", _LATEX.sub(r"\1", bare))
    bare = folded(_EMPHASIS.sub("", bare))
    before = ""
    while bare != before:
        before, bare = bare, bare.rstrip(".。").rstrip()
        if len(bare) > 1 and _QUOTES.get(bare[0]) == bare[-1]:
            bare = bare[1:-1].strip()
    return bare or folded(text)


@lru_cache(maxsize=16_384)
def number_of(reference: str) -> float | None:
    """The number that a reference is, read as an answer with the format ``Number`` is.

    >>> number_of("$1,234.50"), number_of("5 dogs"), number_of("many")
    (1234.5, 5.0, None)
    """
    number = read_number(reference)
    return Number().parse(reference, _NOTHING) if number is None else number


_NOTHING = Sample("-")


def same(value: Any, reference: str) -> bool:
    """Whether ``value``, as an answer format gives it, is the reference.

    Texts are compared as they are, then without regard to case and blanks, then without emphasis, quotes and
    final points on both sides (``plain``); numbers as numbers (relative tolerance 1e-9), sets of labels as
    sets.

    >>> same("Heron", "heron"), same(3.5, "7/2"), same(frozenset({"war", "drama"}), "drama; war")
    (True, True, True)
    >>> same("46.29", "$46.29"), same("Vitamin K", "Vitamin K."), same(5.0, "-5"), same("5", "-5")
    (True, True, False, False)
    """
    if isinstance(value, str):
        return value == reference or folded(value) == folded(reference) or plain(value) == plain(reference)
    if isinstance(value, frozenset):
        return {folded(v) for v in value} == {folded(r) for r in split_labels(reference)}
    if isinstance(value, int | float):
        wanted = number_of(reference)
        return wanted is not None and math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == reference)


def matching(answer: Any, sample: Sample) -> list[str]:
    """The references that the answer is.

    An answer that is one of the sample's choices to the letter is that choice and no other, however alike two
    of them are.

    >>> matching("$5", Sample("1", references=("5",), choices=("5", "$5")))
    []
    >>> matching("$5", Sample("1", references=("5",)))
    ['5']
    """
    choices = sample.choices if isinstance(answer, str) and answer in sample.choices else ()
    return [r for r in texts(sample) if (answer == r if r in choices else same(answer, r))]


_COMMANDS = ("boxed", "fbox", "text", "textbf", "mathrm", "mathbf")


def as_written(judged: Judged) -> Judged:
    r"""``judged`` with the text as the model wrote it for its value, where that text is a reference and the
    answer format took a part of it for marks.

    That is where the answer, or the part of it that the format read (``Answer: ...``), is a reference with
    nothing but marks around it (emphasis, quotes, brackets, a box, a final point), or where value and
    reference are the same but for such marks (``plain``) and the answer holds the reference to the letter.
    Answer formats do not know the references.

    >>> from hemm.core import Outcome, Response
    >>> money = Sample("1", references=("$46.29",))
    >>> as_written(Judged(money, 0, Response("**$46.29**"), Outcome.OK, "46.29")).value
    '$46.29'
    >>> as_written(Judged(money, 0, Response("46.29"), Outcome.OK, "46.29")).value
    '46.29'
    """
    value, references = judged.value, texts(judged.sample)
    if not isinstance(value, str) or value in references or value in judged.sample.choices:
        return judged
    said = answered(judged.response.text).strip()
    piece = with_marks(judged.response.text, judged.span) if judged.span else ""
    for wanted in (reference.strip() for reference in references):
        # what the format left stays: only a reference that is longer than the value has a part to restore
        if len(wanted) <= len(value.rstrip(".。")):
            continue
        found = _place(piece, wanted, anywhere=False) or _place(said, wanted, plain(value) == plain(wanted))
        if found:
            return replace(judged, value=found)
    return judged


def _place(said: str, wanted: str, anywhere: bool) -> str:
    """``wanted`` as it stands in ``said``, in its case; empty where it does not stand there, or, unless
    ``anywhere``, with more than marks around it."""
    room = len(said) - len(wanted)
    if room < 0 or (room > _ROOM and not anywhere):
        return ""
    for match in re.finditer(re.escape(wanted), said, re.IGNORECASE):
        before, after = said[: match.start()].strip(AROUND), said[match.end() :].strip(AROUND)
        if anywhere or (not after and (not before or before in _COMMANDS)):
            return match[0]
    return ""


_ROOM = 80
"""Characters that marks around an answer may have together."""


def written(value: Any) -> str:
    """A parsed value as text, for metrics on text: numbers with up to 15 digits, sets of labels in the order
    of the alphabet.

    >>> written("a heron"), written(42.0), written(frozenset({"war", "drama"}))
    ('a heron', '42', 'drama, war')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def is_number(value: Any) -> bool:
    """Whether a parsed value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def written_for(answer: Any, sample: Sample) -> str:
    """``written``, but a number that a reference is, and a set of labels that one holds, as that reference
    writes it.

    >>> written_for(1000.0, Sample("1", references=("1,000 km",))), written_for(7.0, Sample("1"))
    ('1,000 km', '7')
    """
    if is_number(answer) or isinstance(answer, frozenset):
        return next((r for r in texts(sample) if same(answer, r)), written(answer))
    return written(answer)


_ARTICLES = frozenset({"a", "an", "the"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=16_384)
def squad_tokens(text: str) -> tuple[str, ...]:
    """Tokens by SQuAD's definition: lower case, without ASCII punctuation and the articles a, an, the."""
    return tuple(t for t in text.lower().translate(_PUNCTUATION).split() if t not in _ARTICLES)


@runtime_checkable
class Summed(Protocol):
    """A corpus metric whose value over a set comes from facts of each group, which do not depend on the set:
    the value of a part of it needs no second look at the answers."""

    def facts(self, groups: Sequence[Group]) -> list[Any]:
        """What each group adds."""
        ...

    def of_facts(self, facts: Sequence[Any]) -> Mapping[str, float]:
        """Corpus values by component of the groups with these facts."""
        ...


@dataclass(frozen=True)
class SampleMetric(Metric):
    """A metric with a value in [0, 1] for each answer. A subclass gives ``value`` for (parsed value, sample).

    ceiling is 1 and chance the mean value of the choices, unless a subclass knows better; where there are no
    choices, guessing is not defined.

    >>> from hemm.core import Sample
    >>> class FirstLetter(SampleMetric):
    ...     name, title = "first_letter", "share of answers with the right first letter"
    ...     def value(self, answer, sample):
    ...         return float(any(r[:1] == str(answer)[:1] for r in texts(sample)))
    >>> FirstLetter().value("owl", Sample("1", references=("osprey",)))
    1.0
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    group: ClassVar[str] = "sample"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    higher_is_better: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()

    @property
    def parameters(self) -> Mapping[str, str]:
        return {}

    def value(self, answer: Any, sample: Sample) -> float:
        """The value, in ``range``, of ``answer`` as the answer format of the task read it."""
        raise NotImplementedError

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """Components that these samples have, whatever is answered: failures give each of them a null."""
        return ("",)

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [self._scored(as_written(group[0])) for group in groups]

    def _scored(self, judged: Judged) -> dict[str, float | None]:
        value = self.value(judged.value, judged.sample)
        return dict.fromkeys(self.components((judged.sample,)), value)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        choices = group[0].choices
        if not choices:
            return None
        values = [self.value(c, group[0]) for c in choices]
        # Choices may be shown in other words than the references': one of them is right then.
        return math.fsum(values) / len(values) or 1.0 / len(values)
