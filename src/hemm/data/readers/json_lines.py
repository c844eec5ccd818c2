"""One line of a file of JSON lines."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from hemm.core import BadData
from hemm.core.outside import json_of

_MANY_DIGITS = re.compile(rb"\d{19}")
"""In whole numbers that may not fit into 64 bits."""
_NO_NUMBER = re.compile(rb"\b(?:NaN|Infinity)\b")


def line_value(text: bytes, where: str) -> Any:
    """The value of one line, which ``where`` names.

    Whole numbers keep all digits; NaN and Infinity, as Python writes them, are floating-point numbers. Raises
    BadData where the line is no valid JSON or not UTF-8, with the column (from 1).

    >>> line_value(b'{"id": 12345678901234567890123, "score": NaN}', "line 1")
    {'id': 12345678901234567890123, 'score': nan}
    """
    try:
        value = orjson.loads(text)
        return json_of(text) if _MANY_DIGITS.search(text) else value
    except orjson.JSONDecodeError as error:
        reason, place = error.msg, error.colno
    except ValueError as error:  # more digits than Python reads
        raise BadData(f"{where}: {error}") from None
    try:
        value = json_of(text.decode())
        if _NO_NUMBER.search(text):
            return value
    except UnicodeDecodeError as error:
        column = len(text[: error.start].decode()) + 1
        raise BadData(
            f"{where} is not UTF-8 (byte {text[error.start]:#04x} at column {column}): save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        reason, place = error.msg, error.colno
    except ValueError as error:
        raise BadData(f"{where}: {error}") from None
    raise BadData(f"{where}: no valid JSON ({reason} at column {place})")
