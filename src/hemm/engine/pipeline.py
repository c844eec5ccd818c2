"""One asyncio pipeline: read -> ask -> journal -> seal, with bounded queues between.

Reading and rendering run in one thread, a local model in another, sealing in a third; the event loop hands
on, writes the journal and keeps time. Nothing here grows with the number of samples but a few bytes each.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hemm.core import BatchModel, Failure, HemmError, Model, RequestModel, Response
from hemm.engine.limits import Answered, CostBudget, FailureStreak, billed
from hemm.engine.options import RunOptions, Track
from hemm.engine.plan import Plan
from hemm.engine.requests import Item, Numbers, RequestBuilder
from hemm.models import batcher
from hemm.models.prices import Priced
from hemm.results.answer_record import Answer, Call
from hemm.results.cell import CellWriter
from hemm.results.journal import FLUSH_SECONDS

CHUNK = 16
"""Items read at a time for a model that takes requests one by one."""

AHEAD = 3
"""Chunks or batches that wait, read and rendered, for the model."""


@dataclass
class Counts:
    """What one pipeline did: answers asked (errors among them), tokens and US dollars where told."""

    asked: int = 0
    errors: int = 0
    tokens: int = 0
    cost: float | None = None


class Pipeline:
    """Fills every position of ``plan`` in ``cell`` and seals what is complete."""

    def __init__(
        self,
        cell: CellWriter,
        plan: Plan,
        builder: RequestBuilder,
        model: Model,
        *,
        options: RunOptions,
        track: Track,
        budget: CostBudget | None = None,
    ) -> None:
        self._cell, self._plan, self._builder, self._model = cell, plan, builder, model
        self._track = track
        self._concurrency, self._retry = options.concurrency, options.retry_errors
        self._streak, self._budget, self._dearest = FailureStreak(options.stop_after), budget, 0.0
        self._chained = bool(plan.depth.any())
        self._sealable = asyncio.Event()
        self._over = False
        self._reader = ThreadPoolExecutor(1, "hemm-read")
        self._parallel = model.parallel
        self._asker = ThreadPoolExecutor(self._parallel, "hemm-model")
        self.counts = Counts()

    async def run(self) -> None:
        """Until every position is filled and sealed. After an exception the journal has what was finished."""
        self._cell.plan(len(self._plan))
        collector = gc.get_threshold()
        # nothing here makes cycles: looking for them at the usual pace takes a sixth of the time
        gc.set_threshold(20_000, 20, 20)
        try:
            async with asyncio.TaskGroup() as group:
                clock = group.create_task(self._keep_time())
                sealer = group.create_task(self._seal())
                for stretches in self._plan.rounds():
                    await self._ask_round(stretches)
                self._over = True
                self._sealable.set()
                await sealer
                clock.cancel()
        except BaseExceptionGroup as failed:
            raise first_of(failed) from None
        finally:
            # a thread in the middle of a batch is left behind: its answers would come too late
            self._reader.shutdown(wait=False, cancel_futures=True)
            self._asker.shutdown(wait=False, cancel_futures=True)
            gc.set_threshold(*collector)
            self._cell.flush()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS / 2)
            self._cell.tick()

    async def _seal(self) -> None:
        while True:
            while (not self._chained or self._over) and self._cell.complete_parts:
                await self._cell.seal_next()
            if self._over:
                return
            await self._sealable.wait()
            if not self._over:
                self._sealable.clear()

    # reading

    def _items(self, positions: Numbers) -> Iterator[Item]:
        plan = self._plan
        items = self._builder.items(plan.rows[positions], plan.repeats[positions], positions)
        for item in items:
            item.known = self._is_known(item)
            yield item

    def _is_known(self, item: Item) -> bool:
        if not self._cell.journaled:
            return False
        line = self._cell.lookup((item.sample.id, item.repeat))
        return (
            line is not None
            and line["request_key"] == item.request.key
            and line["sample_hash"] == item.sample.sample_hash
            and (line["failure"] is None or (line["failure_permanent"] and not self._retry))
        )

    def _chunks(self, stretches: Iterator[Numbers]) -> Iterator[list[Item]]:
        """Items for a model that takes requests one by one."""
        for positions in stretches:
            items = self._items(positions)
            while chunk := list(islice(items, CHUNK)):
                yield chunk

    def _batches(self, stretches: Iterator[Numbers], model: BatchModel) -> Iterator[list[Item]]:
        """Batches from plan order; what cannot be asked, and batches that are all known, on their own."""
        for positions in stretches:
            aside: list[Item] = []
            items = _split(self._items(positions), aside)
            for batch in batcher.windows(items, model.batch_size, lambda item: model.shape(item.request)):
                yield batch
                if aside:
                    yield aside.copy()
                    aside.clear()
            if aside:
                yield aside

    async def _read(self, chunks: Iterator[list[Item]], queue: asyncio.Queue[list[Item] | None]) -> None:
        """Read ``chunks`` in the reader's thread, as far ahead as ``queue`` has room; None ends them."""
        loop = asyncio.get_running_loop()
        while (chunk := await loop.run_in_executor(self._reader, next, chunks, None)) is not None:
            await queue.put(chunk)
        await queue.put(None)

    # asking

    async def _ask_round(self, stretches: Iterator[Numbers]) -> None:
        if isinstance(self._model, BatchModel):
            await self._ask_batches(self._model, stretches)
        elif isinstance(self._model, RequestModel):
            await self._ask_each(self._model, stretches)
        else:
            raise HemmError(f"model {self._model.spec} has neither generate nor generate_batch")

    async def _ask_batches(self, model: BatchModel, stretches: Iterator[Numbers]) -> None:
        queue: asyncio.Queue[list[Item] | None] = asyncio.Queue(AHEAD + self._parallel - 1)
        room = asyncio.Semaphore(self._parallel)

        async def ask(batch: list[Item]) -> None:
            try:
                await self._ask_batch(model, batch)
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(self._batches(stretches, model), queue))
            while (batch := await queue.get()) is not None:
                await room.acquire()
                group.create_task(ask(batch))

    async def _ask_batch(self, model: BatchModel, batch: list[Item]) -> None:
        responses: Sequence[Response | None] = [None] * len(batch)
        started, clock = time.time(), time.perf_counter()
        if any(not item.known and item.failure is None for item in batch):
            requests = [item.request for item in batch]
            loop = asyncio.get_running_loop()
            responses = await loop.run_in_executor(self._asker, batcher.run_batch, model, requests)
        self._finish(zip(batch, responses, strict=True), Call(started, time.perf_counter() - clock))

    async def _ask_each(self, model: RequestModel, stretches: Iterator[Numbers]) -> None:
        chunks: asyncio.Queue[list[Item] | None] = asyncio.Queue(AHEAD)
        in_flight, freed = 0, asyncio.Event()

        async def ask(item: Item) -> None:
            nonlocal in_flight
            try:
                self._keep(self._streak.take(await self._asked(model, item)))
            finally:
                in_flight -= 1
                freed.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(self._chunks(stretches), chunks))
            while (chunk := await chunks.get()) is not None:
                for item in chunk:
                    if item.known or item.failure is not None:
                        self._finish([(item, None)], Call(time.time(), 0.0))
                        continue
                    while in_flight >= (self._concurrency or model.concurrency):  # it may change meanwhile
                        freed.clear()
                        await freed.wait()
                    in_flight += 1
                    group.create_task(ask(item))
        self._keep(self._streak.release())

    async def _asked(self, model: RequestModel, item: Item) -> Answered:
        """The answer to one request, asked once the budget allows it."""
        if self._budget is None:
            return await self._timed(model, item)
        aside, cost = max(self._most(model, item), self._dearest), 0.0
        await self._budget.reserve(aside)
        try:
            answered = await self._timed(model, item)
            cost = billed(answered[1], aside)
        finally:
            self._dearest = max(self._dearest, cost)
            self._budget.settle(aside, cost)
        return answered

    async def _timed(self, model: RequestModel, item: Item) -> Answered:
        started, clock = time.time(), time.perf_counter()
        response = await self._generate(model, item)
        return item, response, Call(started, time.perf_counter() - clock)

    def _most(self, model: RequestModel, item: Item) -> float:
        """US dollars that a request may cost at most."""
        found = model.estimate(item.request).most if isinstance(model, Priced) else None
        if found is None:
            raise HemmError(f"--max-cost: no price is known for model {model.spec}: --set prices=FILE")
        return found

    async def _generate(self, model: RequestModel, item: Item) -> Response:
        try:
            return await model.generate(item.request)
        except HemmError:
            raise
        except Exception as error:  # the adapter breaks its contract: the sample fails, the run goes on
            return Response(failure=Failure("model", f"{type(error).__name__}: {error}"))

    def _keep(self, answered: Iterable[Answered]) -> None:
        for item, response, call in answered:
            self._finish([(item, response)], call)

    # finishing

    def _finish(self, answered: Iterable[tuple[Item, Response | None]], call: Call) -> None:
        """Journal what was answered together; of a batch that is asked again, what the journal lacks."""
        new = [self._record(i, r, call) for i, r in answered if not (i.known and self._claim(i))]
        if new:
            self._cell.add(new)
        if not self._chained and self._cell.complete_parts:
            self._sealable.set()
        counts = self.counts
        self._track.step(self._cell.filled_count, counts.tokens, counts.errors, counts.cost)

    def _claim(self, item: Item) -> bool:
        self._cell.claim(item.position, (item.sample.id, item.repeat))
        return True

    def _record(self, item: Item, response: Response | None, call: Call) -> tuple[int, dict[str, Any]]:
        if item.failure is not None:
            response = Response(failure=item.failure, attempts=0)
        assert response is not None
        self._count(item, response)
        for media in response.media:
            self._cell.keep_media(media)
        labels, request = self._builder.task.labels_of(item.sample), item.request
        answer = Answer(item.sample, labels, item.repeat, request.key, request.messages, response, call)
        return item.position, answer.record()

    def _count(self, item: Item, response: Response) -> None:
        self.counts.asked += item.failure is None
        self.counts.errors += response.failure is not None
        self.counts.tokens += (response.usage.input_tokens or 0) + (response.usage.output_tokens or 0)
        if response.usage.cost is not None:
            self.counts.cost = (self.counts.cost or 0.0) + response.usage.cost


def _split(items: Iterator[Item], aside: list[Item]) -> Iterator[Item]:
    """Items that can be asked; the others go to ``aside``."""
    for item in items:
        if item.failure is None:
            yield item
        else:
            aside.append(item)


def first_of(group: BaseExceptionGroup[Any]) -> BaseException:
    """The exception that ended the run: one that speaks to the user before any other."""
    found: list[BaseException] = []

    def collect(error: BaseException) -> None:
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                collect(inner)
        else:
            found.append(error)

    collect(group)
    return next((e for e in found if isinstance(e, HemmError)), found[0])
