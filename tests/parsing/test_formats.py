"""What a text says: every format, its round trip, and what it refuses to guess."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hemm.core import AnswerFormat, Sample
from hemm.parsing.answer_text import loose, without_markdown, without_thinking
from hemm.parsing.formats import (
    Caption,
    FreeText,
    ManyOf,
    Number,
    OneOf,
    ShortAnswer,
    YesNo,
    join_labels,
    letters,
    split_labels,
)
from hemm.parsing.yes_no_words import WORDS

PETS = Sample(id="1", choices=("cat", "dog", "guinea pig"))
OPEN = Sample(id="2")

label = st.text(min_size=1, max_size=12).filter(lambda t: t.strip())
_TRICKY = """A|B|C|b
(A)|A.|a|1|2|10|1.0|U.S.|U.S|yes|no|not hateful|hateful|cat|cats|cat and dog|dog|none|a/b|É|是
The answer is A|**bold**|<think>|x > y|Answer: B|_|-|A, B|$5|`code`|# 1|I"""
tricky = st.sampled_from(_TRICKY.replace("\n", "|").split("|"))
choices = st.lists(st.one_of(tricky, label), min_size=2, max_size=8, unique_by=str.strip).map(tuple)


@given(choices)
@settings(max_examples=400, deadline=None)
@example(("A", "B", "C"))
@example(("B", "A"))
@example(("cat", "cats", "cat and cats"))
def test_a_label_that_is_returned_is_that_label_for_every_label(shown: tuple[str, ...]) -> None:
    sample = Sample(id="1", choices=shown)
    for lettered in (True, False):
        answer = OneOf(lettered=lettered)
        for one in shown:
            assert answer.parse(one, sample) == one
            assert answer.parse(f"  {one}\n", sample) == one


@given(choices)
@settings(max_examples=200, deadline=None)
@example(("B", "A", "C"))
@example(("A", "AA"))
def test_the_letter_of_an_option_is_that_option_for_every_label(shown: tuple[str, ...]) -> None:
    sample, answer = Sample(id="1", choices=shown), OneOf()
    for mark, one in zip(letters(shown), shown, strict=True):
        forms = (
            mark,
            f"({mark})",
            f"{mark}.",
            f"The answer is ({mark}).",
            f"Answer: {mark}",
            f"<think>?</think>{mark}",
        )
        for said in (*forms, f"**{mark}**", f"\\boxed{{{mark}}}"):
            assert loose(said) in map(loose, shown) or answer.parse(said, sample) == one, said
        assert answer.parse(answer.render(one, sample), sample) == one


@given(
    st.lists(
        st.from_regex(r"[A-Za-z][A-Za-z0-9]{1,8}", fullmatch=True),
        min_size=2,
        max_size=8,
        unique_by=str.lower,
    )
)
@settings(max_examples=200, deadline=None)
def test_labels_in_the_usual_sentences(words: list[str]) -> None:
    sample = Sample(id="1", choices=tuple(words))
    for one in words:
        for said in (
            f"The answer is {one}.",
            f"Answer: {one}",
            f"Final answer: **{one}**",
            f"{one.upper()}.",
            f'"{one}"',
        ):
            assert OneOf(lettered=False).parse(said, sample) == one, said


def test_references_and_shown_labels_map_back_to_each_other() -> None:
    answer = OneOf(labels={"denseresidential": "dense residential", "beach": "sandy beach"})
    sample = Sample(id="1", choices=("dense residential", "sandy beach"), references=("denseresidential",))
    for said in (
        "A",
        "dense residential",
        "denseresidential",
        "Dense_Residential",
        "dense-residential",
        "A. dense residential",
    ):
        assert answer.parse(said, sample) == "denseresidential"
    assert answer.render("denseresidential", sample) == "A"
    assert OneOf(labels=answer.labels, lettered=False).render("beach", sample) == "sandy beach"
    assert answer.options(sample) == ("A", "B")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("B", "dog"),
        ("b)", "dog"),
        ("B. dog", "dog"),
        ("B: it barks", "dog"),
        ("dog (B)", "dog"),
        ("A dog", "dog"),
        ("A. dog", None),  # letter and text contradict each other
        ("It shows a dog.", "dog"),
        ("It shows a guinea pig.", "guinea pig"),
        ("a dog or a cat", None),
        ("It is not a dog.", None),
        ("It is no dog, it is a cat", "cat"),
        ("doggy", None),
        ("It could be (A) or (B)", None),
        ("A\nB\nC", None),
        ("A. cat\nB. dog\nC. guinea pig", None),
        ("The cat sits left. Therefore:\n\nB", "dog"),
        ("B\n\nThe cat is something else.", "dog"),
        ("A\n\n...\n\nB", None),
        ("B. Because the dog is bigger than the cat", "dog"),
        ("Answer: A\nWait.\nFinal answer: B", "dog"),
        ("Final answer: B\n\nThe answer is clear.", "dog"),
        ("The answer is A or B", None),
        ("Answer: not a dog", None),
        ("<answer>B</answer>", "dog"),
        ("$\\boxed{\\text{B}}$", "dog"),
        ("```\nB\n```", "dog"),
        ("### Answer\nB", "dog"),
        ("Antwort: B", "dog"),
        ("答案：B。", "dog"),
        ("La respuesta es: dog", "dog"),
        ("B\nQuestion: Which plant?\nAnswer: A", "dog"),
        ("I'm sorry, I can't help with a picture of a dog.", None),
        ("D", None),
        ("", None),
        (" \n", None),
    ],
)
def test_one_of(said: str, read: str | None) -> None:
    assert OneOf().parse(said, PETS) == read


