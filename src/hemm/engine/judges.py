"""Models that judge: each starts with its first request; its replies are stored with the scores of the cell.

A reply is a line in ``scores/<metric>.verdicts.jsonl``, a journal like that of an open cell: a killed command
loses none, and the next one sends the rest. The key of a line is a hash of judge, rubric and judged text, so
that the same text is judged once.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import (
    BatchModel,
    Binds,
    Failure,
    HemmError,
    Identity,
    Judge,
    Metric,
    Model,
    Outcome,
    Request,
    RequestModel,
    Response,
    Task,
    digest,
    redact,
)
from hemm.core.text import counted
from hemm.engine.limits import ACCOUNT
from hemm.metrics.judge.llm_judge import LlmJudge, Others
from hemm.models import ModelOptions, batcher
from hemm.results.journal import OF_VERDICT, Journal, scan
from hemm.results.lock import Lock
from hemm.results.read import Cell, cells
from hemm.results.response_record import response_of, response_record

STOP_AFTER = 20
"""Failed requests in a row after which a judge is given up."""

VERDICT = {
    "reply": "raw",
    "finish": "finish",
    "refusal": "refusal",
    "failure": "failure",
    "message": "failure_message",
    "permanent": "failure_permanent",
    "usage": "usage",
    "model": "model",
}
"""Members of a verdict's line -> those of ``response_record.response_record``."""

Keep = Callable[[Request, Response], None]


class JudgeRunner:
    """One judge, in a thread with its own event loop: a run's loop may be waiting for the scores."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._started = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, requests: Sequence[Request], keep: Keep) -> None:
        """Send all ``requests``; each reply goes to ``keep`` when it comes, in any order.

        Raises HemmError where the judge does not start, or fails ``STOP_AFTER`` times in a row.
        """
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="hemm-judge", daemon=True)
            self._thread.start()
        work = asyncio.run_coroutine_threadsafe(self._send(requests, keep), self._loop)
        try:
            work.result()
        except BaseException:
            work.cancel()
            raise

    def close(self) -> None:
        """Close the model and end the thread."""
        if self._loop is None or self._thread is None:
            return
        loop, self._loop = self._loop, None
        if self._started:
            self._started = False
            asyncio.run_coroutine_threadsafe(self.model.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(30)
        loop.close()

    async def _send(self, requests: Sequence[Request], keep: Keep) -> None:
        if not self._started:
            await self.model.start()
            self._started = True
        if isinstance(self.model, BatchModel):
            await self._in_batches(self.model, requests, keep)
        elif isinstance(self.model, RequestModel):
            await self._one_by_one(self.model, requests, keep)
        else:
            raise HemmError(f"judge {self.model.spec} has neither generate nor generate_batch")

    async def _in_batches(self, model: BatchModel, requests: Sequence[Request], keep: Keep) -> None:
        loop, streak = asyncio.get_running_loop(), _JudgeStreak(model.spec)
        with ThreadPoolExecutor(1, "hemm-judge-model") as pool:
            for batch in batcher.windows(requests, model.batch_size, model.shape):
                responses = await loop.run_in_executor(pool, batcher.run_batch, model, batch)
                for request, response in zip(batch, responses, strict=True):
                    keep(request, response)
                    streak.take(response)

    async def _one_by_one(self, model: RequestModel, requests: Sequence[Request], keep: Keep) -> None:
        pending, streak = iter(requests), _JudgeStreak(model.spec)

        async def work() -> None:
            for request in pending:
                try:
                    response = await model.generate(request)
                except HemmError:
                    raise
                except Exception as error:  # the adapter breaks its contract: this request fails
                    response = Response(failure=Failure("model", f"{type(error).__name__}: {error}"))
                keep(request, response)
                streak.take(response)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(model.concurrency, len(requests))):
                    group.create_task(work())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None


@dataclass
class _JudgeStreak:
    """Failures in a row: a judge that is gone is one error, not one for each answer."""

    spec: str
    failed: int = 0

    def take(self, response: Response) -> None:
        self.failed = self.failed + 1 if response.failure is not None else 0
        at_once = response.failure is not None and response.failure.kind in ACCOUNT | {"silent"}
        if self.failed >= STOP_AFTER or at_once:
            assert response.failure is not None
            raise HemmError(
                f"judge {redact(self.spec)} failed {counted(self.failed, 'time')} in a row "
                f"({response.failure.kind}: "
                f"{response.failure.message}); verdicts had so far are kept, the same command asks the rest"
            )


_runners: dict[tuple[str, str, str], JudgeRunner] = {}
"""(spec, settings, requested revision) -> runner."""

_runner_of_metric: dict[LlmJudge, JudgeRunner] = {}
"""Metric as ``identified`` gives it -> runner."""


def runner_of(spec: str, settings: str, revision: str) -> JudgeRunner:
    """The runner of a judge, one for each in this process; does not start it.

    Raises UnknownName or HemmError for a spec that names no model that can judge.
    """
    from hemm.models import resolve

    key = (spec, settings, revision)
    if key not in _runners:
        model = resolve(spec, _options(settings, revision))
        if isinstance(model, Binds):
            raise HemmError(f"metric judge: {spec} answers from references; a judge is a language model")
        _runners[key] = JudgeRunner(model)
        atexit.register(_runners[key].close)
    return _runners[key]


def _options(settings: str, revision: str = "") -> ModelOptions:
    pairs = [item.partition(":") for item in settings.split(";") if item.strip()]
    for key, colon, _ in pairs:
        if not colon:
            raise HemmError(f"metric judge: settings={settings!r}: {key!r} is not KEY:VALUE")
    return ModelOptions(revision=revision, settings=tuple((k.strip(), v.strip()) for k, _, v in pairs))


def identified(metric: Metric) -> Metric:
    """A judge metric with its model's identity among its parameters; any other metric unchanged."""
    if not isinstance(metric, LlmJudge):
        return metric
    if metric in _runner_of_metric or (metric.judge and not metric.model):
        return metric
    if not metric.model:
        raise HemmError("metric judge needs a model: judge:model=openai/NAME, or another of hemm models")
    runner = runner_of(metric.model, metric.settings, metric.revision)
    known = metric.known_as(runner.model.identity, _options(metric.settings).protocol)
    _runner_of_metric[known] = runner
    return known


