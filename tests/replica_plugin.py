"""A local model of another package, for tests: answers depend on the batch (not to "alone"); fails on demand.

HEMM_TEST_FOLDER holds ``asked`` (process and sample ids of each batch, as they come) and may hold
``kill`` (a sample id: the first process that is asked it ends by SIGKILL), ``poison`` (every process that is
asked it ends), ``room`` (how many requests fit into memory), ``fail`` (the start fails in every process) and
``hold`` (once one was killed, no batch is answered before so many processes were asked) and ``slow`` (seconds
that a batch takes).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from hemm.core import Capabilities, HemmError, Identity, Media, OutOfMemory, Request, Response, Usage

FOLDER = Path(os.environ.get("HEMM_TEST_FOLDER", "."))


def open_plugged(spec: str, options: object) -> Plugged:
    """For tests."""
    return Plugged(spec, getattr(options, "batch_size", 0) or 4)


def _is(name: str) -> str:
    with contextlib.suppress(OSError):
        return (FOLDER / name).read_text()
    return ""


def _asked() -> int:
    """How many processes were asked."""
    return len({line.split()[0] for line in _is("asked").splitlines()})


class Plugged:
    def __init__(self, spec: str, batch_size: int) -> None:
        self.spec, self.batch_size = spec, batch_size
        self.identity, self.capabilities = Identity("plugged", "1"), Capabilities()

    async def start(self) -> None:
        print("printed by a library")
        if _is("fail"):
            raise HemmError("the weights are damaged")
        (FOLDER / f"node-{os.getpid()}").write_text(os.environ.get("HEMM_RAY_NODE", ""))
        (FOLDER / f"gpu-{os.getpid()}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))

    async def close(self) -> None:
        (FOLDER / f"closed-{os.getpid()}").touch()

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        ids = [r.sample_id for r in requests]
        if (room := _is("room")) and len(ids) > int(room):
            raise OutOfMemory("it does not fit")
        log = os.open(FOLDER / "asked", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{os.getpid()} {' '.join(ids)}\n".encode())
        os.close(log)
        if _is("poison") in ids:
            os._exit(3)
        if _is("kill") in ids:
            with contextlib.suppress(FileNotFoundError):
                os.rename(FOLDER / "kill", FOLDER / "killed")
                os.kill(os.getpid(), signal.SIGKILL)
        while (hold := _is("hold")) and _is("killed") and _asked() < int(hold):
            time.sleep(0.02)
        time.sleep(float(_is("slow") or 0.01))
        together = hashlib.sha256(" ".join(ids).encode()).hexdigest()[:8]
        return [self._answer(r, "" if "alone" in r.prompt else together) for r in requests]

    def _answer(self, request: Request, together: str) -> Response:
        seen = hashlib.sha256(b"".join(m.data for m in request.media)).hexdigest()[:8]
        drawn = tuple(Media(m.data) for m in request.media if "draw" in request.prompt)
        return Response(
            f"yes {together} {seen}", media=drawn, usage=Usage(3, 2, 0.0), logprobs=(-0.1, -1e-17)
        )
