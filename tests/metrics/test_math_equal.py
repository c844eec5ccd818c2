"""``math_equal``: what is the same as mathematics, and what only looks so; hostile expressions."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemm.core import HemmError, MissingExtra, Sample
from hemm.metrics import metric_key, resolve
from hemm.metrics.text import math_equal
from hemm.metrics.text.math_equal import compared
from hemm.testing import check_metric

pytest.importorskip("math_verify")


def score(answer: str | float, reference: str, spec: str = "math_equal", **metadata: object) -> float:
    return resolve(spec).value(answer, Sample("1", references=(reference,), metadata=metadata))


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("0.75", r"\frac{3}{4}"),
        ("3/4", r"\dfrac34"),
        (r"2\sqrt{2}", r"\sqrt{8}"),
        ("2√2", r"2\sqrt{2}"),
        ("36π", r"36\pi"),
        (r"12\text{ cm}^2", "12"),
        ("x = 3", "3"),
        (r"120^{\circ}", "120"),
        ("1,000", "1000"),
        (r"\{2, 1\}", r"\{1,2\}"),
        ("(1, 2)", "(1,2)"),
        ("b + a", "a+b"),
        (r"1\frac{1}{2}", "1.5"),
        ("50 %", "0.5"),
        ("10^{-3}", "0.001"),
        ("1e1", "10"),
        ("Yes", "yes"),
    ],
)
def test_the_same_mathematics_written_in_another_way(answer: str, reference: str) -> None:
    assert score(answer, reference) == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("-5", "5"),
        ("2.83", r"2\sqrt{2}"),
        ("(2,1)", "(1,2)"),
        ("3 or 4", "3"),
        ("3, 4", "3"),
        ("between 3 and 4", "3"),
        ("not 3", "3"),
        (r"\pm 3", "3"),
        ("2:1", "1:2"),
        ("pot", "top"),  # letters are no product
        ("0.33", r"\frac{1}{3}"),
        ("", "3"),
    ],
)
def test_what_is_no_equal_answer(answer: str, reference: str) -> None:
    assert score(answer, reference) == 0.0


def test_an_answer_that_names_a_choice_is_that_choice_alone() -> None:
    sample = Sample("1", references=("0.5",), choices=("1/2 of them", "0.5", "1/2"))
    assert resolve("math_equal").value("1/2", sample) == 0.0
    assert resolve("math_equal").value("0.5", sample) == 1.0
    assert resolve("math_equal").chance((sample,)) == pytest.approx(1 / 3)


def test_numbers_are_compared_to_the_places_that_the_row_asks_for() -> None:
    assert score("2.83", r"2\sqrt{2}", precision=2) == 1.0
    assert score("2.84", r"2\sqrt{2}", precision=2) == 0.0
    assert score("1.449", "1.4", precision=1.0) == 1.0
    assert score("1.46", "1.4", precision=1.0) == 0.0
    assert score("2.83", r"2\sqrt{2}", "math_equal:decimals=2") == 1.0
    assert score("2.83", r"2\sqrt{2}", "math_equal:decimals=2", precision=3) == 0.0  # the row knows better
    assert metric_key(resolve("math_equal:decimals=2")) == "math_equal-v1-decimals.2"
    with pytest.raises(HemmError, match="decimals='two'"):
        resolve("math_equal:decimals=two")


@settings(max_examples=30, deadline=None)
@given(st.integers(-200, 200), st.integers(1, 60), st.integers(-200, 200), st.integers(1, 60))
def test_fractions_are_equal_where_they_are(a: int, b: int, c: int, d: int) -> None:
    said, wanted = rf"\frac{{{a}}}{{{b}}}", rf"\frac{{{c}}}{{{d}}}"
    assert score(said, wanted) == float(Fraction(a, b) == Fraction(c, d))


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("0123456789abxπ√\\{}()[]+-*/^=.,% $\n'\"<>|&~_fracsqrt"), max_size=24))
def test_no_text_raises(text: str) -> None:
    assert compared("3", text) in ("equal", "unequal", "unread", "out of time") or compared(
        "3", text
    ).startswith("failed")


def test_an_expression_that_never_ends_is_ended_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.metrics.text.math_equal.SECONDS", 0.3)
    metric = resolve("math_equal")
    hostile = ["1000000000!", "9^{9^{9^{9^{9}}}}", "9+" * 1500 + "9"]
    assert [metric.value(text, Sample("1", references=("3",))) for text in hostile] == [0.0, 0.0, 0.0]
    assert metric.value("6/2", Sample("1", references=("3",))) == 1.0  # the next one is compared again
    undecided = metric.record()["math"]["undecided"]
    assert undecided["out of time"]["answers"] == 2
    assert undecided["too long"]["answers"] == 1


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.metrics.text.math_equal.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"hemm\[math\]"):
        resolve("math_equal").prepared()


def test_it_keeps_the_contract() -> None:
    samples = [Sample(str(n), references=(rf"\frac{{{n}}}{{4}}",)) for n in range(1, 4)]
    from hemm.parsing import Expression

    check_metric(resolve("math_equal"), samples=samples, answer=Expression())


def test_mathvista_rounds_as_its_authors_do() -> None:
    """Its ``calculate_score.py``: str(round(float(extraction), precision)) is the answer's text."""
    for extraction, answer, places in [
        ("1.449", "1.4", 1),
        ("1.45", "1.4", 1),
        ("0.126", "0.13", 2),
        ("3", "3.0", 1),
    ]:
        official = str(round(float(extraction), places)) == answer
        assert score(extraction, answer, precision=places) == float(official), extraction


@pytest.mark.skipif(not hasattr(os, "fork"), reason="counts processes by their parent")
def test_the_process_that_compares_is_one_for_all() -> None:
    from hemm.metrics.text import math_equal

    compared("1", "2 - 1")
    first = math_equal._COMPARER._process
    compared("1", "3 - 2")
    assert first is math_equal._COMPARER._process
    assert math.isclose(score("3-2", "1"), 1.0)


def test_what_a_package_prints_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "math_verify.py").write_text(
        "import os\nprint('\"equal\"')\nExprExtractionConfig = LatexExtractionConfig = object\n"
        "def parse(text, **how):\n    print('\"equal\"')\n    os.system('echo equal')\n"
        "    return [text.count('x')]\n"
        "def verify(a, b, **how): return a == b\n"
    )
    question = {"wanted": "x", "given": "xx", "decimals": None, "within": 0.0, "seconds": 5}
    child = Path(math_equal.__file__).with_name("math_child.py")
    told = subprocess.run(
        [sys.executable, str(child)],
        input=json.dumps(question) + "\n",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines() == ["{}", '"unequal"']
