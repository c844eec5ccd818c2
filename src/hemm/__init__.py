"""hemm: why a multimodal model succeeds or fails, by skill, information flow and use case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemm import report
    from hemm.api import compare, load, run
    from hemm.core.errors import HemmError

__all__ = ["HemmError", "__version__", "compare", "load", "report", "run"]


def __getattr__(name: str) -> Any:
    # imported on first use, so that `import hemm` is fast
    if name in ("compare", "load", "run"):
        from hemm import api

        return getattr(api, name)
    if name == "HemmError":
        from hemm.core.errors import HemmError

        return HemmError
    if name == "report":
        from importlib import import_module

        return import_module("hemm.report")
    if name == "__version__":
        from importlib.metadata import version

        return version("hemm")
    raise AttributeError(f"module 'hemm' has no attribute {name!r}")
