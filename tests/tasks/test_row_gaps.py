"""What rows of a user's data lack, contradict or hold unused is said, and digits and marks are kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hemm.core import BadData, Sample
from hemm.core.errors import HemmError
from hemm.data.pack.prepare import ensure
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from packs import png


def folder(top: Path, text: str, name: str = "rows.jsonl") -> str:
    top.mkdir(parents=True, exist_ok=True)
    for n in range(3):
        (top / f"{n}.png").write_bytes(png(n))
    (top / name).write_bytes(text.encode("latin-1"))
    return str(top)


def lines(top: Path, *rows: Mapping[str, Any]) -> str:
    return folder(top, "".join(json.dumps(row) + "\n" for row in rows))


def said_of(pack: Any) -> str:
    return "\n".join(notice["text"] for notice in pack.info["notices"])


def read(spec: str) -> tuple[list[Sample], str]:
    pack = ensure(resolve(spec))
    return list(pack.samples()), said_of(pack)


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"image": f"{n}.png", "question": f"Which bird is {n}?", "answer": "owl", **more}


def test_choices_that_are_pictures_are_not_sent_as_their_names(tmp_path: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(png(1)).decode()
    for n, choices in enumerate((["1.png", "2.png"], [url, url[:-4]])):
        with pytest.raises(BadData, match="the choices are pictures"):
            read(lines(tmp_path / str(n), row(0, choices=choices, answer="A")))
    samples, _ = read(lines(tmp_path / "names", row(0, choices=["no.png", "none.gif"], answer="no.png")))
    assert samples[0].choices == ("no.png", "none.gif")  # the names of no files here


def test_whole_numbers_keep_their_digits(tmp_path: Path) -> None:
    big = 12345678901234567890123
    samples, _ = read(lines(tmp_path, row(0, id=big, answer=big), row(1, id=big + 1, answer=2)))
    assert [s.id for s in samples] == [str(big), str(big + 1)]
    assert samples[0].references == (str(big),)


def test_rows_without_question_or_picture_are_counted_and_named(tmp_path: Path) -> None:
    rows = [row(0), row(1, question=None), *(row(2, image=none) for none in (None, "", []))]
    spec = lines(tmp_path, *rows, {"image": None, "question": "", "answer": "owl"})
    pack = ensure(resolve(spec))
    said = said_of(pack)
    assert len(list(pack.samples())) == 5
    for part in ("1 of 5 rows without a question", "line 2", "3 of 5 rows without a picture", "line 4"):
        assert part in said


def test_a_file_without_pictures_says_so(tmp_path: Path) -> None:
    _, said = read(lines(tmp_path, {"data_id": "1454426_2591111986", "question": "How many?", "answer": "2"}))
    assert "no row has a picture" in said


def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": who, "content": text} for who, text in said]


def test_a_system_turn_is_said_and_a_second_answer_must_agree(tmp_path: Path) -> None:
    talk = turns(("system", "Be brief."), ("user", "<image>Who?"), ("assistant", "It is an owl."))
    _, said = read(lines(tmp_path / "one", {"images": ["0.png"], "messages": talk, "answer": "owl"}))
    assert "the system turn of 1 row" in said
    wrong = {"images": ["0.png"], "messages": talk, "answer": "gull"}
    with pytest.raises(BadData, match=r"lines 1, 2: the answer in messages"):
        read(lines(tmp_path / "two", wrong, wrong))


def test_marks_in_capitals_are_marks_and_others_are_said(tmp_path: Path) -> None:
    text = "<Image 1> <IMAGE> [image 1] <|image_1|> <img> <image 3>"
    spec = lines(tmp_path, {"images": ["0.png", "1.png"], "question": text, "answer": "owl"})
    (sample,), said = read(spec)
    parts = render(resolve(spec), sample)[-1].parts
    assert [isinstance(p, str) for p in parts[:3]] == [False, True, False]
    for mark in ("[image 1]", "<|image_1|>", "<img>", "<image 3>"):
        assert mark in said
    assert "<Image 1>, " not in said
    assert "<IMAGE>" not in said


def test_a_folder_with_a_tsv_alone_is_read(tmp_path: Path) -> None:
    picture = base64.b64encode(png(1)).decode()
    spec = folder(tmp_path / "t", f"index\timage\tquestion\tanswer\n7\t{picture}\tWho?\towl\n", "t.tsv")
    assert [s.id for s in read(spec)[0]] == ["7"]


def test_json_lines_named_json_are_read_as_lines(tmp_path: Path) -> None:
    spec = folder(tmp_path, "".join(json.dumps(row(n)) + "\n" for n in range(2)), "coco_pope_random.json")
    assert len(read(spec)[0]) == 2


def test_nan_of_python_is_an_empty_cell(tmp_path: Path) -> None:
    nan = float("nan")
    samples, said = read(lines(tmp_path / "one", row(0), row(1, image=nan), row(2, answer=nan)))
    assert len(samples) == 2
    assert "1 of 2 rows without a picture" in said
    with pytest.raises(BadData, match=r"lines 1, 2: field 'choices' .*nan"):
        read(lines(tmp_path / "two", *(row(n, choices=["a", nan], answer="a") for n in range(2))))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.jsonl", '{"question": "b?", "answer":\n', "line 1: no valid JSON .* at column 29"),
        ("r.jsonl", '{"question": "\xe9?"}\n', "line 1 is not UTF-8 .byte 0xe9 at column 15.: save"),
        ("r.csv", "image;question;answer\n0.png;Who?;owl\n", "';' parts the cells"),
        (
            "r.json",
            '{"info": {}, "annotations": [{"caption": "cat"}]}',
            "'info' .lists are in 'annotations'",
        ),
    ],
)
def test_a_table_in_another_form_names_the_cause(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(HemmError, match=said):
        read(folder(tmp_path, text, name))
