"""Differences between CUDA, Apple's mps and the CPU: choice, random state, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hemm.core import HemmError


def choose(wanted: str) -> str:
    """``wanted``, or for ``auto`` the first available of cuda, mps and cpu. Raises HemmError."""
    import torch

    available = ["cuda"] if torch.cuda.is_available() else []
    available += ["mps"] if torch.backends.mps.is_available() else []
    available.append("cpu")
    if wanted == "auto":
        return available[0]
    if wanted.partition(":")[0] not in available:
        raise HemmError(f"--set device={wanted}: this machine has {', '.join(available)}")
    return wanted


@contextmanager
def seeded(device: str, seed: int | None) -> Iterator[None]:
    """Random numbers from ``seed`` inside, and the earlier random state after it. None: no change."""
    import torch

    if seed is None:
        yield
        return
    mps: Any = torch.mps.get_rng_state() if device.startswith("mps") else None  # fork_rng does not know it
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            if mps is not None:
                torch.mps.set_rng_state(mps)


def empty_cache(device: str) -> None:
    """Free the memory that the device's allocator caches."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device.startswith("mps"):
        torch.mps.empty_cache()
