"""JSON objects with their own checksum, and Parquet files with that of their footer.

The checksum of an object is its last member, ``sha256``: that of all others. Parquet pages have checksums of
their own; what leads to them, the footer, has none.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from hemm.core import BadData, digest
from hemm.core.user_files import shown

CHECKSUM = "sha256"


def sealed(value: dict[str, Any]) -> dict[str, Any]:
    """``value`` with its checksum.

    >>> list(sealed({"task": "nlvr"}))
    ['task', 'sha256']
    """
    rest = {key: member for key, member in value.items() if key != CHECKSUM}
    return {**rest, CHECKSUM: digest(rest)}


def read_sealed(path: Path, cure: str) -> tuple[dict[str, Any], bool]:
    """The object in a JSON file without its checksum, and whether it has one: hemm 0.1.0 wrote none.

    Raises FileNotFoundError, and BadData naming the file where it is no object or its checksum does not hold.
    ``cure``: what to do then.
    """
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise BadData(f"{path} is damaged: {error}; {cure}") from error
    if not isinstance(value, dict):
        raise BadData(f"{path} is damaged: it is {shown(value)}; {cure}")
    if CHECKSUM not in value:
        return value, False
    if value.pop(CHECKSUM) != digest(value):
        raise BadData(f"{path} is damaged, or was edited: its checksum does not hold; {cure}")
    return value, True


def footer_digest(path: Path) -> str:
    """SHA-256 of the footer of a Parquet file; empty where it has none."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - 8))
        size = int.from_bytes(file.read(8)[:4], "little") + 8
        if size > end:
            return ""
        file.seek(end - size)
        return hashlib.sha256(file.read(size)).hexdigest()
