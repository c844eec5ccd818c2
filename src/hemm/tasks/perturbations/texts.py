"""Perturbations of a sample's texts and options. The right answer stays right, or changes with the question.

Texts are what the prompt shows of the sample's own fields. Marks of pictures (``<image 1>``), formulas and
addresses stay as they are; words are runs of letters of any script, and a letter keeps the marks that combine
with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hemm.core import AnswerFormat, HemmError, Sample
from hemm.parsing import yes_or_no
from hemm.tasks.perturbations.draws import Draws
from hemm.tasks.perturbations.wordings import DIALECTS, FRAMES, LANGUAGES


class CannotPerturb(HemmError):
    """A sample that a perturbation cannot change, and why, in a few words."""


@dataclass(frozen=True)
class Shown:
    """What a perturbation knows of the task beside the sample.

    names      the names that the prompt asks for, its instruction's too
    answer     the answer format; None: it does not matter
    several    a metric that judges several samples at once, if the task has one
    by_place   a metric to which the first option means something, if the task has one
    """

    names: frozenset[str] = frozenset({"question"})
    answer: AnswerFormat | None = None
    several: str = ""
    by_place: str = ""

    def texts(self, sample: Sample) -> dict[str, str]:
        """The sample's own texts that the prompt shows, without empty ones. Raises CannotPerturb."""
        found = {name: text for name, text in sample.fields.items() if name in self.names and text.strip()}
        if not found:
            raise CannotPerturb("the prompt shows no text of the sample")
        return found

    def question(self, sample: Sample) -> str:
        """The question. Raises CannotPerturb where the prompt shows none."""
        text = sample.fields.get("question", "") if "question" in self.names else ""
        if not text.strip():
            raise CannotPerturb("it has no question")
        return text


Change = Callable[[Sample, str, Draws, Shown], Sample]
"""(sample, level, draws, what is shown) -> the sample as it is asked and judged. Raises CannotPerturb."""

_KEPT = re.compile(
    r"[\[<{]\|?(?:image|img)[ _-]?\d{0,3} ?/?\|?[\]>}]|\$[^$]*\$|\\[A-Za-z]+|https?://\S+", re.IGNORECASE
)
_WORD = re.compile(
    r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u0670\u0900-\u0dff\u0e30-\u0e4e])*"
)
_KEYS = {
    key: near
    for row in (
        "q:wa w:qes e:wrd r:etf t:ryg y:tuh u:yij i:uok o:ipl p:ol a:qsz s:adwx d:sfec f:dgrv g:fhtb h:gjyn",
        "j:hkum k:jlim l:kop z:asx x:zsdc c:xdfv v:cfgb b:vghn n:bhjm m:njk",
    )
    for key, near in (pair.split(":") for pair in row.split())
}


