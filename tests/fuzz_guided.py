"""One reader under atheris, which keeps inputs that reach new lines and makes the next ones of them:

    python tests/fuzz_guided.py NAME SECONDS SEED FOLDER

It ends with status 0, or with the input that brought an exception, hung or took too much memory in FOLDER.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hemm"]):
    import fuzz_readers

    name, seconds, seed, folder = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    home = Path(tempfile.mkdtemp(dir=folder))
    kept = Path(tempfile.mkdtemp(dir=folder))
    for number, data in enumerate(fuzz_readers.seeds_of(name)):
        (kept / str(number)).write_bytes(data)
        fuzz_readers.given(name, data, home)  # what it imports late is instrumented too


def change(data: bytes, most: int, number: int) -> bytes:
    """Half of the inputs are changed as libFuzzer does, half as ``fuzz_readers`` does."""
    chance = random.Random(number)
    if chance.random() < 0.5:
        return bytes(atheris.Mutate(data, most))
    return fuzz_readers.mutated(data, chance)[:most]


limits = [f"-max_total_time={seconds:.0f}", f"-seed={seed}", "-max_len=20000", "-len_control=0"]
limits += ["-timeout=60", "-rss_limit_mb=3000", f"-artifact_prefix={folder}/found-", "-verbosity=0"]
limits += ["-print_final_stats=1"]
atheris.Setup(
    [sys.argv[0], *limits, str(kept)],
    lambda data: fuzz_readers.given(name, data, home),
    custom_mutator=change,
)
atheris.Fuzz()