def test_a_label_inside_a_longer_one_is_not_mentioned_by_it() -> None:
    sample = Sample(id="1", choices=("hateful", "not hateful"))
    assert OneOf().parse("The meme is not hateful.", sample) == "not hateful"
    assert OneOf().parse("The meme is hateful.", sample) == "hateful"
    assert OneOf().parse("The meme is non-hateful.", sample) is None


def test_letters_avoid_what_choices_read_as() -> None:
    assert letters(("cat", "dog")) == ("A", "B")
    assert letters(("A", "B")) == ("A", "B")
    assert letters(("B", "A")) == ("B", "C")  # a choice may read as its own letter, never as another one's
    assert letters(tuple(f"option {i}" for i in range(28)))[-2:] == ("AA", "AB")


@pytest.mark.parametrize("language", WORDS)
def test_yes_and_no_in_every_documented_language(language: str) -> None:
    for words, wanted in zip(WORDS[language], ("yes", "no"), strict=True):
        for word in words.split():
            for said in (
                word,
                f"{word}.",
                word.capitalize(),
                f"**{word}**",
                f"{word}, ...",
                f"Answer: {word}",
            ):
                assert YesNo().parse(said, OPEN) == wanted, said


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Yes, there is.", "yes"),
        ("No dogs are visible.", "no"),
        ("No doubt about it", None),
        ("No image was provided.", None),
        ("Yes and no", None),
        ("yes\nno", None),
        ("There is no dog", None),
        ("Yes, there are no dogs.", "yes"),
        ("No, I would say yes", None),
        ("I would say no.", "no"),
        ("I can't say yes", None),
        ("I cannot answer yes or no", None),
        ("The sentence is false.", "no"),
        ("This statement is not true", "no"),
        ("True love", None),
        ("true", "yes"),
        ("Is it? Yes.", "yes"),
        ("<think>yes, surely</think>No", "no"),
        ("<think>yes", None),
        ("The dog is brown", None),
        ("是的，图中有一只狗", "yes"),
        ("不是", "no"),
        ("", None),
    ],
)
def test_yes_or_no(said: str, read: str | None) -> None:
    assert YesNo().parse(said, OPEN) == read


def test_yes_and_true_are_read_alike_and_written_as_the_references_are() -> None:
    answer = YesNo(("true", "false"))
    assert [answer.parse(t, OPEN) for t in ("True", "yes", "No.", "false")] == [
        "true",
        "true",
        "false",
        "false",
    ]
    assert answer.options(OPEN) == ("true", "false")
    assert "true or false" in answer.instruction


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("3", 3.0),
        ("three", 3.0),
        ("Twenty-one", 21.0),
        ("1,234.5", 1234.5),
        ("3,5", 3.5),
        ("-2", -2.0),
        ("−2", -2.0),
        ("3.5%", 3.5),
        ("3/4", 0.75),
        ("1e5", 100000.0),
        ("There are 3 circles.", 3.0),
        ("There are three (3) circles.", 3.0),
        ("3 of 5", None),
        ("3,5,7", None),
        ("2024-01-01", None),
        ("2 + 3 = 5", 5.0),
        ("I count 2 and 3.\nAnswer: 5", 5.0),
        ("I count 2 and 3.\n5", 5.0),
        ("$\\boxed{12}$", 12.0),
        ("1/0", None),
        ("none", None),
        ("", None),
    ],
)
def test_number(said: str, read: float | None) -> None:
    assert Number().parse(said, OPEN) == read


@given(st.one_of(st.integers(-(10**12), 10**12).map(str), st.floats(-1e9, 1e9).map(lambda x: f"{x:.6g}")))
def test_numbers_come_back(reference: str) -> None:
    assert Number().parse(Number().render(reference, OPEN), OPEN) == pytest.approx(
        float(reference), rel=1e-12
    )


