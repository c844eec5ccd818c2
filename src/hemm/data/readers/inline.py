"""Pictures, sounds and videos that stand in a table as text: base64, also in lines, and data URLs."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from hemm.core import sniff

_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*")
_DATA_URL = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_HEAD = 64
"""So many characters tell whether a text may be base64 of media."""


def inline_bytes(text: str) -> bytes | None:
    r"""The encoded media that a text holds, or None where it holds none.

    Known are base64 of a file whose first bytes tell what it is, also wrapped into lines, in the alphabet of
    URLs, or without padding; and data URLs, whatever they hold. Raises ValueError for a data URL that is
    broken.

    >>> inline_bytes("R0lGODlhAQABAAAAACH5BAEAAAAALAAAAAABAAEA\nAAIBAAA=")[:6]
    b'GIF89a'
    >>> inline_bytes("pictures/owl.gif") is None
    True
    """
    if text[:5].lower() == "data:":
        return _of_data_url(text)
    head = "".join(text[:_HEAD].split())
    if not head or not _BASE64.fullmatch(head) or not _is_media(_decoded(head[: len(head) // 4 * 4])):
        return None
    return _decoded("".join(text.split())) if _BASE64.fullmatch(text) else None


def _of_data_url(text: str) -> bytes:
    match = _DATA_URL.match(text)
    if match is None:
        raise ValueError("is no data URL: there is no comma")
    if ";base64" not in match[2].lower():
        return unquote_to_bytes(text[match.end() :])
    data = _decoded("".join(unquote_to_bytes(text[match.end() :]).decode("ascii", "replace").split()))
    if data is None:
        raise ValueError("is a data URL with broken base64")
    return data


def _decoded(text: str) -> bytes | None:
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_media(data: bytes | None) -> bool:
    return data is not None and sniff(data) != "application/octet-stream"