def with_judge(metric: Metric, key: str, cell: Cell, task: Task) -> Metric:
    """A judge metric with its judge for one cell; any other metric unchanged. Without ``model=`` the judge
    reads stored verdicts alone."""
    if not isinstance(metric, LlmJudge):
        return metric
    path = cell.scores_folder / f"{key}.verdicts.jsonl"
    judge = CellJudge(Identity(metric.judge, metric.revision), path, _runner_of_metric.get(metric))
    judge.also = cell.plain_scores_folder / path.name
    if metric.against == "reference":
        return metric.asking(judge)
    rival = _rival(metric.against, cell)
    judge.extra["against"] = {"model": rival.model, "answers": _sealed(rival)}
    return metric.asking(judge, _answers_of(rival, task))


def is_complete(row: Mapping[str, Any], cell: Cell) -> bool:
    """Whether a row of aggregates.json has all its verdicts, and the answers that it compares with have not
    changed. Always true of metrics without a judge."""
    judge = row.get("judge", {})
    if judge.get("failed") or judge.get("not_asked"):
        return False
    if "against" not in judge:
        return True
    try:
        return bool(judge["against"]["answers"] == _sealed(_rival(judge["against"]["model"], cell)))
    except HemmError:  # the other cell is gone: its verdicts cannot be made again, so they stay
        return True


