"""torchvision, which many processors want, is often installed for another build of torch."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.util import find_spec
from typing import Any

log = logging.getLogger(__name__)

_kept: list[Any] = []
_OPERATORS = ("nms", "qnms")


def prepare() -> str:
    """Make torchvision importable before transformers looks for it; why it cannot be used, or empty.

    A torchvision whose compiled part does not fit this torch fails on import, and transformers, which only
    looks whether it is installed, then fails with it. Its picture transforms need no compiled part: they work
    once the operators that torchvision describes on import are declared. Where even that does not help,
    torchvision counts as not installed, so that processors fall back to Pillow.
    """
    if "torchvision" in sys.modules:
        return "" if sys.modules["torchvision"] is not None else "it does not import"
    if find_spec("torchvision") is None:
        return "it is not installed"
    try:
        importlib.import_module("torchvision")
    except Exception as error:
        first = " ".join(str(error).split())
    else:
        return ""
    _forget()
    try:
        _declare()
        importlib.import_module("torchvision")
    except Exception:
        _forget()
        sys.modules["torchvision"] = None  # type: ignore[assignment]
        _look_again()
        log.warning("torchvision is installed but does not import (%s): treated as missing", first)
        return f"it is installed but does not import: {first}"
    log.warning("torchvision does not fit this torch (%s): only its picture transforms are used", first)
    return ""


def _declare() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in _OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)  # the operators are gone with the object


def _forget() -> None:
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]


def _look_again() -> None:
    """transformers remembers whether torchvision is there: it must not remember a broken one."""
    found = sys.modules.get("transformers.utils.import_utils")
    check: Any = getattr(found, "is_torchvision_available", None)
    if hasattr(check, "cache_clear"):
        check.cache_clear()
