"""The journal in segments: deleted whole, never written again, and no line comes back."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import orjson
import pytest

from fake import HEADER, sample
from hemm.core import BadData, Response
from hemm.engine.doctor import examine
from hemm.results import layout
from hemm.results.answer_record import Answer, Call
from hemm.results.cell import CellWriter
from hemm.results.checked import read_checked, read_run
from hemm.results.files import write_json
from hemm.results.journal import encode
from hemm.results.read import cell
from hemm.results.segments import Segments, segment_path, segments
from hemm.web.folder import FoundCell
from hemm.web.live import Live


def _line(number: int, text: str = "yes", started: float = 0.0) -> dict[str, object]:
    call = Call(started or number + 1.0, 0.1)
    return Answer(sample(number), {}, 0, f"k{number}", (), Response(text), call).record()


def _writer(folder: Path, plan: int) -> CellWriter:
    writer = CellWriter(folder, HEADER).open()
    writer.plan(plan)
    writer.save()
    return writer


def _seal(writer: CellWriter) -> None:
    async def all_parts() -> None:
        while writer.complete_parts:
            await writer.seal_next()

    asyncio.run(all_parts())


def _names(folder: Path) -> list[str]:
    return [path.name for path in segments(folder).values()]


def _version(folder: Path) -> int:
    version = orjson.loads((folder / layout.RUN).read_bytes())["schema_version"]
    assert isinstance(version, int)
    return version


def _answers(folder: Path) -> dict[str, str]:
    table = cell(folder).answers(["id", "raw"])
    return dict(zip(table["id"].to_pylist(), table["raw"].to_pylist(), strict=True))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 4)


def test_the_segment_of_a_part_goes_with_it_and_no_line_is_copied(tmp_path: Path) -> None:
    writer = _writer(tmp_path, 10)
    for at in (0, 1, 2):
        writer.add([(at, _line(at))])
    assert (_names(tmp_path), _version(tmp_path)) == (["journal.jsonl"], layout.SCHEMA_VERSION)
    for at in (4, 3, 5):
        writer.add([(at, _line(at))])
    writer.flush()
    assert (_names(tmp_path), _version(tmp_path)) == (["journal.jsonl", "journal-0002.jsonl"], 2)
    second = tmp_path / "journal-0002.jsonl"
    before = second.stat().st_ino, second.read_bytes()
    _seal(writer)
    assert _names(tmp_path) == ["journal-0002.jsonl"]
    assert (second.stat().st_ino, second.read_bytes()) == before
    with pytest.raises(BadData, match="schema_version 2, this hemm reads 1: use the version that wrote it"):
        read_checked(tmp_path / layout.RUN, {}, "")  # as hemm 0.1.0 reads it, which would miss these lines
    assert list(_answers(tmp_path)) == [f"s{n:05d}" for n in range(6)]
    for at in range(6, 10):
        writer.add([(at, _line(at))])
    _seal(writer)
    writer.seal_rest()
    writer.save()
    writer.close()
    assert (_names(tmp_path), _version(tmp_path)) == ([], layout.SCHEMA_VERSION)
    assert cell(tmp_path).calls()["id"].to_pylist() == [f"s{n:05d}" for n in range(10)]


def test_a_replaced_line_does_not_come_back(tmp_path: Path) -> None:
    first = _writer(tmp_path, 3)
    for at, number in enumerate((0, 8, 9)):
        first.add([(at, _line(number, "old"))])
    first.close()
    second = _writer(tmp_path, 8)  # 8 and 9 are of a selection that it does not ask
    for at in range(8):
        second.add([(at, _line(at + 1 if at < 4 else at % 4 * 10, "new", started=100.0 + at))])
    _seal(second)  # the part of the new answer to 0 too: its segment stays while the old line is there
    assert _names(tmp_path) == ["journal.jsonl", "journal-0002.jsonl"]
    second.close()
    with CellWriter(tmp_path, HEADER) as third:
        assert {key[0] for key, _ in third.journaled_keys()} == {"s00008", "s00009"}
        assert _answers(tmp_path)["s00000"] == "new"
        third.plan(0)
        third.seal_rest()
    assert _names(tmp_path) == []
    assert _answers(tmp_path)["s00000"] == "new"


def test_killed_anywhere_the_newest_answers_are_kept(tmp_path: Path) -> None:
    """Commands of different selections, each left at a random point without a word: what is kept is the
    newest answer to each sample, once."""
    for seed in range(8):
        chance, clock, folder = random.Random(seed), 0.0, tmp_path / str(seed)
        newest: dict[str, str] = {}
        for _ in range(6):
            plan = chance.sample(range(20), chance.randrange(1, 20))
            writer = _writer(folder, len(plan))
            order = list(enumerate(plan))
            if chance.random() < 0.5:
                chance.shuffle(order)
            for at, number in order[: chance.randrange(len(order) + 1)]:
                name, clock = f"s{number:05d}", clock + 1
                if writer.lookup((name, 0)) and chance.random() < 0.7:
                    writer.claim(at, (name, 0))
                else:
                    writer.add([(at, _line(number, f"at {clock}", clock))])
                    newest[name] = f"at {clock}"
                if chance.random() < 0.3:
                    _seal(writer)
            writer.flush()
            writer._lock.release()  # as the system does for a killed process
            assert _answers(folder) == newest
            stored = read_run(folder)
            assert stored is not None
            assert _version(folder) == 2 or max(segments(folder), default=1) == 1
        with CellWriter(folder, HEADER) as last:
            last.plan(0)
            last.seal_rest()
            last.save()
        assert (_names(folder), _version(folder), _answers(folder)) == ([], 1, newest)
        calls = cell(folder).calls()
        assert len(set(calls["started"].to_pylist())) == calls.num_rows  # no answer is sealed twice


def test_a_damaged_line_of_any_segment_is_told_and_repaired(tmp_path: Path) -> None:
    writer = _writer(tmp_path, 8)
    for at in (0, 1, 4, 5):
        writer.add([(at, _line(at))])
    writer.close()
    later = segment_path(tmp_path, 2)
    later.write_bytes(later.read_bytes().replace(b"yes", b"yez", 1))
    assert "journal-0002.jsonl: 1 line is torn or damaged" in cell(tmp_path).dropped_lines()
    *_, found = examine(tmp_path, repair=True)
    assert [damage.file for damage in found] == [later]
    assert cell(tmp_path).dropped_lines() == ""
    assert len(_answers(tmp_path)) == 3


def test_a_run_in_progress_counts_no_answer_twice(tmp_path: Path) -> None:
    """A segment of an earlier command has lines of two parts; of one that is sealed they count as sealed."""
    first = _writer(tmp_path, 8)
    for at in (0, 1, 2):
        first.add([(at, _line(at))])
    first.add([(3, _line(6))])
    first.close()
    live = Live()
    second = _writer(tmp_path, 8)
    for at in (0, 1, 2):
        second.claim(at, (f"s{at:05d}", 0))
    second.claim(6, ("s00006", 0))

    def done() -> int:
        second.flush()
        (run,) = live.look([FoundCell("r", "0" * 12, cell(tmp_path))])
        return run.done

    assert done() == 4
    second.add([(3, _line(3))])
    assert done() == 5
    _seal(second)
    assert _names(tmp_path) == ["journal.jsonl"]
    assert done() == 5
    second.add([(4, _line(4))])
    assert _names(tmp_path) == ["journal.jsonl", "journal-0002.jsonl"]
    assert done() == 6
    second.close()


def test_a_journal_file_that_no_hemm_wrote_is_none(tmp_path: Path) -> None:
    writer = _writer(tmp_path, 1)
    writer.close()
    for name in ("journal-0001.jsonl", "journal-2.jsonl", "journal-99999999.jsonl", "journal-x.jsonl"):
        write_json(tmp_path / name, {})
    assert segments(tmp_path) == {}


def test_a_line_of_a_true_checksum_that_is_no_answer_is_dropped_and_told(tmp_path: Path) -> None:
    journal = segment_path(tmp_path, 1)
    journal.write_bytes(encode({"nothing": 1}) + encode({"key": "of a verdict"}))
    warnings: list[str] = []
    assert Segments(tmp_path, lambda: None).load(None, warnings) == {}
    assert len(warnings) == 1
    assert "2 lines are torn or damaged (the first at byte 0)" in warnings[0]
