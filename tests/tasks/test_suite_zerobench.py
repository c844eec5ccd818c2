"""ZeroBench's pass@5: whether one of five sampled answers is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import hemm
from hemm.core import BatchModel, Capabilities, Identity, Request, Response
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from suites.hard_questions import ANSWERS, zerobench


class SometimesRight(BatchModel):
    """Right in the repeats that ``right`` lists for a question, by its number."""

    spec, identity, capabilities, batch_size = "sometimes", Identity("sometimes", "1"), Capabilities(), 8

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response(rf"\boxed{{{self.said(r)}}}") for r in requests]

    @staticmethod
    def right(question: int, repeat: int) -> bool:
        return repeat < question % 7

    def said(self, request: Request) -> str:
        number = int(request.sample_id)
        return ANSWERS[(number - 1) % len(ANSWERS)] if self.right(number, request.repeat) else "42"


def test_pass_at_five_is_the_share_of_questions_with_a_right_answer_in_five(
    cache: Path, tmp_path: Path
) -> None:
    zerobench(tmp_path / "hub", 24)
    prepare(resolve("zerobench"), folder=tmp_path / "hub")
    (cell,) = hemm.run(
        SometimesRight(), "zerobench", repeats=5, settings={"temperature": "0.7"}, out=tmp_path / "results"
    )
    (row,) = json.loads((cell.folder / "scores/aggregates.json").read_text())["metrics"].values()
    found = {name: component["value"] for name, component in row["components"].items()}
    rights = [[SometimesRight.right(q, k) for k in range(5)] for q in range(1, 25)]
    assert found["pass@5"] == pytest.approx(sum(map(any, rights)) / 24)
    assert found["pass@1"] == pytest.approx(sum(map(sum, rights)) / 120)
    assert found["mean@5"] == pytest.approx(found["pass@1"])
