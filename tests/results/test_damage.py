"""Files that are not what was written: every damage is harmless or one line that names the file.

A small results folder and a pack are damaged at seeded places: bits flipped, files cut off, swapped, removed,
members of JSON replaced. Each time all that is stored is read as profile, tables and scoring read it. What
comes out is what came out before, or a HemmError.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from fake import Batched, FakePack, go, picture, sample, task
from hemm.cli import status
from hemm.core import HemmError, Layout, Response, Usage
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import check_pack, open_pack
from hemm.data.sources.kinds import Generated
from hemm.results.read import cell, cells

MANY = int(os.environ.get("HEMM_DAMAGES", "400"))
HOME = Path(__file__).parents[1] / "stored"


class Draws(Batched):
    """Answers with a drawn picture, and costs."""

    def generate_batch(self, requests: Any) -> list[Response]:
        answers = super().generate_batch(requests)
        return [
            Response(a.text, media=(picture(int(r.sample_id[1:]) + 500),), usage=Usage(9, 1, 0.001))
            for a, r in zip(answers, requests, strict=True)
        ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed cell with unscored answers and strata as far as there are such, and an open one."""
    home = tmp_path_factory.mktemp("whole")
    rows = [sample(i) for i in range(24)]
    go(home / "sealed", Draws(), FakePack(rows))
    go(home / "sealed", Draws(), FakePack(rows[:20]))  # four are removed: kept, and not scored
    go(home / "sealed", Draws(), FakePack(rows[:20]), limit=7)
    result = go(home / "open", Draws(), FakePack(rows))
    _reopen(result.folder)
    return home


def _reopen(folder: Path) -> None:
    from hemm.results.checked import write_run
    from hemm.results.journal import encode

    found = cell(folder)
    calls = {c["id"]: [c[n] for n in c if n not in ("id", "repeat")] for c in found.calls().to_pylist()}
    rows = found.answers().to_pylist()
    lines = [encode({**row, "labels": dict(row["labels"]), "call": calls[row["id"]]}) for row in rows]
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    write_run(folder, {**found.run, "state": "open", "parts": [], "calls": None})
    shutil.rmtree(folder / "answers")
    (folder / "calls.parquet").unlink()


def everything(home: Path) -> Any:
    """What the stored results say, value by value; dropped journal lines are told, and so no silence."""
    said = []
    for found in cells(home):
        told = found.dropped_lines()
        rows = found.answers().to_pylist()
        media = sorted({digest for row in rows for digest in row["produced"] or ()})
        from hemm.engine.score import stored_media

        pictures = [stored_media(found)(digest) for digest in media] if found.state != "open" else []
        scores = {key: found.scores(key).to_pylist() for key in found.aggregates().get("metrics", {})}
        strata = found.strata()
        said.append(
            [
                told or ([row["id"] for row in rows] and rows),
                {key: value for key, value in found.run.items() if key != "files"},
                found.calls().to_pylist(),
                found.unscored().to_pylist(),
                None if strata is None else strata.to_pylist(),
                {k: {**v, "metrics": {}} if k == "metrics" else v for k, v in found.aggregates().items()},
                scores,
                pictures,
            ]
        )
    return said


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 3))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _zeros(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :]


VALUES = (None, 0, -1, 2**70, 1.5, "", "x", True, [], {}, [[]], {"a": {"b": 1}}, "../../x", "9" * 64)


