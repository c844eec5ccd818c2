"""``hemm prepare`` beside a loop that reads and hashes the same files and does nothing else.

    python benchmarks/prepare.py [--pictures 20000] [--rounds 3] [--cold] [--format jpeg|png] [--json]

A folder of one file of rows and as many pictures of 30 KB, no two alike. Both sides are whole processes
over the same files, in turns: ``hemm prepare`` from its start to the pack on disk, and a process that opens
each file, reads it and takes its SHA-256. Each has one core, then two (the loop then has two threads). The
share is the loop's time over that of ``hemm prepare``: 1 would be a preparation that costs nothing beyond
reading. What is printed is the median of the rounds, of time and of processor time, which other work on the
machine disturbs less.

The files are in the page cache for both sides; ``--cold`` has the system drop them before each. 100,000
pictures need 10 GB of disk and ten minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sides import spent

KINDS = 64
"""Different pictures; each file is one of them with a comment of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="drop the files from the page cache each time")
    parser.add_argument("--format", choices=("jpeg", "progressive", "png"), default="jpeg")
    parser.add_argument("--folder", type=Path, help="where the files are made (a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)  # the loop, in a process of its own
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read_and_hash(given.read, given.threads)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        found = measure(Path(folder), given)
    print(json.dumps(found, indent=2) if given.json else table(found))


def pictures(format: str) -> list[bytes]:
    """Encoded pictures of about 30 KB: smooth shapes with some noise, as photographs are."""
    import numpy as np
    from PIL import Image

    made = []
    for number in range(KINDS):
        random = np.random.default_rng(number)
        side = 112 if format == "png" else int(random.integers(280, 420))
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        noise = random.normal(0, 30 if format == "png" else 10, (side, side, 1))
        picture = Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))
        made.append(_encoded(picture, format))
    return made


def _encoded(picture: Any, format: str) -> bytes:
    out = io.BytesIO()
    if format == "png":
        picture.save(out, "PNG")
        return out.getvalue()
    for quality in range(95, 50, -3):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, progressive=format == "progressive")
        if len(out.getvalue()) <= 31_000:
            break
    return out.getvalue()


def _marked(data: bytes, number: int) -> bytes:
    """The same picture with a comment that only this file has."""
    text = b"picture %09d" % number
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]
    import zlib

    chunk = b"tEXt" + b"Comment\0" + text
    return (
        data[:33]
        + (len(chunk) - 4).to_bytes(4, "big")
        + chunk
        + zlib.crc32(chunk).to_bytes(4, "big")
        + data[33:]
    )


def make(folder: Path, count: int, format: str) -> int:
    """Write the rows and their pictures; returns the bytes of all pictures."""
    kinds, total = pictures(format), 0
    ending = "png" if format == "png" else "jpg"
    (folder / "images").mkdir(parents=True)
    with open(folder / "data.jsonl", "w") as rows:
        for n in range(count):
            name = f"images/{n:06d}.{ending}"
            data = _marked(kinds[n % KINDS], n)
            (folder / name).write_bytes(data)
            total += len(data)
            row = {
                "id": f"q{n}",
                "image": name,
                "question": f"Which of the shapes in {n} is red?",
                "answer": "the third",
            }
            rows.write(json.dumps(row) + "\n")
    os.sync()
    return total


def read_and_hash(folder: Path, threads: int) -> None:
    """Read and hash each file, in ``threads`` threads."""
    names = sorted(entry.path for entry in os.scandir(folder / "images"))

    def hashed(part: list[str]) -> int:
        total = 0
        for name in part:
            with open(name, "rb") as file:
                total += len(hashlib.sha256(file.read()).hexdigest())
        return total

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hashed, [names[n::threads] for n in range(threads)]))


def drop(folder: Path) -> None:
    """Have the system forget the files' content."""
    for entry in os.scandir(folder / "images"):
        handle = os.open(entry.path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    data = folder / "data"
    total = make(data, given.pictures, given.format)
    found: dict[str, Any] = {
        "pictures": given.pictures,
        "format": given.format,
        "picture_kb": total / given.pictures / 1000,
        "cache": "cold" if given.cold else "warm",
    }
    there = sorted(os.sched_getaffinity(0))
    for cores in (1, 2)[: len(there)]:
        took: dict[str, list[tuple[float, float]]] = {"loop": [], "hemm": []}
        for _ in range(given.rounds):
            for side in took:
                if given.cold:
                    drop(data)
                cache = folder / "cache"
                command = [sys.executable, __file__, "--read", str(data), "--threads", str(cores)]
                if side == "hemm":
                    command = [sys.executable, "-m", "hemm.cli", "prepare", str(data)]
                one = spent(command, {**os.environ, "HEMM_CACHE": str(cache)}, there[:cores])
                took[side].append((one.wall, one.cpu))
                shutil.rmtree(cache, ignore_errors=True)
        middle = {
            side: [statistics.median(values) for values in zip(*t, strict=True)] for side, t in took.items()
        }
        found[f"cores_{cores}"] = {
            "loop_us": middle["loop"][0] / given.pictures * 1e6,
            "hemm_us": middle["hemm"][0] / given.pictures * 1e6,
            "loop_cpu_us": middle["loop"][1] / given.pictures * 1e6,
            "hemm_cpu_us": middle["hemm"][1] / given.pictures * 1e6,
            "share": statistics.median(a[0] / b[0] for a, b in zip(took["loop"], took["hemm"], strict=True)),
            "cpu_share": statistics.median(
                a[1] / b[1] for a, b in zip(took["loop"], took["hemm"], strict=True)
            ),
        }
    return found


def table(found: dict[str, Any]) -> str:
    head = (
        "{pictures:,} pictures ({format}) of {picture_kb:.0f} KB, {cache} page cache; microseconds a picture"
    )
    rows = [(cores, found[f"cores_{cores}"]) for cores in (1, 2) if f"cores_{cores}" in found]
    line = (
        "{cores} core(s): reading and hashing {loop_us:.0f}, hemm prepare {hemm_us:.0f}; "
        "share {share:.2f} (>= 0.5)"
        "\n  of processor time: {loop_cpu_us:.0f} and {hemm_cpu_us:.0f}, share {cpu_share:.2f}"
    )
    return "\n".join([head.format(**found), *(line.format(cores=cores, **row) for cores, row in rows)])


if __name__ == "__main__":
    main()
