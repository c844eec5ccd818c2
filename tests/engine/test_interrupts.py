"""A model that is interrupted in its own code: the run ends as by Ctrl-C, and no task is left over."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path
from typing import Any

import pytest

from fake import Batched, FakePack, Served, sample, task
from hemm.core import Identity, Model
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.results.read import cells

PACK = FakePack([sample(n) for n in range(40)])


class Cut(Served):
    async def generate(self, request: Any) -> Any:
        if len(self.asked) == 20:
            raise KeyboardInterrupt
        return await super().generate(request)


class CutBatch(Batched):
    def generate_batch(self, requests: Any) -> Any:
        if len(self.asked) == 20:
            raise KeyboardInterrupt
        return super().generate_batch(requests)


OTHER = Identity("fake-other", "1")


@pytest.mark.parametrize(
    ("models", "whole"),
    [
        ([CutBatch()], [Batched()]),
        ([Cut()], [Served()]),
        ([Served(identity=OTHER), Cut()], [Served(identity=OTHER), Served()]),
    ],
    ids=["local", "served", "side by side"],
)
def test_it_ends_as_by_ctrl_c_and_leaves_no_task(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, models: list[Model], whole: list[Model]
) -> None:
    options = RunOptions(out=tmp_path)
    with caplog.at_level(logging.ERROR, "asyncio"), pytest.raises(KeyboardInterrupt):
        asyncio.run(run_cells(options, models, [(task(), PACK)], Silent()))
    gc.collect()
    assert not caplog.records, caplog.text
    kept = {c.model: c.answers(["id"]).num_rows for c in cells(tmp_path)}
    assert kept["fake-served" if isinstance(models[-1], Cut) else "fake-batched"] >= 10
    for result in asyncio.run(run_cells(options, whole, [(task(), PACK)], Silent())):
        assert (result.state, result.asked) == ("sealed", 40 - kept[Path(result.folder).parts[-3]])
