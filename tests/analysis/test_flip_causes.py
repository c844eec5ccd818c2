"""What flips came from: each under one cause, so that they add up, and what the two runs differ in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import fake
from hemm.analysis.diff import flips
from hemm.analysis.flip_causes import causes, totals
from hemm.analysis.study import Study
from hemm.core import Identity, Request, Response
from hemm.results.read import cells

SAMPLES = [fake.sample(n) for n in range(12)]


@dataclass
class Says(fake.Batched):
    said: dict[str, str] = field(default_factory=dict)

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response(self.said.get(r.sample_id, fake.right(r))) for r in requests]


def found(out: Path, a: str, b: str) -> tuple[dict[str, dict[str, int]], list[str], int]:
    (task,) = causes(flips(Study.of(cells(out)), a, b))
    return totals([task]), [f"{d.kind} {d.name}" for d in task.differing], len(task.flips.flips)


def test_another_answer_to_the_same_request(tmp_path: Path) -> None:
    wrong = {s.id: "no" if s.references == ("yes",) else "yes" for s in SAMPLES[:5]}
    fake.go(tmp_path, Says(identity=Identity("alpha", "1")), fake.FakePack(SAMPLES))
    fake.go(tmp_path, Says(identity=Identity("beta", "1"), said=wrong), fake.FakePack(SAMPLES))
    counted, differing, total = found(tmp_path, "alpha", "beta")
    assert counted == {"answer": {"lost": 5}}
    assert total == 5
    assert differing == ["model name"]


def test_another_picture_and_another_prompt(tmp_path: Path) -> None:
    class Looks(Says):
        """Right with the right picture and the usual prompt alone."""

        def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
            out = []
            for request in requests:
                usual = "Well" not in request.prompt and request.media
                out.append(Response(fake.right(request) if usual else "hm, perhaps"))
            return out

    fake.go(tmp_path, Looks(identity=Identity("alpha", "1")), fake.FakePack(SAMPLES))
    fake.go(tmp_path, Looks(identity=Identity("alpha", "1")), fake.FakePack(SAMPLES), control="none")
    other = fake.task(prompt="Well: {{ image }}{{ question }}\n{{ instruction }}")
    fake.go(tmp_path, Looks(identity=Identity("beta", "1")), fake.FakePack(SAMPLES), other)
    counted, differing, total = found(tmp_path, "alpha", "alpha (picture removed)")
    assert counted == {"picture": {"lost": 12}}
    assert "prompt control" in differing
    counted, differing, total = found(tmp_path, "alpha", "beta")
    assert counted == {"prompt": {"lost": 12}}
    assert total == 12
    assert "prompt template" in differing
