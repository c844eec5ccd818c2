"""A local model in several processes behind one batcher: of one machine (``--replicas``), or of a cluster.

What becomes of a batch whose process ends is decided here, for both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from hemm.core import (
    BatchModel,
    Binds,
    HemmError,
    Identity,
    Model,
    Request,
    Response,
)
from hemm.models.batcher import failed
from hemm.models.hf.identity import is_folder
from hemm.models.options import ModelOptions
from hemm.models.process.child import LIVES, ProcessEnded
from hemm.models.process.crew import ByCrew, Crew
from hemm.models.process.sites import Here, Site, gpus


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
    return Replicas(model, options, Here(count, devices, options.mixed_hardware), spec or model.spec)


class Replicas(ByCrew, BatchModel):
    """A model in ``parallel`` processes, each of which loads it and answers one batch at a time.

    Batches are composed as for one process, so the answers are those of one process on the same hardware. If
    a process ends, its batch is sent to another one, and it is started again meanwhile. If that ends too, the
    batcher halves the batch (after SIGKILL, by which the kernel ends a process when memory runs out) or sends
    the requests one by one; a single request then fails as transient. A process that is lost with its machine
    does not count: no request is to blame.
    """

    spec: str
    batch_size: int

    def __init__(self, model: BatchModel, options: ModelOptions, site: Site, named: str) -> None:
        self.spec, self._named = model.spec, named
        self.batch_size = model.batch_size
        self._model: BatchModel = model
        self._options, self._crew = options, Crew(site, self.spec)

    @property
    def parallel(self) -> int:
        return self._crew.count

    def shape(self, request: Request) -> Any:
        return self._model.shape(request)

    @property
    def notice(self) -> str:
        return self._model.notice

    def news(self) -> Sequence[str]:
        return self._crew.news()

    async def start(self) -> None:
        """Start all processes at once. Raises HemmError of the first that fails."""
        await self._crew.start(
            start_message(self._named, self.identity, self._options, self.batch_size), self.identity
        )

    async def close(self) -> None:
        """End all processes at once, also in the middle of a batch."""
        await self._crew.close()

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, all from one process. Up to ``parallel`` threads may call it at
        once.

        Raises OutOfMemory or HemmError where two processes ended over several requests (see the class).
        """
        crew, why, lives = self._crew, ProcessEnded("was closed"), LIVES
        while lives > 0:
            replica = crew.take()
            if replica is None:
                return [failed("replica", f"no process is left: {crew.why}")] * len(requests)
            try:
                answers = replica.answer(requests)
            except ProcessEnded as ended:
                why = ended
                lives -= not ended.lost
                crew.again(replica, ended)
            except BaseException:
                crew.give(replica, answered=False)
                raise
            else:
                crew.give(replica)
                return answers
        return [failed("replica", why.give_up("process", len(requests)))]


def start_message(
    named: str, identity: Identity, options: ModelOptions, batch_size: int = 0
) -> dict[str, Any]:
    """The first message to each process, with the model to load; a checkpoint at its commit."""
    options = replace(options, replicas=1, serve="", batch_size=batch_size)
    family, _, rest = named.partition("/")
    if family in ("hf", "text") and not is_folder(rest):
        named, options = f"{family}/{identity.name}@{identity.revision}", replace(options, revision="")
    return {"spec": named, "options": asdict(options)}
