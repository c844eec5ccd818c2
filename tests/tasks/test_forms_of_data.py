"""The forms in which people's data lie: tables of all kinds; pictures by path, address or in the cells."""

from __future__ import annotations

import base64
import csv
import io
import json
import tarfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.core import BadData, HemmError, Sample
from hemm.data.pack.prepare import ensure, prepare
from hemm.tasks import resolve
from hemm.tasks.prompt import render
from packs import png

B64 = base64.b64encode
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""The smallest picture that web pages hold: 42 bytes, 56 characters of base64."""


def samples(spec: Path | str, card: Path | None = None) -> dict[str, Sample]:
    return {s.id: s for s in ensure(resolve(str(spec), card)).samples()}


def shown(spec: Path | str, card: Path | None = None) -> dict[str, list[bytes]]:
    return {name: [m.data for m in s.media] for name, s in samples(spec, card).items()}


def jsonl(folder: Path, rows: Sequence[Mapping[str, Any]], card: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    if card:
        (folder / "card.yaml").write_text(textwrap.dedent(card))
    return folder


ROW = {"question": "Which bird?", "answer": "owl"}


# --- pictures in the cells of a table


def test_pictures_that_stand_in_the_rows(cache: Path, tmp_path: Path) -> None:
    one = png(1, 40)
    lines = "\n".join(textwrap.wrap(B64(one).decode(), 76))  # as the base64 command wraps it
    url_safe = base64.urlsafe_b64encode(one).decode().rstrip("=")
    cells = {
        "plain": B64(one).decode(),
        "wrapped": lines,
        "windows": lines.replace("\n", "\r\n"),
        "urlsafe": url_safe,
        "data": f"data:image/png;base64,{B64(one).decode()}",
        "Data": f"DATA:image/png;charset=utf-8;BASE64,{lines}",
        "listed": [B64(one).decode()],
        "nested": [[f"data:image/png;base64,{B64(one).decode()}"]],
        "struct": {"bytes": B64(one).decode(), "path": "1.png"},
    }
    rows = [{"id": name, "image": cell, **ROW} for name, cell in cells.items()]
    rows.append({"id": "small", "image": B64(GIF).decode(), **ROW})
    got = shown(jsonl(tmp_path / "mine", rows))
    assert got == {**{name: [one] for name in cells}, "small": [GIF]}
    assert len({s.cluster for s in samples(tmp_path / "mine").values()}) == 2


def test_a_broken_data_url_is_one_line(cache: Path, tmp_path: Path) -> None:
    rows = [{"id": "1", "image": "data:image/png;base64,%%%", **ROW}]
    with pytest.raises(BadData, match=r"line 1: field 'image' is a data URL with broken base64"):
        samples(jsonl(tmp_path / "mine", rows))


# --- places of pictures


def test_paths_absolute_by_file_url_and_below_another_root(cache: Path, tmp_path: Path) -> None:
    mine, coco = tmp_path / "mine", tmp_path / "my coco/val"
    coco.mkdir(parents=True)
    (coco / "1.png").write_bytes(png(1))
    (mine / "p").mkdir(parents=True)
    (mine / "p/2 a.png").write_bytes(png(2))
    rows = [
        {"id": "root", "image": "1.png", **ROW},
        {"id": "absolute", "image": str(coco / "1.png"), **ROW},
        {"id": "file", "image": (coco / "1.png").as_uri(), **ROW},
        {"id": "up", "image": "../my coco/val/1.png", **ROW},
        {"id": "own", "image": "p/2 a.png", **ROW},
        {"id": "own absolute", "image": str(mine / "p/2 a.png"), **ROW},
        {"id": "own file", "image": (mine / "p/2 a.png").as_uri(), **ROW},
        {"id": "windows", "image": "p\\2 a.png", **ROW},
    ]
    jsonl(mine, rows, "images: ../my coco/val")
    one = {"root", "absolute", "file", "up"}
    with pytest.raises(BadData, match=r"images: .* lies outside the card's folder: .*--card"):
        shown(mine)  # a card that was found beside data may be somebody else's
    assert shown(mine, mine / "card.yaml") == {r["id"]: [png(1 if r["id"] in one else 2)] for r in rows}


@pytest.mark.parametrize("place", ["/etc/hosts", "file:///etc/hosts", "../secret.png", "p/../../secret.png"])
def test_no_path_leads_out_unless_the_card_says_so(cache: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "secret.png").write_bytes(png(1))
    with pytest.raises(
        BadData, match=r"line 1: field 'image': .* lies outside .*'images: FOLDER' in the card"
    ):
        samples(jsonl(tmp_path / "mine", [{"image": place, **ROW}]))


def test_a_root_that_is_not_there_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(HemmError, match=r"card.yaml: images: there is no folder .*gone"):
        samples(jsonl(tmp_path / "mine", [{"image": "1.png", **ROW}], "images: gone"))


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "Git LFS pointer, not the file: git lfs pull",
        ),
        ("# xet version 0\nfilesize = 123\nhash = 'ab12'\n", "Xet pointer, not the file: git xet"),
    ],
)
def test_pointers_are_called_that(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pointer: str, said: str
) -> None:
    folder = jsonl(tmp_path / "mine", [{"id": "1", "image": "1.png", **ROW}])
    (folder / "1.png").write_text(pointer)
    assert status(["prepare", str(folder)]) == 3
    assert f"1: is a {said}" in capsys.readouterr().err
    for name in ("t.jsonl", "t.tsv", "t.csv", "t.json", "t.parquet"):
        (tmp_path / name).write_text(pointer)
        assert status(["prepare", str(tmp_path / name)]) == 2
        assert f"{name} is a {said}" in capsys.readouterr().err


# --- rows without an id


def test_equal_rows_without_an_id_get_numbers(cache: Path, tmp_path: Path) -> None:
    folder = jsonl(tmp_path / "mine", [{"image": "1.png", **ROW}] * 3 + [{"image": "2.png", **ROW}])
    for n in (1, 2):
        (folder / f"{n}.png").write_bytes(png(n))
    names = sorted(samples(folder))
    base = next(name.removesuffix("-2") for name in names if name.endswith("-2"))
    assert sorted(name.removeprefix(base) for name in names if name.startswith(base)) == ["", "-2", "-3"]
    assert len(names) == 4
    with pytest.raises(BadData, match="the id 'x' is used twice"):
        samples(jsonl(tmp_path / "other", [{"id": "x", **ROW}, {"id": "x", **ROW}]))


# --- tables


def write_table(file: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".jsonl":
        file.write_text("\n".join(map(json.dumps, rows)))
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows, indent=2))
    elif file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([dict(r) for r in rows]), file)
    else:
        with file.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]), delimiter="\t" if file.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return file


@pytest.mark.parametrize("kind", ["json", "csv", "parquet", "jsonl"])
@pytest.mark.parametrize("given", ["file", "folder", "named"])
def test_one_table_in_every_form(cache: Path, tmp_path: Path, kind: str, given: str) -> None:
    folder = tmp_path / "birds"
    rows = [
        {"id": f"{n}", "image": f"p/{n}.png", "question": "Which bird?", "answer": a, "place": "garden, back"}
        for n, a in enumerate(("owl", "gull", "wren"))
    ]
    file = write_table(folder / f"rows.{kind}", rows)
    (folder / "p").mkdir()
    for n in range(3):
        (folder / f"p/{n}.png").write_bytes(png(n))
    if given == "named":
        write_table(folder / "other.csv", rows)
        (folder / "card.yaml").write_text(f"file: rows.{kind}\n")
    got = samples(file if given == "file" else folder)
    assert {name: s.references for name, s in got.items()} == {"0": ("owl",), "1": ("gull",), "2": ("wren",)}
    assert [m.data for m in got["1"].media] == [png(1)]
    assert got["2"].fields["place"] == "garden, back"
    assert got["0"].cluster == "p/0.png"


def test_parquet_with_the_pictures_in_it(cache: Path, tmp_path: Path) -> None:
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {
            "id": ["struct"],
            "image": pa.array([{"bytes": png(1), "path": None}], struct),
            "question": ["?"],
            "answer": ["x"],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert shown(tmp_path / "a.parquet") == {"struct": [png(1)]}
    raw = pa.table(
        {"id": ["raw"], "image": pa.array([png(2)], pa.binary()), "question": ["?"], "answer": ["x"]}
    )
    pq.write_table(raw, tmp_path / "b.parquet")
    assert shown(tmp_path / "b.parquet") == {"raw": [png(2)]}
    nested = {
        "id": ["n"],
        "images": [[[{"bytes": png(3), "path": "3.png"}], [{"bytes": png(4), "path": None}]]],
    }
    pq.write_table(pa.table({**nested, "question": ["?"], "answer": ["x"]}), tmp_path / "c.parquet")
    assert shown(tmp_path / "c.parquet") == {"n": [png(3), png(4)]}


def test_a_json_file_that_is_no_list_of_rows_is_one_line(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": [{"question": "?"}], "info": 1}')
    with pytest.raises(BadData, match=r"a.json: .*a list of rows"):
        samples(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('[{"question": "?", "answer": "x"}, 7]')
    with pytest.raises(BadData, match=r"b.json, entry 2: an object is expected"):
        samples(tmp_path / "b.json")


def test_pictures_of_the_hub_by_path_base64_and_bytes(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "images").mkdir(parents=True)
    (copy / "images/1.png").write_bytes(png(1))
    rows = [
        {"id": "path", "image": "images/1.png", **ROW},
        {"id": "base64", "image": B64(png(2)).decode(), **ROW},
    ]
    write_table(copy / "data/test-00000-of-00001.parquet", rows)
    card = tmp_path / "card.yaml"
    card.write_text("answer: short_answer\n")
    pack = prepare(resolve("hub:some/set", card), folder=copy)
    assert {s.id: s.media[0].data for s in pack.samples()} == {"path": png(1), "base64": png(2)}


# --- folders of pictures


def imagefolder(folder: Path, names: Sequence[str]) -> None:
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(n))


def test_class_folders(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "land"
    imagefolder(folder, ["river/1.png", "river/2.PNG", "beach/1.png", ".hidden/x.png", "beach/notes.txt"])
    got = samples(folder)
    assert {name: s.references for name, s in got.items()} == {
        "beach/1.png": ("beach",),
        "river/1.png": ("river",),
        "river/2.PNG": ("river",),
    }
    assert all(s.choices == ("beach", "river") for s in got.values())
    task = resolve(str(folder))
    assert (task.answer.name, task.metrics) == ("one_of", ("accuracy",))
    assert status(["run", "baseline/oracle", "--task", str(folder), "--out", str(tmp_path / "r")]) == 0


def test_class_folders_below_splits(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "land"
    imagefolder(folder, ["train/river/1.png", "train/beach/2.png", "test/river/3.png", "test/beach/4.png"])
    pack = ensure(resolve(str(folder)))
    assert sorted(s.id for s in pack.samples()) == ["test/beach/4.png", "test/river/3.png"]
    assert sorted(s.id for s in pack.samples(split="shots")) == ["train/beach/2.png", "train/river/1.png"]
    (folder / "card.yaml").write_text("split: train\n")
    assert len(ensure(resolve(str(folder)))) == 2


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_imagefolder_with_metadata(cache: Path, tmp_path: Path, kind: str) -> None:
    """As the hub's ImageFolder: metadata beside the pictures of each split, with the column file_name."""
    folder = tmp_path / "mine"
    for split in ("train", "test"):
        imagefolder(folder / split, ["0001.png", "0002.png"])
        rows = [{"file_name": f"000{n}.png", "text": f"What is {n}?", "label": f"{split}{n}"} for n in (1, 2)]
        write_table(folder / split / f"metadata.{kind}", rows)
    pack = ensure(resolve(str(folder)))
    assert sorted(s.references[0] for s in pack.samples()) == ["test1", "test2"]
    assert sorted(s.references[0] for s in pack.samples(split="shots")) == ["train1", "train2"]
    assert {s.media[0].data for s in pack.samples()} == {png(0), png(1)}
    assert {s.fields["question"] for s in pack.samples()} == {"What is 1?", "What is 2?"}


