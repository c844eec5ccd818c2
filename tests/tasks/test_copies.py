"""Folders as people have them: what macOS adds, other letters, archives not unpacked, parts of a data set."""

from __future__ import annotations

import json
import shutil
import unicodedata
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.core import HemmError, Media
from hemm.data.pack.media_check import check_media
from hemm.data.pack.prepare import prepare
from hemm.data.readers.file_finder import MACOS, FileFinder, spelled_otherwise
from hemm.tasks import MORE, SUITES, resolve
from layouts import write_layout
from layouts.draw import picture, put

NAMES = [*SUITES["hemm"], *MORE]
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif")
JUNK = b"\x00\x05\x16\x07 what macOS keeps of a file"


def files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file()]


def as_macos_packs_it(folder: Path, outer: Path) -> Path:
    """``outer`` with what unpacking a zip from macOS leaves: the content, litter in it, a twin beside it."""
    shutil.copytree(folder, outer / "my data é")
    for file in files(outer / "my data é"):
        twin = file.with_name(f"._{file.name}")
        twin.write_bytes(JUNK)
        for place in (outer / MACOS, outer / MACOS / "my data é"):
            there = place / twin.relative_to(outer / "my data é")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(JUNK)
        (file.parent / ".DS_Store").write_bytes(JUNK)
    return outer


@pytest.mark.parametrize("name", NAMES)
def test_macos_s_additions_and_endings_in_capitals_change_nothing(
    name: str, cache: Path, tmp_path: Path
) -> None:
    write_layout(name, tmp_path / "plain", 12)
    plain = prepare(resolve(name), folder=tmp_path / "plain")
    littered = prepare(resolve(name), folder=as_macos_packs_it(tmp_path / "plain", tmp_path / "outer"))
    assert (littered.hash, littered.info["problems"]["count"]) == (plain.hash, 0)
    for file in files(tmp_path / "plain"):
        if file.suffix in ENDINGS:
            file.rename(file.with_suffix(file.suffix.upper()))
    capitals = prepare(resolve(name), folder=tmp_path / "plain")
    assert capitals.hash == plain.hash
    assert capitals.info["missing"]["count"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_parquet_files_of_another_data_set_beside_it_are_not_read(
    name: str, cache: Path, tmp_path: Path
) -> None:
    write_layout(name, tmp_path, 12)
    plain = prepare(resolve(name), folder=tmp_path)
    (tmp_path / "zz other").mkdir()
    for split in ("train", "test", "validation"):
        pq.write_table(pa.table({"x": [1]}), tmp_path / f"zz other/{split}-00000-of-00001.parquet")
    assert prepare(resolve(name), folder=tmp_path).hash == plain.hash


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_that_is_not_unpacked_is_named(name: str, cache: Path, tmp_path: Path) -> None:
    write_layout(name, tmp_path / "plain", 4)
    (tmp_path / "packed").mkdir()
    with zipfile.ZipFile(tmp_path / "packed/all of it.zip", "w") as archive:
        for file in files(tmp_path / "plain"):
            archive.write(file, file.relative_to(tmp_path / "plain"))
    with pytest.raises(HemmError, match=r"if they are in all of it\.zip, unpack that first") as error:
        prepare(resolve(name), folder=tmp_path / "packed")
    assert "\n" not in str(error.value)


def test_pictures_in_an_archive_are_said_to_be_there(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_layout("enrico", tmp_path, 30)
    pictures = sorted((tmp_path / "screenshots").iterdir())
    with zipfile.ZipFile(tmp_path / "screenshots.zip", "w") as archive:
        for file in pictures:
            archive.write(file, f"screenshots/{file.name}")
    pictures[0].unlink()
    assert status(["prepare", "enrico", "--from", str(tmp_path)]) == 3
    assert "if they are in screenshots.zip, unpack that first" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "screenshots")
    assert status(["prepare", "enrico", "--from", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "samples name files that are not there" in error
    assert "if they are in screenshots.zip, unpack that first" in error


def test_a_part_of_a_data_set_without_a_list_is_called_one(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_layout("uc_merced", tmp_path, 24)
    assert status(["prepare", "uc_merced", "--from", str(tmp_path)]) == 0
    assert "that is a part: 2,100 samples were published" in capsys.readouterr().err
    assert status(["prepare", "uc_merced", "--from", str(tmp_path), "--limit", "5"]) == 0
    assert "that is a part" not in capsys.readouterr().err


def test_other_letters_of_a_name(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "Café.jpg") for form in ("NFC", "NFD"))
    assert composed != apart
    put(tmp_path / "Images" / apart, 1)
    assert spelled_otherwise(tmp_path / "images" / composed) == tmp_path / "Images" / apart
    assert FileFinder(tmp_path, ("Images",)).find("CAFÉ") == tmp_path / "Images" / apart
    found = check_media(Media.at(tmp_path / "images" / composed), lambda digest: None)
    assert (found.data, found.problem) == (picture(1, form="JPEG"), "")
    assert spelled_otherwise(tmp_path / "Images" / "tea.jpg") is None
    put(tmp_path / "Images" / "a.PNG", 2)
    put(tmp_path / "Images" / "A.png", 3)
    assert spelled_otherwise(tmp_path / "Images" / "a.png") is None  # which of the two?


@pytest.mark.parametrize(("lost", "kept"), [("output1", 0), ("output2", 1), ("output3", 2)])
def test_turns_after_a_missing_picture_are_left_out_with_it(
    lost: str, kept: int, cache: Path, tmp_path: Path
) -> None:
    names = ["7-input.png", *(f"7-output{turn}.png" for turn in (1, 2, 3))]
    turns = [
        {"input": names[turn - 1], "output": names[turn], "mask": "", "instruction": f"step {turn}"}
        for turn in (1, 2, 3)
    ]
    other = [{"input": "8-input.png", "output": "8-output1.png", "mask": "", "instruction": "one step"}]
    for number, name in enumerate([*names, "8-input.png", "8-output1.png"]):
        put(tmp_path / "test/images" / name[0] / name, number)
    (tmp_path / "test/edit_sessions.json").write_text(json.dumps({"7": turns, "8": other}))
    (tmp_path / f"test/images/7/7-{lost}.png").unlink()
    pack = prepare(resolve("magic_brush:multi"), folder=tmp_path)
    assert pack.index().ids == [*(f"7-{turn}" for turn in range(1, kept + 1)), "8-1"]
    assert pack.info["missing"] == {"count": 3 - kept, "names": [f"test/images/7/7-{lost}.png"]}


def test_missing_pictures_of_nlvr2_are_named_where_the_others_are(cache: Path, tmp_path: Path) -> None:
    row = {"sentence": "Both are red.", "label": "True", "left_url": "", "right_url": ""}
    lines = [json.dumps(row | {"identifier": f"dev-1-{pair}-0"}) for pair in (0, 1)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dev.json").write_text("\n".join(lines))
    for name in ("0-img1", "1-img0", "1-img1"):
        put(tmp_path / f"dev/dev-1-{name}.png", len(name))
    pack = prepare(resolve("nlvr2"), folder=tmp_path)
    assert pack.info["missing"] == {"count": 1, "names": ["dev/dev-1-0-img0.png"]}
    assert pack.index().ids == ["dev-1-1-0"]
