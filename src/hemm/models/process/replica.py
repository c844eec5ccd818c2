"""One process of ``--replicas``: loads the model and answers batches. hemm runs it by ``python -c``."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from hemm.core import HemmError, redact, storable
from hemm.models.process.accelerator import accelerator
from hemm.models.process.child import GRACE_SECONDS
from hemm.models.process.frames import media_in, read, requests_in, responses_out, write


class _ReplicaMain:
    """Runs the model; a thread reads messages, so that the process ends when hemm closes its input."""

    def __init__(self, source: IO[bytes], out: IO[bytes]) -> None:
        self._out = out
        self._busy = True
        self._inbox: queue.Queue[tuple[dict[str, Any], list[bytes]] | None] = queue.Queue()
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def _listen(self, source: IO[bytes]) -> NoReturn:
        while (message := read(source)) is not None:
            self._inbox.put(message)
        self._inbox.put(None)
        if not self._busy:
            time.sleep(GRACE_SECONDS)
        os._exit(0)

    def run(self) -> int:
        """Start the model that the first message names, answer batches, and close it."""
        first = self._inbox.get()
        if first is None:
            return 0
        loop = asyncio.new_event_loop()
        try:
            model = model_of(first[0])
            loop.run_until_complete(model.start())
            named = [model.identity.name, model.identity.revision]
            write(self._out, {"ready": named, "accelerator": accelerator()})
        except Exception as error:
            if not isinstance(error, HemmError):
                traceback.print_exc()
            name = "" if isinstance(error, HemmError) else f"{type(error).__name__}: "
            reason = storable(redact(f"{name}{' '.join(str(error).split())}"))
            write(self._out, {"failed": reason[:500]})
            return 1
        self._busy = False
        while (message := self._inbox.get()) is not None:
            self._busy = True
            self._answer(model, *message)
            self._busy = False
        loop.run_until_complete(model.close())
        return 0

    def _answer(self, model: Any, message: dict[str, Any], blobs: list[bytes]) -> None:
        """Answer a batch. ``run_batch`` handles out of memory and failing requests, as in a single
        process."""
        from hemm.models.batcher import run_batch

        shown = [media_in(record, blobs) for record in message["media"]]
        try:
            answers, media = responses_out(run_batch(model, requests_in(message["batch"], shown)))
        except HemmError as error:
            write(self._out, {"broken": str(error)})
        else:
            write(self._out, {"answers": answers}, media)


def model_of(message: Mapping[str, Any]) -> Any:
    """The model that the first message names, not started."""
    from hemm.models.options import ModelOptions
    from hemm.models.specs import resolve

    settings = tuple((key, value) for key, value in message["options"]["settings"])
    return resolve(message["spec"], ModelOptions(**{**message["options"], "settings": settings}))


def main() -> int:
    """Read messages from stdin and write them to stdout; everything else that is printed goes to stderr."""
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    status = _ReplicaMain(source, out).run()
    sys.stderr.flush()
    os._exit(status)  # do not wait for threads of libraries
