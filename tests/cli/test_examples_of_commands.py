"""What ends every command's help works: the examples are run, in their order, on answers of baselines."""

from __future__ import annotations

import shlex
import webbrowser
from pathlib import Path

import click
import pytest

from hemm import cli
from hemm.cli._examples import EXAMPLES

VOTES = "a,b,winner,sample\n" + "".join(
    f"tiny,baseline/random,{'a' if n % 3 else 'b'},s{n}\n" for n in range(12)
)
ONLY_PARSED = {
    "serve": "it serves until it is ended",
    "annotate": "it serves until it is ended",
    "completion": "run by bash in test_completion",
    "merge": "it needs shards: tests/cli/test_shards_command.py has them",
    "interactions": "it needs --conditions: tests/analysis/test_interactions.py has them",
    "verify": "it asks a model all of its checks: tests of verify do",
}


def as_baseline(line: str) -> list[str]:
    """The words after ``hemm``, with a baseline for the model ``tiny``, which would load torch."""
    line = line.replace("/tiny/", "/baseline-oracle/")
    return ["baseline/oracle" if word == "tiny" else word for word in shlex.split(line)[1:]]


def test_every_help_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = cli.group.list_commands(click.Context(cli.group))
    assert set(names) == set(EXAMPLES)
    for name in names:
        assert cli.status([name, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert shown.endswith(f"Example: {EXAMPLES[name]}")


def test_the_examples_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "votes.csv").write_text(VOTES)
    (tmp_path / "shards").mkdir()
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address) or True))
    for name, line in EXAMPLES.items():
        words = as_baseline(line)
        if name in ONLY_PARSED:
            command = cli.group.get_command(click.Context(cli.group), name)
            assert command is not None
            inner = line.removeprefix('eval "$(').removesuffix(')"')
            command.make_context(name, shlex.split(inner.removeprefix(f"hemm {name}")))
            continue
        assert (line.split()[0], words[0]) == ("hemm", name)
        assert cli.status(words) == 0, (line, capsys.readouterr().err)
        shown = capsys.readouterr()
        assert shown.out.strip() or name == "doctor", line  # which speaks to people, on stderr
    assert opened == [(tmp_path / "results/report.html").as_uri()]
    assert (tmp_path / "labels.csv").exists()


def test_quiet_leaves_results_and_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.status(["run", "baseline/random", "--task", "probe_shapes", "--limit", "4", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    (line,) = shown.out.splitlines()
    assert "baseline-random" in line
    assert "probe_shapes" in line
    assert cli.status(["prepare", "probe_shapes", "-q"]) == 0
    shown = capsys.readouterr()
    assert (shown.err, len(shown.out.splitlines())) == ("", 1)
    assert cli.status(["run", "baseline/randon", "-q"]) == 2
    assert "did you mean" in capsys.readouterr().err
