"""``hemm run`` as a user types it: options, files, exit status, interruption."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake import picture
from hemm.cli import status
from hemm.core import HemmError
from hemm.engine.options import RunOptions
from hemm.results import layout
from hemm.results.lock import Lock
from hemm.results.read import cells
from servers import ChatServer


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of twelve pictures with a yes-or-no question each."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(12):
        (folder / f"{n}.png").write_bytes(picture(n).data)
        rows.append({"id": f"q{n}", "image": f"{n}.png", "question": f"Red {n}?", "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as found:
        yield found


def _run(server: ChatServer, data: Path, *more: str) -> int:
    return status(["run", server.spec(), "--task", str(data), *more])


def test_what_arrives_is_what_the_folder_holds(server: ChatServer, data: Path, capsys) -> None:
    assert _run(server, data) == 0
    assert sorted(p for r in server.requests for p in r.pictures) == sorted(
        p.read_bytes() for p in data.glob("*.png")
    )
    out, err = capsys.readouterr()
    assert "12 answers, 12 asked now" in out
    assert "12 of 12" in err
    assert _run(server, data) == 0
    assert server.asked == 12
    assert "0 asked now" in capsys.readouterr().out


def test_errors_end_with_status_3_and_are_listed_and_mended(server: ChatServer, data: Path, capsys) -> None:
    server.always = "400"
    server.faults = ["ok"]
    assert _run(server, data, "--stop-after", "0") == 3
    err = capsys.readouterr().err
    assert "11 samples ended in an error" in err
    assert "and 1 more" in err
    assert err.strip().splitlines()[-1] == (
        "hemm: they are permanent: the same command does not ask them again, --retry-errors does"
    )
    server.always = ""
    assert _run(server, data) == 3
    assert _run(server, data, "--retry-errors") == 0


def test_a_broken_picture_is_no_reason_to_stop(server: ChatServer, data: Path, capsys) -> None:
    (data / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert _run(server, data) == 3
    assert server.asked == 11
    assert "q3" in capsys.readouterr().err
    assert _run(server, data) == 3
    assert server.asked == 11


def test_a_config_file_gives_options_and_the_command_line_wins(
    server: ChatServer, data: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        f"models: [{json.dumps(server.spec())}]\ntask: {data}\nlimit: 5\nout: elsewhere\n"
        "set: {max_new_tokens: 3}\nrepeats: 2\n"
    )
    assert status(["run", "--config", str(config), "--limit", "3"]) == 0
    (found,) = cells(tmp_path / "elsewhere")
    assert found.answers().num_rows == 6
    assert found.run["protocol_spec"]["generation"]["max_new_tokens"] == 3
    assert {r.body["max_tokens"] for r in server.requests} == {3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limt: 3", "did you mean 'limit'"),
        ("limit: many", "limit: 'many' is not a whole number"),
        ("control: gray", "did you mean 'grey'"),
        ("retry_errors: 3", "retry-errors does not take"),
        ("limit: [1, 2]", "limit does not take"),
        ("- a", "give 'key: value' lines"),
        ("a: [", "line 1"),
    ],
)
def test_a_wrong_config_is_one_line(tmp_path: Path, capsys, text: str, said: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    assert status(["run", "--config", str(tmp_path / "run.yaml")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--control", "gray"], "did you mean 'grey'"),
        (["--perturb", "noize:3"], "did you mean 'noise'"),
        (["--limit", "0"], "--limit"),
        (["--prompt", "nowhere.txt"], "nowhere.txt cannot be read"),
        (["--metric", "acuracy"], "did you mean 'accuracy'"),
        (["--task", "nlvrr"], "did you mean 'nlvr'"),
        (["--limt", "3"], "did you mean '--limit'"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_asked(
    server: ChatServer, data: Path, capsys, args: list[str], said: str
) -> None:
    assert _run(server, data, *args) == 2
    err = capsys.readouterr().err
    assert err.count("hemm: ") == 1
    assert said in err.splitlines()[-1]  # what the preparation met may stand before it
    assert server.asked == 0


def test_a_prompt_that_asks_for_what_is_not_there(
    server: ChatServer, data: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "p.txt").write_text("{{ image }}{{ questionn }}")
    assert _run(server, data, "--prompt", "p.txt") == 2
    err = capsys.readouterr().err
    assert "p.txt asks for {{ questionn }}" in err
    assert "did you mean 'question'" in err
    assert server.asked == 0


def test_a_second_process_on_the_same_cell_is_refused(server: ChatServer, data: Path, capsys) -> None:
    assert _run(server, data, "--limit", "2") == 0
    (found,) = cells(Path("results"))
    with Lock(found.folder / layout.LOCK):
        code = subprocess.run(
            [sys.executable, "-m", "hemm.cli", "run", server.spec(), "--task", str(data)],
            capture_output=True, text=True,
        )  # fmt: skip
    assert code.returncode == 2
    assert "is being written by process" in code.stderr.splitlines()[-1]
    assert code.stderr.count("hemm: ") == 1


def test_a_dry_run_asks_nothing_and_leaves_nothing(server: ChatServer, data: Path, capsys) -> None:
    assert _run(server, data, "--dry-run", "--repeats", "2") == 0
    assert "24 of 24 answers to ask" in capsys.readouterr().out
    assert server.asked == 0
    assert not Path("results").exists()


def test_interrupted_a_run_says_how_to_resume_and_does(data: Path) -> None:
    with ChatServer(latency=0.3) as server:
        command = [sys.executable, "-m", "hemm.cli", "run", server.spec(), "--task", str(data)]
        command += ["--concurrency", "2"]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while server.asked < 5:
            time.sleep(0.02)
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        assert child.returncode == 130
        assert "the same command goes on from there" in err
        (found,) = cells(Path("results"))
        assert found.state == "open"
        kept = found.answers().num_rows
        assert kept >= 3
        asked = server.asked
        server.latency = 0.0
        assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
        assert server.asked == asked + 12 - kept


def test_the_python_interface_mirrors_it(server: ChatServer, data: Path, tmp_path: Path) -> None:
    import hemm
    from hemm.core import UnknownName

    results = hemm.run(server.spec(), str(data), out=tmp_path / "api", limit=4)
    assert [c.answers().num_rows for c in results] == [4]
    assert [c.folder for c in hemm.load(tmp_path / "api")] == [results.cells[0].folder]
    assert results.profile() is not None
    assert hemm.__version__
    with pytest.raises(UnknownName, match="did you mean 'limit'"):
        hemm.run(server.spec(), str(data), limt=4)


def test_a_stop_text_keeps_its_letters_and_reads_line_ends() -> None:
    options = RunOptions(settings=(("stop", "Ende é\\n"), ("stop", "###")))
    assert options.generation(8).stop == ("Ende é\n", "###")


def test_another_seed_of_the_random_baseline_is_another_cell(tmp_path: Path) -> None:
    answers = set()
    for seed in ("0", "0", "1"):
        words = ["run", "baseline/random", "--task", "probe_shapes", "--seed", seed, "--out", str(tmp_path)]
        assert status(words) == 0
    found = cells(tmp_path)
    for cell in found:
        answers.add(tuple(cell.answers()["raw"].to_pylist()))
    assert len(found) == len(answers) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"settings": {"temperature": float("nan")}}, "temperature=nan: give a number"),
        ({"max_cost": float("inf")}, "--max-cost inf: give a number"),
        ({"shots": -1}, "--shots -1: give 0 or more"),
        ({"until_ci": float("nan")}, "--until-ci nan: give a number"),
    ],
)
def test_numbers_from_python_are_checked_as_those_of_the_command_line(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    import hemm

    with pytest.raises(HemmError, match=re.escape(told)):
        hemm.run("baseline/oracle", "probe_shapes", out=tmp_path, **options)


def test_the_last_line_counts_the_selection_and_names_a_score_over_more(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(server, data, "--limit", "7", "--repeats", "2") == 0
    assert "scored, with" not in capsys.readouterr().out
    assert _run(server, data, "--limit", "3") == 0
    out = capsys.readouterr().out
    assert ": sealed; 3 answers, 0 asked now; 14 answers are scored, with those of earlier selections" in out
    assert _run(server, data) == 0
    assert "12 answers, 5 asked now; 19 answers are scored" in capsys.readouterr().out


def test_a_shard_says_which_part_of_what_it_is(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hemm.report.page.method import selection

    for limit in ([], ["--limit", "8"]):
        out = Path(f"r{len(limit)}")
        assert _run(server, data, "--out", str(out), "--shard", "2/3", *limit) == 0
        (folder,) = out.glob("shards/2-of-3")
        assert status(["score", str(folder)]) == 0
        capsys.readouterr()
        assert status(["profile", str(folder)]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        of = "the first 8 units in the order of seed 0" if limit else "all samples"
        assert f"Selection: shard 2/3 of {of}." in shown
        (cell,) = cells(folder)
        units = cell.answers(["unit"]).num_rows
        of = "up to 8 units drawn by seed 0" if limit else "all"
        assert selection(cell.run) == f"{units} units: shard 2/3 of {of}"
