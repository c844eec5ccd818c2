"""``--replicas``: a local model in several processes of one machine, one for each GPU, behind one batcher."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
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
from hemm.models.process.child import GIVE_UP, GRACE_SECONDS, LIVES, ChildProcess, ProcessEnded

_MAIN = "import sys; from hemm.models.process.replica import main; sys.exit(main())"
"""The program of a replica. An import would make a circle, since ``replica`` imports ``specs``."""


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
    found = Replicas(model, options, count, devices)
    found.named = spec or model.spec
    return found


def gpus() -> list[str]:
    """The visible GPUs, as CUDA_VISIBLE_DEVICES names them. Imports torch for AMD's GPUs alone."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [word.strip() for word in named.split(",") if word.strip() not in ("", "-1")]
    if (program := shutil.which("nvidia-smi")) is not None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=60, check=True)
            count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
            return [str(k) for k in range(count)]
    if Path("/dev/kfd").exists() and find_spec("torch") is not None:
        import torch

        return [str(k) for k in range(torch.cuda.device_count())]
    return []


class Replicas(BatchModel):
    """A model in ``parallel`` processes, each of which loads it and answers one batch at a time.

    Batches are composed as for one process, so the answers are those of one process on the same hardware. If
    a process ends, its batch is sent to another one. If that ends too, the batcher halves the batch (after
    SIGKILL, by which the kernel ends a process when memory runs out) or sends the requests one by one; a
    single request then fails as transient.
    """

    spec: str
    batch_size: int
    parallel: int

    def __init__(self, model: BatchModel, options: ModelOptions, count: int, devices: Sequence[str]) -> None:
        self.spec = self.named = model.spec
        self.parallel = count
        self.batch_size = model.batch_size
        self._model, self._options = model, options
        self._gpus = [devices[k % len(devices)] if devices else "" for k in range(count)]
        self._replicas: list[_Replica] = []
        self._free: list[_Replica] = []
        self._changed = threading.Condition()
        self._closed, self._ends, self._restarts = False, 0, 0
        self._why = "they were closed"

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
        """For run.json: processes, their GPUs (empty: on the CPU), restarts, and what the model tells."""
        devices = sorted({gpu for gpu in self._gpus if gpu})
        told = {"replicas": self.parallel, "gpus": devices, "restarts": self._restarts}
        return {**(self._model.setup or {}), **told}

    async def start(self) -> None:
        """Start all processes at once. Raises HemmError of the first that fails."""
        start_message = self._start_message()
        self._closed, self._ends = False, 0
        self._replicas = [
            _Replica(self.spec, f"{k + 1} of {self.parallel}", gpu, start_message, self.identity)
            for k, gpu in enumerate(self._gpus)
        ]
        pool, loop = ThreadPoolExecutor(self.parallel, "hemm-replica"), asyncio.get_running_loop()
        starting = [loop.run_in_executor(pool, r.start) for r in self._replicas]
        try:
            await asyncio.gather(*starting)
        except BaseException:
            for replica in self._replicas:
                replica.abandon()
            await asyncio.gather(*starting, return_exceptions=True)
            raise
        finally:
            pool.shutdown(wait=False)
        self._free = list(self._replicas)

    async def close(self) -> None:
        """End all processes at once, also in the middle of a batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        await asyncio.gather(*(asyncio.to_thread(r.stop) for r in self._replicas))
        self._replicas, self._free = [], []

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request, all from one process. Up to ``parallel`` threads may call it at
        once.

        Raises OutOfMemory or HemmError where two processes ended over several requests (see the class).
        """
        why, lives = ProcessEnded("was closed"), LIVES
        while lives:
            replica = self._acquire()
            if replica is None:
                return [failed("replica", f"no process is left: {self._why}")] * len(requests)
            lost = False
            try:
                answers = replica.answer(requests)
                self._ends = 0
                return answers
            except ProcessEnded as ended:
                replica.kill()
                why, lives = ended, lives - 1
                self._ends += 1
                self._why = f"{self._ends} ended in a row, the last one {ended}"
            except HemmError as error:  # this one did not start again: use the others
                lost, self._why = True, str(error)
            finally:
                self._release(replica, lost)
        return [failed("replica", why.give_up("process", len(requests)))]

    def _acquire(self) -> _Replica | None:
        """Wait for a free replica, whose process may have to be started again; None if there is none left."""
        with self._changed:
            while not self._free and self._replicas and not self._closed:
                self._changed.wait()
            most = max(GIVE_UP, 2 * self.parallel)
            if self._closed or not self._replicas or self._ends >= most:
                return None
            replica = self._free.pop()
            self._restarts += not replica.running
            return replica

    def _release(self, replica: _Replica, lost: bool) -> None:
        with self._changed:
            if lost and replica in self._replicas:
                self._replicas.remove(replica)
            elif not lost:
                self._free.append(replica)
            self._changed.notify_all()

    def _start_message(self) -> dict[str, Any]:
        """The first message to each process, with the model to load; a checkpoint at its commit."""
        spec = self.named
        options = replace(self._options, replicas=1, serve="", batch_size=self.batch_size)
        if spec.startswith("hf/") and not is_folder(spec.removeprefix("hf/")):
            spec, options = f"hf/{self.identity.name}@{self.identity.revision}", replace(options, revision="")
        return {"spec": spec, "options": asdict(options)}


