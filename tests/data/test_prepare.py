"""prepare: from files to one good pack, whatever is missing, broken, killed or done twice."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from hemm.cli import status
from hemm.core import BadData, Card, HemmError, Layout, Media, Sample, Task, keyed_number
from hemm.data import cache as index
from hemm.data.files import remove_stale, temporary_folder
from hemm.data.pack.prepare import ensure, prepare
from hemm.data.pack.reader import find_pack, open_pack
from hemm.data.pack.selection import first_ids
from hemm.data.sources.kinds import Generated, Local
from hemm.parsing.formats import ShortAnswer
from hemm.tasks import resolve
from layouts import write_layout
from packs import png, task_of


def read(folder: Path) -> Iterator[Sample]:
    """A small data set: list.json names pictures below pictures/."""
    for row in json.loads((folder / "list.json").read_text()):
        picture = Media.at(folder / "pictures" / row["file"])
        yield Sample(row["id"], (picture,), {"question": row["q"]}, (row["a"],), unit=row.get("unit", ""))


def task(name: str = "small") -> Task:
    source = Local(Path("nowhere"), Layout(("list.json", "pictures"), read))
    return Task(name, Card("Small"), (source,), "{{ image }}{{ question }}", ShortAnswer(), ("accuracy",))


def write(folder: Path, count: int = 6) -> Path:
    (folder / "pictures").mkdir(parents=True)
    rows = [{"id": f"r{i}", "file": f"{i % 4}.png", "q": f"q{i}", "a": str(i)} for i in range(count)]
    (folder / "list.json").write_text(json.dumps(rows))
    for i in range(4):
        (folder / "pictures" / f"{i}.png").write_bytes(png(i))
    return folder


def temporaries(cache: Path) -> list[str]:
    return [str(p) for p in cache.rglob("*") if p.name.startswith((".tmp", ".old")) or ".tmp" in p.name]


def test_a_folder_becomes_the_current_pack(cache: Path, tmp_path: Path) -> None:
    pack = prepare(task(), folder=write(tmp_path / "data"))
    assert [s.id for s in pack.samples()] == ["r0", "r4", "r1", "r5", "r2", "r3"]
    assert find_pack("small").path == pack.path
    info = pack.info
    assert (info["source"], info["limit"], info["rows"]) == ("folder", None, {"test": 6, "shots": 0})
    assert info["missing"] == {"count": 0, "names": []}
    assert info["created_by"].startswith("hemm ")
    assert temporaries(cache) == []


def test_the_files_may_lie_one_level_below(cache: Path, tmp_path: Path) -> None:
    write(tmp_path / "outer" / "small")
    assert len(prepare(task(), folder=tmp_path / "outer")) == 6


def test_what_is_prepared_is_not_prepared_again_unless_it_changed(cache: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    first = prepare(task(), folder=data)
    calls: list[int] = []
    assert prepare(task(), folder=data, progress=lambda *a: calls.append(1)).path == first.path
    assert calls == []
    (data / "pictures" / "1.png").write_bytes(png(77))
    second = prepare(task(), folder=data)
    assert second.hash != first.hash
    assert find_pack("small").hash == second.hash
    assert open_pack(first.path).hash == first.hash  # an older pack stays where it is


def test_missing_pictures_are_named_and_the_rest_is_packed(cache: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    (data / "pictures" / "0.png").unlink()
    pack = prepare(task(), folder=data)
    assert [s.id for s in pack.samples()] == ["r1", "r5", "r2", "r3"]
    assert pack.info["missing"] == {"count": 2, "names": ["pictures/0.png"]}
    shutil.rmtree(data / "pictures")
    (data / "pictures").mkdir()
    with pytest.raises(
        BadData, match=r"no sample was found .*6 samples name files .* the first: pictures/0.png"
    ):
        prepare(task(), folder=data)
    assert find_pack("small").hash == pack.hash
    assert temporaries(cache) == []


def test_names_that_lead_out_of_the_folder_are_refused(cache: Path, tmp_path: Path) -> None:
    """A data set's file must not make hemm read the user's own pictures."""
    (tmp_path / "mine.png").write_bytes(png(1))
    folder = tmp_path / "set"
    write_layout("memecap", folder, 4)
    file = folder / "memes-test.json"
    rows = json.loads(file.read_text())
    for name in ("../../mine.png", str(tmp_path / "mine.png")):
        rows[0]["img_fname"] = name
        file.write_text(json.dumps(rows))
        with pytest.raises(BadData, match=r"outside|field 'img_fname'"):
            prepare(resolve("memecap"), folder=folder)


def test_a_wrong_folder_names_what_it_lacks(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(HemmError, match=r"these are not the files of small: missing list.json$"):
        prepare(task(), folder=tmp_path)
    with pytest.raises(HemmError, match="there is no such folder"):
        prepare(task(), folder=tmp_path / "nothing")
    with pytest.raises(HemmError, match="is not read from a folder"):
        prepare(task_of(lambda folder: iter(())), folder=tmp_path)


def test_files_in_another_form_are_one_clear_line(cache: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    (data / "list.json").write_text('[{"id": "x"}]')
    with pytest.raises(BadData, match="not in the layout that its reader knows: KeyError: 'file'"):
        prepare(task(), folder=data)


def test_a_limit_takes_the_first_units_of_the_selection_order(cache: Path) -> None:
    def many(folder: Path) -> Iterator[Sample]:
        for i in range(60):
            yield Sample(f"s{i}", unit=f"u{i // 2}", stratum="ab"[i // 2 % 2])
        yield Sample("shot", split="shots")

    pack = prepare(task_of(many, "limited"), limit=8)
    units = {s.unit for s in pack.samples()}
    assert len(units) == 8
    assert len(pack) == 16  # no unit is cut
    assert pack.rows("shots") == 1
    assert pack.info["limit"] == 8
    by_hash = sorted((f"u{i}" for i in range(30)), key=lambda u: keyed_number("select", 0, u))
    assert units == set(by_hash[:8])
    assert (pack.info["order"], pack.info["strata"]) == ("random", {"a": [30, 15], "b": [30, 15]})  # of all
    assert {s.unit for s in prepare(task_of(many, "limited"), limit=20).samples()} > units
    with pytest.raises(HemmError, match="starts at 1"):
        prepare(task_of(many, "limited"), limit=0)


def test_a_limited_pack_of_an_earlier_version_stays_balanced_when_it_is_made_anew(cache: Path) -> None:
    rows = [Sample(f"s{i}", stratum="rare" if i < 6 else "usual") for i in range(60)]
    pack = prepare(task_of(lambda folder: iter(rows), "earlier"), limit=12)
    described = json.loads((pack.path / "pack.json").read_text())
    for name in ("order", "strata", "sha256"):
        described.pop(name)
    (pack.path / "pack.json").write_text(json.dumps(described))

    changed = [replace(s, fields={"question": "Which?"}) for s in rows]
    for limit, order, rare in ((12, "balanced", 6), (13, "random", None)):
        made = prepare(task_of(lambda folder: iter(changed), "earlier", "2"), limit=limit)
        assert made.info["order"] == order
        if rare is not None:
            assert sum(s.stratum == "rare" for s in made.samples()) == rare


def test_a_limit_counts_a_chain_as_the_unit_that_starts_it() -> None:
    chain = [Sample("a1"), Sample("a2", after="a1"), Sample("a3", after="a2"), Sample("b")]
    assert first_ids(chain, 1)[0] in (frozenset({"a1", "a2", "a3"}), frozenset({"b"}))
    assert len(first_ids(chain, 2)[0]) == 4


def test_the_engine_selects_within_a_limited_pack_as_within_the_whole(cache: Path) -> None:
    from hemm.engine.selection import select

    def many(folder: Path) -> Iterator[Sample]:
        for i in range(50):
            yield Sample(f"s{i:02}", stratum="abc"[i % 3])

    def chosen(limit: int | None) -> set[str]:
        found = prepare(task_of(many, "both"), limit=limit).index()
        rows = select(found.ids, found.units, found.strata, found.after, seed=0, limit=10).rows
        return {found.ids[r] for r in rows}

    assert chosen(25) == chosen(None)


def test_sources_are_tried_in_order_and_all_reasons_given(cache: Path) -> None:
    class Broken:
        name, ids = "https://user:secretword@host/x", ""
        layout = Layout((), lambda folder: iter(()))

        def fetch(self, into: Path, progress: object = None) -> tuple[Path, str]:
            raise HemmError("host cannot be reached, token=abcdefgh12345")

    good = Generated(Layout((), lambda folder: iter([Sample("a")])))
    base = task("order")
    both = Task("order", base.card, (Broken(), good), "", base.answer, base.metrics)
    assert prepare(both).info["source"] == "generated"
    shutil.rmtree(cache)
    with pytest.raises(HemmError) as error:
        prepare(Task("order", base.card, (Broken(), Broken()), "", base.answer, base.metrics))
    text = str(error.value)
    assert "no source of order can be had" in text
    assert "host cannot be reached" in text
    assert "abcdefgh" not in text
    with pytest.raises(HemmError, match="has no source"):
        prepare(Task("order", base.card, (), "", base.answer, base.metrics))


def test_ensure_prepares_what_needs_no_download(cache: Path) -> None:
    drawn = task_of(lambda folder: iter([Sample("a")]), "drawn")
    assert len(ensure(drawn)) == 1
    remade = task_of(lambda folder: iter([Sample("a"), Sample("b")]), "drawn", revision="2")
    assert len(ensure(remade)) == 2

    assert len(prepare(remade, limit=1)) == 1
    assert len(ensure(remade)) == 1  # limited on purpose
    assert len(ensure(drawn)) == 1
    assert ensure(drawn).info["limit"] is None
    assert len(prepare(remade)) == 2
    with pytest.raises(HemmError, match="task nlvr is not prepared: hemm prepare nlvr"):
        ensure(resolve("nlvr"))


def test_equal_packs_get_one_folder_and_a_damaged_one_is_replaced(cache: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    pack = prepare(task(), folder=data)
    (cache / "packs" / "small" / index.INDEX).unlink()
    assert prepare(task(), folder=data).path == pack.path
    next((pack.path / "data").iterdir()).write_bytes(b"damaged")
    again = prepare(task(), folder=data)
    assert again.path == pack.path
    assert [s.id for s in again.samples()][:2] == ["r0", "r4"]
    assert temporaries(cache) == []


def test_temporary_folders_of_the_dead_go_and_of_the_living_stay(tmp_path: Path) -> None:
    (tmp_path / ".tmp-dead").mkdir()
    (tmp_path / ".tmp-dead" / "file").write_text("x")
    (tmp_path / ".tmp-gone.lock").touch()
    with temporary_folder(tmp_path) as mine:
        assert not (tmp_path / ".tmp-dead").exists()
        remove_stale(tmp_path)
        assert mine.is_dir()
    assert list(tmp_path.iterdir()) == []


CHILD = """
    import sys
    from pathlib import Path
    sys.path[:0] = sys.argv[2:]
    from test_prepare import task
    from hemm.data.pack.prepare import prepare
    print("ready", flush=True)
    prepare(task("crash"), folder=Path(sys.argv[1]))
