"""What reading many results takes: ``hemm report`` and ``hemm profile`` of 30 tasks x 11 models.

    python benchmarks/reports.py [--json] [--samples 1000] [--models 11] [--rounds 3] [--folder FOLDER]

The cells are those of hemm's own 30 data sets: their cards, answer formats and metrics (but for those that
need weights or a judge), with made-up questions, and answers of models that are right now and then. They are
asked, sealed and scored as any run does it. ``--folder`` keeps them for another run.

Each command runs ``--rounds`` times as a user starts it, in turn with a calibration: a process that reads
every file of the results and of the packs once and computes the SHA-256. Printed are medians of seconds, of
processor seconds, and the highest memory (VmHWM).
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import io
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sides import spent

LIMITS = {"report": (10.0, 600.0), "profile": (3.0, 600.0)}
WORDS = (
    *("a", "the", "man", "woman", "dog", "cat", "red", "blue", "small", "large", "old", "young", "table"),
    *("chair", "street", "river", "tree", "house", "with", "on", "in", "under", "near", "holding", "riding"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--models", type=int, default=11)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the cells are, or are made")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        STEPS[given.step](given.folder, given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "made").exists():
            _child(folder, [__file__, "--step", "make", *_sizes(given)])
            (folder / "made").touch()
        results = _measured(folder, given)
    print(json.dumps(results, indent=2) if given.json else _table(results))


def _sizes(given: argparse.Namespace) -> list[str]:
    return ["--samples", str(given.samples), "--models", str(given.models)]


def _child(folder: Path, arguments: Sequence[str]) -> dict[str, float]:
    """Run Python with these arguments: its seconds, processor seconds and highest memory (MB)."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "HEMM_CACHE": str(folder / "cache")}
    own = ["--folder", str(folder)] if arguments[0] == __file__ else []
    took = spent([sys.executable, *arguments, *own], env)
    return {"seconds": took.wall, "processor": took.cpu, "peak_mb": took.peak_mb}


