"""One child process: what it prints, how it ended, and that its group ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hemm.core import HemmError, OutOfMemory
from hemm.models.process import guard
from hemm.models.process.child import ChildProcess, ProcessEnded


def started(program: str, **settings: object) -> ChildProcess:
    return ChildProcess([sys.executable, "-S", "-u", "-c", program], "child", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("program", "words", "name"),
    [
        ("raise SystemExit(3)", "ended with status 3", ""),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL", "SIGKILL"),
    ],
)
def test_it_says_how_it_ended(program: str, words: str, name: str) -> None:
    child = started(program)
    ended = child.ended()
    child.kill()
    assert (str(ended), ended.signal, ended.silent) == (words, name, True)


def test_a_batch_that_ended_two_processes_is_halved_or_sent_request_by_request() -> None:
    killed, failed = (
        ProcessEnded("was ended by SIGKILL", signal="SIGKILL"),
        ProcessEnded("ended with status 1"),
    )
    with pytest.raises(OutOfMemory, match="the worker was ended by SIGKILL, twice over the same requests"):
        killed.give_up("worker", 2)
    with pytest.raises(HemmError, match="the process ended with status 1, twice over the same requests"):
        failed.give_up("process", 2)
    assert killed.give_up("worker", 1, ": Bad").endswith("twice over the same request: Bad")


def test_lines_are_kept_without_secrets(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = started("print('my password', 'tangerine'); print('second')", secrets=("tangerine",), log=log)
    child.wait(30)
    assert child.last_lines(10) == ["my password [secret]", "second"]
    assert log.read_text() == "my password [secret]\nsecond\n"
    child.kill()


@pytest.mark.parametrize("stubborn", [False, True])
def test_its_children_and_its_folder_are_gone_with_it(tmp_path: Path, stubborn: bool) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if stubborn else ""
    inner = f"import signal, time; {ignore}\nprint('up', flush=True); time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {inner!r}])"
    child = started(program, folder=str(folder), log=tmp_path / "log")
    group = child._process.pid
    while "up" not in child.last_lines(0.05):
        assert child.running
    child.terminate(0.5 if stubborn else 30)
    assert not child.running
    assert not folder.exists()
    for _ in range(1200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"something of the group {group} still runs")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends it")
def test_a_process_that_is_stopped_ends_with_its_guard() -> None:
    program = "import os, signal; print(os.getpid(), flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    command = [guard.__file__, str(os.getpid()), "", sys.executable, "-S", "-c", program]
    started = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, start_new_session=True)
    assert started.stdout is not None
    pid = int(started.stdout.readline())
    started.kill()
    started.communicate()
    state = Path(f"/proc/{pid}/stat")
    for _ in range(1200):  # the kernel ends it in a few moments
        try:
            left = ") Z " not in state.read_text()
        except OSError:
            left = False
        if not left:
            break
        time.sleep(0.05)
    assert not left