"""


def child(data: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", textwrap.dedent(CHILD), str(data)]
    arguments += [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def crash(data: Path, cache: Path, kills: int) -> None:
    """Kill preparing processes at random moments; whatever is left, the next one ends with the good pack."""
    want = prepare(task("crash"), folder=data)
    shutil.rmtree(cache)
    process = child(data)
    ready = time.monotonic()
    process.wait()
    whole = time.monotonic() - ready
    draw = random.Random(5)
    for _ in range(kills):
        if draw.random() < 0.5:
            shutil.rmtree(cache, ignore_errors=True)
        process = child(data)
        time.sleep(draw.uniform(0, 1.1 * whole))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if index.current("crash") is not None:  # what the index names is whole at any time
            assert find_pack("crash").hash == want.hash
    pack = prepare(task("crash"), folder=data)
    assert pack.hash == want.hash
    assert [s.id for s in pack.samples()] == [f"r{i}" for i in pack_order(data)]
    with temporary_folder(cache / "packs" / "crash"):
        pass
    assert temporaries(cache) == []
    assert len([p for p in (cache / "packs" / "crash").iterdir() if p.is_dir()]) == 1


def pack_order(data: Path) -> list[int]:
    rows = json.loads((data / "list.json").read_text())
    return sorted(range(len(rows)), key=lambda i: (i % 4, i))


def test_killed_at_any_moment_the_next_one_ends_with_a_good_pack(cache: Path, tmp_path: Path) -> None:
    crash(write(tmp_path / "data", 1500), cache, 10)


@pytest.mark.full
def test_killed_at_many_moments(cache: Path, tmp_path: Path) -> None:
    crash(write(tmp_path / "data", 6000), cache, 60)


def test_two_at_once_end_with_one_good_pack(cache: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "data", 800)
    processes = [child(data) for _ in range(3)]
    assert [p.wait() for p in processes] == [0, 0, 0]
    folders = [p for p in (cache / "packs" / "crash").iterdir() if p.is_dir()]
    assert len(folders) == 1
    assert len(open_pack(folders[0])) == 800
    assert temporaries(cache) == []


@pytest.mark.full
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory of a process is read from /proc"
)
def test_memory_does_not_grow_with_the_data_set(cache: Path, tmp_path: Path) -> None:
    code = """
        import os, re, struct, sys, zlib
        sys.path.insert(0, sys.argv[1])
        from packs import task_of
        from hemm.core import Media, Sample
        from hemm.data.pack.prepare import prepare

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        def picture():
            raw = b"".join(b"\\0" + os.urandom(120) for _ in range(40))
            head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0))
            body = chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b"")
            return b"\\x89PNG\\r\\n\\x1a\\n" + head + body

        def read(folder):
            for i in range(100_000):
                yield Sample(f"picture-{i}", (Media(picture()),), {"question": f"what is {i}?"}, ("worm",))

        assert len(prepare(task_of(read, "large"))) == 100_000
        status = open("/proc/self/status").read()  # ru_maxrss would count the process that started this one
        print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)
    """
    arguments = [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parents[1])]
    out = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(out.stdout) < 500  # MB


def test_the_command(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    (folder / "p").mkdir(parents=True)
    for i in range(3):
        (folder / "p" / f"{i}.png").write_bytes(png(i))
    rows = [{"id": str(i), "image": f"p/{i}.png", "question": "?", "answer": "a"} for i in range(3)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert status(["prepare", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "mine: 3 samples, 3 media" in out
    (folder / "p" / "0.png").unlink()
    (folder / "p" / "1.png").write_bytes(b"no picture")
    assert status(["prepare", str(folder)]) == 3
    shown = capsys.readouterr()
    assert "mine: 2 samples" in shown.out
    assert "1 sample left out: their files are missing\n  p/0.png: missing" in shown.err
    assert "  1: does not open" in shown.err
    assert status(["prepare", "nlvr", "--from", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "missing nlvr/dev/dev.json, nlvr/dev/images" in error
    assert error.count("\n") == 1
    assert status(["prepare", "nlvrr"]) == 2
    assert "did you mean 'nlvr'" in capsys.readouterr().err
    assert status(["prepare", str(folder), "--limit", "0"]) == 2


def test_rare_formats_open_from_the_first_on(cache: Path, tmp_path: Path) -> None:
    """Pillow registers TIFF late, and two threads that ask for it at once must not confuse it."""
    code = """
        import io, sys
        sys.path.insert(0, sys.argv[1])
        from PIL import Image
        from packs import task_of
        from hemm.core import Media, Sample
        from hemm.data.pack.prepare import prepare

        tiff = bytes.fromhex(sys.argv[2])
        read = lambda folder: (Sample(str(i), (Media(tiff + bytes([i])),)) for i in range(40))
        print(prepare(task_of(read, "tiff")).info["problems"]["count"])
    """
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "TIFF")
    arguments = [
        sys.executable,
        "-c",
        textwrap.dedent(code),
        str(Path(__file__).parents[1]),
        out.getvalue().hex(),
    ]
    for _ in range(3):
        assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "0\n"
