"""A local model in several processes behind one batcher: of one machine (``--replicas``), or of a cluster.

Where the processes are and how they are talked to is a ``Site``'s business: what becomes of a batch whose
process ends is decided here, for all of them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from hemm.core import (
    BatchModel,
    Binds,
    Capabilities,
    HemmError,
    Identity,
    Model,
    Request,
    Response,
    redact,
)
from hemm.models.batcher import failed
from hemm.models.hf.identity import is_folder
from hemm.models.options import ModelOptions
from hemm.models.process import frames
from hemm.models.process.child import GIVE_UP, LIVES, ProcessEnded
from hemm.models.process.sites import Here, Site, gpus
from hemm.models.process.transport import Transport


def replicated(model: Model, options: ModelOptions, spec: str = "") -> Model:
    """``model`` in ``options.replicas`` processes (0: as many as there are GPUs).

    ``spec`` is what names it to them, where that is not its own.

    Served models, models that are bound to a task (baselines), and single processes are returned unchanged.
    Raises HemmError for settings that name a device, since each process has its own.
    """
    if not isinstance(model, BatchModel) or isinstance(model, Binds):
        return model
    settings = dict(options.settings)
    device = settings.get("device", "auto")
    devices = [] if device not in ("auto", "cuda") and not device.startswith("cuda:") else gpus()
    count = options.replicas or max(1, len(devices))
    if count == 1:
        return model
    if os.name != "posix":
        raise HemmError("--replicas needs Linux or macOS")
    if device.startswith("cuda:") or settings.get("device_map"):
        key = "device" if device.startswith("cuda:") else "device_map"
        raise HemmError(f"--set {key}={settings[key]}: with --replicas each process has a GPU of its own")
    return Replicas(model, options, Here(count, devices), spec or model.spec)


class Replicas(BatchModel):
    """A model in ``parallel`` processes, each of which loads it and answers one batch at a time.

    Batches are composed as for one process, so the answers are those of one process on the same hardware. If
    a process ends, its batch is sent to another one, and it is started again meanwhile. If that ends too, the
    batcher halves the batch (after SIGKILL, by which the kernel ends a process when memory runs out) or sends
    the requests one by one; a single request then fails as transient.
    """

    spec: str
    batch_size: int

    def __init__(self, model: BatchModel, options: ModelOptions, site: Site, named: str) -> None:
        self.spec, self._named = model.spec, named
        self.batch_size = model.batch_size
        self._model, self._options, self._site = model, options, site
        self._replicas: list[Replica] = []
        self._free: list[Replica] = []
        self._coming: set[Replica] = set()
        self._places: list[Mapping[str, Any]] = []
        self._changed = threading.Condition()
        self._closed, self._ends, self._restarts = False, 0, 0
        self._why, self._news = "they were closed", list[str]()

    @property
    def parallel(self) -> int:
        return max(1, self._site.count)

    @property
    def identity(self) -> Identity:
        return self._model.identity

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    def shape(self, request: Request) -> Any:
        return self._model.shape(request)

    @property
    def protocol_extra(self) -> Sequence[tuple[str, str]]:
        return self._model.protocol_extra

    @property
    def notice(self) -> str:
        return self._model.notice

    @property
    def setup(self) -> dict[str, Any]:
        """For run.json: where the processes are or were, restarts, and what the model tells."""
        told = {**self._site.setup(self._places), "restarts": self._restarts}
        return {**(self._model.setup or {}), **told}

    @property
    def at_work(self) -> str:
        with self._changed:
            running = [r for r in self._replicas if r not in self._coming]
            where = self._site.at_work([r.place for r in running])
            if not where:
                return ""
            busy = len(running) - len(self._free)
            return f"{where}, {len(running)} of {self.parallel} replicas, {busy} at work"

    def news(self) -> Sequence[str]:
        with self._changed:
            told, self._news = self._news, []
        return told

    async def start(self) -> None:
        """Start all processes at once. Raises HemmError of the first that fails."""
        self._closed, self._ends = False, 0
        try:
            transports = self._site.open()
            message = self._start_message()
            count = len(transports)
            for k, transport in enumerate(transports):
                name = f"model {redact(self.spec)}, process {k + 1} of {count}"
                self._replicas.append(Replica(name, transport, message, self.identity))
            with self._changed:
                for replica in self._replicas:
                    self._come(replica)
            await asyncio.to_thread(self._await_start, count)
        except BaseException:
            await self.close()
            raise

    def _await_start(self, count: int) -> None:
        def settled() -> bool:
            return self._closed or not self._coming or len(self._replicas) < count

        with self._changed:
            self._changed.wait_for(settled, self._site.patience)
            if len(self._replicas) < count or not self._free:
                why = self._why if len(self._replicas) < count else "none has come up"
                raise HemmError(why)
            if self._coming:
                late = f"{len(self._coming)} of {count} replicas have not come up"
                self._news.append(f"{late}: the others begin, they join when they do")
            if wrong := self._site.refuses([r.place for r in self._free]):
                raise HemmError(wrong)

    async def close(self) -> None:
        """End all processes at once, also in the middle of a batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            coming, ended = set(self._coming), list(self._replicas)
        ends = (r.abandon if r in coming else r.stop for r in ended)
        await asyncio.gather(*(asyncio.to_thread(end) for end in ends))
        self._replicas, self._free = [], []
        self._site.close()

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, all from one process. Up to ``parallel`` threads may call it at
        once.

        Raises OutOfMemory or HemmError where two processes ended over several requests (see the class).
        """
        why, lives = ProcessEnded("was closed"), LIVES
        while lives > 0:
            replica = self._acquire()
            if replica is None:
                return [failed("replica", f"no process is left: {self._why}")] * len(requests)
            try:
                answers = replica.answer(requests)
            except ProcessEnded as ended:
                why = ended
                lives -= not ended.lost
                self._again(replica, ended)
            except BaseException:
                self._release(replica)
                raise
            else:
                self._ends = 0
                self._release(replica)
                return answers
        return [failed("replica", why.give_up("process", len(requests)))]

    @property
    def _given_up(self) -> bool:
        return self._ends >= max(GIVE_UP, 2 * self.parallel)

    def _acquire(self) -> Replica | None:
        """Wait for a replica that is free; None if there will be none."""
        with self._changed:
            while not (self._free or self._closed or self._given_up) and self._replicas:
                self._changed.wait()
            if self._closed or self._given_up or not self._replicas:
                return None
            return self._free.pop()

    def _release(self, replica: Replica) -> None:
        with self._changed:
            self._free.append(replica)
            self._changed.notify_all()

    def _again(self, replica: Replica, ended: ProcessEnded) -> None:
        """Start a replica again whose process has ended."""
        replica.kill()
        with self._changed:
            self._ends += 1
            self._why = f"{self._ends} ended in a row, the last one {ended}"
            if not (self._closed or self._given_up):
                self._news.append(f"{replica.name} {ended}: another one is asked, and it is started again")
                self._restarts += 1
                self._come(replica)
            self._changed.notify_all()

    def _come(self, replica: Replica) -> None:
        self._coming.add(replica)
        # a daemon: one that waits for a place must not keep the process
        threading.Thread(target=self._bring_up, args=(replica,), name="hemm-replica", daemon=True).start()

    def _bring_up(self, replica: Replica) -> None:
        why = ""
        try:
            replica.start()
        except HemmError as error:
            why = str(error)
        with self._changed:
            self._coming.discard(replica)
            if not why and self._places:  # the first ones are compared when all are there
                why = self._site.refuses([self._places[0], replica.place])
            if why:
                self._why = why
                self._replicas = [r for r in self._replicas if r is not replica]
                self._news.append(f"{why}: it is left out")
            else:
                self._places.append(replica.place)
                self._free.append(replica)
            self._changed.notify_all()
        if why or self._closed:
            replica.abandon()

    def _start_message(self) -> dict[str, Any]:
        """The first message to each process, with the model to load; a checkpoint at its commit."""
        spec = self._named
        options = replace(self._options, replicas=1, serve="", batch_size=self.batch_size)
        if spec.startswith("hf/") and not is_folder(spec.removeprefix("hf/")):
            spec, options = f"hf/{self.identity.name}@{self.identity.revision}", replace(options, revision="")
        return {"spec": spec, "options": asdict(options)}


class Replica:
    """One process that answers batches, wherever it runs."""

    def __init__(
        self, name: str, transport: Transport, start_message: dict[str, Any], identity: Identity
    ) -> None:
        self.name = name
        self._transport, self._start_message, self._identity = transport, start_message, identity
        self._busy, self._gone = False, threading.Event()

    @property
    def place(self) -> Mapping[str, Any]:
        return self._transport.place

    def start(self) -> None:
        """Start the process and load the model. Raises HemmError with the process's message."""
        while not self._gone.is_set():
            try:
                self._transport.open()
                if self._gone.is_set():  # ``abandon`` was called meanwhile
                    self.kill()
                reply, _ = self._transport.exchange(self._start_message)
                problem = reply.get("failed")
            except ProcessEnded as ended:
                if ended.lost and not self._gone.is_set():
                    continue  # its machine is gone: it is given another place
                problem = f"it {ended}"
            else:
                if problem is None and reply["ready"] != [self._identity.name, self._identity.revision]:
                    problem = "the checkpoint changed since the run began"
            if problem is None:
                return
            self.kill()
            raise HemmError(f"{self.name}: {problem}")

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to a batch. Raises ProcessEnded if the process ends."""
        batch, media = frames.requests_out(requests)
        self._busy = True
        try:
            reply, drawn = self._transport.exchange({"batch": batch}, media)
        finally:
            self._busy = False
        if "answers" not in reply:
            return []  # a broken contract: the batcher ends the run for a wrong number of responses
        return frames.responses_in(reply["answers"], drawn)

    def stop(self) -> None:
        """Let an idle process close its model, then end it."""
        if not self._busy:
            self._transport.finish()
        self.abandon()

    def abandon(self) -> None:
        """End the process, and do not start it again."""
        self._gone.set()
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children at once."""
        self._transport.kill()
