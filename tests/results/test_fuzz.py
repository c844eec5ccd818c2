"""Readers of bytes from outside, fuzzed: nothing but values or HemmError with one line comes out.

``HEMM_FUZZ_SECONDS`` is the time of each: 2 in ``make test``, 600 in ``make test-full``. There the engine is
atheris where it is installed, and ``fuzz_readers.fuzz`` elsewhere; the last lines of the run say which.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz_readers import MEMORY, TARGETS, TOGETHER, fuzz

GUIDED = Path(__file__).parents[1] / "fuzz_guided.py"
assert sorted(name for names in TOGETHER.values() for name in names) == sorted(TARGETS)
SEED = int(os.environ.get("HEMM_FUZZ_SEED", "1"))


def guided(name: str, seconds: float, seed: int) -> int:
    """As ``fuzz``, with atheris in a process of its own."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        command = [sys.executable, str(GUIDED), name, str(seconds), str(seed), folder]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=2 * seconds + 600
        )
        inputs = [path.read_bytes()[:3000] for path in Path(folder).glob("found-*")]
    assert done.returncode == 0, f"{name}: {done.stderr[-6000:]}\ninput: {inputs}"
    found = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert found, done.stderr[-2000:]
    return int(found[1])


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_gives_values_or_one_line(name: str) -> None:
    assert fuzz(name, float(os.environ.get("HEMM_FUZZ_SECONDS", "2")), SEED) > 0


@pytest.mark.full(minutes=10)
@pytest.mark.parametrize("name", TOGETHER)
def test_readers_for_ten_minutes(name: str, record_property: Callable[[str, object], None]) -> None:
    seconds = float(os.environ.get("HEMM_FUZZ_SECONDS", "600"))
    if importlib.util.find_spec("atheris"):
        engine, count = "atheris", guided(name, seconds, 1000 + SEED)
    else:
        engine, count = "random changes, ATHERIS IS NOT INSTALLED", fuzz(name, seconds, 1000 + SEED)
    assert count > 0
    record_property("told", f"{name}: {count:,} inputs in {seconds:g} s ({engine})")
