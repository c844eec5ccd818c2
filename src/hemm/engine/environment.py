"""Versions and hardware of a run, for run.json."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("hemm", "numpy", "pillow", "pyarrow", "jinja2", "torch", "transformers", "httpx")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that can change an answer."""
    by_package = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            continue
    return by_package


def hardware() -> dict[str, Any]:
    """Host, system, processors, memory in bytes, and graphics cards where torch is in use."""
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "memory": _memory(),
        "accelerators": _accelerators(),
    }


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _accelerators() -> list[str]:
    torch: Any = sys.modules.get("torch")  # never imported for this: a served model needs none
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def devices() -> list[str]:
    """Devices for models in this process, best first; empty without torch, which this imports."""
    try:
        import torch
    except ImportError:
        return []
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return [*names, *(["Apple GPU (mps)"] if torch.backends.mps.is_available() else []), "CPU"]