def _with_texts(sample: Sample, texts: Mapping[str, str]) -> Sample:
    return replace(sample, fields={**sample.fields, **texts}, stored_hash="")


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it may be changed."""
    pieces, end = [], 0
    for match in _KEPT.finditer(text):
        pieces += [(text[end : match.start()], True), (match[0], False)]
        end = match.end()
    return [*pieces, (text[end:], True)]


def _typos(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """A slip in the share ``level`` of the words of three letters and more, at least in one: two letters
    change places, one is left out or written twice, or (Latin) the key beside it is hit."""
    texts = {name: _pieces(text) for name, text in sorted(shown.texts(sample).items())}
    places = [
        (name, number, match)
        for name, pieces in texts.items()
        for number, (piece, free) in enumerate(pieces)
        for match in (_WORD.finditer(piece) if free else ())
        if len(_letters(match[0])) > 2
    ]
    if not places:
        raise CannotPerturb("it has no word of three letters")
    order = draws.order(len(places))
    slips = [
        draws.uniform(0.0, 1.0, (3,)).tolist() for _ in places
    ]  # so that a level has those of lower ones
    count = max(1, round(len(places) * float(level)))
    for at in sorted(order[:count], reverse=True):
        name, number, match = places[at]
        piece, _ = texts[name][number]
        slipped = _slip(match[0], slips[at])
        texts[name][number] = (piece[: match.start()] + slipped + piece[match.end() :], True)
    return _with_texts(sample, {name: "".join(p for p, _ in pieces) for name, pieces in texts.items()})


def _letters(word: str) -> list[str]:
    """Letters with the marks that combine with them."""
    found: list[str] = []
    for char in word:
        if found and unicodedata.category(char).startswith("M"):
            found[-1] += char
        else:
            found.append(char)
    return found


def _slip(word: str, numbers: Sequence[float]) -> str:
    """The word with one slip, which the three numbers in [0, 1) choose; never the word itself."""
    found = _letters(word)
    at, kind = 1 + int(numbers[0] * (len(found) - 1)), int(numbers[1] * 4)
    letter = found[at]
    near = _KEYS.get(letter.lower())
    if kind == 0 and found[at - 1] != letter:
        found[at - 1 : at + 1] = [letter, found[at - 1]]
    elif kind == 1:
        del found[at]
    elif kind == 2 and near:
        other = near[int(numbers[2] * len(near))]
        found[at] = other.upper() if letter.isupper() else other
    else:
        found.insert(at, letter)
    return "".join(found)


CASES: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "title": str.title}


def _case(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """All letters lower, upper, or the first of each word upper."""
    change = CASES[level]
    before = shown.texts(sample)
    texts = {
        name: "".join(change(piece) if free else piece for piece, free in _pieces(text))
        for name, text in before.items()
    }
    if texts == before:
        raise CannotPerturb("its text has no other case")
    return _with_texts(sample, texts)


def _dialect(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """The words that a list has another word for."""
    words, before = DIALECTS[level], shown.texts(sample)
    either = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    known = re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)

    def said(match: re.Match[str]) -> str:
        word = words[match[0].lower()]
        if match[0].isupper() and len(match[0]) > 1:
            return word.upper()
        return word[0].upper() + word[1:] if match[0][0].isupper() else word

    texts = {
        name: "".join(known.sub(said, piece) if free else piece for piece, free in _pieces(text))
        for name, text in before.items()
    }
    if texts == before:
        raise CannotPerturb(f"it has no word of the list {level}")
    return _with_texts(sample, texts)


def _paraphrase(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """The question in another frame."""
    framed = FRAMES[int(level) - 1].replace("{question}", shown.question(sample).strip())
    return _with_texts(sample, {"question": framed})


def _language(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """The question in a frame of another language; the instruction is ``instruction_in``."""
    framed = LANGUAGES[level].question.replace("{question}", shown.question(sample).strip())
    return _with_texts(sample, {"question": framed})


def instruction_in(language: str, answer: AnswerFormat) -> str | None:
    """The instruction of an answer format in another language; None where there is none for this format."""
    sentences, own = LANGUAGES[language].by_form, answer.instruction
    word, labels = sentences["word"], sentences["labels"]
    lettered = bool(getattr(answer, "lettered", False))
    if answer.name == "yes_no":
        yes, no = answer.words  # type: ignore[attr-defined]
        return sentences["yes_no"].replace("{yes}", yes).replace("{no}", no)
    if answer.name == "one_of":
        return sentences["letter"] if lettered else labels
    if answer.name == "short_answer":
        closed = sentences["letter"] if lettered else labels
        return f"{{% if labels %}}{closed}{{% else %}}{word}{{% endif %}}"
    return sentences["number"] if answer.name == "number" else ("" if not own else None)


# options and answers

_POINTING = re.compile(
    r"(?i)\b(?:above|below|former|latter|preceding|aforementioned"
    r"|(?:all|none|both|any|either|neither|each) of (?:these|them|those|the)"
    r"|all the others?|oben genannte\w*|obige\w*|ci-dessus|anteriores|precedentes"
    r"|выше\w*|перечисленн\w*)\b|以上|上述|उपरोक्त"
    r"|(?-i:\b[A-H]\W{0,3}(?:and|or|&|,|und|oder|et|ou|y|o|e|и|или|和|与|或)\W{0,3}[A-H]\b)"
    r"|\b(?:option|choice|answer)s? [A-H1-8]\b"
)
"""An option that speaks of others by their place."""
_LISTED = re.compile(r"(?m)^\s*[(\[]?[Aa][).\]:]\s.*(?:\n.*)*?^\s*[(\[]?[Bb][).\]:]\s")
_NAMED = re.compile(r"(?i)\b(?:option|choice|answer) \(?[A-H]\)?(?!\w)|\([A-Ha-h]\).*\([B-Hb-h]\)")


def _options(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """The options in another order, the level's draw of one; the right answer goes with its option."""
    if shown.by_place:
        raise CannotPerturb(f"metric {shown.by_place} takes the first option for its class")
    if len(sample.choices) < 2:
        raise CannotPerturb("it has no options")
    if shown.names.isdisjoint({"options", "labels"}):
        raise CannotPerturb("the prompt does not list its options")
    if len(set(sample.choices)) < len(sample.choices):
        raise CannotPerturb("two of its options are the same")
    if any(_POINTING.search(choice) for choice in sample.choices):
        raise CannotPerturb("an option speaks of the others by their place")
    for text in sample.fields.values():
        if _LISTED.search(text) or _NAMED.search(text):
            raise CannotPerturb("its text names options by letter")
    if any(len(mark := choice.strip(" ().")) == 1 and mark.isalpha() for choice in sample.choices):
        raise CannotPerturb("its options are letters themselves")
    order = draws.order(len(sample.choices))
    while order == sorted(order):
        order = draws.order(len(sample.choices))
    return replace(sample, choices=tuple(sample.choices[i] for i in order), stored_hash="")


