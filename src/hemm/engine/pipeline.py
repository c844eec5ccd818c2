"""One asyncio pipeline: read -> send -> journal -> seal, with bounded queues between.

Reading and rendering run in one thread, a local model in another, sealing in a third; the event loop passes
items on and writes the journal. Memory grows by a few bytes a sample.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

from hemm.core import BatchModel, Failure, HemmError, Model, RequestModel, Response
from hemm.core.event_loop import Interrupted, holding_interrupts
from hemm.core.outside import with_known_usage
from hemm.core.text import counted
from hemm.engine.control import Faults, answered_before, first_of
from hemm.engine.counts import Counts
from hemm.engine.limits import Answered, CostBudget, FailureStreak, billed
from hemm.engine.options import RunOptions, Track
from hemm.engine.plan import Plan, is_known
from hemm.engine.requests import Item, Numbers, RequestBuilder
from hemm.models import batcher
from hemm.models.prices import Priced
from hemm.models.process.placed import run_placed
from hemm.results.answer_record import Answer, Call, judging_side
from hemm.results.cell import CellWriter
from hemm.results.journal import FLUSH_SECONDS

CHUNK = 16
"""Items read at a time for a model that takes requests one by one."""

AHEAD = 3
"""Chunks or batches that are read and rendered before the model is ready for them."""

HEARTBEAT = 30.0
"""Seconds without an answer after which a line says what is waited for, and again after each."""

LAST_ANSWERS = 30.0
"""Seconds for which requests in flight are waited for when the account or the address stops a run."""


_left: list[ThreadPoolExecutor] = []
"""The threads of models whose run ended before its plan did."""


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
        earlier = partial(answered_before, cell, builder)
        streak = FailureStreak(options.stop_after)
        self._faults = Faults(streak, self._again, self._keep, earlier, track.waits)
        self._budget, self._highest_so_far = budget, 0.0
        self._open: dict[int, float] = {}
        self._heard = time.monotonic()
        self._queue: asyncio.Queue[list[Item] | None] = asyncio.Queue()
        self._chained = bool(plan.depth.any())
        self._sealable = asyncio.Event()
        self._finished = False
        self._reader = ThreadPoolExecutor(1, "hemm-read")
        self._preparer = ThreadPoolExecutor(1, "hemm-ahead")
        self._parallel = model.parallel
        self._model_threads = ThreadPoolExecutor(self._parallel, "hemm-model")
        self.counts = Counts()

    async def run(self) -> None:
        """Fill and seal every position. After an exception the journal has the finished answers."""
        while _left:  # an interrupted run of this process: its model may be in the middle of a batch
            await asyncio.to_thread(_left.pop().shutdown)
        self._cell.plan(len(self._plan))
        collector = gc.get_threshold()
        # nothing here makes reference cycles, and the default thresholds cost a sixth of the time
        gc.set_threshold(20_000, 20, 20)
        try:
            async with asyncio.TaskGroup() as group:
                clocks = [group.create_task(work) for work in (self._keep_time(), self._keep_synced())]
                sealer = group.create_task(self._seal())
                for stretches in self._plan.rounds():
                    await self._send_round(stretches)
                self._finished = True
                self._sealable.set()
                await sealer
                for clock in clocks:
                    clock.cancel()
        except BaseExceptionGroup as failed:
            raise first_of(failed) from None
        finally:
            # do not wait for a thread in the middle of a batch: its answers would come too late
            for thread in (self._reader, self._preparer):
                thread.shutdown(wait=False, cancel_futures=True)
            self._model_threads.shutdown(wait=False, cancel_futures=True)
            if not self._finished:
                _left.append(self._model_threads)
            gc.set_threshold(*collector)
            self._cell.flush()
            self._tell_news()  # what came since the clock's last look

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS / 2)
            self._cell.tick()
            self._tell_waiting()
            self._tell_news()

    async def _keep_synced(self) -> None:
        """Beside the clock: a busy disk may take long, and what is waited for is told meanwhile."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS / 2)
            if self._cell.sync_due:
                await asyncio.to_thread(self._cell.sync)

    def _tell_news(self) -> None:
        for line in self._model.news():
            self._track.waits(line)
        if at_work := self._model.at_work:
            self._track.at_work(f"{at_work}, {counted(self._queue.qsize(), 'batch', 'batches')} queued")

    def _tell_waiting(self) -> None:
        """Say what is waited for, where nothing has come for a while."""
        now = time.monotonic()
        if not self._open or now - self._heard < HEARTBEAT:
            return
        self._heard = now
        longest = now - min(self._open.values())
        words = f"waiting for {counted(len(self._open), 'answer')}, for {longest:.0f} s"
        trouble = self._model.trouble if isinstance(self._model, RequestModel) else ""
        self._track.waits("; ".join(filter(None, (words, self._model.at_work, trouble))))

    async def _seal(self) -> None:
        while True:
            while (not self._chained or self._finished) and self._cell.complete_parts:
                await self._cell.seal_next()
            if self._finished:
                return
            await self._sealable.wait()
            if not self._finished:
                self._sealable.clear()

    # reading

    def _items(self, positions: Numbers) -> Iterator[Item]:
        plan = self._plan
        items = self._builder.items(plan.rows[positions], plan.repeats[positions], positions)
        for item in items:
            item.known = is_known(self._cell, item, self._retry)
            yield item

    def _chunks(self, stretches: Iterator[Numbers]) -> Iterator[list[Item]]:
        """Items for a model that takes requests one by one."""
        for positions in stretches:
            items = self._items(positions)
            while chunk := list(islice(items, CHUNK)):
                yield chunk

    def _batches(self, stretches: Iterator[Numbers], model: BatchModel) -> Iterator[list[Item]]:
        """Batches in plan order; items that failed to build come in batches of their own."""
        for positions in stretches:
            failed: list[Item] = []
            items = _split(self._items(positions), failed)
            for batch in batcher.windows(items, model.batch_size, lambda item: model.shape(item.request)):
                yield batch
                if failed:
                    yield failed.copy()
                    failed.clear()
            if failed:
                yield failed

    async def _read(self, chunks: Iterator[list[Item]], queue: asyncio.Queue[list[Item] | None]) -> None:
        """Read ``chunks`` into ``queue`` in the reader's thread, as far ahead as there is room; then None."""
        loop = asyncio.get_running_loop()
        while (chunk := await loop.run_in_executor(self._reader, next, chunks, None)) is not None:
            await queue.put(chunk)
        await queue.put(None)

    # asking

    async def _send_round(self, stretches: Iterator[Numbers]) -> None:
        if isinstance(self._model, BatchModel):
            await self._send_batches(self._model, stretches)
        elif isinstance(self._model, RequestModel):
            await self._send_each(self._model, stretches)
        else:
            raise HemmError(f"model {self._model.spec} has neither generate nor generate_batch")

    async def _send_batches(self, model: BatchModel, stretches: Iterator[Numbers]) -> None:
        self._queue = queue = asyncio.Queue[list[Item] | None](AHEAD + self._parallel - 1)
        room = asyncio.Semaphore(self._parallel)

        async def send(batch: list[Item], ready: asyncio.Future[None]) -> None:
            try:
                await ready
                await self._send_batch(model, batch)
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(self._batches(stretches, model), queue))
            while (batch := await queue.get()) is not None:
                ready = self._look_ahead(model, batch)  # while the batch before is answered
                await room.acquire()
                group.create_task(send(batch, ready))

    def _look_ahead(self, model: BatchModel, batch: list[Item]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        requests = [item.request for item in batch] if any(i.unanswered for i in batch) else []
        return loop.run_in_executor(self._preparer, batcher.look_ahead, model, requests)

    async def _send_batch(self, model: BatchModel, batch: list[Item]) -> None:
        responses: Sequence[Response | None] = [None] * len(batch)
        started, clock = time.time(), time.perf_counter()
        if any(item.unanswered for item in batch):
            requests = [item.request for item in batch]
            loop = asyncio.get_running_loop()
            self._open |= {id(item): time.monotonic() for item in batch}
            with holding_interrupts():
                responses = await loop.run_in_executor(self._model_threads, run_placed, model, requests)
            for item in batch:
                del self._open[id(item)]
        known = [None if response is None else self._known(response) for response in responses]
        self._finish(zip(batch, known, strict=True), Call(started, time.perf_counter() - clock))

    async def _send_each(self, model: RequestModel, stretches: Iterator[Numbers]) -> None:
        self._queue = chunks = asyncio.Queue[list[Item] | None](AHEAD)
        in_flight: set[asyncio.Task[None]] = set()
        freed = asyncio.Event()

        async def send(item: Item) -> None:
            await self._faults.take(await self._answer(model, item))

        def done(task: asyncio.Task[None]) -> None:
            in_flight.discard(task)
            freed.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(self._chunks(stretches), chunks))
            while not self._faults.stops() and (chunk := await chunks.get()) is not None:
                for item in chunk:
                    if item.known or item.failure is not None:
                        self._finish([(item, None)], Call(time.time(), 0.0))
                        continue
                    # how many may be in flight changes meanwhile
                    most = self._concurrency or model.concurrency
                    while len(in_flight) >= most or self._faults.deciding:
                        freed.clear()
                        await freed.wait()
                        most = self._concurrency or model.concurrency
                    if self._faults.stops():
                        break
                    task = group.create_task(send(item))
                    in_flight.add(task)
                    task.add_done_callback(done)
            if self._faults.stops() and in_flight:
                await asyncio.wait(in_flight, timeout=LAST_ANSWERS)
            self._faults.check()
        self._faults.check()
        await self._faults.end()

    async def _again(self, item: Item) -> Response:
        """The response to a control request, which is paid for and not stored."""
        assert isinstance(self._model, RequestModel)
        response = (await self._answer(self._model, item))[1]
        self._bill(response)
        return response

    async def _answer(self, model: RequestModel, item: Item) -> Answered:
        """The answer to one request, sent when the budget allows it."""
        if self._budget is None:
            return await self._timed_answer(model, item)
        reserved, cost = max(self._highest_cost(model, item), self._highest_so_far), 0.0
        await self._budget.reserve(reserved)
        try:
            answered = await self._timed_answer(model, item)
            cost = billed(answered[1], reserved)
        finally:
            self._highest_so_far = max(self._highest_so_far, cost)
            self._budget.settle(reserved, cost)
        return answered

    async def _timed_answer(self, model: RequestModel, item: Item) -> Answered:
        started, clock = time.time(), time.perf_counter()
        self._open[id(item)] = time.monotonic()
        try:
            response = await self._generate(model, item)
        finally:
            del self._open[id(item)]
        return item, response, Call(started, time.perf_counter() - clock)

    def _highest_cost(self, model: RequestModel, item: Item) -> float:
        """US dollars that a request may cost at most."""
        cost = model.estimate(item.request).most if isinstance(model, Priced) else None
        if cost is None:
            raise HemmError(f"--max-cost: no price is known for model {model.spec}: --set prices=FILE")
        return cost

    async def _generate(self, model: RequestModel, item: Item) -> Response:
        try:
            with holding_interrupts():
                response = await model.generate(item.request)
        except (HemmError, Interrupted):
            raise
        except Exception as error:  # the adapter breaks its contract: the sample fails, the run goes on
            return Response(failure=Failure("model", f"{type(error).__name__}: {error}"))
        if not batcher.answers(response):
            raise HemmError(batcher.no_response(model, "generate", response))
        return self._known(response)

    def _known(self, response: Response) -> Response:
        """``response`` as it can be stored; what it says of tokens and cost that is no number is counted."""
        known = with_known_usage(response)
        self.counts.unknown_usage += known is not response
        return known

    def _keep(self, answered: Iterable[Answered]) -> None:
        for item, response, call in answered:
            self._finish([(item, response)], call)

    # finishing

    def _finish(self, answered: Iterable[tuple[Item, Response | None]], call: Call) -> None:
        """Journal the answers of one batch; after a crash, those that the journal does not have yet."""
        new = [self._record(i, r, call) for i, r in answered if not (i.known and self._claim(i))]
        if new:
            self._cell.add(new)
        if not self._chained and self._cell.complete_parts:
            self._sealable.set()
        self._heard = time.monotonic()
        counts = self.counts
        answers = self._cell.filled_count
        self._track.step(answers, answers - counts.claimed, counts.tokens, counts.errors, counts.cost)

    def _claim(self, item: Item) -> bool:
        self.counts.claimed += 1
        key = (item.sample.id, item.repeat)
        if self._faults.answered is None and item.failure is None:
            found = self._cell.lookup(key)
            self._faults.answered = item if found is not None and found["failure"] is None else None
        line = self._cell.lookup(key) if item.stale else None
        if line is None:
            self._cell.claim(item.position, key)
        else:
            labels = self._builder.task.labels_of(item.sample)
            self._cell.add([(item.position, {**line, **judging_side(item.sample, labels)})])
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
        self._bill(response)

    def _bill(self, response: Response) -> None:
        self.counts.tokens += (response.usage.input_tokens or 0) + (response.usage.output_tokens or 0)
        if response.usage.cost is not None:
            self.counts.cost = (self.counts.cost or 0.0) + response.usage.cost


def _split(items: Iterator[Item], failed: list[Item]) -> Iterator[Item]:
    """Items that can be sent; the others go to ``failed``."""
    for item in items:
        if item.failure is None:
            yield item
        else:
            failed.append(item)
