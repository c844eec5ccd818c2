"""Pictures and tables of docs/statistics.md, from the simulations that the tests hold.

    python tools/statistics_page.py [--count 2000] [--out docs/images]

Writes ``coverage.svg`` and ``false_positives.svg``, and prints the tables. Needs some minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import simulated  # noqa: E402
from hemm.stats.task_means import mean_of_tasks  # noqa: E402

NAMES = {"equal": "equal sizes", "cv1": "exponential sizes", "cv2": "a tenth of 20", "giant": "one of 40"}
TASKS = (1, 2, 7, 28)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="simulations of each cell")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    given = parser.parse_args()
    cells = coverage(given.count)
    draw_coverage(cells, given.out / "coverage.svg")
    print(table_of(cells))
    print(misses(given.count))
    found = false_positives(given.count // 5)
    draw_false_positives(found, given.out / "false_positives.svg")
    print({key: {t: round(100 * v, 1) for t, v in row.items()} for key, row in found.items()})


def coverage(count: int) -> dict[tuple[str, int, str, float], tuple[float, float]]:
    """(sizes, clusters, kind, p) -> coverage, mean width."""
    out = {}
    for spread in simulated.SPREADS:
        for groups in simulated.GROUPS:
            sizes = simulated.sizes_of(spread, groups)
            for kind in simulated.KINDS:
                for p in simulated.CHANCES:
                    rng = simulated.rng_of(spread, groups, kind, p)
                    low, high = simulated.score_intervals(simulated.scores(kind, sizes, p, count, rng), sizes)
                    held = simulated.covered(low, high, simulated.truth_of(kind, p))
                    out[spread, groups, kind, p] = (held, float(np.mean(high - low)))
    return out


def table_of(cells: dict[tuple[str, int, str, float], tuple[float, float]]) -> str:
    """Lowest coverage over kinds and p, and the mean width at p = .5 of right or wrong."""
    lines = ["| sizes | " + " | ".join(f"G = {g}" for g in simulated.GROUPS) + " |", "|---" * 5 + "|"]
    for spread in simulated.SPREADS:
        row = []
        for groups in simulated.GROUPS:
            lowest = min(v for (s, g, _, _), (v, _) in cells.items() if (s, g) == (spread, groups))
            width = cells[spread, groups, "right_wrong", 0.5][1]
            row.append(f"{100 * lowest:.1f} ({width:.2f})")
        lines.append(f"| {NAMES[spread]} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def misses(count: int) -> str:
    """Cells below 93 % where values of a cluster have much more in common than on the grid."""
    lines = []
    for spread in simulated.SPREADS:
        for groups in simulated.GROUPS:
            sizes = simulated.sizes_of(spread, groups)
            for kind in ("right_wrong", "graded"):
                rng = simulated.rng_of("much", spread, groups, kind)
                x = simulated.scores(kind, sizes, 0.5, count, rng, icc=0.7)
                low, high = simulated.score_intervals(x, sizes)
                held = simulated.covered(low, high, 0.5)
                if held < 0.93:
                    lines.append(f"correlation .7, p = .5: {NAMES[spread]}, G = {groups}, {kind}: {held:.3f}")
    return "\n".join(lines)


def false_positives(count: int) -> dict[tuple[str, int], dict[int, float]]:
    """(sizes, clusters) -> tasks -> share of equal models that are called different; graded, p = .5."""
    out: dict[tuple[str, int], dict[int, float]] = {}
    for spread in simulated.SPREADS:
        for groups in simulated.GROUPS:
            sizes = simulated.sizes_of(spread, groups)
            for tasks in TASKS:
                rng = simulated.rng_of("fp", spread, groups, tasks)
                drawn = [simulated.differences("graded", sizes, 0.5, count, rng) for _ in range(tasks)]
                if tasks == 1:
                    low, high = simulated.difference_intervals(drawn[0], sizes)
                    share = 1 - simulated.covered(low, high, 0.0)
                else:
                    parts = zip(*(simulated.task_parts(d, sizes) for d in drawn), strict=True)
                    share = float(np.mean([(mean_of_tasks(row).p or 1) < 0.05 for row in parts]))
                out.setdefault((spread, groups), {})[tasks] = share
    return out


def _panels(title: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hemm", "font.size": 8})
    figure, axes = plt.subplots(1, 4, figsize=(9.2, 2.7), sharey=True, layout="constrained")
    figure.suptitle(title, fontsize=9)
    return figure, axes


def draw_coverage(cells: dict[tuple[str, int, str, float], tuple[float, float]], path: Path) -> None:
    """Lowest coverage over the kinds of values, by p, a line for each number of clusters."""
    figure, axes = _panels("Coverage of 95 % intervals in percent: the lowest over four kinds of scores")
    for axis, spread in zip(axes, simulated.SPREADS, strict=True):
        for shade, groups in enumerate(simulated.GROUPS):
            lowest = [
                100 * min(cells[spread, groups, kind, p][0] for kind in simulated.KINDS)
                for p in simulated.CHANCES
            ]
            axis.plot(simulated.CHANCES, lowest, color=_colour(shade), marker=".", label=f"G = {groups}")
        axis.axhline(95, color="0.6", linewidth=0.8)
        axis.axhline(93, color="0.6", linewidth=0.8, linestyle=":")
        axis.set(title=NAMES[spread], xlabel="chance p", ylim=(88, 100.5))
    axes[0].legend(frameon=False, loc="lower center")
    figure.savefig(path, metadata={"Date": None})


def draw_false_positives(found: dict[tuple[str, int], dict[int, float]], path: Path) -> None:
    """False positives by the number of tasks, a line for each number of clusters."""
    figure, axes = _panels("Equal models called different at 5 %, in percent (graded scores, p = .5)")
    for axis, spread in zip(axes, simulated.SPREADS, strict=True):
        for shade, groups in enumerate(simulated.GROUPS):
            row = found[spread, groups]
            values = [100 * row[t] for t in TASKS]
            axis.plot(range(len(TASKS)), values, color=_colour(shade), marker=".", label=f"G = {groups}")
        axis.axhline(5, color="0.6", linewidth=0.8)
        axis.axhline(6, color="0.6", linewidth=0.8, linestyle=":")
        axis.set(title=NAMES[spread], xlabel="tasks", ylim=(0, 10))
        axis.set_xticks(range(len(TASKS)), TASKS)
    axes[-1].legend(frameon=False, loc="upper center", ncol=2)
    figure.savefig(path, metadata={"Date": None})


def _colour(shade: int) -> tuple[float, float, float]:
    """From light to dark blue: more clusters are darker."""
    dark = shade / 3
    return (0.62 - 0.54 * dark, 0.76 - 0.57 * dark, 0.92 - 0.43 * dark)


if __name__ == "__main__":
    main()
