"""Reports of results: tables, figures, and one self-contained HTML file without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemm.report.page.document import write

__all__ = ["write"]


def __getattr__(name: str) -> Any:
    # matplotlib is slow to import: only writing a report needs it
    if name in __all__:
        from hemm.report.page import document

        return getattr(document, name)
    raise AttributeError(f"module 'hemm.report' has no attribute {name!r}")
