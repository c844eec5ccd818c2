"""MuirBench's pictures arrive at a server where question and options name them, in their order."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

import hemm
from hemm.cli import status
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from servers import ChatServer
from suites import put_parquet, rows_of
from suites.muirbench import write

MARK = re.compile("<image>")


def as_sent(body: dict[str, Any]) -> list[str | bytes]:
    """Texts and pictures of the only turn, in order."""
    (turn,) = body["messages"]
    out: list[str | bytes] = []
    for part in turn["content"]:
        if part["type"] == "text":
            out.append(part["text"])
        else:
            out.append(base64.b64decode(part["image_url"]["url"].partition("base64,")[2]))
    return out


def expected(row: dict[str, Any]) -> list[str | bytes]:
    """The row as it should be read: each mark replaced by the next picture of its list."""
    lettered = [f"{chr(65 + n)}. {option}" for n, option in enumerate(row["options"])]
    pieces = MARK.split("\n".join([row["question"], *lettered]))
    pictures = [picture["bytes"] for picture in row["image_list"]]
    assert len(pieces) == len(pictures) + 1
    out: list[str | bytes] = []
    for number, piece in enumerate(pieces):
        out += [piece] if piece else []
        out += pictures[number : number + 1]
    return out


def test_pictures_stand_where_the_data_name_them(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "hub", 12)
    prepare(resolve("muirbench"), folder=tmp_path / "hub")
    with ChatServer() as server:
        hemm.run(server.spec(), "muirbench", out=tmp_path / "results", concurrency=1)
        arrived = [as_sent(request.body) for request in server.requests]
    rows = rows_of(tmp_path / "hub")
    by_pictures = {tuple(p for p in sent if isinstance(p, bytes)): sent for sent in arrived}
    assert len(by_pictures) == len(arrived) == len(rows)
    for row in rows:
        *before, last = expected(row)
        *sent, end = by_pictures[tuple(picture["bytes"] for picture in row["image_list"])]
        assert sent == before
        assert end == f"{last}\nReply with the letter of the right option and nothing else."


def test_rows_whose_marks_and_pictures_differ_are_told(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "hub", 12)
    (file,) = (tmp_path / "hub").rglob("*.parquet")
    rows = rows_of(tmp_path / "hub")
    rows[0]["question"] += " <image> <image>"
    rows[2]["question"] = "How many are there?"
    types = dict.fromkeys(rows[0], "str") | {"options": "strs", "image_list": "images"}
    put_parquet(file, rows, types)
    assert status(["prepare", "muirbench", "--from", str(tmp_path / "hub")]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "1 question with pictures that no mark places: those come first" in said
    assert "more marks of pictures than pictures" in said
