"""What hemm adds to a model's own time: a model that answers at once, over samples with a small picture each.

    python benchmarks/overhead.py [--json] [--samples 200000] [--rounds 1]

From plan to sealed parts, and scoring; beside it, in turn, the time to read the same pack and do nothing
else. Microseconds a sample, peak memory, and the bytes that the run wrote beside those of its journal lines
and of the sealed cell. Every measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sides import calibration_line, table, written_by


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1, help="of reading and asking; medians are shown")
    parser.add_argument("--step", help=argparse.SUPPRESS)  # one measurement in a process of its own
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder, given)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), list[dict[str, Any]]()
        _step("prepare", folder, given)
        for number in range(given.rounds):
            read = _step("read", folder, given)
            found.append({**read, **_step("run", folder / str(number), given, cache=folder / "cache")})
    result = {key: statistics.median(one[key] for one in found) for key in found[0]}
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        print(calibration_line(), table(_rows(result)), sep="\n")


def _step(name: str, folder: Path, given: argparse.Namespace, cache: Path | None = None) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--step", name, "--folder", str(folder)]
    command += ["--samples", str(given.samples)]
    env = {**os.environ, "HEMM_CACHE": str(cache or folder / "cache")}
    env.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as the command line does
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def _task(count: int) -> Any:
    from hemm.core import Card, Layout, Sample, Task
    from hemm.data.sources.kinds import Generated
    from hemm.parsing.formats import YesNo

    def samples(_: Path) -> Iterator[Sample]:
        for n in range(count):
            yield Sample(
                id=f"sample-{n:06d}",
                media=(_picture(n),),
                fields={"question": f"Is the square number {n} red, or has it another colour?"},
                references=("yes" if n % 3 else "no",),
                metadata={"number": n},
            )

    return Task(
        name="overhead",
        card=Card("Overhead", labels={"use_case": "multimedia", "information_flow": "querying"}),
        sources=(Generated(Layout((), samples), revision=str(count)),),
        prompt="{{ image }}{{ question }}\n{{ instruction }}",
        answer=YesNo(),
        metrics=("accuracy",),
    )


def _picture(number: int) -> Any:
    import io

    import numpy as np
    from PIL import Image

    from hemm.core import Media

    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return Media(out.getvalue(), mime="image/png", name=f"{number}.png")


def _prepare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.data.pack.prepare import prepare

    return {"rows": len(prepare(_task(given.samples)))}


def _read(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.data.pack.prepare import prepare

    pack = prepare(_task(given.samples))
    began = time.perf_counter()
    count = sum(len(sample.media[0].data) > 0 for sample in pack.samples())
    return {"read_us": (time.perf_counter() - began) / count * 1e6}


def _run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.core import BatchModel, Capabilities, Identity, Request, Response
    from hemm.data.pack.prepare import prepare
    from hemm.engine.options import RunOptions, Silent
    from hemm.engine.run import run_cells
    from hemm.engine.score import score_cell

    class Nothing(BatchModel):
        spec, identity, capabilities, batch_size = "nothing", Identity("nothing"), Capabilities(), 64
        answer = Response("yes")

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            return [self.answer] * len(requests)

    task, journal = _task(given.samples), _counted_journal()
    pack = prepare(task)
    options = RunOptions(out=folder / "out", score=False)
    before = written_by()
    began, cpu = time.perf_counter(), time.process_time()
    (result,) = asyncio.run(run_cells(options, [Nothing()], [(task, pack)], Silent()))
    seconds, worked = time.perf_counter() - began, time.process_time() - cpu
    written = written_by() - before
    sealed = sum(file.stat().st_size for file in result.folder.rglob("*") if file.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )
    assert result.state == "sealed", result
    began, cpu = time.perf_counter(), time.process_time()
    score_cell(result.folder, task)
    return {
        "samples": result.asked,
        "run_us": seconds / result.asked * 1e6,
        "run_cpu_us": worked / result.asked * 1e6,
        "score_us": (time.perf_counter() - began) / result.asked * 1e6,
        "score_cpu_us": (time.process_time() - cpu) / result.asked * 1e6,
        "peak_mb": peak,
        "written_mb": written / 1e6,
        "journal_mb": journal() / 1e6,
        "sealed_mb": sealed / 1e6,
    }


def _counted_journal() -> Callable[[], int]:
    """A function that tells how many bytes of lines the journals of this process were given."""
    from hemm.results.journal import Journal

    append, total = Journal.append, 0

    def counted(self: Journal, records: Iterable[dict[str, Any]]) -> list[tuple[int, int]]:
        nonlocal total
        places = append(self, records)
        total += sum(length for _, length in places)
        return places

    Journal.append = counted  # type: ignore[method-assign]
    return lambda: total


STEPS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "prepare": _prepare,
    "read": _read,
    "run": _run,
}


def _rows(r: dict[str, Any]) -> list[tuple[str, str, str]]:
    beyond = (r["written_mb"] - r["journal_mb"]) / r["sealed_mb"]
    return [
        (
            f"do-nothing model, {r['samples']:,} samples: plan to sealed",
            f"{r['run_us']:.0f} us/sample",
            "< 60",
        ),
        ("  processor time of it", f"{r['run_cpu_us']:.0f} us/sample", ""),
        ("  reading the same pack, nothing else", f"{r['read_us']:.0f} us/sample", ""),
        ("  scoring afterwards", f"{r['score_us']:.0f} us/sample", ""),
        ("  processor time of it", f"{r['score_cpu_us']:.0f} us/sample", ""),
        ("  peak memory", f"{r['peak_mb']:.0f} MB", "< 250"),
        ("bytes written, less the journal's lines, for each of the sealed cell", f"{beyond:.2f}", "< 1.2"),
        (
            "  written, journal lines, sealed",
            "{written_mb:.1f} {journal_mb:.1f} {sealed_mb:.1f} MB".format(**r),
            "",
        ),
    ]


if __name__ == "__main__":
    main()
