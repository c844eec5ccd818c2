"""The one hash function: every key, digest, order and draw of hemm comes from here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY


def canonical(value: Any) -> bytes:
    """``value`` as canonical JSON: sorted keys, no blanks, UTF-8.

    Dataclasses become objects, tuples and numpy arrays lists, NaN and infinity null. Raises TypeError for
    what JSON cannot hold.

    >>> canonical({"width": 640, "answers": ("yes", "no")})
    b'{"answers":["yes","no"],"width":640}'
    """
    return orjson.dumps(value, option=_CANONICAL)


def digest(value: Any, length: int = 64) -> str:
    """SHA-256 of the canonical JSON of ``value``, the first ``length`` hex digits (64 are all).

    Raises TypeError for what JSON cannot hold.

    >>> digest({"question": "Is there a fracture?", "repeat": 0}, 12)
    'f08679d337ba'
    >>> digest({"repeat": 0, "question": "Is there a fracture?"}, 12)  # keys are sorted
    'f08679d337ba'
    """
    return hashlib.sha256(canonical(value)).hexdigest()[:length]


def digest_bytes(data: bytes) -> str:
    """SHA-256 of raw bytes, 64 hex digits: the digest of encoded media.

    >>> from hemm.core import Media
    >>> Media(b"GIF89a").digest == digest_bytes(b"GIF89a")
    True
    """
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits, read in pieces. Raises OSError where it cannot be read.

    >>> from pathlib import Path
    >>> _ = Path("weights.bin").write_bytes(bytes(1024))
    >>> digest_file(Path("weights.bin")) == digest_bytes(bytes(1024))
    True
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keyed_number(*key: str | int) -> int:
    """A uniform 64-bit number (0 to 2^64 - 1) that depends on ``key`` alone: for orders and draws.

    A shuffle that is the same on every machine, and in which no item's place depends on which others exist:

    >>> sorted(("gull", "heron", "owl"), key=lambda bird: keyed_number("order", 1, bird))
    ['heron', 'gull', 'owl']
    """
    return int.from_bytes(hashlib.sha256(canonical(key)).digest()[:8], "big")


def keyed_unit(*key: str | int) -> float:
    """A uniform number in [0, 1) that depends on ``key`` alone.

    About a fifth of the questions, the same ones whenever they are drawn with this seed (0):

    >>> [question for question in range(20) if keyed_unit("fifth", 0, question) < 0.2]
    [1, 7, 9, 12, 16]
    """
    return keyed_number(*key) / 2.0**64
