"""Data that changed where sizes and dates do not show it: rows from anywhere, files that look alike."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

import hemm
from hemm.core import BatchModel, Capabilities, Card, Identity, Layout, Media, Request, Response, Sample, Task
from hemm.data import Generated
from hemm.data.cache import entry, task_folder
from hemm.data.pack.prepare import ensure, prepare
from hemm.data.sources.checkpoints import folder_digest
from hemm.parsing import Number
from hemm.tasks import resolve
from hemm.tasks.origins import from_object

Rows = dict[str, str]
FIRST: Rows = {"1+1": "2", "1+2": "3"}
SECOND: Rows = {"1+1": "2", "1+2": "2", "9-7": "2"}
SHARED: Rows = {}


class Two(BatchModel):
    spec, identity, capabilities, batch_size = "two", Identity("two"), Capabilities(), 8

    def __init__(self) -> None:
        self.asked = 0

    def generate_batch(self, requests: list[Request]) -> list[Response]:
        self.asked += len(requests)
        return [Response("2") for _ in requests]


def samples(rows: Mapping[str, str]) -> Iterator[Sample]:
    for question, right in rows.items():
        yield Sample(question, fields={"question": f"{question} = ?"}, references=(right,))


def sums(read: Callable[[Path], Iterator[Sample]], revision: str = "") -> Task:
    return Task(
        name="sums",
        card=Card("Sums"),
        sources=(Generated(Layout((), read), revision=revision),),
        prompt="{{ question }}\n{{ instruction }}",
        answer=Number(),
        metrics=("exact_match",),
    )


class Reads:
    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __call__(self, folder: Path) -> Iterator[Sample]:
        return samples(self.rows)


def closure(rows: Rows) -> Task:
    return sums(lambda folder: samples(rows))


def shared(rows: Rows) -> Task:
    SHARED.clear()
    SHARED.update(rows)
    return sums(lambda folder: samples(SHARED))


def called(rows: Rows) -> Task:
    return sums(Reads(rows))


def partially(rows: Rows) -> Task:
    return sums(partial(lambda folder, held: samples(held.rows), held=Reads(rows)))


@pytest.mark.parametrize("make", [closure, shared, called, partially])
def test_an_object_is_judged_against_the_rows_that_it_has_now(
    make: Callable[[Rows], Task], cache: Path, tmp_path: Path
) -> None:
    model = Two()
    hemm.run(model, make(FIRST), out=tmp_path)
    (cell,) = hemm.run(model, make(SECOND), out=tmp_path)
    stored = cell.answers(["id", "references"]).to_pylist()
    assert {row["id"]: row["references"] for row in stored} == {q: [r] for q, r in SECOND.items()}
    assert model.asked == 3  # a mended reference asks nothing
    hemm.run(model, make(SECOND), out=tmp_path)
    assert model.asked == 3


def test_equal_rows_are_the_same_pack_and_nothing_is_written(cache: Path) -> None:
    first = ensure(from_object(closure(FIRST)))
    written = {p: p.stat().st_mtime_ns for p in first.path.rglob("*")}
    assert ensure(from_object(closure(dict(FIRST)))).path == first.path
    assert {p: p.stat().st_mtime_ns for p in first.path.rglob("*")} == written


def test_a_picture_that_is_known_is_not_decoded_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    opens = Image.open
    monkeypatch.setattr(Image, "open", lambda file, *a, **k: decoded.append(file) or opens(file, *a, **k))

    def read(folder: Path) -> Iterator[Sample]:
        for file in sorted(tmp_path.glob("*.png")):
            yield Sample(file.stem, (Media(file.read_bytes()),), {"question": "Which?"}, ("2",))

    counts = []
    for n in range(3):
        Image.new("RGB", (4, 4), (n, 0, 0)).save(tmp_path / f"{n}.png")
        decoded.clear()
        assert len(ensure(from_object(sums(read)))) == n + 1
        counts.append(len(decoded))
    assert counts[0] > 0
    assert len(set(counts)) == 1  # the new one alone
    (tmp_path / "0.png").write_bytes(b"no picture")
    assert ensure(from_object(sums(read))).info["problems"]["count"] == 1


def test_a_revision_is_trusted(cache: Path) -> None:
    calls: list[str] = []

    def read(folder: Path) -> Iterator[Sample]:
        calls.append("read")
        return samples(FIRST)

    for revision in ("1", "1", "2"):
        ensure(from_object(sums(read, revision)))
    assert len(calls) == 2


def test_a_limited_pack_stays_limited(cache: Path) -> None:
    prepare(from_object(closure(FIRST)), limit=1)
    assert len(ensure(from_object(closure(SECOND)))) == 1


TASK_FILE = """
import json
from pathlib import Path
from hemm.core import Card, Layout, Sample, Task
from hemm.data import Local
from hemm.parsing import OneOf
HERE = Path(__file__).parent