def _member(data: bytes, chance: random.Random) -> bytes:
    """A JSON file with one member, however deep, replaced, removed or put twice."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _flip(data, chance)
    places: list[tuple[Any, Any]] = []

    def walk(at: Any) -> None:
        for key, inner in at.items() if isinstance(at, dict) else enumerate(at):
            places.append((at, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(value)
    at, key = chance.choice(places)
    if chance.random() < 0.2:
        del at[key]
    else:
        at[key] = chance.choice(VALUES)
    return json.dumps(value).encode()


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flip, _flip, _cut, _zeros, _member)


def damaged(files: list[Path], chance: random.Random) -> Iterator[tuple[Path, bytes]]:
    """Files one at a time, each with its damaged content in place; then it is put back."""
    while True:
        path = chance.choice(files)
        before, times = path.read_bytes(), path.stat()
        kind = chance.random()
        if kind < 0.08:
            path.unlink()
        elif kind < 0.16:
            near = [f for f in files if f.suffix == path.suffix and f.name != path.name]
            others = [f for f in near if f.parent in (path.parent, path.parents[1])] or [path]
            path.write_bytes(chance.choice(others).read_bytes())
        else:
            how = chance.choice(DAMAGES if path.suffix in (".json", ".jsonl") else DAMAGES[:4])
            path.write_bytes(how(before, chance) if before else b"x")
        yield path, before
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _files(home: Path) -> list[Path]:
    return sorted(p for p in home.rglob("*") if p.is_file())


def _try(home: Path, read: Callable[[], Any], expected: Any, many: int, seed: int) -> dict[str, int]:
    """Damage and read: how often it was harmless, told, or told as dropped lines."""
    files, chance, count = _files(home), random.Random(seed), {"same": 0, "told": 0, "lines": 0}
    wanted = orjson.dumps(expected, default=repr)
    for (path, before), _ in zip(damaged(files, chance), range(many), strict=False):
        after = path.read_bytes() if path.exists() else b""
        try:
            found = read()
        except HemmError as error:
            count["told"] += 1
            _check_line(path, str(error))
            continue
        if path.suffix == ".jsonl" and "torn or damaged" in str(found):
            count["lines"] += 1
        elif path.suffix == ".jsonl" and _is_prefix(after, before):
            count["same"] += 1  # a line that was never written: a power cut leaves such
        elif path.name in ("run.json", "aggregates.json") and not path.exists():
            count["told"] += 1  # what is no cell is not read as one, and a cell without scores is scored now
        else:
            count["same"] += 1
            assert orjson.dumps(found, default=repr) == wanted, (path, _difference(before, after))
    return count


def _check_line(path: Path, line: str) -> None:
    """One line that names the file; where a drawn picture is gone, its cell; where a cell is, the folder."""
    cell_folder = path.parents[2].name if "media" in path.parts else path.name
    assert "\n" not in line
    assert any(name in line for name in (path.name, cell_folder, "no results")), (path, line)


def _is_prefix(after: bytes, before: bytes) -> bool:
    return before.startswith(after) and (not after or after.endswith(b"\n"))


def _difference(before: bytes, after: bytes) -> Any:
    places = [i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b]
    return len(before), len(after), places[:5], before[max(0, (places or [0])[0] - 40) :][:90]


def test_damaged_results(whole: Path, tmp_path: Path) -> None:
    home = tmp_path / "r"
    shutil.copytree(whole, home)
    count = _try(home, lambda: everything(home), everything(home), MANY, seed=1)
    assert count["told"] > MANY / 4, count
    assert count["lines"]


def test_damaged_results_of_0_1_0(tmp_path: Path) -> None:
    """They have few checksums: what is damaged opens, or is one line."""
    home = tmp_path / "r"
    shutil.copytree(HOME / "v0_1_0/results", home)
    chance, files = random.Random(3), _files(tmp_path)
    for _, _ in zip(damaged(files, chance), range(MANY // 8), strict=False):
        with contextlib.suppress(HemmError):  # and nothing else
            everything(home)


@pytest.fixture
def pack_folder(cache: Path) -> Path:
    rows = [sample(i, media=(picture(i, size=(20, 20)),)) for i in range(20)]
    one = task(sources=(Generated(Layout((), lambda _: iter(rows))),))
    return prepare(one).path


def _pack_says(folder: Path) -> Any:
    pack = open_pack(folder)
    rows = [
        [s.id, s.unit, s.cluster, dict(s.fields), s.references, s.choices, [m.data.hex() for m in s.media]]
        for split in ("test", "shots")
        for s in pack.samples(split=split)
    ]
    return [rows, pack.hash, pack.index().strata, pack.index().media, dict(pack.info["rows"])]


def test_damaged_packs(pack_folder: Path) -> None:
    count = _try(pack_folder, lambda: _pack_says(pack_folder), _pack_says(pack_folder), MANY, seed=4)
    assert count["told"] > MANY / 4, count


@pytest.mark.full
def test_thousands_of_damages(whole: Path, tmp_path: Path, pack_folder: Path) -> None:
    home = tmp_path / "r"
    shutil.copytree(whole, home)
    _try(home, lambda: everything(home), everything(home), 6000, seed=5)
    _try(pack_folder, lambda: _pack_says(pack_folder), _pack_says(pack_folder), 6000, seed=6)


def test_scores_that_are_gone_are_named(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "r")
    (found,) = cells(tmp_path / "r/open")
    (key,) = found.aggregates()["metrics"]
    (found.folder / f"scores/{key}.parquet").unlink()
    with pytest.raises(HemmError, match=rf"scores/{key}\.parquet is missing; hemm score makes it anew"):
        found.scores(key)
    with pytest.raises(HemmError, match="has no scores by exact_match-v1: hemm score makes them"):
        found.scores("exact_match-v1")


def test_pictures_of_old_packs_are_checked(tmp_path: Path) -> None:
    """A pack of 0.1.0 has no checksums of pages: its pictures have their digests, its samples theirs."""
    folder = tmp_path / "pack"
    shutil.copytree(next((HOME / "v0_1_0/cache/packs/vqa_rad").glob("*-*")), folder)
    check_pack(open_pack(folder))
    file = next(folder.glob("data/test-*.parquet"))
    data = bytearray(file.read_bytes())
    data[data.index(b"\x89PNG") + 60 if b"\x89PNG" in data else data.index(b"\xff\xd8\xff") + 300] ^= 4
    file.write_bytes(bytes(data))
    with pytest.raises(HemmError, match="differs from its digest"):
        check_pack(open_pack(folder))


def test_doctor_names_and_heals(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i}\tIs {i} even?\t{'no' if i % 2 else 'yes'}\n" for i in range(9))
    (tmp_path / "even.tsv").write_text("id\tquestion\tanswer\n" + rows)
    words = ["run", "baseline/oracle", "--task", "even.tsv", "--out", "r"]
    assert status(words) == 0
    assert status(["doctor", "r"]) == 0
    (folder,) = tmp_path.glob("r/*/*/*")
    before = {p.name: p.read_bytes() for p in (folder / "scores").iterdir()}
    for name in ("calls.parquet", "scores/exact_match-v2.parquet", "answers/part-00000.parquet"):
        path = next(p for p in (folder / name, *(folder / "scores").glob("*.parquet")) if p.exists())
        path.write_bytes(_flip(path.read_bytes(), random.Random(1)))
    capsys.readouterr()
    assert status(["doctor", "r", "--format", "json"]) == 3
    named = {row["file"].split("/")[-1] for row in json.loads(capsys.readouterr().out)}
    assert {"calls.parquet", "part-00000.parquet"} < named
    assert len(named) == 3
    status(["doctor", "r", "--repair"])
    assert "set aside" in capsys.readouterr().out
    assert status(words) == 0
    assert "9 asked now" in capsys.readouterr().out
    assert status(["doctor", "r"]) == 0
    assert {p.name: p.read_bytes() for p in (folder / "scores").iterdir() if p.suffix == ".parquet"} == {
        name: data for name, data in before.items() if name.endswith(".parquet")
    }
