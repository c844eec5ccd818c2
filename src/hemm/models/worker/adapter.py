"""``worker/NAME`` and ``worker/./file.py``: a model in a separate process and environment."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from hemm.core import (
    BadData,
    BatchModel,
    Capabilities,
    HemmError,
    Identity,
    OutOfMemory,
    Request,
    Response,
    storable,
)
from hemm.models.batcher import failed
from hemm.models.options import ModelOptions
from hemm.models.process.child import GIVE_UP, GRACE_SECONDS, LIVES, ProcessEnded
from hemm.models.worker import wire
from hemm.models.worker.environment import require_runner
from hemm.models.worker.files import OURS, WorkerFile, find
from hemm.models.worker.process import WorkerProcess

SETTINGS = OURS


def open_worker(spec: str, options: ModelOptions) -> WorkerModel:
    """A model in a process of its own: a recipe of hemm, or a worker file of yours (docs/workers.md)."""
    file = find(spec)
    settings = options.read(f"worker/{file.path.stem}", {**OURS, **file.settings})
    for key in ("batch_timeout", "start_timeout", "silence"):
        if not settings[key] > 0:
            raise HemmError(f"--set {key}={settings[key]:g}: give a number of seconds above 0")
    require_runner(spec, settings["runner"])
    return WorkerModel(spec, file, settings, options)


class WorkerModel(BatchModel):
    """A worker behind the shared batcher.

    If the worker ends, its batch is sent to a new one, so that answers do not depend on the crash. If that
    ends too, the batcher halves the batch (when memory ran out: the worker said so, or SIGKILL ended it) or
    sends the requests one by one; a single request then fails as transient. ``silence``, ``batch_timeout``
    and ``start_timeout`` limit every wait.
    """

    spec: str
    batch_size: int

    def __init__(
        self, spec: str, file: WorkerFile, settings: Mapping[str, Any], options: ModelOptions
    ) -> None:
        self.spec = spec
        self.batch_size = options.batch_size or file.batch_size
        self._file, self._label = file, options.revision
        self._limits = {k: settings[k] for k in OURS}
        self._settings = {k: settings[k] for k in file.settings}
        self._process: WorkerProcess | None = None
        self._loaded = self._closed = self._busy = False
        self._fingerprint = ""
        self._ends, self._batches = 0, 0
        self._swap = threading.Lock()

    @cached_property
    def identity(self) -> Identity:
        """The header's name, and a digest of the file, its settings and the worker's own revision.

        Raises HemmError if the worker has to start to report its revision, and does not.
        """
        reported = ""
        if self._file.identity:
            deadline = time.monotonic() + self._limits["start_timeout"]
            reply = self._starting({"type": "identify", "settings": self._settings}, "identity", deadline)
            reported = str(reply.get("revision", ""))
            if not reported:
                raise HemmError(f"model {self.spec}: its header says identity = true, and it tells none")
        revision = self._file.revision(self._settings, reported)
        label = f"{self._label}+" if self._label else ""
        return Identity(self._file.name, label + revision)

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities in the file's header."""
        file = self._file
        return Capabilities(
            inputs=frozenset(file.inputs),
            outputs=frozenset(file.outputs),
            max_images=file.max_images,
            likelihood=file.likelihood,
            system=file.system,
        )

    async def start(self) -> None:
        """Build the environment if there is none, start the worker, and load the model.

        Raises HemmError with the worker's reason if that fails, and if a setting is missing.
        """
        for key in self._file.required:
            if not self._settings[key]:
                raise HemmError(f"model {self.spec} needs --set {key}=...: {self._file.path} says what it is")
        self._closed, self._ends = False, 0
        await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """End the worker at once, also in the middle of a batch."""
        self._closed = True
        with self._swap:
            process, self._process = self._process, None
        if process is not None:
            process.wake("was closed")
            await asyncio.to_thread(process.stop if self._loaded and not self._busy else process.kill)
        self._loaded = False

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request. A picture that does not open fails its own request alone.

        Raises OutOfMemory if the worker's memory is too small for the batch, and HemmError if two workers
        ended over several requests: the batcher then sends them one by one.
        """
        why = ProcessEnded("")
        for _ in range(LIVES):
            if self._ends >= GIVE_UP:
                gone = (
                    f"the worker ended {self._ends} times in a row without an answer: it is not started again"
                )
                return [failed("worker", gone)] * len(requests)
            try:
                return self._answers(requests)
            except ProcessEnded as ended:
                why, last_line = ended, self._drop(ended)
                self._ends += 1
                if self._closed:
                    return [failed("worker", f"the worker {why}")] * len(requests)
        return [failed("worker", why.give_up("worker", len(requests), last_line))]

    def _answers(self, requests: Sequence[Request]) -> list[Response]:
        """Send the requests once. Raises ProcessEnded, or OutOfMemory if the worker reports it."""
        process = self._running()
        answers: list[Response | None] = [None] * len(requests)
        sent: list[tuple[int, dict[str, Any]]] = []
        for i, request in enumerate(requests):
            try:
                sent.append((i, wire.request(request, process.folder)))
            except (BadData, FileNotFoundError) as error:
                if not process.folder.is_dir():
                    raise ProcessEnded("was closed") from None
                answers[i] = failed("media", str(error), permanent=True)
        try:
            replies = self._exchange(process, [r for _, r in sent]) if sent else []
            for (i, _), message in zip(sent, replies, strict=True):
                answers[i] = self._read(requests[i], message, process)
        finally:
            for file in process.folder.glob("*"):
                file.unlink(missing_ok=True)
        return [a for a in answers if a is not None]

    def _exchange(self, process: WorkerProcess, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One message for each request: its answer, its error, or an error that there was neither."""
        self._batches += 1
        batch, deadline = self._batches, time.monotonic() + self._limits["batch_timeout"]
        replies: list[dict[str, Any] | None] = [None] * len(requests)
        self._busy = True
        missing = "the worker gave no answer to this request"
        process.send({"type": "batch", "id": batch, "requests": requests})
        try:
            self._collect(process, batch, replies, deadline)
        except TimeoutError:
            missing = f"no answer within {self._limits['batch_timeout']:g} s (--set batch_timeout=SECONDS)"
            process.send({"type": "cancel", "id": batch})
            try:
                self._collect(process, batch, replies, time.monotonic() + GRACE_SECONDS)
            except (TimeoutError, ProcessEnded, OutOfMemory, HemmError):
                self._drop()  # the next batch starts another
                self._ends += 1
        finally:
            self._busy = False
        if any(t is not None for t in replies):
            self._ends = 0
        return [t or {"type": "error", "message": missing} for t in replies]

    def _collect(
        self, process: WorkerProcess, batch: int, replies: list[dict[str, Any] | None], deadline: float
    ) -> None:
        """Put the messages about ``batch`` into ``replies`` until it is complete."""
        while True:
            message = process.receive(deadline)
            kind = message["type"]
            if kind in ("answer", "error") and (at := wire.indexed(message, batch, len(replies))) is not None:
                replies[at] = message
            elif message.get("batch") != batch or kind in ("answer", "error"):
                continue  # of a batch that was given up
            elif kind == "done":
                return
            elif kind == "oom":
                self._ends = 0
                raise OutOfMemory(storable(str(message.get("message", ""))))
            elif kind == "failed":
                raise HemmError(storable(str(message.get("message", ""))))

    def _read(self, request: Request, message: dict[str, Any], process: WorkerProcess) -> Response:
        response = wire.response(request, message, process.folder, self._fingerprint)
        wrong = {m.kind for m in response.media} - frozenset(self._file.outputs)
        if wrong:
            return failed("protocol", f"produced {', '.join(sorted(wrong))}, which its header lacks")
        return response

    # the process

    def _running(self) -> WorkerProcess:
        if self._process is None or not self._loaded:
            try:
                self._load()
            except HemmError as error:
                raise ProcessEnded(f"did not start again: {error}") from None
        assert self._process is not None
        return self._process

    def _load(self) -> None:
        deadline = time.monotonic() + self._limits["start_timeout"]
        reply = self._starting({"type": "load", "settings": self._settings}, "ready", deadline)
        self._fingerprint = storable(str(reply.get("fingerprint", "")))[:200]
        self._loaded = True

    def _starting(self, message: dict[str, Any], wanted: str, deadline: float) -> dict[str, Any]:
        """Start the process if there is none, send ``message``, and return the reply of type ``wanted``.

        Raises HemmError with the worker's message if it fails.
        """
        try:
            process = self._process or self._new_process(deadline)
            process.send(message)
            while True:
                reply = process.receive(deadline)
                if reply["type"] == "failed":
                    raise ProcessEnded(f"failed: {reply.get('message', '')}")
                if reply["type"] == wanted:
                    return reply
        except (ProcessEnded, TimeoutError) as error:
            raise HemmError(self._start_error(error)) from None

    def _new_process(self, deadline: float) -> WorkerProcess:
        """A new process that has said hello with hemm's version of the protocol."""
        names = [name.strip() for name in self._limits["env"].split(",") if name.strip()]
        process = WorkerProcess(
            self.spec, self._file.path, self._limits["runner"], names, self._limits["silence"]
        )
        with self._swap:
            if self._closed:
                process.kill()
                raise ProcessEnded("was closed")
            self._process = process
        reply = process.receive(deadline)
        while reply["type"] != "hello":
            reply = process.receive(deadline)
        if reply.get("protocol") != wire.PROTOCOL:
            theirs, ours = reply.get("protocol"), wire.PROTOCOL
            raise ProcessEnded(f"speaks version {theirs!r} of the worker protocol, this hemm {ours}")
        return process

    def _start_error(self, error: Exception) -> str:
        limit = f"was not ready after {self._limits['start_timeout']:g} s (--set start_timeout=SECONDS)"
        why = limit if isinstance(error, TimeoutError) else str(error)
        return f"model {self.spec}: the worker {why}{self._drop(error)}"

    def _drop(self, error: Exception | None = None) -> str:
        """End the process, if there is one, and return the text of ``error``, else the process's last
        lines."""
        with self._swap:
            process, self._process = self._process, None
        self._loaded = False
        if process is None:
            return ""
        process.kill()
        why = process.why() if isinstance(error, ProcessEnded) and error.silent else ""
        return f": {why}" if why else ""