def _negation(sample: Sample, level: str, draws: Draws, shown: Shown) -> Sample:
    """The question of what is wrong instead of right, where two answers are possible: the other one becomes
    right."""
    if shown.several:
        raise CannotPerturb(f"metric {shown.several} judges several samples at once")
    values = _two_answers(sample, shown)
    right = set(sample.references)
    if len(right) != 1 or not right <= set(values):
        raise CannotPerturb("its right answer is none of the two, or both")
    other = values[1] if values[0] in right else values[0]
    sides = [yes_or_no(value) for value in values]
    if sides in ([True, False], [False, True]):
        yes = values[sides.index(True)]
        texts = _denied(sample, yes, shown)
    else:
        frame = "Which of the two possible answers to the following question is wrong? {question}"
        texts = {"question": frame.replace("{question}", shown.question(sample).strip())}
    return replace(_with_texts(sample, texts), references=(other,) * len(sample.references))


def _two_answers(sample: Sample, shown: Shown) -> tuple[str, str]:
    """The two possible answers, as references have them. Raises CannotPerturb where there are others."""
    options = () if shown.answer is None else shown.answer.options(sample)
    values = [shown.answer.parse(option, sample) for option in options] if shown.answer is not None else []
    if shown.answer is not None and shown.answer.name == "yes_no" and None in values:
        raise CannotPerturb("its answer is yes or no by other words")
    if len(values) != 2:
        raise CannotPerturb(
            "it has more than two options, of which several are wrong" if values else "its answer is open"
        )
    if any(_POINTING.search(choice) for choice in sample.choices):
        raise CannotPerturb("an option speaks of the others by their place")
    one, other = values
    if not isinstance(one, str) or not isinstance(other, str):
        raise CannotPerturb("its answers are no texts")
    return one, other


def _denied(sample: Sample, yes: str, shown: Shown) -> dict[str, str]:
    statement = sample.fields.get("statement", "") if "statement" in shown.names else ""
    if statement.strip():
        return {"statement": f"The following is not the case: {statement.strip()}"}
    question = shown.question(sample).strip()
    return {"question": f'Would "{yes}" be a wrong answer to the following question? {question}'}


TEXTS: Mapping[str, Change] = {
    "text/typos": _typos,
    "text/case": _case,
    "text/dialect": _dialect,
    "text/paraphrase": _paraphrase,
    "text/language": _language,
    "text/options": _options,
    "text/negation": _negation,
}
