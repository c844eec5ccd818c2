"""What the error of a server speaks of: the content, the account or the route, the sample, or the moment.

In this order: what a filter refuses is an answer; a fault of account, key, route or model is no sample's; any
other refusal of a request is its sample's; the rest may pass. ``tests/models/endpoint_bodies.jsonl`` has the
forms of each provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from hemm.core import Response, redact, storable
from hemm.models.retry import OVERLOAD, CallFailed, retry_after_in, waiting_time

_DEPTH = 10
"""Levels of an error's body that are read, JSON inside its texts included."""

_CODE_KEYS = frozenset({"code", "type", "status", "reason", "error_type", "quotaid", "flagged_input"})
"""Members whose texts are codes; ``flagged_input`` is one by its name alone."""

_WORD_KEYS = ("message", "msg", "detail", "error", "raw", "description", "title")

_FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "data_inspection_failed",
        "datainspectionfailed",
        "flagged_input",
        "moderation_blocked",
        "new_sensitive",
        "responsibleaipolicyviolation",
    }
)
_FILTER_WORDS = (
    r"blocked by content filter",
    r"contentpolicyviolation",
    r"content management policy",
    r"responsibleaipolicyviolation",
    r"flagged as potentially violating",
    r"rejected (?:by|as a result of) (?:the|our) safety system",
    r"not allowed by our safety system",
    r"datainspectionfailed",
    r"data may contain inappropriate content",
    r"content exists risk",
    r"不安全或敏感内容",
    r"content violates usage guidelines",
    r"considered high risk",
    r"your input was flagged",
    r"input new_sensitive",
    r"sensitivecontentdetected",
)

_QUOTA_CODES = frozenset(
    {
        "arrearage",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "budget_exceeded",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "insufficient_quota",
        "insufficient_user_quota",
    }
)
_QUOTA_WORDS = (
    r"credit balance is too low",
    r"insufficient[\w ]{0,20}(?:balance|credit|funds|quota)",
    r"reached your specified api usage limits",
    r"account is in good standing",
    r"monthly (?:spending|included|credit)[ \w]*(?:limit|credits)",
    r"billing hard limit",
    r"budget has been exceeded|exceeded ?budget|over budget",
    r"(?:run|ran) out of credits|requires more credits|used all available credits",
    r"failure to pay|overdue (?:account|balance|payment)",
    r"余额不足|欠费",
)

_KEY_CODES = frozenset(
    {"api_key_invalid", "authentication_error", "invalid_api_key", "invalidapikey", "unauthenticated"}
)
_KEY_WORDS = (r"(?:invalid|incorrect) (?:x-)?api[- ]key", r"api key (?:not valid|not found|expired)")

_FORBIDDEN_CODES = frozenset({"account_deactivated", "consumer_suspended", "organization_restricted"})
_FORBIDDEN_WORDS = (
    r"user location is not supported",
    r"organization has been restricted",
    r"account (?:has been |is )?(?:deactivated|disabled|suspended)",
)

_MODEL_CODES = frozenset(
    {
        "dedicated_endpoint_not_running",
        "deploymentnotfound",
        "invalid_model",
        "model_decommissioned",
        "model_not_available",
        "model_not_found",
        "modelnotfound",
        "notfounderror",
    }
)
_MODEL_WORDS = (
    r"no models? loaded",
    r"failed to load model",
    r"model (?:is |was |has been )?unloaded",
    r"model has crashed",
    r"model [`'\"\w./:-]* ?(?:does )?not exist",
    r"model [`'\"]?[\w./:-]+[`'\"]? not found",
    r"invalid model name|model name is invalid|not a valid model id",
    r"has been decommissioned",
    r"non-serverless model",
    r"invalid url \(",
)

_SETUP = (
    ("quota", _QUOTA_CODES, _QUOTA_WORDS),
    ("unauthorized", _KEY_CODES, _KEY_WORDS),
    ("forbidden", _FORBIDDEN_CODES, _FORBIDDEN_WORDS),
    ("not_found", _MODEL_CODES, _MODEL_WORDS),
)
"""Kind, codes, words of faults of account, key, route and model."""

_BY_STATUS = {
    401: "unauthorized",
    402: "quota",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
    407: "unauthorized",
    410: "not_found",
    451: "forbidden",
    501: "not_supported",
}
"""Statuses of such faults, where the body says nothing clearer."""

_PASSING = frozenset({408, 409, 423, 424, 425, 429, 498, 499})
"""Statuses below 500 after which another attempt may be answered."""


LONGEST_WORDS = 8000
"""Characters of an error's words that are read and kept."""


def told(
    status: int, headers: Mapping[str, str], data: Any, content: bytes = b"", where: str = ""
) -> Response | CallFailed:
    """What a server's error is: the refusal of a filter, or the failure of an attempt.

    data     the body's JSON, or None
    content  the body, for one that is no JSON
    where    the address that was asked, for errors that speak of it

    >>> body = {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}
    >>> told(402, {}, body).kind
    'quota'
    """
    codes, words = said(data)
    message = words or _plain(content)
    if 300 <= status < 400:
        target = headers.get("location") or headers.get("Location") or "nowhere"
        return CallFailed(
            "redirected", f"HTTP {status}: the address has moved to {target}: give that one", retry=False
        )
    low = f"{message} {' '.join(codes)}".lower()
    if _is(codes, low, _FILTER_CODES, _FILTER_WORDS):
        return Response(finish="content_filter", refusal=storable(message))
    after = _after(headers, data, message)
    text = f"HTTP {status}: {message}"
    kind = _setup_kind(status, codes, low, after)
    if kind is not None:
        if kind == "not_found" and where:
            text += f" (at {where})"
        return CallFailed(kind, text, retry=False)
    if 400 <= status < 500 and status not in _PASSING and status != 402:
        if status == 413:
            text += ": --max-pixels makes pictures smaller"
        return CallFailed("too_large" if status == 413 else "bad_request", text, retry=False, permanent=True)
    passing = "rate_limit" if status in (402, 429) else "server"
    return CallFailed(passing, text, after=after, overload=status in OVERLOAD)