def _measured(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    hemm = ["-m", "hemm.cli"]
    commands = {
        "read": [__file__, "--step", "read"],
        "profile": [*hemm, "profile", str(folder / "out")],
        "report": [*hemm, "report", str(folder / "out"), "-o", str(folder / "report.html")],
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(given.rounds):
        for name, arguments in commands.items():
            found[name].append(_child(folder, arguments))
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in found.items()
    }
    return {"samples": given.samples, "models": given.models, **medians}


def _read(folder: Path, given: argparse.Namespace) -> None:
    """The calibration: every file once, with its SHA-256."""
    import hashlib

    for part in ("out", "cache"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file():
                hashlib.sha256(path.read_bytes()).hexdigest()


# making the cells


def _make(folder: Path, given: argparse.Namespace) -> None:
    from hemm import tasks
    from hemm.data.pack.prepare import prepare
    from hemm.engine.options import RunOptions, Silent
    from hemm.engine.run import run_cells

    models = [_model(f"model-{n:02d}", 0.35 + 0.05 * n) for n in range(given.models)]
    for task in tasks.select((), suite="hemm", where=(), card=None):
        made = _made_up(task, given.samples)
        pack = prepare(made)
        for model in models:
            model.task = made
            asyncio.run(run_cells(RunOptions(out=folder / "out"), [model], [(made, pack)], Silent()))


def _made_up(task: Any, count: int) -> Any:
    """The task with samples that are made up, from a source that gives them to any process."""
    from hemm.core import Layout
    from hemm.data.sources.kinds import Generated

    source = Generated(Layout((), lambda _: _samples(task, count)), revision=str(count))
    prompt = "{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}"
    return dataclasses.replace(task, sources=(source,), variants={}, prompt=prompt, system="")


def _samples(task: Any, count: int) -> Iterator[Any]:
    for number in range(count):
        yield _sample(task.name, type(task.answer).__name__, number)


@lru_cache(maxsize=4)
def _picture(number: int) -> Any:
    import numpy as np
    from PIL import Image

    from hemm.core import Media

    pixels = np.random.default_rng(number).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return Media(out.getvalue(), mime="image/png", name=f"{number}.png")


def _sample(task: str, form: str, number: int) -> Any:
    """A question of a task; four questions show one picture, and two tasks may show the same one."""
    from hemm.core import Sample

    draw = random.Random(f"{task}/{number}")
    facts: dict[str, Any] = {"fields": {"question": f"{_sentence(draw, 8)}?"}}
    if form in ("YesNo", "OneOf"):
        choices = (
            ("yes", "no")
            if form == "YesNo"
            else tuple(f"{w} {n}" for n, w in enumerate(draw.sample(WORDS, 5)))
        )
        facts |= {"choices": choices, "references": (draw.choice(choices),)}
    elif form == "ManyOf":
        genres = ("Drama", "Comedy", "Romance", "Thriller", "Crime", "Horror", "War", "Western")
        facts |= {"choices": genres, "references": tuple(sorted(draw.sample(genres, 3)))}
    elif form == "Caption":
        facts["references"] = tuple(_sentence(draw, 10) for _ in range(5))
    elif form == "Smiles":
        facts["references"] = ("C" * draw.randint(1, 8) + draw.choice(("O", "N", "C(=O)O", "c1ccccc1")),)
    elif form == "SpeciesName":
        facts["references"] = (draw.choice(("Larus argentatus", "Ardea cinerea", "Apis mellifera")),)
    elif form == "Picture":
        facts["references"] = (_picture(number % 8 + 100_000),)
    else:
        facts["references"] = tuple(draw.choices(WORDS, k=10 if task in ("vqa", "ok_vqa") else 1))
    if task == "winoground":
        asked = [{"asked": "text", "image": i} for i in (0, 1)] + [
            {"asked": "image", "caption": i} for i in (0, 1)
        ]
        facts |= {"unit": f"row-{number // 4}", "metadata": asked[number % 4]}
    elif task in ("nlvr", "nlvr2", "vcr"):
        facts |= {
            "unit": f"set-{number // 4}",
            "metadata": {"example": number // 2, "permutation": number % 2},
        }
    shared = 0 if task in ("vqa", "ok_vqa", "gqa") else hash_of(task)
    return Sample(id=f"{number:06d}", media=(_picture(shared + number // 4),), **facts)


def hash_of(name: str) -> int:
    return sum(ord(letter) << n for n, letter in enumerate(name)) * 10_000


def _sentence(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words)).capitalize()


def _model(name: str, skill: float) -> Any:
    from hemm.core import BatchModel, Capabilities, Identity, Request, Response, Usage

    class Model(BatchModel):
        """Right with the probability ``skill``; now and then it refuses, or says what cannot be read."""

        spec, identity, batch_size = f"made-up/{name}", Identity(name, "1"), 64
        capabilities = Capabilities(outputs=frozenset({"text", "image"}))
        task: Any = None

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            return [self._answer(int(request.sample_id)) for request in requests]

        def _answer(self, number: int) -> Response:
            form, usage = type(self.task.answer).__name__, Usage(300, 12)
            sample = _sample(self.task.name, form, number)
            draw = random.Random(f"{name}/{self.task.name}/{number}")
            luck = draw.random()
            if form == "Picture":
                return Response(
                    media=(_picture(number % 8 + (100_000 if luck < skill else 100_001)),), usage=usage
                )
            if luck > 0.99:
                return Response("I'm sorry, but I can't help with that.", usage=usage)
            if luck > 0.97:
                return Response("", usage=usage)
            if form == "Caption":
                words = sample.references[0].split()
                kept = [w if draw.random() < skill else draw.choice(WORDS) for w in words]
                return Response(" ".join(kept) + ".", usage=usage)
            right = ", ".join(sample.references) if form == "ManyOf" else sample.references[0]
            others = sample.choices or (_sample(self.task.name, form, number + 1).references)
            said = right if draw.random() < skill else draw.choice(others)
            return Response(f"The answer is: {said}", usage=usage)

    return Model()


STEPS = {"make": _make, "read": _read}


def _table(results: dict[str, Any]) -> str:
    read = results["read"]["processor"]
    lines = [f"30 tasks x {results['models']} models x {results['samples']} samples", ""]
    for name in ("read", "profile", "report"):
        run = results[name]
        words = "reading and hashing every file" if name == "read" else f"hemm {name}"
        limit = LIMITS.get(name)
        aims = "" if limit is None else f"< {limit[0]:.0f} s, < {limit[1]:.0f} MB"
        lines.append(
            f"{words:32} {run['seconds']:7.1f} s {run['processor']:7.1f} processor s "
            f"({run['processor'] / read:.1f} x) {run['peak_mb']:6.0f} MB   {aims}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
