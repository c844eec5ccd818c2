"""Writers of the data sets' original layouts in small: real file names, fields and types, dirty values too.

Each module has ``LAYOUTS``: task name (or ``task:variant``, where that wants other files) -> ``write(folder,
n)``, which makes about ``n`` samples of the test split below ``folder``, the same bytes each time.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

Write = Callable[[Path, int], None]


def layouts() -> dict[str, Write]:
    """All writers by the task that reads what they write."""
    found: dict[str, Write] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= getattr(importlib.import_module(f"{__name__}.{module.name}"), "LAYOUTS", {})
    return found


def write_layout(name: str, folder: Path, n: int) -> None:
    """Write the layout of a task; a variant without one of its own is read from its task's files."""
    known = layouts()
    write = known.get(name) or known.get(name.partition(":")[0])
    assert write, f"tests/layouts writes no files of {name}: add a writer to LAYOUTS of its use case"
    write(folder, n)