def answer_of(found: Response | CallFailed) -> Response:
    """``found`` if it is an answer. Raises it if it is a failure."""
    if isinstance(found, CallFailed):
        raise found from None
    return found


def inner_status(data: Any) -> int:
    """The status in the body of an answer that is 200 and tells an error; 500 where it has none."""
    for error in _objects(data):
        for key in ("code", "status", "http_status_code"):
            value = error.get(key)
            if isinstance(value, str) and value.isdecimal() and len(value) == 3:
                value = int(value)
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return 500


def said(data: Any) -> tuple[frozenset[str], str]:
    """The codes of an error's body, in lower case, and its words: the longest message, in one line.

    >>> said({"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]})[1]
    'Field required (body.model)'
    >>> said([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow down"}}])[1]
    'Slow down'
    """
    codes: set[str] = set()
    words: dict[str, None] = {}
    for place in _objects(data):
        for key, value in place.items():
            if key.lower() in _CODE_KEYS:
                codes.add("flagged_input" if key == "flagged_input" else str(value).lower())
        for key in _WORD_KEYS:
            if isinstance(value := place.get(key), str) and value.strip():
                where = place.get("loc")
                path = f" ({'.'.join(map(str, where))})" if isinstance(where, list) else ""
                words[f"{_short(value)}{path}"] = None
    if isinstance(data, str) and data.strip():
        words[_short(data)] = None
    whole = [w for w in words if not any(w != other and w in other for other in words)]
    return frozenset(codes), "; ".join(whole[:3])


def _short(text: str) -> str:
    """Words of an error in one line, without the middle of what is longer than any: servers repeat requests,
    pictures included."""
    if len(text) > LONGEST_WORDS:
        text = f"{text[: LONGEST_WORDS // 2]} ... {text[-LONGEST_WORDS // 2 :]}"
    return " ".join(text.split())


def _objects(data: Any, depth: int = _DEPTH) -> Iterator[dict[str, Any]]:
    """The objects in a body, outermost first, also those in JSON that a text holds (gateways wrap errors)."""
    if depth <= 0:
        return
    if isinstance(data, str) and data.lstrip().startswith(("{", "[")):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            return
    if isinstance(data, dict):
        yield data
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for value in list(inner)[:50]:
        yield from _objects(value, depth - 1)


def _is(codes: frozenset[str], low: str, known: frozenset[str], words: tuple[str, ...]) -> bool:
    return not codes.isdisjoint(known) or any(re.search(pattern, low) for pattern in words)


def _setup_kind(status: int, codes: frozenset[str], low: str, after: float | None) -> str | None:
    """The kind of a fault of account, key, route or model; None where the error speaks of something else."""
    if status == 413 or (status == 402 and after is not None):  # in flight for too much money: it passes
        return None
    if any("perday" in code for code in codes):  # Google's quota of a day
        return "quota"
    for kind, known, words in _SETUP if status < 500 else _SETUP[:2]:
        if _is(codes, low, known, words):
            return kind
    return _BY_STATUS.get(status)


def _after(headers: Mapping[str, str], data: Any, message: str) -> float | None:
    """Seconds that the server asks to wait for, by its headers or its words."""
    told_by_header = retry_after_in(headers)
    if told_by_header is not None:
        return told_by_header
    for place in _objects(data):
        if (seconds := waiting_time(str(place.get("retryDelay", "")))) is not None:  # Google
            return seconds
    found = re.search(r"(?:try again|retry) (?:in|after) (\d[\w. ]*)", message)
    if found and (seconds := waiting_time(found[1])) is not None:
        return seconds
    return reset_in(headers)


def reset_in(headers: Mapping[str, str]) -> float | None:
    """Seconds until a used-up limit is reset, by ``x-ratelimit-reset-*``; None where none is told.

    >>> reset_in({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2s"})
    62.0
    """
    low = {key.lower(): value for key, value in headers.items()}
    waits = []
    for key, value in low.items():
        if "ratelimit-reset" not in key or low.get(key.replace("reset", "remaining"), "0").strip() != "0":
            continue
        if (seconds := waiting_time(value)) is not None:
            unix = seconds / 1000 if seconds > 1e11 else seconds  # some tell when, and not how long
            waits.append(max(0.0, unix - time()) if unix > 1e8 else seconds)
    return max(waits) if waits else None


def _plain(content: bytes) -> str:
    """A body that is no JSON in a few words: a page's title and text without its marks."""
    text = content[:2000].decode("utf-8", "replace")
    if "<" in text:
        text = re.sub(r"(?s)<(style|script)\b.*?(?:</\1>|$)|<[^>]*>", " ", text)
    return repr(" ".join(redact(text).split())[:120])