def test_imagefolder_with_one_metadata_file(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    imagefolder(folder, ["0001.png", "sub/0002.png"])
    write_table(
        folder / "metadata.csv",
        [{"file_name": n, "question": "?", "answer": n} for n in ("0001.png", "sub/0002.png")],
    )
    assert {s.references[0] for s in samples(folder).values()} == {"0001.png", "sub/0002.png"}


def test_a_folder_of_pictures_alone_says_what_it_lacks(cache: Path, tmp_path: Path) -> None:
    imagefolder(tmp_path / "mine", ["1.png", "2.png"])
    with pytest.raises(
        HemmError, match=r"mine: no table of rows .*\.jsonl.*metadata.*a folder for each class"
    ):
        resolve(str(tmp_path / "mine"))


# --- WebDataset


def shard(file: Path, members: Sequence[tuple[str, bytes]], mode: str = "w") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


def wds(start: int, count: int) -> list[tuple[str, bytes]]:
    """Pictures with a JSON file each, as img2dataset and WebDataset write them."""
    out = []
    for n in range(start, start + count):
        facts = {"question": f"What is {n}?", "answer": f"a{n}", "key": f"{n:06d}"}
        out += [(f"{n:06d}.json", json.dumps(facts).encode()), (f"{n:06d}.png", png(n))]
    return out


def test_webdataset_shards(cache: Path, tmp_path: Path) -> None:
    one = shard(tmp_path / "set/shard-000000.tar", wds(0, 3))
    got = samples(one)
    assert {name: (s.references[0], s.media[0].data) for name, s in got.items()} == {
        f"{n:06d}": (f"a{n}", png(n)) for n in range(3)
    }
    shard(tmp_path / "set/shard-000001.tar", wds(3, 2))
    assert sorted(samples(tmp_path / "set")) == [f"{n:06d}" for n in range(5)]


def test_webdataset_with_texts_and_classes(cache: Path, tmp_path: Path) -> None:
    members = [("a/1.jpg", png(1)), ("a/1.txt", b"a red bird"), ("a/2.jpg", png(2)), ("a/2.txt", b"an owl")]
    file = shard(tmp_path / "captions.tar", members)
    card = file.with_name("captions.card.yaml")
    card.write_text("columns: {answer: txt}\nanswer: caption\n")
    assert {n: s.references for n, s in samples(file).items()} == {"a/1": ("a red bird",), "a/2": ("an owl",)}
    numbers = [("1.png", png(1)), ("1.cls", b"1"), ("2.png", png(2)), ("2.cls", b"0")]
    file = shard(tmp_path / "classes.tar", numbers)
    (tmp_path / "classes.card.yaml").write_text(
        "columns: {answer: cls}\n"
        "answer: {format: one_of, lettered: false, labels: {'0': beach, '1': river}}\n"
    )
    assert {n: s.references for n, s in samples(file).items()} == {"1": ("1",), "2": ("0",)}


def test_a_packed_or_damaged_shard_is_one_line(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(HemmError, match=r"a.tar.gz .*gunzip"):
        samples(shard(tmp_path / "a.tar.gz", wds(0, 1), "w:gz"))
    (tmp_path / "b.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(BadData, match=r"b.tar cannot be read as tar"):
        samples(tmp_path / "b.tar")


# --- TSV


def tsv(file: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    return write_table(file, rows)


def test_tsv_pictures_in_lines_small_and_borrowed_under_another_name(cache: Path, tmp_path: Path) -> None:
    wrapped = "\n".join(textwrap.wrap(B64(png(1, 40)).decode(), 76))
    rows = [
        {"index": "1", "image": wrapped, "question": "?", "answer": "x"},
        {"index": "2", "image": B64(GIF).decode(), "question": "?", "answer": "x"},
        {"index": "3", "image": "1", "question": "?", "answer": "x"},
        {"index": "4", "image": "2", "question": "?", "answer": "x"},
        {"index": "5", "image": f"data:image/gif;base64,{B64(GIF).decode()}", "question": "?", "answer": "x"},
    ]
    got = shown(tsv(tmp_path / "a.tsv", rows))
    assert got == {"1": [png(1, 40)], "2": [GIF], "3": [png(1, 40)], "4": [GIF], "5": [GIF]}
    other = [{("picture" if k == "image" else k): v for k, v in row.items()} for row in rows]
    file = tsv(tmp_path / "b.tsv", other)
    file.with_name("b.card.yaml").write_text("columns: {image: picture}\n")
    assert shown(file) == got


def test_a_list_of_pictures_written_as_text_keeps_their_numbers(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_table(
        folder / "rows.csv",
        [{"id": "1", "image": "['a.png', 'b.png']", "question": "Which, <image> or <image>?", "answer": "x"}],
    )
    for n, name in enumerate(("a.png", "b.png")):
        (folder / name).write_bytes(png(n))
    task = resolve(str(folder))
    (message,) = render(task, ensure(task).sample(0))
    parts = [p if isinstance(p, str) else f"[{p.name}]" for p in message.parts]
    assert "".join(parts).startswith("Which, [a.png] or [b.png]?")
