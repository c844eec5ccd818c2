"""Marks of pictures in texts: one counter a sample over the whole prompt, and numbers that stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fake import picture, sample, task
from hemm.core import BadData, HemmError, Media
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from hemm.tasks.transforms import remove

LETTERED = "{{ question | interleave }}\n{{ options | interleave }}\n{{ instruction }}"


def shown(parts: tuple[str | Media, ...]) -> str:
    """The prompt with each picture as its number: ``picture(7)`` is [7]."""
    return "".join(p if isinstance(p, str) else f"[{p.name.removesuffix('.png')}]" for p in parts)


def prompt(**more: Any) -> str:
    media = tuple(map(picture, range(more.pop("pictures", 5))))
    asked = sample(0, media=media, **more)
    return shown(render(task(prompt=LETTERED), asked)[-1].parts)


def test_each_option_shows_its_own_picture() -> None:
    """As MuirBench and other data with picture options are written."""
    found = prompt(fields={"question": "Which is like <image>?"}, choices=("<image>",) * 4)
    assert found.startswith("Which is like [0]?\nA. [1]\nB. [2]\nC. [3]\nD. [4]\n")


def test_the_order_is_that_of_the_prompt_not_of_the_template_s_assignments() -> None:
    before = "{% set o = options | interleave %}"
    made = task(prompt=before + "{{ hint | interleave }} {{ question | interleave }}\n{{ o }}")
    fields = {"hint": "See <image>.", "question": "Is <image> one of these?"}
    asked = sample(0, media=tuple(map(picture, range(4))), fields=fields, choices=("<image>", "<image>"))
    assert shown(render(made, asked)[-1].parts) == "See [0]. Is [1] one of these?\nA. [2]\nB. [3]"


def test_numbered_marks_show_their_picture_anywhere() -> None:
    found = prompt(fields={"question": "<image 2> or <image_1>?"}, choices=("<image3>", "<image 2>"))
    assert found.startswith("[3][4][1] or [0]?\nA. [2]\nB. [1]\n"), "pictures that are not placed come first"


def test_unnumbered_marks_are_the_pictures_that_no_number_names() -> None:
    found = prompt(pictures=3, fields={"question": "<image 1>: <image> or <image>?"}, choices=())
    assert found.startswith("[0]: [1] or [2]?")


def test_a_mark_without_a_picture_stays_text_and_all_go_without_pictures() -> None:
    fields = {"question": "<image> <image> <image 9>"}
    assert prompt(pictures=1, fields=fields, choices=()).startswith("[0] <image> <image 9>")
    asked = remove(sample(0, fields=fields, choices=("<image>", "no")))
    assert "image" not in shown(render(task(prompt=LETTERED), asked)[-1].parts)


def test_every_shot_has_a_counter_of_its_own() -> None:
    made = task(prompt=LETTERED)
    media = tuple(map(picture, range(3)))
    asked, shot = (
        sample(
            n, media=media, fields={"question": "<image>?"}, choices=("<image>", "<image>"), references=("A",)
        )
        for n in (0, 1)
    )
    turns = render(made, asked, shots=[shot])
    assert all(shown(turn.parts).startswith("[0]?\nA. [1]\nB. [2]\n") for turn in (turns[0], turns[-1]))


# rows of a user's


def folder(path: Path, rows: list[dict[str, Any]], card: str = "") -> Path:
    path.mkdir()
    for number in range(6):
        Image.new("RGB", (4 + number, 4)).save(path / f"{number}.png")
    (path / "rows.jsonl").write_text("\n".join(json.dumps({"answer": "x", **row}) for row in rows))
    if card:
        (path / "card.yaml").write_text(card)
    return path


def prompts(path: Path) -> list[str]:
    made = resolve(str(path))
    return [shown(render(made, s)[-1].parts) for s in prepare(made).samples()]


def test_a_missing_picture_keeps_its_number(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"question": "<image 1>, <image 3>", "images": ["1.png", None, "3.png"]},
        {"question": "<image>, <image>, <image>", "images": ["1.png", "", "3.png"]},
        {"question": "<image 2>", "images": [None, "2.png"]},
    ]
    found = [line.splitlines()[0] for line in prompts(folder(tmp_path / "data", rows))]
    assert sorted(found) == ["[1], <image>, [3]", "[1], [3]", "[2]"]


def test_a_missing_picture_of_several_columns_keeps_its_number(cache: Path, tmp_path: Path) -> None:
    """As MMMU and others keep image_1 to image_7."""
    rows = [
        {"question": "<image 1>, <image 3>", "image_1": "1.png", "image_2": None, "image_3": "3.png"},
        {"question": "<image 1> alone", "image_1": "4.png", "image_2": None, "image_3": None},
        {"question": "<image 2>, <image 3>", "image_1": None, "image_2": "2.png", "image_3": "3.png"},
    ]
    card = "columns: {images: [image_1, image_2, image_3]}\n"
    found = [line.splitlines()[0] for line in prompts(folder(tmp_path / "data", rows, card))]
    assert sorted(found) == ["[1], [3]", "[2], [3]", "[4] alone"]


def test_numbers_from_0_are_told_apart_by_the_card_or_refused(cache: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "<image_0> or <image_1>?", "images": ["4.png", "5.png"]},
        {"id": "b", "question": "Only <image_1>?", "images": ["2.png", "3.png"]},
        {"id": "c", "question": "Which?", "choices": ["<image_0>", "<image_1>"], "answer": 0,
         "images": ["0.png", "1.png"]},
    ]  # fmt: skip
    closed = "answer: {format: short_answer, lettered: true}\n"
    with pytest.raises(BadData) as refused:
        prompts(folder(tmp_path / "unsaid", rows, closed))
    said = str(refused.value)
    assert "lines 1, 3: " in said
    assert "2" not in said.partition("lines ")[2].partition(":")[0]
    assert "images_from: 0" in said
    found = prompts(folder(tmp_path / "said", rows, closed + "images_from: 0\n"))
    assert [line.split("\n")[0] for line in found] == ["[4] or [5]?", "[2]Only [3]?", "Which?"]
    assert "A. [0]\nB. [1]" in found[2]
    kept = prompts(folder(tmp_path / "one", rows[:1], "images_from: 1\n"))
    assert kept[0].startswith("[5]<image_0> or [4]?")
    with pytest.raises(HemmError, match="images_from"):
        prompts(folder(tmp_path / "wrong", rows, "images_from: 2\n"))


def test_samples_without_missing_pictures_are_what_they_were(cache: Path, tmp_path: Path) -> None:
    rows = [{"question": "<image 1>, <image 2>", "images": ["1.png", "2.png", None]}]
    (made,) = prepare(resolve(str(folder(tmp_path / "data", rows)))).samples()
    assert dict(made.fields) == {"question": "<image 1>, <image 2>"}
