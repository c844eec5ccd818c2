"""Where replicas run: on this machine, a process for each GPU. ``hemm.models.ray`` has the other place."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from hemm.core import Pack
from hemm.models.process.transport import Pipe, Transport


class Site(Protocol):
    """Where the replicas of a model run.

    count  how many there are to be; known once it is open
    """

    count: int

    @property
    def patience(self) -> float | None:
        """Seconds for which the start waits for all of them; those that come later join in; None: for
        ever."""
        ...

    def open(self) -> Sequence[Transport]:
        """A transport to each replica, none of which is started. Raises HemmError."""
        ...

    def expects_more(self, running: int) -> bool:
        """Whether more than so many replicas may come up: the start waits for them."""
        ...

    def wants(self) -> str:
        """What a replica wants, and what there is: for the line about those that do not come up."""
        ...

    def reads(self, pack: Pack) -> None:
        """Samples of ``pack`` are asked next."""
        ...

    def refuses(self, places: Sequence[Mapping[str, Any]]) -> str:
        """Why replicas at these places may not answer together, in words; empty: they may."""
        ...

    def setup(self, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What run.json has of it. ``places`` are those of all replicas that were started."""
        ...

    def at_work(self, places: Sequence[Mapping[str, Any]]) -> str:
        """Where the replicas that run now are, in words, for the line of progress; empty: nothing to tell."""
        ...

    def close(self) -> None:
        """Give back what ``open`` took."""
        ...


class Here:
    """This machine: ``count`` processes, which share out ``devices`` (empty: the CPU)."""

    patience: float | None = None

    def __init__(self, count: int, devices: Sequence[str]) -> None:
        self.count = count
        self._gpus = [devices[k % len(devices)] if devices else "" for k in range(count)]

    def open(self) -> Sequence[Transport]:
        return [Pipe(f"process {k + 1} of {self.count}", gpu) for k, gpu in enumerate(self._gpus)]

    def expects_more(self, running: int) -> bool:
        return True

    def wants(self) -> str:
        return ""

    def reads(self, pack: Pack) -> None:
        return

    def refuses(self, places: Sequence[Mapping[str, Any]]) -> str:
        return ""

    def setup(self, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"replicas": self.count, "gpus": sorted({gpu for gpu in self._gpus if gpu})}

    def at_work(self, places: Sequence[Mapping[str, Any]]) -> str:
        return ""

    def close(self) -> None:
        return


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