class _Replica:
    """One process. If it has ended, the next batch starts it again."""

    def __init__(
        self, spec: str, which: str, gpu: str, start_message: dict[str, Any], identity: Identity
    ) -> None:
        self._name = f"model {redact(spec)}, process {which}"
        self._gpu, self._start_message, self._identity = gpu, start_message, identity
        self._child: ChildProcess | None = None
        self._busy = self._gone = False

    @property
    def running(self) -> bool:
        return self._child is not None

    def start(self) -> None:
        """Start the process and load the model. Raises HemmError with the process's message."""
        self._spawn()
        try:
            reply, _ = self._exchange(self._start_message, [])
            problem = reply.get("failed")
        except ProcessEnded as ended:
            problem = f"it {ended}"
        else:
            if problem is None and reply["ready"] != [self._identity.name, self._identity.revision]:
                problem = "the checkpoint changed since the run began"
        if problem is not None:
            self.kill()
            raise HemmError(f"{self._name}: {problem}")

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to a batch. Raises ProcessEnded if the process ends, HemmError if it does not start."""
        if not self.running:
            self.start()
        batch, blobs = frames.requests_out(requests)
        self._busy = True
        try:
            reply, media = self._exchange({"batch": batch}, blobs)
        finally:
            self._busy = False
        if "answers" not in reply:
            return []  # a broken contract: the batcher ends the run for a wrong number of responses
        return frames.responses_in(reply["answers"], media)

    def stop(self) -> None:
        """Let an idle process close its model, then end it."""
        child = self._child
        if child is not None and not self._busy:
            with contextlib.suppress(OSError):
                child.pipes[0].close()
            child.wait(GRACE_SECONDS + 1)
        self.abandon()

    def abandon(self) -> None:
        """End the process, and do not start it again."""
        self._gone = True
        self.kill()

    def kill(self) -> None:
        """Kill the process and its children at once."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in child.pipes:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _spawn(self) -> None:
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        if self._gpu:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpu
        command = [sys.executable, "-P", "-c", _MAIN]
        self._child = ChildProcess(command, self._name, environment=variables)
        if self._gone:  # ``abandon`` was called meanwhile
            self.kill()

    def _exchange(self, value: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Send a message and wait for the reply. Raises ProcessEnded."""
        child = self._child
        if child is None:
            raise ProcessEnded("was closed")
        stdin, stdout = child.pipes
        try:
            frames.write(stdin, value, blobs)
            reply = frames.read(stdout)
        except (OSError, ValueError):  # the process has ended, or ``stop`` closed its pipes
            reply = None
        if reply is None:
            raise self._ended(child)
        return reply

    def _ended(self, child: ChildProcess) -> ProcessEnded:
        """How the process ended, with its last line about an error."""
        ended = child.ended()
        lines = [] if child.running else child.last_lines(1.0)
        errors = [" ".join(line.split()) for line in lines if "Error" in line or "error" in line]
        why = f": {errors[-1][:300]}" if errors else ""
        return ProcessEnded(f"{ended}{why}", signal=ended.signal)
