"""hemm's commands in processes of their own, forked from one that has imported everything.

A command that starts from nothing spends most of its time on imports. Where a test is about files, output and
exit status, and not about how a process starts, this is as real and takes a fifth of the time.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LATE = ("aiohttp", "matplotlib.figure", "pyarrow.compute", "scipy.stats")
"""What most commands import late."""
HEAVY = ("hemm.models.hf", "hemm.models.worker.recipes", "hemm.models.worker.lib", "hemm.cli.__main__")


def run_command(
    *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: int = 120
) -> subprocess.CompletedProcess[str]:
    """What ``subprocess.run`` gives for ``hemm WORDS``; -14 where it took longer than ``timeout`` seconds."""
    nest = _nest()
    assert nest.stdin is not None
    assert nest.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        told = {"words": words, "cwd": str(cwd or Path.cwd()), "env": dict(env or os.environ)}
        nest.stdin.write(json.dumps({**told, "folder": folder, "timeout": timeout}).encode() + b"\n")
        code = int(nest.stdout.readline())
        out, err = (Path(folder, name).read_text("utf-8", "replace") for name in ("out", "err"))
    return subprocess.CompletedProcess(["hemm", *words], code, out, err)


@cache
def _nest() -> subprocess.Popen[bytes]:
    nest = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )

    def end() -> None:
        assert nest.stdin is not None
        nest.stdin.close()
        nest.wait()

    atexit.register(end)
    return nest


def _live(words: list[str], cwd: str, env: dict[str, str], folder: str, timeout: int) -> None:
    """A child's life."""
    from hemm import cli

    for name, number in (("/dev/null", 0), (f"{folder}/out", 1), (f"{folder}/err", 2)):
        stream = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    signal.alarm(timeout)
    sys.argv[:] = ["hemm", *words]
    code = 0
    try:
        cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def fork_for_ever() -> None:
    import hemm

    names = [module.name for module in pkgutil.walk_packages(hemm.__path__, "hemm.")]
    for name in (*LATE, *(name for name in names if not name.startswith(HEAVY))):
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _live(**json.loads(line))
            finally:
                os._exit(1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    fork_for_ever()
