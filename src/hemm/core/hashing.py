"""The one hash function: every key, digest, order and draw of hemm comes from here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def canonical(value: Any) -> bytes:
    """``value`` as canonical JSON: sorted keys, no blanks, UTF-8.

    Dataclasses become objects, tuples lists. Raises TypeError for anything JSON cannot hold.
    """
    return orjson.dumps(value, option=_CANONICAL)


def digest(value: Any, length: int = 64) -> str:
    """SHA-256 of the canonical JSON of ``value``, the first ``length`` hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()[:length]


def digest_bytes(data: bytes) -> str:
    """SHA-256 of raw bytes, 64 hex digits: the digest of encoded media."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keyed_number(*key: str | int) -> int:
    """A uniform 64-bit number that depends on ``key`` alone: for orders and draws."""
    return int.from_bytes(hashlib.sha256(canonical(key)).digest()[:8], "big")


def keyed_unit(*key: str | int) -> float:
    """A uniform number in [0, 1) that depends on ``key`` alone."""
    return keyed_number(*key) / 2.0**64
