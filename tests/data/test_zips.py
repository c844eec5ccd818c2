"""Zip archives that list more files than memory holds are refused before the list is read."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from functools import partial
from pathlib import Path

import pytest

from hemm.core import BadData
from hemm.data.readers import file_finder
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.xlsx import xlsx_rows
from hemm.data.sources.extraction import Limits, extract
from hemm.data.zips import open_zip

ENTRY = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, *(0,) * 7, 1, *(0,) * 6) + b"a"
"""An entry of the list with a name of one letter: all of them are the same empty file (APPNOTE 4.3.12)."""


def bomb(path: Path, entries: int) -> Path:
    """A zip that is whole, with one empty file that is listed so often."""
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *(0,) * 7, 1, 0) + b"a"
    listed, at = entries * len(ENTRY), len(local) + entries * len(ENTRY)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, listed, len(local))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(local + ENTRY * entries + wide + locator + end)
    return path


def test_a_list_of_files_that_is_too_long_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(bomb(tmp_path / "few.zip", 3)) as packed:
        assert packed.namelist() == ["a", "a", "a"]  # it is a zip as Python reads it
    workbook = bomb(tmp_path / "rows.xlsx", 200_000)
    tracemalloc.start()
    with pytest.raises(BadData, match=r"rows\.xlsx lists more than 100,000 files"):
        list(xlsx_rows(workbook))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    with pytest.raises(BadData, match=r"rows\.xlsx lists more than 5,000 files"):
        extract(workbook, tmp_path / "out", Limits(max_files=5_000))
    monkeypatch.setattr(file_finder, "open_zip", partial(open_zip, most=1_000))
    (tmp_path / "pictures").mkdir()
    bomb(tmp_path / "pictures/a.zip", 1_001)
    with pytest.raises(BadData, match=r"a\.zip lists more than 1,000 files"):
        FileFinder(tmp_path / "pictures", ["."], anywhere=True).at("a.png")


def test_as_many_files_as_are_allowed_are_read_whatever_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.comment = b"a comment"
        for number in range(30):
            packed.writestr(f"{'folder/' * 20}{number}.txt", str(number) * 9_000)
    with open_zip(path, 30) as packed:
        assert [len(packed.read(name)) for name in packed.namelist()[:2]] == [9_000, 9_000]
        file = packed.fp
    assert file is None or file.closed
    with pytest.raises(BadData, match="more than 29 files"):
        open_zip(path, 29)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(zipfile.BadZipFile):
        open_zip(path)
