"""What is kept: journal, lock, sealed parts, reading back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake import HEADER, Batched, FakePack, go, picture, sample
from hemm.core import BadData, CellLocked, Failure, HemmError, Message, Response
from hemm.data.files import replacing
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA, Answer, Call, answer_batch, restore
from hemm.results.cell import CellWriter
from hemm.results.files import sweep, write_json
from hemm.results.journal import Journal, decode, encode, scan
from hemm.results.lock import Lock, process_start
from hemm.results.read import cell, cells
from hemm.results.stored_media import drawn_media

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
records = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda k: k != "crc"),
    json_values, min_size=1, max_size=4,
)  # fmt: skip


@given(records)
def test_a_line_reads_back_as_it_was_and_is_plain_json(one) -> None:
    line = encode(one)
    assert line.count(b"\n") == 1
    assert decode(line) == one
    plain = orjson.loads(line)
    assert plain.pop("crc")
    assert plain == one


@given(records, st.data())
def test_a_damaged_line_is_recognised(one, data) -> None:
    line = bytearray(encode(one))
    at = data.draw(st.integers(0, len(line) - 2))
    flip = data.draw(st.integers(1, 255))
    line[at] ^= flip
    assert decode(bytes(line)) in (None, one)
    assert decode(bytes(line[: data.draw(st.integers(0, len(line) - 3))])) is None


@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=8), st.data())
def test_whatever_was_cut_off_the_lines_before_are_there(tmp_path_factory, many, data) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = Journal(path)
    places = [journal.append([r])[0] for r in many]
    journal.close()
    size = path.stat().st_size
    cut = data.draw(st.integers(0, size))
    os.truncate(path, cut)
    whole = [r for r, (offset, length) in zip(many, places, strict=True) if offset + length <= cut]
    assert [r for _, _, r in scan(path)] == whole
    again = Journal(path)  # repairs the torn line, goes on after it
    (place,) = again.append([{"more": 1}])
    assert again.record(*place) == {"more": 1}
    again.close()
    assert [r for _, _, r in scan(path)] == [*whole, {"more": 1}]


def test_lines_wait_for_a_group_and_are_read_before_it_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    places = journal.append({"n": n} for n in range(63))
    assert (tmp_path / "j").stat().st_size == 0
    places += journal.append([{"n": 63}])
    assert len(list(scan(tmp_path / "j"))) == 64
    places += journal.append([{"n": 64}])
    assert [journal.record(*p)["n"] for p in places] == list(range(65))
    journal.close()


@given(st.sets(st.integers(0, 19)))
def test_keeping_some_lines_moves_them_together(tmp_path_factory, kept) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "j")
    places = journal.append({"n": n} for n in range(20))
    moved = journal.keep(places[n] for n in sorted(kept))
    assert [journal.record(*p)["n"] for p in moved] == sorted(kept)
    assert journal.record(*journal.append([{"n": "new"}])[0]) == {"n": "new"}
    journal.close()


# atomic writes


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"old": 1})

    def interrupted() -> None:
        with replacing(tmp_path / "a") as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert orjson.loads((tmp_path / "a").read_bytes()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_process_left_half_written_is_swept_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "scores").mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "scores" / f"a.parquet.{gone.pid}.tmp").write_bytes(b"")
    (tmp_path / f"run.json.{os.getppid()}.tmp").write_bytes(b"")
    sweep(tmp_path)
    assert [p.name for p in tmp_path.rglob("*.tmp")] == [f"run.json.{os.getppid()}.tmp"]


# lock

HOLD = """
import sys, time
from pathlib import Path
from hemm.results.lock import Lock
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def _holder(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_is_refused_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    child = _holder(tmp_path / "lock")
    try:
        with pytest.raises(CellLocked, match=rf"process {child.pid} on .*delete .*lock"):
            Lock(tmp_path / "lock").acquire()
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert (tmp_path / "lock").exists()
    with Lock(tmp_path / "lock"):
        assert orjson.loads((tmp_path / "lock").read_bytes())["pid"] == os.getpid()
    assert not (tmp_path / "lock").exists()


def test_a_process_may_wait_for_another_but_not_for_one_of_which_nobody_knows(tmp_path: Path) -> None:
    child = _holder(tmp_path / "lock")
    told: list[str] = []

    def end(who: str) -> None:
        told.append(who)
        child.kill()
        child.wait()

    with Lock(tmp_path / "lock").wait(end):
        assert told == [f"process {child.pid} on {socket.gethostname()}"]
    assert child.stdout is not None
    child.stdout.close()
    (tmp_path / "lock").write_bytes(orjson.dumps({"host": "elsewhere", "pid": 1, "started": "1"}))
    with pytest.raises(CellLocked, match="elsewhere"):
        Lock(tmp_path / "lock").wait(told.append)
    assert len(told) == 1


def test_a_lock_of_another_host_holds_and_a_reused_pid_does_not(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(orjson.dumps({"host": "elsewhere", "pid": 1, "started": "1"}))
    with pytest.raises(CellLocked, match="elsewhere"):
        Lock(path).acquire()
    parent = os.getppid()
    path.write_bytes(orjson.dumps({"host": socket.gethostname(), "pid": parent, "started": "before"}))
    with Lock(path):  # alive, but started at another time: another process
        pass
    path.write_bytes(
        orjson.dumps({"host": socket.gethostname(), "pid": parent, "started": process_start(parent)})
    )
    with pytest.raises(CellLocked):
        Lock(path).acquire()


# records

texts = st.text()  # lone surrogates included


@given(texts, texts, st.none() | texts, st.lists(st.floats(allow_nan=False), max_size=4), st.booleans())
def test_a_record_goes_through_journal_and_part_unchanged(raw, reasoning, refusal, options, failed) -> None:
    one = sample(3)
    response = Response(
        text=raw, reasoning=reasoning, refusal=refusal, options=tuple(options), finish="length",
        failure=Failure("server", "500 from https://u:p@host", True) if failed else None,
    )  # fmt: skip
    line = decode(
        encode(
            Answer(
                one, {"use_case": "hci"}, 2, "k", (Message("user", ("Q",)),), response, Call(1.5, 0.1)
            ).record()
        )
    )
    assert line is not None
    row = answer_batch([line]).to_pylist()[0]
    for stored in (line, row):
        back, answer = restore(stored, partial(drawn_media, folder=Path()))
        assert (back.id, back.cluster, back.choices, back.references, stored["repeat"]) == (
            one.id, one.cluster, one.choices, one.references, 2,
        )  # fmt: skip
        assert dict(back.labels) == {"use_case": "hci"}
        assert back.metadata == one.metadata
        assert back.sample_hash == one.sample_hash
        assert answer.options == tuple(options)
        assert answer.text.encode() == answer.text.encode("utf-8", "strict")
        assert (answer.failure is not None) == failed
    assert "p@host" not in (line["failure_message"] or "")


def test_picture_references_come_back_by_digest() -> None:
    one = sample(3, references=(picture(9), "media:short"))
    line = Answer(one, {}, 0, "k", (), Response(media=(picture(4),)), Call(0.0, 0.0)).record()
    back, answer = restore(line, partial(drawn_media, folder=Path()))
    assert back.references[0].digest == picture(9).digest
    assert back.references[1] == "media:short"
    assert answer.media[0].digest == picture(4).digest


# cells


def _fill(folder: Path, numbers: range, plan: int | None = None) -> CellWriter:
    writer = CellWriter(folder, HEADER).open()
    writer.plan(len(numbers) if plan is None else plan)
    for at, number in enumerate(numbers):
        writer.add([(at, _line(number))])
    return writer


def _line(number: int, text: str = "yes", started: float = 0.0) -> dict[str, object]:
    call = Call(started or number + 1.0, 0.1)
    return Answer(sample(number), {}, 0, f"k{number}", (), Response(text), call).record()


def _seal(writer: CellWriter) -> None:
    import asyncio

    async def all_parts() -> None:
        while writer.complete_parts:
            await writer.seal_next()

    asyncio.run(all_parts())


def test_parts_are_sealed_in_plan_order_and_their_bytes_are_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 4)
    for name, order in (("a", range(10)), ("b", reversed(range(10)))):
        writer = CellWriter(tmp_path / name, HEADER).open()
        writer.plan(10)
        for number in order:
            writer.add([(number, _line(number))])
            _seal(writer)
        writer.seal_rest()
        writer.run["state"] = "sealed"
        writer.save()
        writer.close()
    parts = sorted(p.name for p in (tmp_path / "a" / "answers").iterdir())
    assert parts == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    for part in parts:
        one, two = ((tmp_path / n / "answers" / part).read_bytes() for n in "ab")
        assert one == two
    assert cell(tmp_path / "a").answers(["id"])["id"].to_pylist() == [f"s{n:05d}" for n in range(10)]
    assert not (tmp_path / "a" / layout.JOURNAL).exists()
    assert cell(tmp_path / "a").calls().num_rows == 10


@pytest.mark.parametrize("after", ["part", "run", "journal"])
def test_killed_between_two_steps_of_a_seal_nothing_is_lost_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 4)
    writer = _fill(tmp_path, range(6), plan=8)
    writer.save()

    class Killed(BaseException): ...

    def kill(*_: object) -> None:
        raise Killed

    target = {"part": "_commit", "run": "_trim", "journal": "flush"}[after]
    if after != "journal":
        monkeypatch.setattr(writer, target, kill)
        with pytest.raises(Killed):
            _seal(writer)
    else:
        _seal(writer)
    writer.close()
    again = CellWriter(tmp_path, HEADER).open()
    sealed = sum(table.num_rows for table in again.sealed(["id"]))
    assert sealed + again.journaled == 6
    assert (sealed, again.journaled) == ((0, 6) if after == "part" else (4, 2))
    again.plan(8 - sealed)
    for at in range(6 - sealed):
        again.claim(at, (f"s{at + sealed:05d}", 0))
    for at in (6, 7):
        again.add([(at - sealed, _line(at))])
    _seal(again)
    again.seal_rest()
    again.close()
    found = cell(tmp_path)
    found.verify()
    assert found.answers(["id"])["id"].to_pylist() == [f"s{n:05d}" for n in range(8)]
    assert found.calls()["id"].to_pylist() == [f"s{n:05d}" for n in range(8)]


