"""The command line's frame: lazy commands, one line an error, exit statuses, shared printing."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from hemm import cli
from hemm.cli import _common as common
from hemm.core import HemmError, UnknownName
from hemm.report.tables import writer

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run ``hemm toy ...`` with a body of the test's own: exit status, stdout, stderr."""

    def run(body: Callable[..., Any], *args: str) -> tuple[int, str, str]:
        @click.command()
        @click.option("--limit", type=common.NumberOr("auto"), default="auto")
        @click.option("--set", "settings", type=common.KeyValue(), multiple=True)
        @click.option("--concurrency", type=int)
        @common.format_option("table", "json", "csv", "markdown")
        def command(**options: Any) -> Any:
            return body(**options)

        module = ModuleType("hemm_toy_command")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli.COMMANDS, "toy", (f"{module.__name__}:command", "A toy."))
        code = cli.status(["toy", *args])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def raises(error: BaseException) -> Callable[..., Any]:
    """A command body that raises ``error``."""

    def body(**options: Any) -> None:
        raise error

    return body


def hemm(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hemm.cli", *args],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_every_command_that_is_there(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(args) == 0
    shown = capsys.readouterr().out
    for name, (where, line) in cli.COMMANDS.items():
        there = Path(cli.__file__).with_name(f"{where.rpartition('.')[2].partition(':')[0]}.py").exists()
        assert (f"  {name} " in shown and line.split()[0] in shown) == there


def test_a_command_that_is_not_written_yet_does_not_break_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "dream", ("hemm.cli.dream:command", "Dream."))
    assert cli.status(["--help"]) == 0
    assert "dream" not in capsys.readouterr().out
    assert cli.status(["dream"]) == 2
    said = capsys.readouterr().err
    assert "unknown command 'dream'" in said
    assert said.endswith("; hemm --help lists them\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hemm 0.")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["ty"], "hemm: unknown command 'ty'; did you mean 'toy'?"),
        (
            ["--vresion"],
            "hemm: unknown option '--vresion'; did you mean '--version'?; hemm --help lists them",
        ),
        (
            ["toy", "--limt", "3"],
            "hemm: unknown option '--limt'; did you mean '--limit'?; hemm toy --help lists them",
        ),
        (["toy", "--limit"], "hemm: Option '--limit' requires an argument"),
        (
            ["toy", "--limit", "x"],
            "hemm: Invalid value for '--limit': 'x' is not a whole number of at least 1 or 'auto'",
        ),
        (
            ["toy", "--limit", "0"],
            "hemm: Invalid value for '--limit': '0' is not a whole number of at least 1 or 'auto'",
        ),
        (["toy", "--set", "abc"], "hemm: Invalid value for '--set': 'abc' is not of the form KEY=VALUE"),
        (
            ["toy", "--concurrency", "many"],
            "hemm: Invalid value for '--concurrency': 'many' is not a valid integer",
        ),
        (["toy", "--format", "jsn"], "hemm: unknown format 'jsn'; did you mean 'json'?"),
        (["toy", "surplus"], "hemm: Got unexpected extra argument"),
    ],
)
def test_what_is_mistyped_is_one_line_and_status_2(
    say: Say, capsys: pytest.CaptureFixture[str], args: list[str], said: str
) -> None:
    say(lambda **options: None)
    assert cli.status(args) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (HemmError("rows.jsonl, line 3:\n  no field 'id'"), 2, "hemm: rows.jsonl, line 3: no field 'id'"),
        (
            UnknownName("task", "vqarad", ["vqa_rad"]),
            2,
            "hemm: unknown task 'vqarad'; did you mean 'vqa_rad'?",
        ),
        (HemmError("401 for api_key=sk-abcdefghijklmnopqrst"), 2, "hemm: 401 for api_key=[secret]"),
        (HemmError("odd \ud800 name"), 2, "hemm: odd \\ud800 name"),
        (click.UsageError("give one model"), 2, "hemm: give one model; hemm toy --help says more"),
        (
            FileNotFoundError(2, "No such file or directory", "a.yaml"),
            2,
            "hemm: No such file or directory: a.yaml",
        ),
        (OSError(28, "No space left on device"), 2, "hemm: No space left on device"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            2,
            "hemm: this command (torch) needs packages",
        ),
        (KeyboardInterrupt(), 130, "hemm: interrupted"),
        (click.Abort(), 130, "hemm: interrupted"),
        (
            KeyError("rows"),
            1,
            "hemm: a fault of hemm itself, please report it: KeyError: 'rows' (HEMM_DEBUG=1",
        ),
        (ModuleNotFoundError("No module named 'x'", name="x"), 1, "hemm: a fault of hemm itself"),
    ],
    ids=str,
)
def test_every_error_is_one_line(say: Say, error: BaseException, code: int, said: str) -> None:
    status, out, err = say(raises(error))
    assert (status, out) == (code, "")
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert "sk-abc" not in err


def test_the_traceback_shows_when_asked_for(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMM_DEBUG", "1")
    _, _, err = say(raises(KeyError("token=hf_abcdefghijklmnopqrstuvwx")))
    assert "Traceback" in err
    assert "hf_abc" not in err


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (3, 3), ("text", 0)])
def test_a_command_returns_its_status(say: Say, result: object, code: int) -> None:
    assert say(lambda **options: result)[0] == code


