"""Shell completion: bash itself sources the script and is asked what may stand next."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hemm import cli

BASH = shutil.which("bash")


def complete(folder: Path, *words: str) -> list[str]:
    """What bash proposes for the last of ``words``."""
    program = folder / "bin/hemm"
    if not program.exists():
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hemm.cli "$@"\n')
        program.chmod(0o755)
    script = (
        'eval "$(hemm completion bash)"; complete -p hemm >/dev/null || exit 9; '
        f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; "
        '_hemm_completion hemm; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(BASH), "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(BASH is None, reason="no bash here")
def test_bash_completes_commands_names_words_and_folders(tmp_path: Path) -> None:
    (tmp_path / "results-of-may").mkdir()
    assert complete(tmp_path, "hemm", "prof") == ["profile"]
    assert complete(tmp_path, "hemm", "run", "--task", "probe_sh") == ["probe_shapes"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "baseline/o"], "baseline/oracle"),
        (["score", "--metric", "exact"], "exact_match"),
        (["profile", "--format", "mark"], "markdown"),
        (["profile", "--boot"], "--bootstrap"),
        (["completion", "f"], "fish"),
        (["tasks", "vqa_r"], "vqa_rad"),
    ],
)
def test_what_may_stand_next(words: list[str], wanted: str) -> None:
    from click.shell_completion import ShellComplete

    found = ShellComplete(cli.group, {}, "hemm", "_HEMM_COMPLETE").get_completions(words[:-1], words[-1])
    assert wanted in [item.value for item in found]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(["completion", shell]) == 0
    assert f"_HEMM_COMPLETE={shell}_complete" in capsys.readouterr().out
    assert cli.status(["completion", "tcsh"]) == 2
    assert "unknown shell 'tcsh'" in capsys.readouterr().err