def test_the_newest_answer_replaces_the_older_one_and_calls_stay(tmp_path: Path) -> None:
    for text in ("old", "new"):
        writer = CellWriter(tmp_path, HEADER).open()
        writer.plan(2 if text == "old" else 1)
        writer.add([(0, _line(1, text, started=1.0 if text == "old" else 2.0))])
        if text == "old":
            writer.add([(1, _line(2, text))])
        _seal(writer)
        writer.seal_rest()
        writer.save()
        writer.close()
    found = cell(tmp_path)
    assert found.answers(["raw", "id"]).to_pylist() == [
        {"raw": "old", "id": "s00002"},
        {"raw": "new", "id": "s00001"},
    ]
    assert found.calls().num_rows == 3


def test_an_open_cell_reads_with_its_journal(tmp_path: Path) -> None:
    writer = _fill(tmp_path, range(3), plan=9)
    writer.save()
    writer.flush()
    found = cell(tmp_path)
    assert found.state == "open"
    assert found.answers()["id"].to_pylist() == ["s00000", "s00001", "s00002"]
    assert found.answers().schema.equals(ANSWER_SCHEMA)
    writer.close()


def test_a_broken_seal_is_told_by_readers_and_asked_again_by_writers(tmp_path: Path) -> None:
    pack = FakePack([sample(i) for i in range(6)])
    result = go(tmp_path, Batched(), pack)
    part = result.folder / "answers/part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    with pytest.raises(BadData, match=r"part-00000\.parquet is missing or damaged"):
        cell(result.folder).answers()
    model = Batched()
    assert go(tmp_path, model, pack).asked == 6
    assert cell(result.folder).answers().num_rows == 6
    assert part.with_suffix(".damaged").exists()


