"""Makes torchvision usable, which many processors need, but which is often built for another torch."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.util import find_spec
from typing import Any

log = logging.getLogger(__name__)

_libraries: list[Any] = []
_OPERATORS = ("nms", "qnms")


def prepare() -> str:
    """Make torchvision importable before transformers imports it, and return why it cannot be used (else
    empty).

    If torchvision's compiled part does not fit this torch, importing it fails, and with it transformers,
    which only checks that it is installed. Its picture transforms need no compiled part: they work after the
    operators that torchvision expects on import are declared. If that does not help, torchvision is treated
    as not installed, so that processors use Pillow.
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
        _forget_lookup()
        log.warning("torchvision is installed but does not import (%s): treated as missing", first)
        return f"it is installed but does not import: {first}"
    log.warning("torchvision does not fit this torch (%s): only its picture transforms are used", first)
    return ""


def _declare() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in _OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)  # the operators are gone with the object


def _forget() -> None:
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]


def _forget_lookup() -> None:
    """Clear what transformers has cached about torchvision."""
    module = sys.modules.get("transformers.utils.import_utils")
    check: Any = getattr(module, "is_torchvision_available", None)
    if hasattr(check, "cache_clear"):
        check.cache_clear()
