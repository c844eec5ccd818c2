"""What a local model runs on, for the record of its answers."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any


def accelerator() -> str:
    """The kind of GPUs that a model of this process sees, else of processor; empty: it is not known.

    torch names the GPUs where the model has imported it, ``nvidia-smi`` where a worker of its own has.
    """
    torch: Any = sys.modules.get("torch")  # not imported for this
    if torch is not None and torch.cuda.is_available():
        return _kinds(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch is None and shown not in ("", "-1") and (found := _listed(shown)):
        return _kinds(found)
    return "" if torch is None and shown not in (None, "", "-1") else _processor()


def _kinds(names: Iterable[str]) -> str:
    """Each kind once: how many there are changes no number of a model that is on one of them."""
    return ", ".join(sorted(set(names)))


@lru_cache
def _listed(shown: str | None) -> tuple[str, ...]:
    """The names of the GPUs that ``nvidia-smi`` has, of those in CUDA_VISIBLE_DEVICES; it may be absent."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name", "--format=csv,noheader", *(["-i", shown] if shown else [])]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return tuple(line.strip() for line in found.stdout.splitlines() if line.strip())
    return ()


@lru_cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
