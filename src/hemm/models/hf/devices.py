"""Differences between CUDA, Apple's mps and the CPU: random state, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
