"""What it costs that the disk keeps the journal once a second.

    python benchmarks/journal_sync.py [FOLDER]

FOLDER (here): on the disk to measure. A model that answers at once is asked, so that
nothing hides the cost; runs with and without ``fdatasync`` take turns. Where the machine has other work, the
processor time and the fastest run say most. One more line says how long one ``fdatasync`` of a second's lines
takes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hemm.core import Capabilities, Card, Identity, Layout, Request, RequestModel, Response, Sample, Task
from hemm.data import files
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack
from hemm.data.sources.kinds import Generated
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.parsing.formats import OneOf
from hemm.results import journal

SAMPLES, ROUNDS = 12_000, 7


@dataclass
class AtOnce(RequestModel):
    """Answers at once."""

    spec: str = "at-once"
    identity: Identity = field(default_factory=lambda: Identity("at-once", "1"))
    capabilities: Capabilities = field(default_factory=Capabilities)
    concurrency: int = 64

    async def generate(self, request: Request) -> Response:
        return Response("yes")


def questions() -> Task:
    """Questions of the length that questions about pictures have."""
    rows = [
        Sample(
            f"s{number:05d}",
            fields={"question": f"Is {number} an even number, and if not, why is it odd?"},
            references=("no" if number % 2 else "yes",),
            choices=("yes", "no"),
        )
        for number in range(SAMPLES)
    ]
    return Task(
        name="even",
        card=Card("Even numbers"),
        sources=(Generated(Layout((), lambda folder: iter(rows))),),
        prompt="{{ question }}\n{{ instruction }}",
        answer=OneOf(),
        metrics=("accuracy",),
    )


def seconds(folder: Path, task: Task, pack: Pack) -> tuple[float, float]:
    """How long one run takes, and its processor time."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        options = RunOptions(out=Path(out), score=False)
        began, busy = time.perf_counter(), time.process_time()
        asyncio.run(run_cells(options, [AtOnce()], [(task, pack)], Silent()))
        return time.perf_counter() - began, time.process_time() - busy


def one_sync(folder: Path) -> float:
    """Seconds of one ``fdatasync`` of 2 MB, about what a second's lines come to."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(20):
            os.write(file.fileno(), os.urandom(2 << 20))
            began = time.perf_counter()
            files.sync_data(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HEMM_CACHE"] = cache
        task = questions()
        measure(folder, task, prepare(task))


def measure(folder: Path, task: Task, pack: Pack) -> None:
    """Print the figures."""
    seconds(folder, task, pack)
    took: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    sync = journal.sync_data
    for _ in range(ROUNDS):
        for name, how in (("without", lambda handle: None), ("with", sync)):
            journal.sync_data = how
            took[name].append(seconds(folder, task, pack))
    for name, times in took.items():
        fastest, busy = min(times)[0], statistics.median(t[1] for t in times)
        print(f"{name} fdatasync: {SAMPLES:,} answers in {fastest:.2f} s, {busy:.2f} s of processor time")
    print(f"one fdatasync of 2 MB: {1000 * one_sync(folder):.1f} ms")


if __name__ == "__main__":
    main()
