"""Shards of a run, and what they are merged into."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake import FakePack, Served, go, sample
from hemm.core import Failure, HemmError, Response
from hemm.data.files import read_table
from hemm.engine.merge import merge, unmerged
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import _Command
from hemm.engine.shards import Shard
from hemm.results import layout
from hemm.results.checked import write_run
from hemm.results.read import cell, cells


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("3/16", {}, "3/16"),
        ("1/1", {"SLURM_ARRAY_TASK_ID": "7"}, "1/1"),
        # sbatch --array=0-15 and --array=1-16
        (
            "auto",
            {
                f"SLURM_ARRAY_TASK_{k}": v
                for k, v in (("ID", "0"), ("MIN", "0"), ("MAX", "15"), ("COUNT", "16"))
            },
            "1/16",
        ),
        (
            "auto/16",
            {
                f"SLURM_ARRAY_TASK_{k}": v
                for k, v in (("ID", "16"), ("MIN", "1"), ("MAX", "16"), ("COUNT", "16"))
            },
            "16/16",
        ),
        ("auto/4", {"JOB_COMPLETION_INDEX": "3"}, "4/4"),
    ],
)
def test_which_shard(text: str, environment: dict[str, str], shard: str) -> None:
    assert str(Shard.parse(text, environment)) == shard


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("0/4", {}, "counted from 1 to 4"),
        ("5/4", {}, "counted from 1 to 4"),
        ("3", {}, "as in 3/16"),
        ("3/0", {}, "1 to 100000 parts"),
        ("-1/4", {}, "as in 3/16"),
        ("1/99999999999999999999", {}, "as in 3/16"),
        ("auto", {}, "neither"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "1", "SLURM_ARRAY_TASK_ID": "1"}, "both"),
        ("auto", {"JOB_COMPLETION_INDEX": "1"}, "auto/16"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "4"}, "counted from 1 to 4"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "x"}, "no whole number"),
        # sbatch --array=3,7: a part of an array that is sent again would be cut in another way
        (
            "auto",
            {
                f"SLURM_ARRAY_TASK_{k}": v
                for k, v in (("ID", "7"), ("MIN", "3"), ("MAX", "7"), ("COUNT", "2"))
            },
            "name the part",
        ),
        (
            "auto/16",
            {
                f"SLURM_ARRAY_TASK_{k}": v
                for k, v in (("ID", "0"), ("MIN", "0"), ("MAX", "3"), ("COUNT", "4"))
            },
            "name the part",
        ),
    ],
)
def test_a_shard_that_is_not_certain_is_refused(text: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(HemmError, match=said):
        Shard.parse(text, environment)


def _samples(count: int, clusters: int) -> list[Any]:
    """Questions that share pictures and units, some of them turns of a conversation."""
    made = []
    for n in range(count):
        more: dict[str, Any] = {"cluster": f"c{n * 7 % clusters}"}
        if n % 11 == 10:
            more |= {"unit": f"s{n - 1:05d}"}
        if n % 13 == 12:
            more |= {"after": f"s{n - 3:05d}", "cluster": f"c{(n - 3) * 7 % clusters}"}
        made.append(sample(n, **more))
    return made


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 9), st.integers(1, 60))
def test_shards_cut_the_selection_and_nothing_that_belongs_together(count, clusters, of, limit) -> None:
    from hemm.engine.selection import select

    index = FakePack(_samples(count, clusters)).index()
    whole = select(index.ids, index.units, index.strata, index.after, seed=0, limit=None).rows
    part = select(index.ids, index.units, index.strata, index.after, seed=0, limit=limit).rows
    shards = [Shard(k, of).rows(whole, index).tolist() for k in range(1, of + 1)]
    assert sorted(row for rows in shards for row in rows) == whole.tolist()
    of_row = {row: k for k, rows in enumerate(shards) for row in rows}
    for names in (index.clusters, index.units):
        for a in range(count):
            for b in range(a):
                assert names[a] != names[b] or of_row[a] == of_row[b]
    for row, before in enumerate(index.after):
        assert before is None or of_row[row] == of_row[index.ids.index(before)]
    for k in range(1, of + 1):  # a smaller limit moves none
        assert set(Shard(k, of).rows(part, index).tolist()) <= set(shards[k - 1])


def _parts(out: Path) -> list[bytes]:
    (found,) = cells(out)
    found.verify()
    return [(found.folder / seal.file).read_bytes() for seal in found.parts]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 50)


@pytest.mark.parametrize(("limit", "count"), [(None, 5), (40, 16), (1, 3)])
def test_merged_shards_are_one_run_byte_for_byte(tmp_path: Path, limit: int | None, count: int) -> None:
    pack = FakePack(_samples(130, 40))
    asked = {"limit": limit, "repeats": 2}
    whole = Served()
    go(tmp_path / "whole", whole, pack, **asked)
    numbers = list(range(1, count + 1))
    random.Random(count).shuffle(numbers)
    several = Served()
    for number in numbers:
        out = tmp_path / ("a" if number % 2 else "b")
        go(out, several, pack, shard=f"{number}/{count}", **asked)
    assert sorted(several.asked) == sorted(whole.asked)
    (one,) = merge(tmp_path / "a", [tmp_path / "b"])
    assert (one.state, one.missing) == ("sealed", ())
    assert _parts(tmp_path / "a") == _parts(tmp_path / "whole")
    (merged,), (single,) = cells(tmp_path / "a"), cells(tmp_path / "whole")
    assert merged.run["selections"] == single.run["selections"]
    assert merged.calls().num_rows == single.calls().num_rows
    assert merged.run["tokens"] == single.run["tokens"]
    strata = [one.folder / layout.STRATA for one in (merged, single)]
    assert [path.exists() for path in strata] == [limit is not None] * 2
    assert len({str(read_table(path).to_pylist()) for path in strata if path.exists()}) <= 1
    again = Served()
    go(tmp_path / "a", again, pack, **asked)  # nothing is left to ask
    assert again.asked == []
    assert merge(tmp_path / "a", [tmp_path / "b"])[0].renewed is False
    assert unmerged(tmp_path / "a") == []


def test_shards_that_are_missing_are_named_and_the_cell_goes_on(tmp_path: Path) -> None:
    pack = FakePack(_samples(90, 30))
    for number in (1, 3):
        go(tmp_path, Served(), pack, shard=f"{number}/4")
    (one,) = merge(tmp_path)
    assert one.state == "open"
    assert one.missing == ("shard 2/4", "shard 4/4")
    go(tmp_path, Served(), pack, shard="2/4")
    (late,) = unmerged(tmp_path)
    assert "2-of-4" in late.as_posix()
    assert merge(tmp_path)[0].missing == ("shard 4/4",)
    rest = Served()
    go(tmp_path, rest, pack)  # the cell itself asks what no shard has
    go(tmp_path / "whole", Served(), pack)
    there = {row for part in cells(tmp_path)[0].parts for row in _ids(cells(tmp_path)[0], part.file)}
    assert len(there) == 90
    assert 0 < len(rest.asked) < 45


@pytest.mark.parametrize("removed_before_the_merge", [False, True])
def test_a_shard_of_another_number_keeps_no_complete_cell_open(
    tmp_path: Path, removed_before_the_merge: bool
) -> None:
    out, pack = tmp_path / "out", FakePack(_samples(60, 20))
    go(out, Served(), pack, shard="1/3")  # given by mistake
    go(out, Served(), pack, shard="1/2")
    assert set(merge(out)[0].missing) == {"shard 2/3", "shard 3/3", "shard 2/2"}
    if removed_before_the_merge:
        shutil.rmtree(out / "shards" / "1-of-3")
    go(out, Served(), pack, shard="2/2")
    (one,) = merge(out)
    assert (one.state, one.missing) == ("sealed", ())
    shutil.rmtree(out / "shards" / "1-of-3", ignore_errors=True)
    (one,) = merge(out)
    assert (one.state, one.missing) == ("sealed", ())
    go(tmp_path / "whole", Served(), pack)
    assert _parts(out) == _parts(tmp_path / "whole")
    (merged,), (single,) = cells(out), cells(tmp_path / "whole")
    assert merged.run["selections"] == single.run["selections"]


def test_a_shard_that_was_merged_and_removed_is_not_missing(tmp_path: Path) -> None:
    pack = FakePack(_samples(60, 20))
    go(tmp_path, Served(), pack, shard="1/3")
    merge(tmp_path)
    shutil.rmtree(tmp_path / "shards" / "1-of-3")
    go(tmp_path, Served(), pack, shard="2/3")
    assert merge(tmp_path)[0].missing == ("shard 3/3",)
    go(tmp_path, Served(), pack, shard="3/3")
    assert merge(tmp_path)[0].state == "sealed"


def test_a_missing_shard_is_named_with_its_limit(tmp_path: Path) -> None:
    pack = FakePack(_samples(60, 20))
    go(tmp_path, Served(), pack, shard="1/3", limit=30)
    assert merge(tmp_path)[0].missing == ("shard 2/3 of --limit 30", "shard 3/3 of --limit 30")
    shutil.rmtree(tmp_path / "shards" / "1-of-3")
    go(tmp_path, Served(), pack, shard="2/3", limit=30)
    assert merge(tmp_path)[0].missing == ("shard 3/3 of --limit 30",)
    go(tmp_path, Served(), pack, shard="3/3", limit=30)
    assert merge(tmp_path)[0].state == "sealed"


def test_a_cell_that_an_earlier_merge_left_open_is_closed(tmp_path: Path) -> None:
    """Version 0.1.0 named the other shards of one that was given by mistake as missing, for ever."""
    pack = FakePack(_samples(60, 20))
    for shard in ("1/3", "1/2", "2/2"):
        go(tmp_path, Served(), pack, shard=shard)
    (one,) = merge(tmp_path)
    run = cell(one.folder).run
    whole, stray = run["selections"][0], {**run["selections"][0], "shard": "1/3"}
    missing = {"missing": ["shard 2/3", "shard 3/3"]}
    left = {**run, "state": "open", "selections": [whole, stray], "merged": {**run["merged"], **missing}}
    write_run(one.folder, left)
    (one,) = merge(tmp_path)
    assert (one.state, one.missing) == ("sealed", ())


def _ids(found: Any, file: str) -> list[str]:
    return read_table(found.folder / file, ["id"])["id"].to_pylist()


def test_an_answer_beats_an_error_and_two_answers_are_a_conflict(tmp_path: Path) -> None:
    pack = FakePack([sample(n) for n in range(30)])
    gone = {f"s{n:05d}": Failure("server", "503", permanent=False) for n in range(30)}
    go(tmp_path / "a", Served(failing=gone), pack, shard="1/2", stop_after=0)
    go(tmp_path / "a", Served(), pack, shard="2/2")
    go(tmp_path / "b", Served(), pack, shard="1/2")

    class Other(Served):
        async def generate(self, request: Any) -> Response:
            return Response(
                "yes" if request.sample_id == "s00003" else (await super().generate(request)).text
            )

    (one,) = merge(tmp_path / "a", [tmp_path / "b"])
    assert one.state == "sealed"
    go(tmp_path / "c", Other(), pack)
    with pytest.raises(HemmError, match=r"1 request of fake-served on even .*s00003: .*--newest"):
        merge(tmp_path / "a", [tmp_path / "c"])
    before = _parts(tmp_path / "a")
    (one,) = merge(tmp_path / "a", [tmp_path / "c"], newest=True)
    assert [c.sample for c in one.conflicts] == ["s00003"]
    assert _parts(tmp_path / "a") == _parts(tmp_path / "c") != before


def test_other_protocols_data_and_rules_are_refused_together(tmp_path: Path) -> None:
    pack, other = FakePack(_samples(40, 9)), FakePack(_samples(41, 9))
    go(tmp_path, Served(), pack, shard="1/3")
    go(tmp_path, Served(), other, shard="2/3")
    go(tmp_path, Served(), pack, shard="3/3")
    with pytest.raises(HemmError, match=r"cannot be one: .*2-of-3.*another pack"):
        merge(tmp_path)
    assert not list(tmp_path.glob(f"fake-served/*/*/{layout.RUN}"))


def test_what_a_killed_merge_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    pack = FakePack(_samples(60, 20))
    go(out, Served(), pack, limit=10)
    for number in (1, 2):
        go(out, Served(), pack, shard=f"{number}/2")
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if ".tmp-" in str(path):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        merge(out)
    monkeypatch.undo()
    monkeypatch.setattr(layout, "PART_ROWS", 50)
    (one,) = merge(out)
    assert one.state == "sealed"
    go(tmp_path / "whole", Served(), pack)
    assert _parts(out) == _parts(tmp_path / "whole")
    assert not list((out / "shards").glob("before-*"))


def test_results_that_are_shards_alone_say_so(tmp_path: Path) -> None:
    go(tmp_path, Served(), FakePack(_samples(20, 9)), shard="1/2")
    with pytest.raises(HemmError, match="hemm merge"):
        cells(tmp_path)
    (one,) = cells(tmp_path / "shards" / "1-of-2")
    assert cell(one.folder).state == "sealed"


def test_money_is_shared_out() -> None:
    command = _Command(RunOptions(shard="2/4", max_cost=6.0), [], Silent())
    assert command.budget is not None
    assert command.budget.most == 1.5
    with pytest.raises(HemmError, match="--until-ci"):
        RunOptions(shard="2/4", until_ci=3.0)
