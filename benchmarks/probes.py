"""How long 10,000 samples of the factorial probes take to draw (to hold: 60 s on two cores).

    python benchmarks/probes.py [--samples 10000] [--processes 2]

Each process draws its part with seeds of its own, pictures encoded; the time is from the first start to the
last end, and the processor time of each process, which other work on the machine does not change: the exit
status is 1 where that misses the limit.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor

from hemm.tasks.probes.factorial.samples import generate
from hemm.tasks.probes.factorial.signs import USE_CASES

LIMIT, WHOLE = 60.0, 288


def draw(part: tuple[str, int]) -> tuple[int, int, float]:
    """A use case with one seed: samples, bytes of pictures, processor seconds."""
    start = time.process_time()
    sizes = [len(s.media[0].data) for s in generate(*part)]
    return len(sizes), sum(sizes), time.process_time() - start


def main() -> int:
    """Measure and print; 1 where it takes too long."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    packs = -(-given.samples // WHOLE)
    parts = [(case, seed) for seed in range(-(-packs // len(USE_CASES))) for case in USE_CASES][:packs]
    start = time.perf_counter()
    with ProcessPoolExecutor(given.processes) as pool:
        counts, sizes, seconds = zip(*pool.map(draw, parts), strict=True)
    took = time.perf_counter() - start
    busy = sum(seconds) / given.processes
    held = "held" if busy < LIMIT else "MISSED"
    print(
        f"{sum(counts):,} samples, {sum(sizes) / 1e6:.0f} MB: {took:.1f} s with {given.processes} processes"
    )
    print(f"processor time: {busy:.1f} s a process, {sum(seconds) / sum(counts) * 1e3:.2f} ms a sample")
    print(f"limit {LIMIT:.0f} s of processor time a process: {held}")
    return int(busy >= LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
