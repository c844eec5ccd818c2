"""Small packs in memory and models of a few lines, for tests of the engine."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from hemm.core import (
    BatchModel,
    Capabilities,
    Card,
    Failure,
    Identity,
    Media,
    Request,
    RequestModel,
    Response,
    Sample,
    Task,
    Usage,
    digest,
)
from hemm.engine.options import CellResult, RunOptions, Silent, Watcher
from hemm.engine.run import run_cells
from hemm.parsing.formats import OneOf


def picture(number: int, size: tuple[int, int] = (6, 4)) -> Media:
    """A PNG whose colour tells its number."""
    out = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256 % 256, 7)).save(out, "PNG")
    return Media(out.getvalue(), mime="image/png", name=f"{number}.png")


def sample(number: int, **more: Any) -> Sample:
    """A yes-or-no question about its own picture."""
    given: dict[str, Any] = {
        "id": f"s{number:05d}",
        "media": (picture(number),),
        "fields": {"question": f"Is {number} even?"},
        "references": ("no" if number % 2 else "yes",),
        "choices": ("yes", "no"),
        "stratum": "odd" if number % 2 else "even",
        "labels": {"use_case": "science"},
        "metadata": {"number": number},
    }
    return Sample(**(given | more))


def task(**more: Any) -> Task:
    given: dict[str, Any] = {
        "name": "even",
        "card": Card("Even numbers", labels={"interaction": "uniqueness"}),
        "sources": (),
        "prompt": "{{ image }}{{ question }}\n{{ instruction }}",
        "answer": OneOf(),
        "metrics": ("accuracy",),
        "max_new_tokens": 8,
    }
    return Task(**(given | more))


class FakePack:
    """The interface of a pack over samples in memory."""

    def __init__(self, samples: Sequence[Sample], shots: Sequence[Sample] = (), task: str = "even") -> None:
        self._splits = {"test": list(samples), "shots": list(shots)}
        self.task = task
        self.hash = digest(sorted(s.sample_hash for s in samples), 32)
        self.questions_hash = "0" * 32
        self.info = {"media_columns": ["images"], "rows": {"test": len(samples), "shots": len(shots)}}

    def __len__(self) -> int:
        return len(self._splits["test"])

    def rows(self, split: str = "test") -> int:
        return len(self._splits[split])

    def index(self, split: str = "test") -> Any:
        rows = self._splits[split]
        return SimpleNamespace(
            ids=[s.id for s in rows],
            units=[s.unit for s in rows],
            clusters=[s.cluster for s in rows],
            strata=[s.stratum for s in rows],
            hashes=[s.sample_hash for s in rows],
            media=[tuple(m.digest for m in s.media) for s in rows],
            after=[s.after for s in rows],
            choices=[s.choices for s in rows],
            fields=[s.fields for s in rows],
        )

    def samples(self, rows: Any = None, split: str = "test") -> Iterator[Sample]:
        held = self._splits[split]
        for row in range(len(held)) if rows is None else np.asarray(rows).tolist():
            yield held[row]

    def sample(self, row: int, split: str = "test") -> Sample:
        return self._splits[split][row]


def right(request: Request) -> str:
    """The right answer to a question of ``sample``."""
    number = int(request.prompt.split("Is ")[-1].split(" even")[0])
    return "no" if number % 2 else "yes"


@dataclass
class Batched(BatchModel):
    """A local model: answers right, tells which sample ids it was asked, batch by batch."""

    batch_size: int = 4
    spec: str = "fake/batched"
    identity: Identity = field(default_factory=lambda: Identity("fake-batched", "1"))
    capabilities: Capabilities = field(default_factory=Capabilities)
    asked: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        self.batches.append([r.sample_id for r in requests])
        self.asked += [r.sample_id for r in requests]
        self.requests += requests
        return [Response(right(r), usage=Usage(10, 1)) for r in requests]


@dataclass
class Served(RequestModel):
    """A served model: answers right after a moment; ``failing`` ids fail as told."""

    concurrency: int = 8
    spec: str = "fake/served"
    identity: Identity = field(default_factory=lambda: Identity("fake-served", "1"))
    capabilities: Capabilities = field(default_factory=Capabilities)
    asked: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    failing: dict[str, Failure] = field(default_factory=dict)
    in_flight: int = 0
    most: int = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def generate(self, request: Request) -> Response:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        self.asked.append(request.sample_id)
        self.requests.append(request)
        await asyncio.sleep(0.001 * (len(self.asked) % 3))
        self.in_flight -= 1
        if request.sample_id in self.failing:
            return Response(failure=self.failing[request.sample_id])
        return Response(right(request), usage=Usage(10, 1))


def changed(one: Sample, question: str) -> Sample:
    return replace(one, fields={"question": question})


def go(
    out: Path,
    model: Any,
    pack: FakePack,
    one: Task | None = None,
    watcher: Watcher | None = None,
    **options: Any,
) -> CellResult:
    """Run one model on one task: its cell."""
    chosen = RunOptions(out=out, **options)
    return asyncio.run(run_cells(chosen, [model], [(one or task(), pack)], watcher or Silent()))[0]


_MODEL = {"name": "m", "revision": ""}
_GENERATION = {"max_new_tokens": 8, "temperature": 0, "top_p": 1, "stop": [], "thinking_budget": 0}
HEADER = {
    "model": {"spec": "m", **_MODEL},
    "task": "even",
    "card": {"labels": {}},
    "protocol": "p",
    "protocol_spec": {
        "model": _MODEL,
        **dict.fromkeys(("template", "instruction", "system", "control", "perturb"), ""),
        "shots": 0,
        "generation": {**_GENERATION, "scoring": "generate", "extra": []},
    },
    "pack": {"hash": "0" * 32},
}
"""The fields of run.json that a ``CellWriter`` is given."""
