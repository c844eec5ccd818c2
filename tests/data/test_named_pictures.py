"""Pictures that a user's file names: one that is replaced, added or taken away is noticed, as in folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hemm.cli import status
from hemm.data.pack.prepare import ensure, prepare
from hemm.results.read import cells
from hemm.tasks import resolve
from servers import ChatServer


def colour(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (value, 0, 0)).save(path)


def as_jsonl(folder: Path) -> str:
    rows = [
        {"id": f"s{n}", "question": f"Say {n}.", "answer": "yes", "image": f"p/{n}.png"} for n in range(3)
    ]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "rows.jsonl")


def as_tsv(folder: Path) -> str:
    rows = [f"s{n}\tSay {n}.\tyes\tp/{n}.png" for n in range(3)]
    (folder / "rows.tsv").write_text("\n".join(["index\tquestion\tanswer\timage_path", *rows]))
    return str(folder / "rows.tsv")


@pytest.fixture(params=[as_jsonl, as_tsv], ids=["jsonl", "tsv"])
def file(request: pytest.FixtureRequest, cache: Path, tmp_path: Path) -> str:
    write: Callable[[Path], str] = request.param
    folder = tmp_path / "data"
    for number in range(3):
        colour(folder / f"p/{number}.png", number)
    return write(folder)


def reds(file: str) -> list[int]:
    """The colour of each sample's picture, in the pack of now."""
    pack = ensure(resolve(file))
    return sorted(m.pixels().getpixel((0, 0))[0] for s in pack.samples() for m in s.media)


def test_a_replaced_picture_is_noticed(file: str) -> None:
    first = prepare(resolve(file))
    assert reds(file) == [0, 1, 2]
    colour(Path(file).parent / "p/1.png", 99)
    assert reds(file) == [0, 2, 99]
    assert ensure(resolve(file)).hash != first.hash
    colour(Path(file).parent / "p/2.png", 77)
    assert prepare(resolve(file)).hash == ensure(resolve(file)).hash
    assert reds(file) == [0, 77, 99]


def test_an_added_picture_and_one_that_is_gone_are_noticed(file: str) -> None:
    picture = Path(file).parent / "p/2.png"
    picture.unlink()
    assert reds(file) == [0, 1]
    colour(picture, 55)
    assert reds(file) == [0, 1, 55]
    picture.unlink()
    assert reds(file) == [0, 1]


def test_other_files_and_a_second_look_read_nothing(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.data.pack import build

    prepare(resolve(file))
    colour(Path(file).parent / "p/other.png", 9)
    monkeypatch.setattr(build.PackBuilder, "build", lambda *_: pytest.fail("prepared again"))
    assert reds(file) == [0, 1, 2]
    prepare(resolve(file))


def test_only_the_sample_with_the_replaced_picture_is_asked_again(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(answer=lambda received: "yes") as server:
        words = ["run", server.spec(), "--task", file, "--out", str(tmp_path / "out")]
        assert status(words) == 0
        assert len(server.requests) == 3
        os.utime(Path(file).parent / "p/0.png", (1, 1))  # written anew, and the same
        colour(Path(file).parent / "p/1.png", 99)
        server.requests.clear()
        assert status(words) == 0
        assert [r.text.splitlines()[0] for r in server.requests] == ["Say 1."]
    assert "1 answer is to another request than today's" in capsys.readouterr().err
    assert len(cells(tmp_path / "out")) == 1
