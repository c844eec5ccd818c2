"""Which of torch's devices to use, for models and for metrics with weights."""

from __future__ import annotations

from hemm.core import HemmError


def torch_device(wanted: str, option: str = "") -> str:
    """``wanted`` (as ``cuda:1``), or for ``auto`` the first available of cuda, mps and cpu.

    Raises HemmError for one that this machine does not have; ``option`` is how the user gave it.
    """
    import torch

    available = ["cuda"] if torch.cuda.is_available() else []
    available += ["mps"] if torch.backends.mps.is_available() else []
    available.append("cpu")
    if wanted == "auto":
        return available[0]
    if wanted.partition(":")[0] not in available:
        raise HemmError(f"{option}device={wanted}: this machine has {', '.join(available)}")
    return wanted
