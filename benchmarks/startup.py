"""How long ``import hemm`` and ``hemm --help`` take beyond a bare interpreter (to hold: 0.3 s).

    python benchmarks/startup.py [--runs 15]

Every command is run in turn, round after round, so that a busy machine disturbs all of them alike; medians
are printed, and the exit status is 1 where the limit is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

LIMIT = 0.3
COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "import hemm": ["-c", "import hemm"],
    "hemm --help": ["-m", "hemm.cli", "--help"],
    "hemm --version": ["-m", "hemm.cli", "--version"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> int:
    """Measure and print; 1 where a command takes too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="runs of each command (default 15)")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(arguments))
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare = medians["bare interpreter"]
    for name, value in medians.items():
        print(f"{name:18} {value * 1e3:7.0f} ms   {(value - bare) * 1e3:+7.0f} ms")
    worst = max(medians.values()) - bare
    print(f"limit {LIMIT * 1e3:.0f} ms: {'held' if worst < LIMIT else 'MISSED'}")
    return int(worst >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