def test_a_command_may_end_itself(say: Say) -> None:
    assert say(lambda **options: click.get_current_context().exit(3))[0] == 3
    assert say(raises(SystemExit(3)))[0] == 3


def test_options_arrive_typed(say: Say) -> None:
    seen: dict[str, Any] = {}
    say(seen.update, "--limit", "20", "--set", "a=b=c", "--set", "d=", "--format", "json")
    assert seen["limit"] == 20
    assert seen["settings"] == (("a", "b=c"), ("d", ""))
    assert seen["format_"] == "json"
    say(seen.update)
    assert (seen["limit"], seen["settings"], seen["format_"]) == ("auto", (), "table")


def test_a_reader_that_goes_away_ends_the_command_without_a_word() -> None:
    code = "from hemm.cli import main, program as c; "
    code += "c._invoke = lambda args: [print('x' * 70) for _ in range(100_000)] and 0; main([])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(60) == 141


def test_a_terminal_without_utf8_does_not_end_a_command() -> None:
    done = hemm("tásk", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith("hemm: unknown command 't")


ROWS: list[dict[str, Any]] = [
    {"name": "a|b", "n": 3, "value": 1 / 3, "labels": {"use_case": "hci"}, "hidden": [1, 2]},
    {"name": "[bold]c\nd", "n": None, "value": float("nan"), "labels": {}, "hidden": []},
]
COLUMNS = ["name", "n", "value", "labels"]


def test_json_has_every_key_and_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    writer.emit(ROWS, COLUMNS, "json")
    shown = json.loads(capsys.readouterr().out)
    assert shown[0] == ROWS[0]
    assert shown[1]["value"] is None


def test_csv_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    writer.emit(ROWS, COLUMNS, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [r["name"] for r in rows] == ["a|b", "[bold]c\nd"]
    assert float(rows[0]["value"]) == 1 / 3
    assert rows[1]["value"] == rows[1]["n"] == ""


def test_markdown_cells_stay_cells(capsys: pytest.CaptureFixture[str]) -> None:
    writer.emit(ROWS, COLUMNS, "markdown")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| name | n | value | labels |"
    assert lines[2] == "| a\\|b | 3 | 0.333 | use_case=hci |"
    assert len(lines) == 4


def test_yes_and_no_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    for format_, said in (("table", "yes"), ("markdown", "| yes |"), ("csv", "true"), ("json", "true")):
        writer.emit([{"ready": True}], ["ready"], format_)
        assert said in capsys.readouterr().out


def test_tables_show_text_as_it_is_and_are_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    writer.emit([{"name": "x" * 300, "n": 1}, {"name": "[bold]c", "n": 2}], ["name", "n"], "table", "Title")
    shown = capsys.readouterr().out
    assert "x" * 300 in shown
    assert "[bold]c" in shown
    assert shown.splitlines()[0].strip() == "Title"
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_errors_are_listed_and_the_rest_counted(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_errors(
        [(f"toy/{i}", f"timeout\nafter {i} s, key=hf_abcdefghijklmnopqrst") for i in range(12)]
    )
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[3].startswith("  toy/3: timeout after 3 s")
    assert lines[-1] == "  and 2 more"
    assert "hf_abc" not in "".join(lines)


def test_a_folder_of_results_must_be_there(
    say: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @click.command()
    @common.results_argument()
    def command(folder: Path) -> None:
        click.echo(folder)

    say(lambda **options: None)
    sys.modules["hemm_toy_command"].command = command  # type: ignore[attr-defined]
    monkeypatch.chdir(tmp_path)
    assert cli.status(["toy"]) == 2
    assert (
        capsys.readouterr().err == "hemm: no folder of results at results: hemm run --out results makes one\n"
    )
    (tmp_path / "results").mkdir()
    assert cli.status(["toy"]) == 0
    assert capsys.readouterr().out == "results\n"


def test_tasks_read_well_in_a_narrow_terminal(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hemm.tasks import TASKS

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert cli.status(["tasks"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"\n  {name} " in text for name in TASKS.names())
    vcr = " ".join(text.split("\n  vcr ")[1].split("\n  visual_genome ")[0].split())
    assert vcr == (
        "53,068 samples; about 20 GB; form; not prepared; research only; terms of visualcommonsense.com "
        "fine grained, less reasoning, redundancy, fusion"
    )
    assert cli.status(["tasks", "winoground"]) == 0
    facts, _, how = capsys.readouterr().out.partition("How to get it:")
    assert max(map(len, facts.splitlines())) <= 80
    assert "access: gated (accept its terms on the hub, then: hf auth login)" in facts
    assert "\n  hemm prepare winoground    from hub:facebook/winoground\n" in how
    assert cli.status(["tasks", "mmbench"]) == 0
    _, _, how = capsys.readouterr().out.partition("How to get it:")
    assert "\n  hemm prepare mmbench:v11 --from FOLDER    with MMBench_DEV_EN_V11.tsv\n" in how
