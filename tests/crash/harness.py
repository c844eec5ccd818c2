"""Runs that are killed: child processes, real SIGKILL, resumed until they are complete.

Children are forked from a process that has everything imported (``python -m crash.harness``), so that a life
is short enough to be ended often. What they ask is written down by who is asked: by the HTTP server, or by
the model with one O_APPEND write.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake import Batched, sample, task
from hemm.core import Layout, Request, Response, Task, Usage
from hemm.data.pack.reader import open_pack
from hemm.data.sources.kinds import Generated
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.results import layout
from hemm.results.journal import FLUSH_LINES, scan
from hemm.results.read import cell, cells
from hemm.results.segments import segments

SAMPLES, PART_ROWS, BATCH, CONCURRENCY = 260, 90, 7, 12


def crash_task() -> Task:
    """A task of questions of very different length, so that batches are not in plan order."""
    rows = [
        sample(i, fields={"question": f"Is {i} even? {'Think. ' * (i * 37 % 11)}"}) for i in range(SAMPLES)
    ]
    return task(sources=(Generated(Layout((), lambda _: iter(rows))),))


@dataclass
class Tells(Batched):
    """A local model whose answers depend on their batch, and which writes down what it is asked."""

    log: str = ""
    pause: float = 0.006

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        together = hashlib.sha256(" ".join(r.sample_id for r in requests).encode()).hexdigest()
        _tell(self.log, requests)
        time.sleep(self.pause)
        return [Response(f"yes {together} {r.sample_id}", usage=Usage(1, 1)) for r in requests]


def batched(out: Path, pack: Path, log: str) -> None:
    """A child's life with the local model."""
    _live(out, pack, Tells(batch_size=BATCH, log=log))


def served(out: Path, pack: Path, url: str) -> None:
    """A child's life with the model behind HTTP."""
    from hemm.models import resolve

    _live(out, pack, resolve(url))


def local(out: Path, pack: Path, told: str) -> None:
    """A child's life with a checkpoint: ``told`` is its spec and where to write down what it is asked."""
    import torch

    from hemm.models import ModelOptions, resolve

    spec, log = told.split("|")
    torch.set_num_threads(1)
    model: Any = resolve(spec, ModelOptions(batch_size=BATCH))
    generate = model.generate_batch

    def tell(requests: Sequence[Request]) -> list[Response]:
        _tell(log, requests)
        found: list[Response] = generate(requests)
        return found

    model.generate_batch = tell
    _live(out, pack, model)


def _tell(log: str, requests: Sequence[Request]) -> None:
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, "".join(f"{r.sample_id}\n" for r in requests).encode())
    os.close(out)


def _live(out: Path, pack: Path, model: Any) -> None:
    layout.PART_ROWS = PART_ROWS
    options = RunOptions(out=out, concurrency=CONCURRENCY)
    asyncio.run(run_cells(options, [model], [(crash_task(), open_pack(pack))], Silent()))


def unplugged(out: Path, pack: Path, told: str) -> None:
    """A child's life on a disk that keeps only what it is told to: ``told`` is the server and the store."""
    from crash.disk import remember
    from hemm.results import journal

    url, store = told.split("|")
    remember(Path(store))
    journal.SYNC_SECONDS = 0.05  # a life is short
    served(out, pack, url)


def command(out: Path, log: Path, told: str) -> None:
    """A child's life as the command line. ``told``: the words of the command, and ``most``, the most bytes
    that a file may have (0: any number), as on a disk that is full."""
    import resource

    from hemm import cli

    facts = json.loads(told)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    layout.PART_ROWS = PART_ROWS
    if facts["most"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (facts["most"], resource.RLIM_INFINITY))
    try:
        cli.main([*facts["words"], "--out", str(out)])
    except SystemExit as end:
        os._exit(int(end.code or 0))


