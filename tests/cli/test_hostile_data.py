"""Pictures, cards and archives that would start programs or fill the memory: each ends in one line."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hemm.core import BadData
from hemm.core.media import FORMATS, Media
from hemm.core.user_files import read_yaml
from hemm.data.readers.webdataset import webdataset_rows
from hemm.data.sources.extraction import Limits, extract
from hemm.data.sources.hub import hub_rows, manifest
from hemm.data.sources.hub_files import Described

MEMORY = 3 << 30
EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(%pipe%touch ran) (w) file
showpage
%%EOF
"""
BINARY_EPS = (
    b"\xc5\xd0\xd3\xc6" + (30).to_bytes(4, "little") + len(EPS).to_bytes(4, "little") + bytes(18) + EPS
)
WMF = b"\xd7\xcd\xc6\x9a\x00\x00" + b"\x00\x00\x00\x00\x08\x00\x08\x00" + b"\x60\x00" + bytes(64)
MPEG = b"\x00\x00\x01\xb3\x00\x80\x08" + bytes(64)


def hemm(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with little memory, and a Ghostscript that tells that it was started."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("gs", "gswin64c", "gswin32c", "convert"):
        (programs / name).write_text(f"#!/bin/sh\ntouch '{folder}/ran'\n")
        (programs / name).chmod(0o755)
    env = {**os.environ, "HEMM_CACHE": str(folder / "cache"), "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "hemm.cli", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    assert "fault of hemm" not in done.stderr, done.stderr
    return done


def test_no_picture_starts_a_program(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    files = {"a.eps": EPS, "a.png": EPS, "b.jpg": BINARY_EPS, "c.png": WMF, "d.png": MPEG}
    for name, content in files.items():
        (data / name).write_bytes(content)
    rows = [{"image": n, "question": "?", "choices": ["a", "b"], "answer": "a"} for n in files]
    (data / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = hemm(tmp_path, "run", "baseline/majority", "--task", "./data", "--out", "out")
    assert "PostScript" in done.stderr
    hemm(tmp_path, "report", "out", "-o", "out/report.html")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [EPS, BINARY_EPS, WMF, MPEG])
def test_formats_of_other_programs_do_not_open(content: bytes) -> None:
    media = Media(content)
    assert not media.mime.startswith("image/")
    with pytest.raises(BadData, match="does not open"):
        media.pixels()
    assert not {"EPS", "WMF", "MPEG", "HDF5", "GRIB", "BUFR", "FPX", "MIC"} & set(FORMATS)


LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
ITSELF = "labels: &a\n  x: *a\n"
MERGED = "a: &a {x: &b [1, *c]}\nc: &c [*b]\n"


@pytest.mark.parametrize("text", [LAUGHS, ITSELF, MERGED, "images: &a [*a]\n"])
def test_aliases_count_as_what_they_stand_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.yaml").write_text(text)
    for as_text in (False, True):
        with pytest.raises(BadData, match=r"card.yaml, line \d+: no valid YAML"):
            read_yaml(tmp_path / "card.yaml", as_text=as_text)
    assert Described.of(f"---\n{text}---\n") == Described()


def test_a_card_of_billions_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "?", "answer": "a"}\n')
    (tmp_path / "card.yaml").write_text(LAUGHS)
    done = hemm(tmp_path, "prepare", "./rows.jsonl")
    assert done.returncode == 2
    assert "its aliases stand for more than 1,000,000 values" in done.stderr


def test_a_few_aliases_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: &a [1, 2]\nb: *a\nc: &c {x: *a}\nd: {<<: *c, y: 1}\n")
    assert read_yaml(tmp_path / "a.yaml") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"x": [1, 2]},
        "d": {"x": [1, 2], "y": 1},
    }


def _header(name: bytes, size: int, kind: bytes) -> bytes:
    entry = tarfile.TarInfo(name.decode())
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


def _packed(path: Path, head: bytes, zeros: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(head)
        for _ in range(zeros >> 20):
            out.write(bytes(1 << 20))
    return path


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_header_without_end_is_refused(tmp_path: Path, kind: bytes) -> None:
    size = 600 << 20
    archive = _packed(tmp_path / "a.tar.gz", _header(b"h", size, kind), size)
    with pytest.raises(BadData, match="a header of 629,145,600 bytes"):
        extract(archive, tmp_path / "out")
    plain = tmp_path / "a.tar"
    with plain.open("wb") as out:
        out.write(_header(b"h", 8 << 30, kind))
        out.truncate(8 << 30)  # a sparse file
    with pytest.raises(BadData, match="a header of"):
        list(webdataset_rows([plain]))
    assert not (tmp_path / "out").exists()


def test_headers_count_against_the_limits(tmp_path: Path) -> None:
    """Empty files, whose headers are all that there is."""
    out = io.BytesIO()
    one = _header(b"x" * 90, 0, tarfile.REGTYPE)
    with gzip.open(out, "wb", compresslevel=9) as packed:
        packed.write(one * 40_000)
    (tmp_path / "a.tar.gz").write_bytes(out.getvalue())
    limits = Limits(free_bytes=1 << 20, max_ratio=50)
    with pytest.raises(BadData, match="more than 50 times its size"):
        extract(tmp_path / "a.tar.gz", tmp_path / "out", limits)
    with pytest.raises(BadData, match="more than 100 files"):
        extract(tmp_path / "a.tar.gz", tmp_path / "out", Limits(max_files=100))


@pytest.mark.parametrize("packed", ["", "gz", "bz2", "xz"])
def test_usual_tars_are_unpacked(tmp_path: Path, packed: str) -> None:
    archive = tmp_path / f"a.tar.{packed}"
    with tarfile.open(archive, f"w:{packed}", format=tarfile.PAX_FORMAT) as tar:
        for name in ("a/b.txt", "ü" * 120 + ".txt"):
            entry = tarfile.TarInfo(name)
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
    extract(archive, tmp_path / "out")
    assert sorted(p.read_bytes() for p in (tmp_path / "out").rglob("*.txt")) == [b"abc", b"abc"]


@pytest.mark.parametrize("name", ["../private.parquet", "{tmp}/private.parquet", "linked/private.parquet"])
def test_a_list_of_a_copys_files_names_none_outside(tmp_path: Path, name: str) -> None:
    """The list lies in the folder of a download, which may be somebody else's copy."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "linked").symlink_to(tmp_path)
    listed = [["test", "", "test", [name.format(tmp=tmp_path)]]]
    (copy / manifest("", "test", "")).write_text(json.dumps(listed))
    with pytest.raises(BadData, match="lies outside"):
        list(hub_rows(copy, "test"))
