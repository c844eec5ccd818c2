"""Finding a data set's files in its copies, and what in a folder is no part of a data set."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.core import HemmError
from hemm.data.pack.prepare import prepare
from hemm.data.readers.file_finder import FileFinder, below
from hemm.tasks import resolve
from layouts import write_layout
from layouts.draw import picture


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(len(file.name)))


def test_files_are_found_in_the_first_place_by_any_ending(tmp_path: Path) -> None:
    touch(tmp_path / "b/1.png", tmp_path / "c/1.jpg", tmp_path / "c/2.jpeg", tmp_path / "c/in/3.jpg")
    (tmp_path / "c/4.jpg").mkdir()  # a folder is no picture
    places = FileFinder(tmp_path, ("a", "b", "c"))
    assert places.find("9") == tmp_path / "b/9.jpg"  # where it should be: "a" is not there
    assert [places.find(name) for name in ("1", "1.jpg", "2.jpg", "in/3")] == [
        tmp_path / file for file in ("b/1.png", "b/1.png", "c/2.jpeg", "c/in/3.jpg")
    ]
    assert not places.has("4")
    assert places.find("4", "5") == tmp_path / "c/4.jpg"  # beside the last one that was there
    assert places.find("5", "2") == tmp_path / "c/2.jpeg"
    whole = FileFinder(tmp_path, ("b", "c"), ())
    assert whole.find("1.jpg") == tmp_path / "c/1.jpg"
    assert not whole.has("1")
    assert FileFinder(tmp_path, ("no", "neither")).find("1") == tmp_path / "no/1.jpg"


def test_anywhere_is_other_folders_and_archives_but_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    touch(tmp_path / "a/1.jpg", tmp_path / "other/2.jpg", tmp_path / "cache/3.jpg", tmp_path / ".old/4.jpg")
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as packed:
        packed.writestr("deep/5.png", picture(5))
    assert not FileFinder(tmp_path, ("a",)).has("2")
    places = FileFinder(tmp_path, ("a",), anywhere=True)
    assert [name for name in "123456" if places.has(name)] == ["1", "2", "5"]
    assert places.at("5.jpg").data == picture(5)
    assert places.at("6").name == "6.jpg"


def test_packs_caches_and_hidden_folders_are_no_part_of_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "data/mine"))
    touch(*(tmp_path / f"data/{p}/x.parquet" for p in ("in", "mine/downloads/y", "made/data", ".cache")))
    (tmp_path / "data/made/pack.json").write_text("{}")
    assert list(below(tmp_path / "data", "**/*.parquet")) == [tmp_path / "data/in/x.parquet"]
    fetched = tmp_path / "data/mine/downloads"  # what was fetched is read where it lies
    assert list(below(fetched, "**/*.parquet")) == [fetched / "y/x.parquet"]


def test_a_cache_in_the_folder_is_not_taken_for_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "all"
    monkeypatch.setenv("HEMM_CACHE", str(folder / "cache"))
    write_layout("enrico", folder / "enrico", 8)
    made = prepare(resolve("enrico"), folder=folder / "enrico")
    assert list(made.path.glob("data/test-*.parquet"))
    for place in (folder, folder / "cache", made.path):
        with pytest.raises(
            HemmError, match=r"not the files of resisc45:test: missing .*\*\*/test\*\.parquet"
        ):
            prepare(resolve("resisc45:test"), folder=place)
    (folder / "data").mkdir()
    images = [{"bytes": picture(n), "path": None} for n in (1, 2)]
    pq.write_table(pa.table({"image": images, "label": ["beach", "lake"]}), folder / "data/test-0.parquet")
    pack = prepare(resolve("resisc45:test"), folder=folder)
    assert sorted(s.references[0] for s in pack.samples()) == ["beach", "lake"]
    written = next(pack.path.glob("data/*.parquet")).stat().st_mtime_ns
    assert status(["prepare", "resisc45:test", "--from", str(folder)]) == 0
    again = prepare(resolve("resisc45:test"), folder=folder)
    assert (again.path, next(again.path.glob("data/*.parquet")).stat().st_mtime_ns) == (pack.path, written)


def test_what_must_be_got_by_hand_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    assert status(["tasks", "nlvr2"]) == 0
    shown = capsys.readouterr().out
    assert "by hand: https://lil.nlp.cornell.edu/nlvr/: its pictures are given out on request" in shown
    assert "from https://lil.nlp.cornell.edu" not in shown
