"""Result files of an earlier version, which replaced secrets in a text after the checksum of it was made.

Such a file is whole but for ``[secret]``, and its checksum tells so as soon as the secret is known again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from hemm.core.secret_shapes import SHOWN
from hemm.core.secrets import known_spellings
from hemm.data.checked import CHECKSUM, sealed

MOST = 8
"""Places of which any may be the secret's; of more, all are, since each doubles the ways to try."""

SET_AGAIN = (
    f"where {SHOWN} in it is a secret that was set when an earlier version wrote it: set it again, and "
    "hemm doctor --repair makes the checksum anew"
)


def holds_a_secret(path: Path) -> bool:
    """Whether ``[secret]`` stands in a file."""
    try:
        return SHOWN.encode() in path.read_bytes()
    except OSError:
        return False


def as_it_was(path: Path) -> dict[str, Any] | None:
    """The JSON object that the checksum in a file is of, with secrets that are known now where ``[secret]``
    stands; None where that is none. It is without its checksum, and not to be shown: write it with
    ``write_checked``, which hides them."""
    for text in _ways(path.read_bytes().decode("utf-8", "replace")):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict) and CHECKSUM in value and sealed(value) == value:
            del value[CHECKSUM]
            return value
    return None


def _ways(text: str) -> Iterator[str]:
    """``text`` with each known secret at all places of ``[secret]``, then at some of them: what was never
    written has that word itself."""
    first, *rest = text.split(SHOWN)
    some = list(product((True, False), repeat=len(rest)))[:-1] if 0 < len(rest) <= MOST else []
    for chosen in some or [(True,) * len(rest)] * bool(rest):
        for secret in known_spellings():
            yield first + "".join(
                (secret if here else SHOWN) + piece for here, piece in zip(chosen, rest, strict=True)
            )