def test_folders_without_results_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HemmError, match="holds no results: hemm run"):
        cells(tmp_path)
    with pytest.raises(HemmError, match="there is no folder"):
        cells(tmp_path / "x")
    (tmp_path / layout.RUN).write_text("{")
    with pytest.raises(BadData, match="damaged"):
        cells(tmp_path)


def test_tables_open_with_duckdb_and_pandas_alone(tmp_path: Path) -> None:
    import duckdb
    import pandas as pd

    result = go(tmp_path, Batched(), FakePack([sample(i) for i in range(5)]))
    found = duckdb.sql(
        f"select count(*), count(distinct id), max(labels['use_case']) "
        f"from '{result.folder}/answers/*.parquet'"
    ).fetchall()
    assert found == [(5, 5, "science")]
    frame = pd.read_parquet(result.folder / "answers")
    assert list(frame["raw"]) == ["yes", "no", "yes", "no", "yes"]
    assert pq.read_table(result.folder / "scores/accuracy-v2.parquet").schema.equals(layout.SCORE_SCHEMA)


def test_the_disk_keeps_the_journal_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.results import journal as module

    now, kept = [100.0], list[int]()
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module, "sync_data", lambda handle: kept.append(os.fstat(handle).st_size))
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append([{"id": "1"}])
    journal.flush()
    assert not journal.sync_due  # what is flushed waits for up to a second
    now[0] += 1.0
    assert journal.sync_due
    journal.sync()
    assert kept == [(tmp_path / "journal.jsonl").stat().st_size]
    now[0] += 60.0
    assert not journal.sync_due  # nothing new
    journal.append([{"id": "2"}])
    journal.close()
    assert kept[1:] == [(tmp_path / "journal.jsonl").stat().st_size]