@dataclass
class CellJudge(Judge):
    """``core.Judge`` over the verdicts of one metric on one cell."""

    identity: Identity
    path: Path
    runner: JudgeRunner | None
    used: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key -> line that was used."""
    extra: dict[str, Any] = field(default_factory=dict)
    """More fields for ``record``."""
    also: Path | None = None
    """A journal of the same judge that is read and never written: of the same answers without an overlay."""
    damaged_lines: int = 0
    """Lines of the journal that were torn or damaged: their verdicts are had again."""

    def ask(self, requests: Sequence[Request]) -> list[Response]:
        """Replies from the journal; from the model where it has none, or one that failed for a while."""
        dropped: list[int] = []
        paths = dict.fromkeys(path for path in (self.also, self.path) if path is not None)
        known = {
            line["key"]: line for path in paths for _, _, line in scan(path, dropped, members=OF_VERDICT)
        }
        self.damaged_lines = len(dropped)
        wanted = {r.key: r for r in requests}
        missing = [r for key, r in wanted.items() if not _is_answer(known.get(key))]
        if missing and self.runner is not None:
            with Lock(self.path.with_suffix(".lock")):
                journal = Journal(self.path)
                try:
                    self.runner.run(
                        missing, lambda request, response: _keep(journal, known, request, response)
                    )
                finally:
                    journal.close()
        self.used |= {key: known[key] for key in wanted if key in known}
        return [_response(known.get(r.key)) for r in requests]

    def record(self) -> dict[str, Any]:
        """Identity of the judge, and tokens and cost of the verdicts used, in whichever command they came."""
        lines = list(self.used.values())
        return {
            "name": self.identity.name,
            "revision": self.identity.revision,
            "served": sorted({line["model"] for line in lines if line["model"]}),
            "input_tokens": _sum(line["usage"][0] for line in lines),
            "output_tokens": _sum(line["usage"][1] for line in lines),
            "cost": _sum(line["usage"][2] for line in lines),
            **({"damaged_lines": self.damaged_lines} if self.damaged_lines else {}),
            **self.extra,
        }


def _sum(values: Iterator[Any]) -> Any:
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def _is_answer(line: dict[str, Any] | None) -> bool:
    """Whether a line holds a reply, or a permanent failure."""
    return line is not None and (line["failure"] is None or line["permanent"])


def _keep(journal: Journal, known: dict[str, Any], request: Request, response: Response) -> None:
    facts = response_record(response)
    line = {"key": request.key, "id": request.sample_id, **{k: facts[v] for k, v in VERDICT.items()}}
    line["permanent"] = bool(line["permanent"])
    known[request.key] = line
    journal.append([line])
    journal.flush()  # a verdict costs more than a write
    if journal.sync_due:
        journal.sync()


def _response(line: dict[str, Any] | None) -> Response:
    if line is None:
        return Response(failure=Failure("not_asked", "no verdict is stored, and no judge was named"))
    return response_of({v: line[k] for k, v in VERDICT.items()})


def _rival(model: str, cell: Cell) -> Cell:
    """The cell of ``model`` on the same task in the same results folder; of several, the one with the
    protocol of ``cell``. Raises HemmError where there is none, or more than one."""
    out = cell.folder.parent.parent.parent
    others = [c for c in cells(out) if c.task == cell.task and c.folder != cell.folder]
    fits = [c for c in others if c.model == model]
    alike = [c for c in fits if _same_protocol(c, cell)] or fits
    if len(alike) != 1:
        names = ", ".join(sorted({c.model for c in others})) or "none"
        count = counted(len(fits), "cell") if fits else "no answers"
        raise HemmError(
            f"metric judge: {out} has {count} of model {model!r} for task {cell.task} to compare those of "
            f"{cell.model} with (other models there: {names})"
        )
    return alike[0]


def _sealed(cell: Cell) -> str:
    return digest([part.to_json() for part in cell.parts], 16)


def _answers_of(cell: Cell, task: Task) -> Others:
    """(sample id, repeat) -> the answer's text, None for a failure."""
    from hemm.metrics.base import written
    from hemm.metrics.judged_answers import judged_answers

    judged = judged_answers(cell.answers(), task.answer).judged
    return {(j.sample.id, j.repeat): written(j.value) if j.outcome is Outcome.OK else None for j in judged}


def _same_protocol(cell: Cell, rival: Cell) -> bool:
    """Whether two cells differ in the model alone."""
    specs = [{k: v for k, v in c.run["protocol_spec"].items() if k != "model"} for c in (cell, rival)]
    return bool(specs[0] == specs[1])
