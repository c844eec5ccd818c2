"""hemm: why a multimodal model succeeds or fails, by skill, information flow and use case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemm.api import load, run

__all__ = ["__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    # imported on first use, so that `import hemm` is fast
    if name in ("load", "run"):
        from hemm import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("hemm")
    raise AttributeError(f"module 'hemm' has no attribute {name!r}")
