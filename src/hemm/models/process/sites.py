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
    """This machine: ``count`` processes, which share out ``devices`` (empty: the CPU).

    mixed  accelerators of different kinds may answer together
    """

    patience: float | None = None

    def __init__(self, count: int, devices: Sequence[str], mixed: bool = False) -> None:
        self.count, self._mixed = count, mixed
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
        kinds = "" if self._mixed else unlike(places, "gpu")
        return kinds and (
            f"--replicas: these GPUs are of different kinds ({kinds}), and may answer differently; set "
            "CUDA_VISIBLE_DEVICES to those of one kind, or --mixed-hardware takes them all"
        )

    def setup(self, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"replicas": self.count, "gpus": sorted({gpu for gpu in self._gpus if gpu})}

    def at_work(self, places: Sequence[Mapping[str, Any]]) -> str:
        return ""

    def close(self) -> None:
        return


def unlike(places: Sequence[Mapping[str, Any]], name: str) -> str:
    """Which accelerators are where, by the member ``name`` of each place; empty where all are of one kind.

    >>> unlike([{"accelerator": "A100", "gpu": "0"}, {"accelerator": "L4", "gpu": "1"}], "gpu")
    'A100: 0; L4: 1'
    """
    kinds: dict[str, set[str]] = {}
    for place in places:
        kinds.setdefault(place["accelerator"] or "not known", set()).add(place[name])
    each = [f"{kind}: {', '.join(sorted(names))}" for kind, names in sorted(kinds.items())]
    return "; ".join(each) if len(each) > 1 else ""


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
