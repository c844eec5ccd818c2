"""What the benchmarks share: processes that are measured, and a calibration beside absolute figures."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BUFFER, ROUNDS = 64 << 20, 2_000_000


@dataclass(frozen=True)
class Spent:
    """What one process took: seconds by the clock, seconds of processor (its children's too), bytes that it
    wrote to files (sockets apart), and its highest memory in MB."""

    began: float
    wall: float
    cpu: float
    written: int
    peak_mb: float


def spent(command: Sequence[str], env: Mapping[str, str] | None = None, cores: Sequence[int] = ()) -> Spent:
    """Run ``command`` to its end, on these cores only, and say what it took. Raises where it fails.

    ``began`` is of the clock that all processes of the machine share (``time.monotonic``).
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), *command] if cores else list(command),
            env=dict(env) if env is not None else None,
            stdout=subprocess.DEVNULL,
            stderr=told,
        )
        os.waitid(
            os.P_PID, process.pid, os.WEXITED | os.WNOWAIT
        )  # it stays, so that its bytes can be counted
        wall = time.monotonic() - began
        written = written_by(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            print(told.read().decode(errors="replace"), file=sys.stderr)
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    peak = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Spent(began, wall, used.ru_utime + used.ru_stime, written, peak)


def written_by(pid: int | str = "self") -> int:
    """Bytes that a process gave to ``write`` so far: files and pipes, no sockets; -1 where the system
    does not count them."""
    try:
        with open(f"/proc/{pid}/io") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("wchar"))
    except OSError:
        return -1


def two_cores() -> tuple[list[int], list[int]]:
    """A core for the measured side and one for the server; none pinned where the machine has only one."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return ([there[0]], [there[-1]]) if len(there) > 1 else ([], [])


def calibration() -> dict[str, float]:
    """How fast this machine is now: MB of a buffer hashed in a second of processor time, its nanoseconds for
    one round of a loop in pure Python, and seconds by the clock for one of it (1: nobody else worked)."""
    buffer, wall, cpu = bytes(BUFFER), time.perf_counter(), time.process_time()
    hashlib.sha256(buffer).digest()
    hashed = time.process_time() - cpu
    began, total = time.process_time(), 0
    for number in range(ROUNDS):
        total += number & 7
    looped = time.process_time() - began
    shared = (time.perf_counter() - wall) / (time.process_time() - cpu)
    return {"sha256_mb_s": BUFFER / hashed / 1e6, "loop_ns": looped / ROUNDS * 1e9, "clock_over_cpu": shared}


def calibration_line() -> str:
    """The same as one line."""
    found = calibration()
    return (
        f"calibration: Python {sys.version.split()[0]}, SHA-256 {found['sha256_mb_s']:.0f} MB/s, "
        f"a round of a Python loop {found['loop_ns']:.0f} ns, {found['clock_over_cpu']:.2f} s by the clock "
        "for one of processor time"
    )


def table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Rows (what, figure, what is to be reached) as text."""
    return "\n".join(f"{what:76} {figure:>18}   {aim}".rstrip() for what, figure, aim in rows)