FILMS = Sample(id="1", choices=("Drama", "Comedy", "Action, Adventure", "Action"))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Drama; Comedy", {"Drama", "Comedy"}),
        ("drama, comedy", {"Drama", "Comedy"}),
        ("Action, Adventure", {"Action, Adventure"}),
        ("Action, Adventure; Drama", {"Action, Adventure", "Drama"}),
        ("- Drama\n- Comedy", {"Drama", "Comedy"}),
        ("It is a drama and a comedy.", {"Drama", "Comedy"}),
        ("none", set()),
        ("None of the above.", set()),
        ("It is not a drama.", None),
        ("Western", None),
        ("", None),
    ],
)
def test_many_of(said: str, read: set[str] | None) -> None:
    assert ManyOf().parse(said, FILMS) == read


@given(choices.flatmap(lambda c: st.tuples(st.just(c), st.sets(st.sampled_from(c)))))
@settings(max_examples=200, deadline=None)
def test_sets_of_letters_come_back(drawn: tuple[tuple[str, ...], set[str]]) -> None:
    shown, wanted = drawn
    sample = Sample(id="1", choices=shown)
    marks = dict(zip(shown, letters(shown), strict=True))
    said = join_labels(marks[c] for c in shown if c in wanted) or "none"
    assert ManyOf(lettered=True).parse(said, sample) == wanted or "none" in shown


def test_a_set_reference_comes_back() -> None:
    reference = join_labels(["Drama", "Action, Adventure"])
    for answer in (ManyOf(), ManyOf(lettered=True)):
        assert answer.parse(answer.render(reference, FILMS), FILMS) == split_labels(reference)
    assert ManyOf(lettered=True).parse("AC", FILMS) == {"Drama", "Action, Adventure"}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Red.", "Red"),
        ("Answer: red", "red"),
        ("The answer is: red.", "red"),
        ("red\n\nThe car is red because of many good reasons.", "red"),
        ('"red"', "red"),
        ("**Red**", "Red"),
        ("U.S.", "U.S."),
        ("<think>blue</think>\nred", "red"),
        ("", None),
        ("<think>blue", None),
    ],
)
def test_short_answer(said: str, read: str | None) -> None:
    assert ShortAnswer().parse(said, OPEN) == read


def test_a_short_answer_with_choices_is_closed() -> None:
    assert ShortAnswer().parse("Yes, there is one.", Sample(id="1", choices=("No", "Yes"))) == "Yes"
    assert ShortAnswer().parse("It is a dog.", PETS) == "dog"
    assert ShortAnswer().parse("A dog or a cat.", PETS) is None


def test_caption_and_free_text() -> None:
    assert Caption().parse('Sure! Here is a caption: "A **dog**\nruns."', OPEN) == "A dog runs."
    assert FreeText().parse("<think>x</think># A\n\n- b", OPEN) == "# A\n\n- b"
    assert Caption().parse("<think>x", OPEN) is None


ALL: list[AnswerFormat] = [
    YesNo(),
    OneOf(),
    OneOf(lettered=False),
    ManyOf(),
    ShortAnswer(),
    Number(),
    Caption(),
    FreeText(),
]


@pytest.mark.parametrize("answer", ALL, ids=lambda a: a.name)
def test_the_contract(answer: AnswerFormat) -> None:
    assert isinstance(answer, AnswerFormat)
    assert answer.name
    assert answer.version >= 1
    assert answer.parse("", PETS) is None


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_not_but_never_an_error(text: str) -> None:
    for answer in ALL:
        answer.parse(text, PETS)
        answer.parse(text, OPEN)


@pytest.mark.parametrize(
    "unit",
    [
        "<think>",
        "</think>",
        "(A) ",
        "B. ",
        "**",
        "\\boxed{",
        "Answer: ",
        "1/2 ",
        "yes. ",
        "a\n",
        "'",
        "((",
        "_ ",
    ],
)
def test_a_megabyte_is_read_in_linear_time(unit: str) -> None:
    """A pattern that runs away would meet the time limit of the suite."""
    for answer in ALL:
        answer.parse(unit * (1_000_000 // len(unit)), PETS)


def test_thinking() -> None:
    assert without_thinking("<think>a</think>b") == "b"
    assert without_thinking("a</think>b") == "b"
    assert without_thinking("<THINKING>a<think>b</think>c</THINKING>d") == "d"
    assert without_thinking("[THINK]a[/THINK]b") == "b"
    assert without_thinking("◁think▷a◁/think▷b") == "b"
    assert (
        without_thinking(
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b"
        )
        == "b"
    )
    assert without_thinking("b <think>a") == ""
    assert without_thinking("1 < 2") == "1 < 2"


def test_markdown() -> None:
    assert without_markdown("## **A** `b`") == "A b"
    assert without_markdown("> - x") == "- x"
    assert without_markdown("```python\nx\n```") == "x"
    assert without_markdown("a\u200b\u202eb") == "ab"
