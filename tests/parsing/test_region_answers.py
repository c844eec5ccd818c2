"""Boxes and points as models write them: the forms are those of public model cards, issues and evaluators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import Sample
from hemm.parsing import Box, Point

SAMPLE = Sample("1", metadata={"width": 1000, "height": 500})
BOXES = {
    "[101, 201, 150, 266]": "the plain form",
    "(101,201),(150,266)": "Qwen-VL without its marks",
    "<ref>the owl</ref><box>(101,201),(150,266)</box>": "Qwen-VL",
    "<|object_ref_start|>the owl<|object_ref_end|><|box_start|>(101,201),(150,266)<|box_end|>": "Qwen2-VL",
    '```json\n[\n\t{"bbox_2d": [101, 201, 150, 266], "label": "owl"}\n]\n```': "Qwen2.5-VL and Qwen3-VL",
    '{"bbox_2d": [101, 201, 150, 266]}': "one object",
    "<ref>owl</ref><box>[[101, 201, 150, 266]]</box>": "InternVL",
    "<|ref|>owl<|/ref|><|det|>[[101, 201, 150, 266]]<|/det|>": "DeepSeek-VL2",
    "The owl is at <|begin_of_box|>[[101,201,150,266]]<|end_of_box|>.": "GLM-4.5V",
    "x1=101, y1=201, x2=150, y2=266": "named sides",
    '{"left": 101, "top": 201, "right": 150, "bottom": 266}': "named sides in JSON",
    "101, 201, 150, 266": "nothing but numbers",
    "Two owls, [1, 2, 3, 4] and [5, 6, 7, 8]. The left one is it.\n[101, 201, 150, 266]": "last line",
    "<think>[1, 2, 3, 4]?</think>[101, 201, 150, 266]": "thinking does not count",
    "Answer: \\boxed{[101, 201, 150, 266]}": "in a box",
    "[101, 201, 150, 266], that is [101, 201, 150, 266]": "said twice",
}


@pytest.mark.parametrize("text", BOXES, ids=BOXES.values())
def test_boxes_are_read(text: str) -> None:
    region = Box("pixels").parse(text, SAMPLE)
    assert region is not None
    assert region.said == (101, 201, 150, 266)
    assert region.at == pytest.approx((0.101, 0.402, 0.15, 0.532))


@pytest.mark.parametrize(
    "text",
    [
        "[533, 132, 457]",  # an odd number, seen of DeepSeek-VL2
        "[1, 2, 3, 4] or [5, 6, 7, 8]",
        '[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [5, 6, 7, 8]}]',
        "I cannot see an owl.",
        "It is 12 wide and 14 high.",
        "",
        "click(start_box='=')",  # seen of UI-TARS
    ],
)
def test_what_names_no_box_or_several_is_none(text: str) -> None:
    assert Box().parse(text, SAMPLE) is None


@pytest.mark.parametrize(
    "text",
    [
        "[320, 120]",
        "(320, 120)",
        "click(320, 120)",
        "Action: click(start_box='<|box_start|>(320,120)<|box_end|>')",
        "click(point='<point>320 120</point>')",
        '<point x="320" y="120" alt="button">button</point>',
        '{"point_2d": [320, 120], "label": "button"}',
        "pyautogui.click(x=320, y=120)",
        "[300, 100, 340, 140]",
    ],
)
def test_points_are_read(text: str) -> None:
    region = Point("0-1000").parse(text, SAMPLE)
    assert region is not None
    assert region.centre == pytest.approx((0.32, 0.12))


def test_the_declared_dialect_decides_and_nothing_else() -> None:
    said = "[250, 100, 750, 600]"
    assert Box("0-1000").parse(said, SAMPLE).at == pytest.approx((0.25, 0.1, 0.75, 0.6))
    assert Box("yx-0-1000").parse(said, SAMPLE).at == pytest.approx((0.1, 0.25, 0.6, 0.75))
    assert Box("pixels").parse(said, SAMPLE).at == pytest.approx((0.25, 0.2, 0.75, 1.2))
    assert Box("0-1").parse(said, SAMPLE).at == (250, 100, 750, 600)
    assert Box("pixels").parse(said, Sample("1")) is None  # of a picture whose size is not known


def test_models_are_told_the_dialect() -> None:
    assert "[y1, x1, y2, x2]" in Box("yx-0-1000").instruction
    assert "{{ width }}" in Box("pixels").instruction
    assert "1000" in Point().instruction


@given(st.text(max_size=80))
def test_no_text_raises(text: str) -> None:
    Box("pixels").parse(text, SAMPLE)
    Point().read(text, SAMPLE)


def test_long_rows_of_numbers_are_read_in_linear_time() -> None:
    Box().parse("[" + "9, " * 60_000, SAMPLE)
    Point().parse("(" * 60_000 + "9 " * 9_000, SAMPLE)