def fork_for_ever() -> None:
    """For each line [target, out, arg, ...] fork a child that lives it; tell its pid, then how it ended."""
    targets = {
        "batched": batched,
        "served": served,
        "local": local,
        "unplugged": unplugged,
        "command": command,
    }
    for module in sys.argv[1:]:  # what every child needs, once
        importlib.import_module(module)

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup hemm does not hear it
    for line in sys.stdin:
        target, *args = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                targets[target](Path(args[0]), Path(args[1]), args[2])
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


@dataclass
class Nursery:
    """The process that children are forked from. ``preload``: modules that they need."""

    preload: tuple[str, ...] = ("hemm.engine.score", "hemm.metrics.scoring", "hemm.models.api.openai")

    def __enter__(self) -> Nursery:
        paths = os.pathsep.join(p for p in sys.path if p)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash.harness", *self.preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": paths},
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def live(
        self, target: str, *args: str, seconds: float | None, by: int = signal.SIGKILL
    ) -> tuple[int, float]:
        """Exit code (-9: killed) and length of a child's life, ended after ``seconds`` by the signal
        ``by``."""
        pipe = self._process.stdout
        assert self._process.stdin is not None
        assert pipe is not None
        self._process.stdin.write(json.dumps([target, *args]).encode() + b"\n")
        pid, began = int(pipe.readline()), time.monotonic()
        if not select.select([pipe], [], [], seconds)[0]:
            with suppress(ProcessLookupError):  # it may end at this very moment
                os.kill(pid, by)
        return int(pipe.readline()), time.monotonic() - began


@dataclass
class Lives:
    """Starts children, kills them, and counts.

    ``asked`` gives every sample id asked so far, in order, over all children.
    """

    nursery: Nursery
    target: str
    args: tuple[str, ...]
    asked: Callable[[], list[str]]
    in_flight: int
    seed: int = 0
    kills: int = 0
    lost: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def live(self, out: Path, seconds: float | None = None) -> float | None:
        """One child on ``out``, killed after ``seconds``: how long it lived, None where it was killed."""
        code, length = self.nursery.live(self.target, str(out), *self.args, seconds=seconds)
        if code == -signal.SIGKILL:
            self.kills += 1
            return None
        assert code == 0, code
        return length

    def until_complete(self, out: Path, life: float, kills: int) -> None:
        """Children on ``out``, each killed at a random point of its life, until one completes.

        After each kill: what had been answered and is not on the disk is no more than was in flight and one
        flush window.
        """
        before = len(self.asked())
        while True:
            done = self.live(out, self.random.uniform(0, life * 1.05) if self.kills < kills else None)
            asked = Counter(self.asked()[before:])
            if done is not None:
                break
            kept = kept_ids(out)
            lost = set(asked) - kept
            self.lost.append(len(lost))
            assert len(lost) <= self.in_flight + FLUSH_LINES
        assert len(asked) == SAMPLES
        again = sum(asked.values()) - len(asked)
        assert again <= sum(self.lost) + self.in_flight * len(self.lost)


def kept_ids(out: Path) -> set[str]:
    """Sample ids whose answer is on the disk."""
    kept: set[str] = set()
    for journal in out.rglob("journal*.jsonl"):
        kept.update(record["id"] for _, _, record in scan(journal))
    if list(out.rglob(layout.RUN)):
        for found in cells(out):
            for part in found.parts:
                import pyarrow.parquet as pq

                kept.update(pq.read_table(found.folder / part.file, columns=["id"])["id"].to_pylist())
    return kept


def parts(out: Path) -> dict[str, bytes]:
    """Bytes of the sealed parts of the one cell below ``out``, after its seals were checked."""
    (found,) = cells(out)
    found.verify()
    assert found.state == "sealed"
    assert cell(found.folder).answers(["id"]).num_rows == SAMPLES
    assert not segments(found.folder)
    assert not list(out.rglob("*.tmp"))
    return {p.name: p.read_bytes() for p in sorted(found.folder.glob("answers/*"))}


if __name__ == "__main__":
    fork_for_ever()
