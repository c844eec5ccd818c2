"""Differences between CUDA, Apple's mps and the CPU: random state, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hemm.core import HemmError
from hemm.data.files import usable_cores


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


def has_free_core(device: str) -> bool:
    """Whether a model on this device leaves a core to other work; on the CPU, torch takes all by default."""
    import torch

    return device != "cpu" or torch.get_num_threads() < usable_cores()


def empty_cache(device: str) -> None:
    """Free the memory that the device's allocator caches."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device.startswith("mps"):
        torch.mps.empty_cache()


def placed(inputs: Any, device: str, dtype: str, name: str) -> dict[str, Any]:
    """A processor's tensors on ``device``, those of floating point (pixels) in ``dtype``.

    ``name`` is the checkpoint's. Raises HemmError for an input that is no tensor and no list of them.
    """
    import torch

    def moved(key: str, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(device, getattr(torch, dtype)) if value.is_floating_point() else value.to(device)
        if isinstance(value, list | tuple):
            return [moved(key, item) for item in value]
        raise HemmError(
            f"the processor of {name} gives {key} as {type(value).__name__}, which hemm cannot hand to the "
            "model: without it the answers would be to another question"
        )

    return {key: moved(key, value) for key, value in inputs.items() if value is not None}
