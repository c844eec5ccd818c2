"""What ends every command's help works: the examples are run, in their order, on what is bundled."""

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
NOT_RUN = {"serve": "it serves until it is ended", "completion": "run by bash in test_completion"}


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
    for part in ("1/2", "2/2"):
        words = ["run", "baseline/random", "--task", "probe_shapes", "--limit", "8", "--shard", part]
        assert cli.status([*words, "--out", "shards"]) == 0
    capsys.readouterr()
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address) or True))
    for name, line in EXAMPLES.items():
        if name in NOT_RUN:
            continue
        words = shlex.split(line)
        assert words[:2] == ["hemm", name]
        assert cli.status(words[1:]) == 0, (line, capsys.readouterr().err)
        assert capsys.readouterr().out.strip(), line
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