COLOURS = ("red", "blue")

def read(folder):
    right = json.loads((HERE / "refs.json").read_text())
    for file in sorted(folder.glob("*.txt")):
        yield Sample(file.stem, (), {"question": file.read_text()}, (right[file.stem],), COLOURS)

SOURCE = Local(HERE / "texts", Layout(("*.txt",), read)REVISION)
TASK = Task("mine", Card("Mine"), (SOURCE,), "{{ question }}", OneOf(), ("accuracy",))
"""


@pytest.mark.parametrize(("revision", "then"), [("", "blue"), (', revision="1"', "red")])
def test_a_task_file_reads_the_file_beside_it_anew(
    revision: str, then: str, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("Which?")
    file = tmp_path / "mine.py"
    file.write_text(TASK_FILE.replace("REVISION", revision))
    for right in ("red", "blue"):
        (tmp_path / "refs.json").write_text(json.dumps({"a": right}))
        (sample,) = ensure(resolve(str(file))).samples()
    assert sample.references == (then,)


# files of equal size and date


def line(answer: str) -> bytes:
    return json.dumps({"id": "a", "question": "Is it?", "answer": answer}).encode() + b"\n"


def unpacked(folder: Path, answer: str) -> None:
    """From an archive that was made to be reproducible: every date in it is the same."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        member = tarfile.TarInfo("rows.jsonl")
        member.size, member.mtime = len(line(answer)), 0
        archive.addfile(member, io.BytesIO(line(answer)))
    held.seek(0)
    with tarfile.open(fileobj=held) as archive:
        archive.extractall(folder, filter="data")
    assert (folder / "rows.jsonl").stat().st_mtime == 0


def edited(folder: Path, answer: str) -> None:
    (folder / "rows.jsonl").write_bytes(line(answer))
    os.utime(folder / "rows.jsonl", ns=(0, 0))


def moved(folder: Path, answer: str) -> None:
    (folder.parent / "new").write_bytes(line(answer))
    os.utime(folder.parent / "new", ns=(0, 0))
    (folder.parent / "new").replace(folder / "rows.jsonl")


@pytest.mark.parametrize("put", [unpacked, edited, moved])
def test_a_file_of_equal_size_and_date_is_read(
    put: Callable[[Path, str], None], cache: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for answer in ("east", "west"):
        put(folder, answer)
        for spec in (folder, folder / "rows.jsonl"):
            (sample,) = ensure(resolve(str(spec))).samples()
            assert sample.references == (answer,)


def test_a_picture_of_equal_size_and_date_that_a_file_names_is_read(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file, row = tmp_path / "data/rows.jsonl", {"question": "Which?", "answer": "a", "image": "p.ppm"}
    file.write_text(json.dumps(row))
    for colour in (b"abc", b"xyz"):
        (tmp_path / "data/p.ppm").write_bytes(b"P6 1 1 255\n" + colour)
        os.utime(tmp_path / "data/p.ppm", ns=(0, 0))
        (sample,) = ensure(resolve(str(file))).samples()
        assert sample.media[0].pixels().convert("RGB").tobytes() == colour


def test_an_entry_that_does_not_say_when_files_changed_is_compared_without(
    cache: Path, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(line("east"))
    task = resolve(str(file))
    prepare(task)
    old = dict(entry(task.name, task.origin) or {})
    old["origin"] = {k: v for k, v in old["origin"].items() if k != "changed"}
    del old["named_files_changed"]
    index = task_folder(task.name, task.origin) / "current.json"
    index.write_text(json.dumps(old))
    ensure(resolve(str(file)))
    assert json.loads(index.read_text()) == old
    file.write_bytes(line("south"))
    ensure(resolve(str(file)))
    assert json.loads(index.read_text()) != old


def test_weights_of_equal_size_and_date_are_another_checkpoint(cache: Path, tmp_path: Path) -> None:
    folder, digests = tmp_path / "checkpoint", []
    folder.mkdir()
    for weights in (b"one", b"two"):
        (folder / "model.bin").write_bytes(weights)
        os.utime(folder / "model.bin", ns=(0, 0))
        digests.append(folder_digest(folder))
    assert digests[0] != digests[1]
    assert folder_digest(folder) == digests[1]
