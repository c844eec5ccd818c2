"""The format of mathematical answers, as a table."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import Sample
from hemm.parsing import Expression, Number

OPEN = Sample("1")


@pytest.mark.parametrize(
    ("text", "stage", "value"),
    [
        (r"\boxed{\frac{3}{4}}", "structured", r"\frac{3}{4}"),
        (r"First $x=2$, so \[ \boxed{2\sqrt{2}} \]", "structured", r"2\sqrt{2}"),
        (r"\boxed{5} is wrong. Rather \boxed{6}", "structured", "6"),
        ("<answer>3/4</answer>", "structured", "3/4"),
        (r"So the final answer is $\frac{3}{4}$ because it is.", "final marker", r"\frac{3}{4}"),
        ("**Answer:** 12 cm", "final marker", "12 cm"),
        ("The answer is: 7.", "final marker", "7"),
        ("Final answer: Marco", "final marker", "Marco"),
        ("He stands on the left. The answer is Marco Polo. He is tall.", "final marker", "Marco Polo"),
        (r"$\frac{3}{4}$", "whole", r"\frac{3}{4}"),
        ("12 square feet", "only", "12"),
        ("The model has 9 dots in 3 groups. There are 3 dots in each group.", "conclusion", "3"),
        ("no solution", "whole", "no solution"),
        ("= 12", "whole", "12"),
        ("We double it.\nThis gives us $36\\pi$ in the end.", "conclusion", r"36\pi"),
        ("We double 6.\n\n12", "conclusion", "12"),
        ("x = 3 or x = -4", "whole", "x = 3 or x = -4"),
        (r"\boxed{3 \text{ or } 4}", "structured", "3  or  4"),
        ("Not Applicable", "whole", "Not Applicable"),
        ("Unknown", "whole", "Unknown"),
        ("I am not sure, but it is 5.", "only", "5"),
        ("一共有3只", "only", "3"),
        ("<think>maybe \\boxed{1}</think>\\boxed{2}", "structured", "2"),
    ],
)
def test_expressions_are_read(text: str, stage: str, value: str) -> None:
    reading = Expression().read(text, OPEN)
    assert (reading.value, reading.stage) == (value, stage)
    assert reading.span is not None
    begin, end = reading.span
    assert 0 <= begin < end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The figure shows a triangle whose sides are not known to me at all.",
        "We double it.\nIt is $\\sqrt{3}$, or perhaps $\\sqrt{5}$.",
        "The answer is either 3 or 4.",
        "The answer is a thing that nobody who looks at it can know.",
        "Answer: I cannot answer this.",
        "About 40 to 50 miles per gallon on the highway.",
        "I cannot solve this, since there is no picture.",
        "<think>it is \\boxed{3}",
        "It is 3 or 4.",
        "3 or 4",
        "It is 3, or maybe 4.",
        "The answer is 3 or 4.",
        "The answer is 3 or 4 cm.",
        "It is either 3, which I doubt, or it may well be 4.",
        "I cannot tell",
        "I don't know.",
        "I'm not sure.",
        "cannot be determined",
        "The answer is: It cannot be determined.",
        "The answer is not known.",
        r"\boxed{\text{Cannot be determined}}",
        "Answer: Not enough information provided",
        "无法确定",
        "Я не знаю",
    ],
)
def test_what_commits_to_nothing_is_none(text: str) -> None:
    assert Expression().parse(text, OPEN) is None


def test_samples_with_choices_are_answered_by_letter() -> None:
    sample = Sample("1", choices=(r"$\frac{1}{2}$", r"$2$"))
    assert Expression().parse("The answer is (B).", sample) == r"$2$"
    assert Expression().options(sample) == ("A", "B")
    assert Expression().options(OPEN) == ()


@pytest.mark.parametrize("reference", ["3/4", r"\frac{3}{4}", "12", r"\{1,2\}", r"2\sqrt{2}", "(1,2)", "x=3"])
def test_a_perfect_answer_is_read_back(reference: str) -> None:
    assert Expression().parse(Expression().render(reference, OPEN), OPEN) == reference


def test_long_lists_of_alternatives_take_no_time() -> None:
    began = time.process_time()
    for piece in ("1 2 ", "3 or ", "3, or maybe ", "I cannot "):
        for lead in ("", "The answer is "):
            Expression().read(lead + piece * 500, OPEN)
    assert time.process_time() - began < 5


@given(st.text(max_size=120))
def test_no_text_raises(text: str) -> None:
    Expression().read(text, OPEN)


PROSE = (
    "The velocity of car P relative to Barbara is -78 km/h - 52 km/h = -130 km/h.",
    "So, the perimeter of the square is 4 x 4 = 16 meters.",
    "There are two items below 30: pens and cups. So the number of items is 2.",
    "The year in which the share was highest is 2019.",
)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_read_as_a_number_is(text: str) -> None:
    """Models that were asked for no box write sentences: they are read as every number is."""
    found, number = Expression().parse(text, OPEN), Number().parse(text, OPEN)
    assert found is not None
    assert number is not None
    assert float(found) == number
