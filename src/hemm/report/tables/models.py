"""Models as rows of a listing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def listed(row: Mapping[str, Any]) -> dict[str, str]:
    """A kind of model (``hemm.models.describe.row``) as a row for people."""
    lacks = f" Not installed: pip install '{row['extra']}'." if not row["installed"] else ""
    return {"name": row["name"], "spec": row["spec"], "about": f"{row['about']}{lacks}"}
